"""A sink whose accumulator is in this process: copies, threads, and other processes, which it refuses."""

from __future__ import annotations

import concurrent.futures
import copy
import multiprocessing
import pickle
from collections.abc import Iterator
from pathlib import Path

import hugehist
import hugehist.service
import pytest
import service_jobs as jobs
from hugehist.service import Receipt, ServiceError, Sink

WORK = jobs.pieces(2000, 100)


@pytest.fixture
def sink(path: Path) -> Iterator[Sink]:
    with hugehist.service.open(path) as sink:
        jobs.create_numbers(sink)
        yield sink


def pool(start: str) -> concurrent.futures.Executor:
    return concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(start))


def test_copies_are_the_sink_itself(sink: Sink) -> None:
    assert pickle.loads(pickle.dumps(sink)) is sink
    assert copy.deepcopy(sink) is sink
    assert len(pickle.dumps(sink["numbers"])) < 1000
    with sink.attempt("work"):
        pickle.loads(pickle.dumps(sink["numbers"])).fill(dataset="d0", x=[0.5])
    sink.flush()
    assert sink.status()["commits"] == 1


def test_threads_share_it(sink: Sink, path: Path) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        tasks = [threads.submit(jobs.fill_numbers, sink, *piece) for piece in WORK * 2]
        assert sum(task.result(60).committed for task in tasks) == len(WORK)
    sink.flush()
    with hugehist.File(path) as file:
        jobs.assert_same(file["numbers"].to_hist(), jobs.expected_numbers(2000))


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_other_processes_are_told_to_use_an_accumulator(sink: Sink, start: str) -> None:
    with pool(start) as processes, pytest.raises(TypeError, match=r"in another process.*Accumulator"):
        processes.submit(jobs.fill_numbers, sink, 0, 100).result(60)
    assert jobs.fill_numbers(sink, 0, 100).committed == 1


def test_a_fork_that_has_it_from_its_parent_cannot_fill(sink: Sink) -> None:
    _inherited.append(sink)
    with pool("fork") as processes, pytest.raises(ServiceError, match=r"forked from.*Accumulator"):
        processes.submit(_fill_inherited).result(60)
    _inherited.clear()
    assert jobs.fill_numbers(sink, 0, 100).committed == 1


_inherited: list[Sink] = []


def _fill_inherited() -> Receipt:
    return jobs.fill_numbers(_inherited[0], 0, 100)


def test_a_closed_one_is_not_found_again(path: Path) -> None:
    with hugehist.service.open(path) as sink:
        content = pickle.dumps(sink)
    with pytest.raises(ServiceError, match="is closed"):
        sink.names()
    del sink
    with pytest.raises(TypeError, match="in another process, or closed"):
        pickle.loads(content).names()
