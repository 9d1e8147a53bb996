"""A disk without room, for the file or for the log: nothing is lost, status says so, and it goes on by itself."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from accumulators import SPECIFICATION, accumulator, bins, log_of, work
from hugehist.service.engine import Engine
from hugehist.service.errors import BusyError, ServiceError
from hugehist.service.specification import specify
from hugehist.service.transport import Piece
from limits import files_no_longer_than

LARGE = 1 << 16  # bins, 512 KiB


def noise(seed: int, label: str) -> bytes:
    """A delta that does not compress."""
    h: hist.Hist[Any] = hist.Hist(
        hist.axis.StrCategory([label], growth=True, name="c"), hist.axis.Integer(0, LARGE, flow=False, name="x")
    )
    h.view()[0] = np.random.default_rng(seed).integers(0, 1 << 40, LARGE)
    return hugehist.Delta.from_uhi(h).to_bytes()


def commit_noise(engine: Engine, number: int) -> None:
    engine.commit(f"{number}", [1], [f"{number}"], {("n",): 1}, [Piece(0, "noise", noise(number, f"{number % 7}"))])


def check_noise(path: Path, numbers: range, *others: str) -> None:
    wanted = np.zeros((7, LARGE))
    for number in numbers:
        wanted[number % 7] += np.random.default_rng(number).integers(0, 1 << 40, LARGE)
    with hugehist.File(path) as file:
        labels = [int(label) for label in file["noise"].axes["c"]]
        np.testing.assert_array_equal(np.asarray(file["noise"].values()), wanted[labels])
        assert file.counters["n"] == len(numbers)
        assert set(file.ledger) == {f"{number}" for number in numbers} | set(others)
        assert file.verify().ok


@contextmanager
def noisy(path: Path, **options: Any) -> Iterator[Engine]:
    with accumulator(path, **options) as engine:
        axes = (hist.axis.StrCategory([], growth=True, name="c"), hist.axis.Integer(0, LARGE, flow=False, name="x"))
        engine.create("noise", specify(axes, None, {}, {}))
        yield engine


def wait_for(engine: Engine, state: str) -> None:
    end = time.monotonic() + 30
    while not engine.state.startswith(state):
        assert time.monotonic() < end, engine.state
        time.sleep(0.02)


def test_no_room_for_the_file(path: Path) -> None:
    with noisy(path) as engine:
        for number in range(7):
            commit_noise(engine, number)
        engine.flush()
        with files_no_longer_than(path.stat().st_size + (1 << 16)):
            for number in range(7, 11):
                commit_noise(engine, number)  # the log has room
            wait_for(engine, "tries again: ")
            with pytest.raises(ServiceError, match="not all is merged"):
                engine.flush()
            assert "too large" in engine.state
            assert engine.status()["lag_attempts"] == 4
            work(engine, "a", "not noise")  # it still acknowledges
            with hugehist.File(path) as reader:
                assert reader.counters["n"] == 7
        wait_for(engine, "ready")
        assert engine.flush()
        assert engine.status()["lag_attempts"] == engine.status()["log_bytes"] == 0
    check_noise(path, range(11), "not noise")
    assert bins(path) == {"tt": [1, 0, 0, 0]}


def test_all_sizes_of_the_room(path: Path, tmp_path: Path) -> None:
    """A commit of the file fails at each of its writes in turn, and what is committed then counts once."""
    with noisy(path) as engine:
        for number in range(3):
            commit_noise(engine, number)
    begin = path.stat().st_size
    done = 3
    for room in range(0, 5 << 19, 3 << 16):
        with noisy(path, commit_seconds=0) as engine:
            with files_no_longer_than(begin + room):
                for _ in range(3):
                    try:
                        commit_noise(engine, done)
                    except BusyError:
                        break
                    done += 1
                with pytest.raises(ServiceError) if room < 1 << 19 else suppress(ServiceError):
                    engine.flush()
            engine.flush()
        begin = path.stat().st_size
        check_noise(path, range(done))
    assert done > 20


def test_closed_without_room(path: Path) -> None:
    """The log keeps what is not in the file, and the next opening merges it."""
    with noisy(path) as engine:
        for number in range(7):
            commit_noise(engine, number)
    size = path.stat().st_size
    with pytest.raises(ServiceError, match="cannot go on"), noisy(path) as engine:  # noqa: PT012
        limit = files_no_longer_than(size + (1 << 16))
        limit.__enter__()
        try:
            for number in range(7, 11):
                commit_noise(engine, number)
            engine.close()
        finally:
            limit.__exit__(None, None, None)
    assert log_of(path).exists()
    with noisy(path):
        pass
    check_noise(path, range(11))
    assert not log_of(path).exists()


def test_no_room_for_the_log(path: Path) -> None:
    with noisy(path) as engine:
        commit_noise(engine, 0)
        engine.flush()
        with files_no_longer_than(1 << 16):
            for _ in range(3):
                with pytest.raises(BusyError, match=r"the log cannot be written: .*too large"):
                    commit_noise(engine, 1)
            assert engine.state == "ready"
            assert engine.missing(["1"]) == [["1"]]
        commit_noise(engine, 1)
    check_noise(path, range(2))


def test_no_room_for_a_decision(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts stay, and the same call goes through later."""
    with accumulator(path) as engine:
        real = os.pwritev

        def full(descriptor: int, pieces: list[Any], offset: int) -> int:
            if any(b'"commit"' in bytes(each) for each in pieces):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(descriptor, pieces, offset)

        with monkeypatch.context() as patched:
            patched.setattr(os, "pwritev", full)
            for _ in range(2):
                with pytest.raises(BusyError, match="No space left"):
                    work(engine, "a", "t", counters={("n",): 1})
            assert engine.missing(["t"]) == [["t"]]
        assert engine.commit("a", [1], ["t"], {("n",): 1})
    assert bins(path) == {"tt": [1, 0, 0, 0]}
    with hugehist.File(path) as file:
        assert file.counters["n"] == 1


