"""Damaged files: whatever was flipped, cut, or overwritten, reading them is an error or changes no answer.

    python tests/torture/damage.py --count 100000 --seed 1 [--forge]

With --forge HDF5's own checksums are made right again, as only an attacker does. Then other answers are no fault of
ours, but crashes, hangs and other exceptions are counted.

Each case is made from its number and the seed alone, so that `--only N` repeats one. Cases run in a child process,
which the parent replaces when it dies or takes too long; either counts as bad, and so does an answer that differs
from the undamaged file's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
from forge import Block, find_blocks, forge

#: Seconds after which a case hangs, and how much memory it may map.
PATIENCE = 20
MEMORY = 4 << 30


# --- the files -------------------------------------------------------------------------------------------------


def make_file(path: Path) -> None:
    """All that a file can hold, small."""
    axes = hist.axis
    rng = np.random.default_rng(7)
    with hugehist.File(path, "w", memory="16 MiB", threads=1) as f:
        h = f.create(
            "jets/pt",
            axes.StrCategory([], growth=True, name="dataset"),
            axes.StrCategory([], growth=True, name="systematic", label="größe"),
            axes.Variable([0, 1, 2.5, 7], name="x"),
            storage=hist.storage.Weight(),
            label="transverse momentum",
            rollups=[["dataset", "x"]],
        )
        for dataset in ("data", "ttbar", "a long name of a dataset"):
            h.fill(dataset=dataset, systematic=["nominal", "up"], x=rng.random(50) * 8, weight=rng.random((50, 2)))
        g = f.create("counts", axes.IntCategory([], growth=True, name="run"), axes.Regular(20, 0, 1), storage="int64")
        for run in range(30):
            g.fill(np.full(10, run), rng.random(10))
        for compression in ("gzip", None):
            n = f.create(
                f"plain/{compression}",
                axes.Regular(6, 1, 9, transform=axes.transform.log, name="x"),
                axes.Boolean(name="b"),
                axes.Integer(-2, 3, name="i", circular=True),
                compression=compression,
                metadata={"answer": 42, "ratio": 0.5, "yes": True},
            )
            n.fill(x=rng.random(200) * 9, b=rng.random(200) > 0.5, i=rng.integers(-3, 4, 200))
        m = f.create("mean", axes.StrCategory(["a", "b"], name="c"), storage=hist.storage.WeightedMean())
        m.fill(c=["a", "b"] * 10, sample=rng.random(20), weight=rng.random(20))
        f.create("empty", axes.StrCategory([], growth=True), axes.Regular(3, 0, 1))
        for i in range(60):  # more than fit into an object header
            f.attrs[f"key {i}"] = i
        f.attrs["long"] = "long " * 1000
        f.counters["sumw", "ttbar"] = 12.5
        f.counters["events"] = 3
        f.commit()
        h.merge(h.to_hist(), id="a merge")
        g.merge(g.to_hist(), id=b"\xff\x00")
        g.merge(g.to_hist(), id=("a file", 0, 10))
        g.merge(g.to_hist(), id=("a file", 20, 30))


def answers(path: Path) -> dict[str, Any]:
    """Everything that reading a file gives."""
    result: dict[str, Any] = {}
    with hugehist.File(path, memory="16 MiB", threads=1) as f:
        result["file"] = sorted(f.attrs.items()), sorted(f.counters.items(), key=repr), list(f.ledger)
        for name, h in f.items():
            parts = [repr(h.axes), repr([a.label for a in h.axes]), h.storage_type.__name__, h.label, repr(h.metadata)]
            for view in (h, *(h.project(*kept) for kept in h.rollups)):
                for values in (view.values(flow=True), view.variances(flow=True), view.counts(flow=True)):
                    parts.append("none" if values is None else hashlib.md5(values.tobytes()).hexdigest())
            result[name] = parts
    return result


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


def damaged(whole: bytes, blocks: list[Block], seed: int, number: int) -> tuple[bytes, str]:
    """With blocks they are forged."""
    rng = random.Random(seed << 40 | number)
    data = bytearray(whole)
    if blocks:
        what = forge(data, blocks, rng)
        return bytes(data), what
    (make,) = rng.choices([m for _, m in DAMAGE], [w for w, _ in DAMAGE])
    what = make(data, rng)
    return bytes(data), what


# --- the run -----------------------------------------------------------------------------------------------------


def outcome(path: Path, expected: dict[str, Any]) -> str:
    """'refused', 'damaged part', 'unchanged', or what is wrong."""
    try:
        found = answers(path)
    except (hugehist.Error, OSError) as problem:
        return f"refused: {type(problem).__name__}" if str(problem) else "an error without a message"
    except BaseException as problem:
        return f"WRONG: {type(problem).__name__}: {problem}"
    wrong = [name for name in expected | found if found.get(name) != expected.get(name)]
    return f"WRONG: other content of {wrong}" if wrong else "unchanged"


def run_child(
    numbers: range, seed: int, whole: bytes, blocks: list[Block], expected: dict[str, Any], folder: Path, pipe: int
) -> None:
    if "HUGEHIST_SANITIZED" not in os.environ:  # sanitizers take address space by the terabyte
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    path = folder / "damaged.h5"
    with os.fdopen(pipe, "w", buffering=1) as out:
        for number in numbers:
            data, what = damaged(whole, blocks, seed, number)
            out.write(json.dumps([number, None, what]) + "\n")
            path.write_bytes(data)
            result = outcome(path, expected)
            if blocks and result.startswith("WRONG: other content"):
                result = "other content"
            out.write(json.dumps([number, result, what]) + "\n")


def run(
    count: int, seed: int, first: int = 0, report: Callable[[str], None] = print, forged: bool = False
) -> Counter[str]:
    """How often each outcome came; what is bad is reported, and begins with WRONG."""
    outcomes: Counter[str] = Counter()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        make_file(folder / "whole.h5")
        expected = answers(folder / "whole.h5")
        whole = (folder / "whole.h5").read_bytes()
        blocks = find_blocks(whole) if forged else []
        next_number, end = first, first + count
        while next_number < end:
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(reading)
                try:
                    run_child(range(next_number, end), seed, whole, blocks, expected, folder, writing)
                finally:
                    os._exit(0)
            os.close(writing)
            next_number = follow(child, reading, next_number, outcomes, report)
    return outcomes


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
    parser.add_argument("--forge", action="store_true")
    parser.add_argument("--only", type=int, help="the number of one case to repeat")
    options = parser.parse_args()
    begin = time.monotonic()
    if options.only is None:
        outcomes = run(options.count, options.seed, forged=options.forge)
    else:
        outcomes = run(1, options.seed, options.only, forged=options.forge)
    print(f"{sum(outcomes.values())} damaged files, seed {options.seed}, {time.monotonic() - begin:.0f} s")
    for result, times in outcomes.most_common():
        print(f"{times:9} {result}")
    return any(result.startswith("WRONG") for result in outcomes)


if __name__ == "__main__":
    sys.exit(main())
