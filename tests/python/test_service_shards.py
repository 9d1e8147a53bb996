"""Accumulators that share the work: each attempt counts in all of them, or in none."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hugehist
import pytest
from hugehist import service
from served import Halt, check, create, fill, halting, id_of, member, run_kills, run_shard_kills, work

pytest.importorskip("pyarrow.flight")


def test_all_goes_well(tmp_path: Path) -> None:
    with service.Accumulator(tmp_path / "a.h5", shards=4, memory="64 MiB") as accumulator:
        assert [path.name for path in accumulator.paths] == [f"a.{number}.h5" for number in range(4)]
        sink = accumulator.sink()
        create(sink)
        receipts = [work(sink, number) for number in range(20)]
        assert all(receipt.committed == 1 for receipt in receipts)
        assert any(receipt.parts > 1 for receipt in receipts), "each was for one of them alone"
        assert work(sink, 3).already == 1
        assert sink.missing([id_of(3), id_of(20)]) == [id_of(20)]
        with pytest.raises(hugehist.OverlapError), sink.attempt((id_of(0)[0], 5, 1000)) as attempt:
            fill(attempt, 0)
        sink.flush()
        status = sink.status()
        assert status["state"] == "ready"
        assert status["lag_attempts"] == 0
        assert [each["file"] for each in status["shards"]] == [str(path) for path in accumulator.paths]
    assert not list(tmp_path.glob("*.log"))
    assert sum(bool(len(hugehist.File(path)["h"].axes["dataset"])) for path in accumulator.paths) > 1
    check(accumulator.paths, range(20))
    with hugehist.File(accumulator.paths) as together:
        assert together["h"][{"category": "all", "systematic": "nominal"}].sum().value == 400


def test_killed_at_random(tmp_path: Path) -> None:
    run_kills(tmp_path, 3, shards=3)


def test_killed_between_staging_and_decision(tmp_path: Path) -> None:
    run_shard_kills(tmp_path, 5)


def settled(sink: service.Sink) -> None:
    end = time.monotonic() + 30
    while any(each["running_attempts"] for each in sink.status()["shards"]):
        assert time.monotonic() < end, "something stays in doubt"
        time.sleep(0.1)


def kill(accumulator: service.Accumulator, *shards: int) -> None:
    """Returns when they answer again."""
    for shard in shards:
        os.kill(accumulator.pids[shard], signal.SIGKILL)
    for shard in shards:
        member(accumulator.sink(), shard).names()


@pytest.fixture
def three(tmp_path: Path) -> Iterator[service.Accumulator]:
    with service.Accumulator(tmp_path / "a.h5", shards=3, memory="64 MiB", patience=60) as accumulator:
        create(accumulator.sink())
        yield accumulator


def stop_at(step: str) -> Callable[[str], None]:
    def hook(what: str) -> None:
        if what == step:
            raise Halt

    return hook


def test_the_sender_dies_after_the_decision(three: service.Accumulator) -> None:
    """Nobody tells the others; they ask, after a restart at once."""
    with pytest.raises(Halt):
        work(halting(three.sink(), stop_at("before decide")), 0)
    kill(three, 1, 2)
    settled(three.sink())
    three.close()
    check(three.paths, [0])


def test_the_sender_dies_before_the_decision(three: service.Accumulator) -> None:
    """What was prepared goes, and a sender that was only slow is told so."""
    sink = three.sink()

    def slow(what: str) -> None:
        if what == "before commit":
            kill(three, 1, 2)
            settled(sink)

    with pytest.raises(service.AttemptLostError, match="came too late"):
        work(halting(sink, slow), 0)
    assert work(sink, 0).committed == 1
    three.close()
    check(three.paths, [0])


def test_flush_waits_for_what_others_hold(three: service.Accumulator) -> None:
    """The others were not told of a decision: what was acknowledged is in all files all the same."""
    sink = three.sink()
    deaf = halting(sink, lambda _: None)
    for watched in deaf.transport._members:  # type: ignore[attr-defined]
        watched.decide = lambda *_: None
    assert work(deaf, 0).committed == 1
    sink.flush()
    check(three.paths, [0])


def test_flush_leaves_alone_what_is_open(three: service.Accumulator) -> None:
    sink = three.sink()

    def hook(what: str) -> None:
        if what == "before commit":
            sink.flush()

    assert work(halting(sink, hook), 0).committed == 1
    three.close()
    check(three.paths, [0])


def test_the_deciding_one_is_away(three: service.Accumulator) -> None:
    """Others that were killed meanwhile wait with what they prepared until it answers."""
    sink = three.sink()
    pid = three.pids[0]
    with pytest.raises(Halt):
        work(halting(sink, stop_at("before decide")), 0)
    os.kill(pid, signal.SIGSTOP)
    kill(three, 1, 2)
    time.sleep(1.5)
    assert any(member(sink, shard).status()["running_attempts"] for shard in (1, 2))
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(work, sink, 1)
        time.sleep(0.5)
        assert not later.done()
        os.kill(pid, signal.SIGKILL)
        assert later.result(60).committed == 1
    settled(sink)
    three.close()
    check(three.paths, [0, 1])


def test_all_are_started_again(three: service.Accumulator) -> None:
    sink = three.sink()
    for number in range(5):
        work(sink, number)
    with pytest.raises(Halt):
        work(halting(sink, stop_at("before decide")), 5)
    kill(three, 0, 1, 2)
    assert work(sink, 2).already == 1
    settled(sink)
    three.close()
    check(three.paths, range(6))


def test_an_overlap_leaves_nothing_behind(three: service.Accumulator) -> None:
    sink = three.sink()
    work(sink, 0)
    with pytest.raises(hugehist.OverlapError), sink.attempt((id_of(0)[0], 5, 1000)) as attempt:
        fill(attempt, 0)
    assert not any(each["running_attempts"] for each in sink.status()["shards"])
    three.close()
    check(three.paths, [0])