def test_no_room_for_a_histogram(path: Path) -> None:
    with accumulator(path) as engine:
        with files_no_longer_than(path.stat().st_size):
            with pytest.raises(BusyError, match="'more' cannot be made"):
                engine.create("more", SPECIFICATION | {"options": {"expected": [100_000, 4]}})
            assert engine.names() == ["h"]
        work(engine, "a", "t")
        assert engine.create("more", SPECIFICATION)
        engine.flush()
        assert engine.state == "ready"
    assert bins(path) == {"tt": [1, 0, 0, 0]}
    assert bins(path, "more") == {}


def test_a_commit_that_fails_and_is_in_all_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger tells so after the file was opened again, and nothing is merged twice."""
    with accumulator(path) as engine:
        real = hugehist.File.commit
        failed = threading.Event()

        def fails(file: hugehist.File) -> None:
            real(file)
            if not failed.is_set() and "t" in file.ledger:
                failed.set()
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(hugehist.File, "commit", fails)
        work(engine, "a", "t", ("f", 0, 3), counters={("n",): 1})
        with suppress(ServiceError):
            engine.flush()
        assert failed.is_set()
        assert engine.flush()
        work(engine, "b", "u")
    assert bins(path) == {"tt": [2, 0, 0, 0]}
    with hugehist.File(path) as file:
        assert file.counters["n"] == 1


def test_a_pause_between_tries(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It grows, and a flush does not wait for its end."""
    with accumulator(path) as engine:
        tries: list[float] = []

        def fails(_: hugehist.File) -> None:
            tries.append(time.monotonic())
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patched:
            patched.setattr(hugehist.File, "commit", fails)
            work(engine, "a", "t")
            time.sleep(2.5)
            assert 1 <= len(tries) <= 3
            begin = time.monotonic()
            with pytest.raises(ServiceError):
                engine.flush()
            assert time.monotonic() - begin < 1
        engine.flush()
    assert bins(path) == {"tt": [1, 0, 0, 0]}
