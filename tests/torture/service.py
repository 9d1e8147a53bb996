"""Kills an accumulator at random moments, over and over, and compares its file with what must be there.

A child process takes attempts from several threads: some come again, some fail midway, some are of several parts or
ids. It says which of them it has acknowledged, and is killed after a while, or when its log has grown by so much. What
was acknowledged must be in the file, once; of what was not, all or nothing. Weights are dyadic, so that sums are exact.
`--gib` makes a log of that size, and measures how long the accumulator takes to be back.
usage: service.py [--kills N] [--threads N] [--gib X] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hist
import hugehist
import numpy as np
from hugehist import service

DATASETS, SYSTEMATICS, BINS = 30, 4, 50
SOURCES, ENTRIES = 7, 10
AXES = (
    hist.axis.StrCategory([], growth=True, name="dataset"),
    hist.axis.StrCategory([f"s{i}" for i in range(SYSTEMATICS)], name="systematic"),
    hist.axis.Integer(0, BINS, flow=False, name="x"),
)


def ids(number: int) -> list[tuple[str, int, int] | str]:
    """Of piece of work `number`: entries of a source that adjoin those of others; of some pieces a text as well."""
    start = number // SOURCES * ENTRIES
    text = [f"text {number}"] if number % 5 == 0 else []
    return [(f"source {number % SOURCES}", start, start + ENTRIES), *text]


def fills(number: int) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """Dataset, systematic, bins and weights of each call."""
    rng = np.random.default_rng(number)
    return [
        (
            f"d{rng.integers(DATASETS)}",
            f"s{rng.integers(SYSTEMATICS)}",
            rng.integers(0, BINS, 100),
            rng.integers(1, 64, 100) / 8,
        )
        for _ in range(rng.integers(1, 4) if number % 20 else 30)
    ]


class Oracle:
    """Sums over the pieces of work that count."""

    def __init__(self) -> None:
        self.counted: set[int] = set()
        self.sums: dict[str, np.ndarray] = {}

    def add(self, number: int) -> None:
        self.counted.add(number)
        for dataset, systematic, x, weight in fills(number):
            sums = self.sums.setdefault(dataset, np.zeros((2, SYSTEMATICS, BINS)))
            for power in (1, 2):
                np.add.at(sums[power - 1, int(systematic[1:])], x, weight**power)


def check(file: hugehist.File, oracle: Oracle, top: int) -> None:
    """Raises AssertionError where the file holds anything but whole pieces of work, those of its ledger, each once."""
    found = set()
    for number in range(top):
        inside = {id in file.ledger for id in ids(number)}
        assert len(inside) == 1, f"the ids of {number} are in in part"
        if inside == {True}:
            found.add(number)
    assert oracle.counted <= found, f"{oracle.counted - found} are gone"
    for number in found - oracle.counted:
        oracle.add(number)
    pieces = file.counters.get("pieces", 0)
    assert pieces == len(found), f"a counter is of {pieces} pieces, the ledger has {len(found)}"
    labels = list(file["h"].axes["dataset"])
    h = file["h"]
    values, variances = np.asarray(h.values()), np.asarray(h.variances())
    for dataset, sums in oracle.sums.items():
        at = labels.index(dataset)
        assert np.array_equal(values[at], sums[0]), f"{dataset} is not the sum of {len(found)} pieces"
        assert np.array_equal(variances[at], sums[1]), f"{dataset} has other variances than {len(found)} pieces"
    assert not values[[at for at, label in enumerate(labels) if label not in oracle.sums]].any()


class Failed(Exception):
    """That a task raises."""


def do(sink: service.Sink, number: int, fails: bool) -> None:
    with sink.attempt(ids(number)) as a:
        for dataset, systematic, x, weight in fills(number):
            a["h"].fill(dataset=dataset, systematic=systematic, x=x, weight=weight)
            if number % 20 == 0:  # in several parts
                for name in list(a._buffers):
                    a._send(name, a._buffers.pop(name).delta())
        a.counters["pieces"] += 1
        if fails:
            raise Failed


def accumulate(path: Path, told: int, first: int, threads: int, seed: int) -> None:
    """Tells "+" when it is open, then each piece that it has acknowledged."""
    rng = random.Random(seed)
    options = {"commit_seconds": rng.choice([0.02, 0.1, 10]), "memory": "64 MiB", "threads": 1}
    with service.open(path, **options) as sink:
        sink._engine._log._segment_bytes = rng.choice([5_000, 50_000, 1 << 28])
        sink.create("h", *AXES, storage=hist.storage.Weight())
        os.write(told, b"+\n")
        numbers = iter(range(first, 1 << 60))
        lock = threading.Lock()

        def work(thread: int) -> None:
            own = random.Random(seed + thread)
            while True:
                with lock:
                    number = next(numbers)
                    again = own.randrange(max(0, number - 50), number + 1)
                try:
                    do(sink, number, fails=own.random() < 0.05)
                    os.write(told, f"{number}\n".encode())
                except Failed:
                    continue
                if own.random() < 0.3:
                    do(sink, again, fails=False)
                    os.write(told, f"{again}\n".encode())

        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(work, thread) for thread in range(threads)]:
                done.result()


def start(path: Path, first: int, threads: int, seed: int) -> tuple[int, int]:
    """A child process and the pipe on which it tells."""
    end, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            accumulate(path, told, first, threads, seed)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(told)
    os.set_blocking(end, False)
    return child, end


def log_bytes(path: Path) -> int:
    """That were written to segments; those that go count no more."""
    total = 0
    for segment in Path(f"{path}.log").glob("*.segment"):
        try:
            total += segment.stat().st_size
        except FileNotFoundError:
            continue
    return total


def wait(path: Path, rng: random.Random) -> None:
    """For a random time, or a random number of bytes."""
    end = time.monotonic() + rng.expovariate(1 / 0.1)
    if rng.random() < 0.5:
        time.sleep(end - time.monotonic())
        return
    size, end = log_bytes(path) + rng.randint(1, 30_000), time.monotonic() + 1
    while log_bytes(path) < size and time.monotonic() < end:
        time.sleep(0.0005)


def kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise SystemExit("the accumulator failed by itself")


def drain(end: int) -> list[str]:
    """What it told; its last line may be torn."""
    data = b""
    while True:
        try:
            piece = os.read(end, 1 << 16)
        except BlockingIOError:
            break
        if not piece:
            break
        data += piece
    os.close(end)
    return data.decode().rpartition("\n")[0].splitlines()


def kills(directory: Path, count: int, threads: int, seed: int) -> dict[str, object]:
    rng = random.Random(seed)
    path = directory / "f.h5"
    oracle = Oracle()
    acknowledged: set[int] = set()
    top = opened = largest = 0
    with service.open(path) as sink:
        sink.create("h", *AXES, storage=hist.storage.Weight())
    begun = time.monotonic()
    for number in range(count):
        child, pipe = start(path, top, threads, rng.randrange(1 << 30))
        wait(path, rng)
        kill(child)
        said = drain(pipe)
        opened += "+" in said
        acknowledged |= {int(each) for each in said if each != "+"}
        top = max([top, *(each + 1 for each in acknowledged)]) + 50  # others may have been under way
        largest = max(largest, log_bytes(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", service.UnmergedWarning)
            with hugehist.File(path, threads=1) as file:
                check(file, oracle, top)
        if rng.random() < 0.3:
            with service.open(path, threads=1) as sink:
                lost = [piece for piece in acknowledged if sink.missing(ids(piece))]
                assert not lost, f"{lost} were acknowledged"
            with hugehist.File(path, threads=1) as file:
                check(file, oracle, top)
                assert acknowledged <= oracle.counted
                if rng.random() < 0.1:
                    assert file.verify().ok
        if number % 100 == 99:
            print(f"{number + 1} kills, {len(acknowledged)} pieces acknowledged", file=sys.stderr)
    with hugehist.File(path, "a", threads=1) as file:
        check(file, oracle, top)
        assert acknowledged <= oracle.counted, "what was acknowledged is not in the file"
        assert file.verify().ok
    assert not Path(f"{path}.log").exists()
    return {
        "kills": count,
        "while it was opened": count - opened,
        "acknowledged": len(acknowledged),
        "counted": len(oracle.counted),
        "largest_log_bytes": largest,
        "seconds": round(time.monotonic() - begun),
    }


def recovery(directory: Path, gib: float) -> dict[str, object]:
    """Of a log of parts of 1 MiB, which do not compress."""
    from hugehist.service.engine import Engine
    from hugehist.service.specification import specify
    from hugehist.service.transport import Piece

    path = directory / "f.h5"
    bins = 1 << 17
    axes = (hist.axis.StrCategory([], growth=True, name="c"), hist.axis.Integer(0, bins, flow=False, name="x"))
    h: hist.Hist = hist.Hist(hist.axis.StrCategory(["c"], growth=True, name="c"), axes[1])
    with Engine(path, log_limit="1 TiB", commit_seconds=1e9) as engine:
        engine.create("h", specify(axes, None, {}, {}))
    child = os.fork()
    if child == 0:
        engine = Engine(path, log_limit="1 TiB", commit_seconds=1e9)
        with engine._merger.paused():
            for number in range(round(gib * 1024)):
                h.view()[0] = np.random.default_rng(number).integers(0, 1 << 62, bins)
                content = hugehist.Delta.from_uhi(h).to_bytes()
                engine.commit(f"{number}", [1], [("f", number, number + 1)], {}, [Piece(0, "h", content)])
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    size = log_bytes(path) / (1 << 30)
    begun = time.monotonic()
    with Engine(path) as engine:
        back = time.monotonic() - begun
        engine.flush()
        merged = time.monotonic() - begun
    return {"gib": round(size, 2), "back_seconds_per_gib": back / size, "merged_seconds_per_gib": merged / size}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--threads", type=int, default=4)
    options.add_argument("--gib", type=float, default=0)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        if asked.gib:
            report = recovery(Path(directory), asked.gib)
        else:
            report = kills(Path(directory), asked.kills, asked.threads, asked.seed)
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
