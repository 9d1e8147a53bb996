"""The log of an accumulator after power cuts: what was acknowledged is there, and all else is whole or absent.

HUGEHIST_CRASH_STATES=100000 makes more of them.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import hugehist
import pytest
from hugehist.service.errors import BusyError
from hugehist.service.log import Log
from hugehist.service.segments import Place
from power_cuts import Disk

STATES = int(os.environ.get("HUGEHIST_CRASH_STATES", 10_000))
UUID = bytes(range(16))
CUTS = 0.4  # of changes, before which power is cut


class Workload:
    """Random work on a log, in several sessions that end with a kill, and what must be there after it."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        (directory / "disk").mkdir()
        self.scratch = directory / "cut"
        self.disk = Disk(directory / "disk")
        self.disk.before = self.cut
        self.segment_bytes = self.rng.choice([2_000, 8_000, 1 << 20])
        self.contents: dict[int, bytes] = {}  # of all that was appended, or nearly
        self.appended: list[int] = []
        self.acknowledged: set[int] = set()
        self.released: set[int] = set()
        self.states = 0

    def run(self) -> None:
        with self.disk.watched():
            for _ in range(self.rng.randint(1, 4)):
                self.session()
                self.disk.kill()
            self.disk.fails_to_sync = False
            self.session()

    def session(self) -> None:
        places: dict[int, Place] = {}
        log = self.open(self.disk.root)
        for what, place in log.recover():
            log.need(place)
            places[what["n"]] = place
        self.check(set(places))
        self.appended = sorted(places)
        self.acknowledged |= set(places)  # so its owner says, from now on
        try:
            for _ in range(self.rng.randint(1, 25)):
                self.act(log, places)
        except BusyError:
            return  # its sync failed: it is opened again
        if self.rng.random() < 0.3:
            self.let_go(log, places, list(places))
            log.close()

    def open(self, root: str) -> Log:
        return Log(Path(root) / "file.h5.log", UUID, self.segment_bytes)

    def act(self, log: Log, places: dict[int, Place]) -> None:
        action = self.rng.choices(
            [self.append, self.append_without_room, self.sync, self.sync_that_fails, self.release, self.trim],
            [10, 1, 5, 0.5, 3, 2],
        )[0]
        action(log, places)

    def append(self, log: Log, places: dict[int, Place]) -> None:
        n = len(self.contents)
        self.contents[n] = content = self.rng.randbytes(self.rng.choice([0, 0, 20, 400, 3_000]))
        places[n] = log.append({"n": n}, content)
        self.appended.append(n)

    def append_without_room(self, log: Log, places: dict[int, Place]) -> None:
        self.disk.room = self.rng.randrange(200)
        try:
            self.append(log, places)
        except OSError:
            pass
        finally:
            self.disk.room = None

    def sync(self, log: Log, places: dict[int, Place]) -> None:
        log.sync()
        self.acknowledged |= set(self.appended)

    def sync_that_fails(self, log: Log, places: dict[int, Place]) -> None:
        self.disk.fails_to_sync = True
        try:
            self.sync(log, places)
        finally:
            self.disk.fails_to_sync = False

    def release(self, log: Log, places: dict[int, Place]) -> None:
        count = self.rng.randint(0, len(places))
        self.let_go(log, places, self.rng.choice([sorted(places)[:count], self.rng.sample(sorted(places), count)]))

    def let_go(self, log: Log, places: dict[int, Place], records: list[int]) -> None:
        self.released |= set(records)
        log.release([places.pop(n) for n in records])

    def trim(self, log: Log, places: dict[int, Place]) -> None:
        log.trim()

    # --- power cuts

    def cut(self) -> None:
        """Power is cut before the next change, and maybe again while the log is recovered."""
        if self.rng.random() > CUTS:
            return
        with unwatched(self.disk):
            self.disk.cut(self.rng, self.scratch)
            try:
                found = self.recover()
                assert self.recover() == found, "recovered twice, it is not the same"
                self.check(found)
            finally:
                shutil.rmtree(self.scratch)
        self.states += 1

    def recover(self) -> set[int]:
        found = []
        log = self.open(str(self.scratch))
        try:
            for what, place in log.recover():
                log.need(place)
                if what["n"] < 0:
                    continue
                found.append(what["n"])
                assert log.read(place) == self.contents[what["n"]], f"record {what['n']} is another one"
            assert found == sorted(set(found)), "records are not in their order"
            log.append({"n": -1})  # the next segment has a name of its own
        finally:
            log.close()
        return set(found)

    def check(self, found: set[int]) -> None:
        lost = self.acknowledged - self.released - found
        assert not lost, f"records {lost} were acknowledged"
        assert found <= set(self.contents), "records were never written"


@contextmanager
def unwatched(disk: Disk) -> Iterator[None]:
    """With syncs that cost nothing."""
    real: dict[str, Any] = dict(disk._real)
    real["fdatasync"] = real["fsync"] = lambda descriptor: None
    with mock.patch.multiple(os, **real):
        yield


def test_power_cuts() -> None:
    shared = Path("/dev/shm")
    states = seed = 0
    while states < STATES:
        with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as directory:
            work = Workload(Path(directory), seed)
            try:
                work.run()
            except (AssertionError, hugehist.Error) as problem:
                pytest.fail(f"seed {seed}, after {work.states} states: {problem!r}")
        states += work.states
        seed += 1
