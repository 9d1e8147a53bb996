"""Damaged files, journals and deltas: whatever was flipped, cut, or overwritten, reading them is an error or changes no
answer.

    python tests/torture/damage.py --count 100000 --seed 1 [--jobs 2] [--what file|journal|delta] [--forge]

Where commits are in a journal beside the file, the journal is damaged, the file, or both. Then an earlier commit is
an answer, too, if nobody can tell: the last one in a journal may have been torn before it was made (docs/format.md).
With --forge HDF5's own checksums are made right again, as only an attacker does. Then other answers are no fault of
ours, but crashes, hangs and other exceptions are counted.

Each case is made from its number and the seed alone, so that `--only N` repeats one. Cases run in a child process,
which the parent replaces when it dies or takes too long; either counts as bad, and so does an answer that differs
from the undamaged file's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import hugehist
from damage_bases import Base, answers, delta_answers, delta_base, file_base, journal_base, may_give
from forge import find_blocks, forge

#: Seconds after which a case hangs, and how much memory it may map.
PATIENCE = 20
MEMORY = 4 << 30

EARLIER = "an earlier commit: the last one may have been torn"


# --- what is done to them ----------------------------------------------------------------------------------------


def flip_bit(data: bytearray, rng: random.Random) -> str:
    at, bit = rng.randrange(len(data)), rng.randrange(8)
    data[at] ^= 1 << bit
    return f"bit {bit} of byte {at} flipped"


def set_bytes(data: bytearray, rng: random.Random) -> str:
    at, length = rng.randrange(len(data)), rng.randint(1, 8)
    data[at : at + length] = rng.randbytes(min(length, len(data) - at))
    return f"{length} bytes from {at} on random"


def wipe(data: bytearray, rng: random.Random) -> str:
    length = 1 << rng.randint(4, 12)
    at = rng.randrange(max(1, len(data) // length)) * length
    byte = rng.choice([b"\x00", b"\xff"])
    data[at : at + length] = byte * min(length, len(data) - at)
    return f"{length} bytes from {at} on {byte!r}"


def swap(data: bytearray, rng: random.Random) -> str:
    length = 1 << rng.randint(3, 12)
    a, b = (rng.randrange(max(1, len(data) // length)) * length for _ in range(2))
    one, other = data[a : a + length], data[b : b + length]
    if len(one) == len(other):
        data[a : a + length], data[b : b + length] = other, one
    return f"{length} bytes at {a} and {b} swapped"


def cut(data: bytearray, rng: random.Random) -> str:
    length = rng.randrange(len(data))
    del data[length:]
    return f"cut to {length} bytes"


def insert(data: bytearray, rng: random.Random) -> str:
    at, length = rng.randrange(len(data)), rng.choice([1, 8, 512, 4096])
    data[at:at] = bytes(length)
    return f"{length} bytes inserted at {at}"


DAMAGE: list[tuple[int, Callable[[bytearray, random.Random], str]]] = [
    (60, flip_bit), (15, set_bytes), (10, wipe), (5, swap), (5, cut), (5, insert)
]  # fmt: skip


class Case(NamedTuple):
    base: Base
    content: bytes
    journal: bytes
    what: str


def damage(whole: bytes, rng: random.Random) -> tuple[bytes, str]:
    data = bytearray(whole)
    (make,) = rng.choices([m for _, m in DAMAGE], [w for w, _ in DAMAGE])
    what = make(data, rng)
    return bytes(data), what


#: Of 100 cases, so many are of these files; small ones are read sooner.
SHARES = {
    "file": {"whole": 5, "jets": 11, "counts": 11, "plain": 11, "mean": 11, "book": 11},
    "journal": {"unapplied": 20, "half applied": 5, "applied": 5},
    "delta": {"delta": 10},
}


class Cases:
    """Case n, made from n and the seed alone."""

    def __init__(self, folder: Path, seed: int, what: str = "all", forged: bool = False) -> None:
        self.seed = seed
        kinds = SHARES if what == "all" else [what]
        shares = {"whole": 1} if forged else {name: share for kind in kinds for name, share in SHARES[kind].items()}
        self.bases = [self.make(name, folder) for name in shares]
        self.shares = list(shares.values())
        self.blocks = find_blocks(self.bases[0].content) if forged else []

    def make(self, name: str, folder: Path) -> Base:
        if name in SHARES["journal"]:
            return journal_base(folder, name)
        if name == "delta":
            return delta_base()
        return file_base(folder, *([] if name == "whole" else [name]))

    def make_case(self, number: int) -> Case:
        rng = random.Random(self.seed << 40 | number)
        (base,) = rng.choices(self.bases, self.shares)
        content, journal, what = base.content, base.journal, []
        if self.blocks:
            data = bytearray(content)
            what.append(forge(data, self.blocks, rng))
            return Case(base, bytes(data), journal, what[0])
        where = rng.choices(["file", "journal", "both"], [4, 4, 1])[0] if journal else "file"
        if where != "journal":
            content, told = damage(content, rng)
            what.append(told)
        if where != "file":
            journal, told = damage(journal, rng)
            what.append(f"journal: {told}")
        return Case(base, content, journal, f"{base.name}: {', '.join(what)}")


# --- the run -----------------------------------------------------------------------------------------------------


def outcome(case: Case, path: Path) -> str:
    """'refused', 'unchanged', an earlier commit, or what is wrong."""
    try:
        if case.base.name == "delta":
            found = delta_answers(case.content)
        else:
            found = read_case(case, path)
    except (hugehist.Error, OSError) as problem:
        return f"refused: {type(problem).__name__}" if str(problem) else "an error without a message"
    except BaseException as problem:
        return f"WRONG: {type(problem).__name__}: {problem}"
    return judge(case, found)


def read_case(case: Case, path: Path) -> dict[str, Any]:
    path.write_bytes(case.content)
    if case.base.journal:
        path.with_name(path.name + ".journal").write_bytes(case.journal)
    else:
        path.with_name(path.name + ".journal").unlink(missing_ok=True)
    return answers(path)


def judge(case: Case, found: dict[str, Any]) -> str:
    states = case.base.states
    if found == states[-1]:
        return "unchanged"
    if found not in states:
        wrong = [name for name in states[-1] | found if found.get(name) != states[-1].get(name)]
        return f"WRONG: other content of {wrong}"
    state = states.index(found)
    if may_give(case.base, state, case.journal):
        return EARLIER
    return f"WRONG: {len(states) - 1 - state} commits are lost, and nothing is said"


def run_child(numbers: range, cases: Cases, folder: Path, pipe: int) -> None:
    if "HUGEHIST_SANITIZED" not in os.environ:  # sanitizers take address space by the terabyte
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    path = folder / f"damaged{os.getpid()}.h5"
    with os.fdopen(pipe, "w", buffering=1) as out:
        for number in numbers:
            case = cases.make_case(number)
            out.write(json.dumps([number, None, case.what]) + "\n")
            result = outcome(case, path)
            if cases.blocks and result.startswith("WRONG: other content"):
                result = "other content"
            out.write(json.dumps([number, result, case.what]) + "\n")


def run(
    count: int,
    seed: int,
    first: int = 0,
    report: Callable[[str], None] = print,
    forged: bool = False,
    what: str = "all",
) -> Counter[str]:
    """How often each outcome came; what is bad is reported, and begins with WRONG."""
    outcomes: Counter[str] = Counter()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        cases = Cases(folder, seed, what, forged)
        next_number, end = first, first + count
        while next_number < end:
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(reading)
                try:
                    run_child(range(next_number, end), cases, folder, writing)
                finally:
                    os._exit(0)
            os.close(writing)
            next_number = follow(child, reading, next_number, outcomes, report)
    return outcomes


def run_share(arguments: tuple[int, int, int, bool, str]) -> Counter[str]:
    count, seed, first, forged, what = arguments
    return run(count, seed, first, forged=forged, what=what)


def run_shares(count: int, seed: int, jobs: int, forged: bool, what: str) -> Counter[str]:
    """The same cases by several processes."""
    edges = [count * i // jobs for i in range(jobs + 1)]
    shares = [(end - begin, seed, begin, forged, what) for begin, end in pairwise(edges)]
    if jobs == 1:
        return run_share(shares[0])
    with multiprocessing.Pool(jobs) as pool:
        return sum(pool.map(run_share, shares), Counter[str]())


def follow(child: int, pipe: int, number: int, outcomes: Counter[str], report: Callable[[str], None]) -> int:
    """Reads what a child tells until it ends; returns the number of the next case."""
    what, begun, hung = "", False, False

    def impatient(*_: Any) -> None:
        nonlocal hung
        hung = True
        os.kill(child, signal.SIGKILL)

    before = signal.signal(signal.SIGALRM, impatient)
    with os.fdopen(pipe) as lines:
        for line in lines:
            signal.alarm(PATIENCE)
            number, result, what = json.loads(line)
            begun = result is None
            if result is not None:
                outcomes[result] += 1
                if result.startswith("WRONG"):
                    report(f"case {number} ({what}): {result}")
                number += 1
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    _, status = os.waitpid(child, 0)
    if begun:
        result = "WRONG: hangs" if hung else f"WRONG: dies of {os.waitstatus_to_exitcode(status)}"
        outcomes[result] += 1
        report(f"case {number} ({what}): {result}")
        number += 1
    return number


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--what", choices=["all", *SHARES], default="all")
    parser.add_argument("--forge", action="store_true")
    parser.add_argument("--only", type=int, help="the number of one case to repeat")
    options = parser.parse_args()
    begin = time.monotonic()
    if options.only is None:
        outcomes = run_shares(options.count, options.seed, options.jobs, options.forge, options.what)
    else:
        outcomes = run(1, options.seed, options.only, forged=options.forge, what=options.what)
    took, count = time.monotonic() - begin, sum(outcomes.values())
    print(f"{count} damaged files, journals and deltas, seed {options.seed}, {took:.0f} s, {count / took:.0f} a second")
    for result, times in outcomes.most_common():
        print(f"{times:9} {result}")
    return any(result.startswith("WRONG") for result in outcomes)


if __name__ == "__main__":
    sys.exit(main())
