"""Kills writers of one growing file at random moments, with readers beside them, and compares with what must be there.

A writer merges deltas 0, 1, 2, … under their number as id, commits now and then, and says so. Whatever moment it is
killed at, the file must hold the first n of them, all and whole, for an n that is at least what was said. Readers in
other processes, killed at random too, must never see anything else.
usage: kills.py [--kills N] [--readers N] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import h5py
import hist
import hugehist
import numpy as np

DATASETS, SYSTEMATICS, BINS = 100, 25, 400


def addend(number: int) -> tuple[str, np.ndarray]:
    """Which dataset merge `number` goes to, and what it adds: (SYSTEMATICS, BINS)."""
    rng = np.random.default_rng(number)
    return f"dataset {rng.integers(DATASETS)}", rng.integers(0, 1000, (SYSTEMATICS, BINS))


class Oracle:
    """The sums after the first n merges, asked for with n that hardly goes back."""

    def __init__(self) -> None:
        self.number = 0
        self.sums: dict[str, np.ndarray] = {}

    def at(self, number: int) -> dict[str, np.ndarray]:
        if number < self.number:
            self.number, self.sums = 0, {}
        while self.number < number:
            dataset, added = addend(self.number)
            self.sums[dataset] = self.sums.get(dataset, 0) + added
            self.number += 1
        return self.sums


def check(file: hugehist.File, oracle: Oracle) -> int:
    """The number of merges that the file holds; raises AssertionError when it is in no such state."""
    number = len(file.ledger)
    assert all(str(i) in file.ledger for i in range(number)), "the ledger has a gap"
    assert file.counters.get("merges", 0) == number, "a counter is not of this commit"
    expected = oracle.at(number)
    h = file["h"]
    labels = list(h.axes["dataset"])
    assert set(labels) == set(expected), "labels are not of this commit"
    values = h.values()
    for dataset, sums in expected.items():
        assert np.array_equal(values[labels.index(dataset)], sums), f"{dataset} is not as after {number} merges"
    return number


def create(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        file.create(
            "h",
            hist.axis.StrCategory([], growth=True, name="dataset"),
            hist.axis.StrCategory([f"s{i}" for i in range(SYSTEMATICS)], name="systematic"),
            hist.axis.Integer(0, BINS, flow=False, name="x"),
            storage="int64",
        )


def merge(file: hugehist.File, number: int) -> None:
    dataset, added = addend(number)
    h = hist.Hist(
        hist.axis.StrCategory([dataset], name="dataset"),
        hist.axis.StrCategory([f"s{i}" for i in range(SYSTEMATICS)], name="systematic"),
        hist.axis.Integer(0, BINS, flow=False, name="x"),
        storage=hist.storage.Int64(),
    )
    h.view()[0, :SYSTEMATICS] = added
    if file["h"].merge(h, id=str(number)):
        file.counters["merges"] = number + 1


def write(path: Path, told: int, seed: int) -> None:
    rng = random.Random(seed)
    while True:
        with hugehist.File(path, "r+", threads=rng.choice([1, 2]), memory="8 MiB") as file:
            for _ in range(rng.randint(1, 6)):
                first = len(file.ledger)
                for number in range(first, first + rng.randint(1, 3)):
                    merge(file, number)
                if rng.random() < 0.1:
                    merge(file, rng.randrange(max(first, 1)))  # sent again: it changes nothing
                file.commit()
                os.write(told, len(file.ledger).to_bytes(8, "little"))


def read(path: Path, told: int, oracle: Oracle, seed: int) -> None:
    rng = random.Random(seed)
    while True:
        with hugehist.File(path, memory="8 MiB", threads=1) as file:
            before = check(file, oracle)
            for _ in range(rng.randint(0, 5)):
                time.sleep(rng.random() * 0.02)
                again = check(file, oracle)
                assert again == before, "a snapshot changed"
                moved = file.refresh()
                before = check(file, oracle)
                assert before >= again if moved else before == again, "refresh() told something else than it did"
                os.write(told, b"s")


def start(work, *args) -> tuple[int, int]:
    """A child process and the pipe on which it tells."""
    end, told = os.pipe()
    os.set_blocking(end, False)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(*args[:1], told, *args[1:])
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(told)
    return child, end


def drain(end: int) -> bytes:
    data = b""
    try:
        while piece := os.read(end, 1 << 16):
            data += piece
    except BlockingIOError:
        pass
    return data


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise SystemExit("a process failed by itself")


def size(path: Path) -> int:
    """Bytes on the disk of a file and what belongs to it."""
    journal = Path(f"{path}.journal")
    return path.stat().st_blocks * 512 + (journal.stat().st_blocks * 512 if journal.exists() else 0)


def live_bytes(path: Path) -> int:
    """Chunks, labels and the ledger."""
    total = 0

    def add(name: str, item: h5py.HLObject) -> None:
        nonlocal total
        if isinstance(item, h5py.Dataset):
            total += item.id.get_storage_size()

    with h5py.File(path) as file:
        file.visititems(add)
    return total


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--readers", type=int, default=4)
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "f.h5"
        create(path)
        oracle = Oracle()
        readers = [start(read, path, oracle, rng.random()) for _ in range(options.readers)]
        snapshots = acknowledged = number = largest = 0
        begun = time.monotonic()
        for kill in range(options.kills):
            writer, told = start(write, path, rng.random())
            time.sleep(rng.expovariate(1 / 0.06))
            end(writer)
            if answers := drain(told):
                acknowledged = int.from_bytes(answers[-8:], "little")
            os.close(told)
            with hugehist.File(path, rng.choice(["r", "r", "r+"]), threads=1) as file:
                number = check(file, oracle)
            assert number >= acknowledged, f"{acknowledged} merges were acknowledged, {number} are there"
            largest = max(largest, size(path))
            for i, (reader, pipe) in enumerate(readers):
                snapshots += len(drain(pipe))
                if rng.random() < 0.02:
                    end(reader)
                    os.close(pipe)
                    readers[i] = start(read, path, oracle, rng.random())
                else:
                    assert os.waitpid(reader, os.WNOHANG) == (0, 0), "a reader failed by itself"
            if kill % 500 == 499:
                print(f"{kill + 1} kills, {number} merges, {snapshots} snapshots, {size(path)} bytes", file=sys.stderr)
        for reader, pipe in readers:
            snapshots += len(drain(pipe))
            end(reader)
        with hugehist.File(path, "r+") as file:
            number = check(file, oracle)
            merge(file, number)
        with hugehist.File(path) as file:
            number = check(file, oracle)
        report = {
            "kills": options.kills,
            "merges": number,
            "snapshots": snapshots,
            "seconds": round(time.monotonic() - begun),
            "largest_bytes": largest,
            "bytes": size(path),
            "live_bytes": live_bytes(path),
        }
        print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
