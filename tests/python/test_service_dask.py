"""The service under Dask without coffea, and under pools of concurrent.futures: tasks, workers and accumulators die,
and totals are exact. The same in full size: tests/torture/service_dask.py."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import hugehist
import numpy as np
import pytest
import uproot

pytest.importorskip("distributed")
pytest.importorskip("pyarrow.flight")

import dask
import service_jobs as jobs
from hugehist.service import Accumulator, Receipt
from hugehist.service.accumulator import host_for

ENTRIES, PIECE = 4000, 100
WORK = jobs.pieces(ENTRIES, PIECE)


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    with jobs.deadline(300):
        yield


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with jobs.dask_client() as client:
        yield client


@pytest.fixture
def accumulator(path: Path, client: Any) -> Iterator[Accumulator]:
    with Accumulator(path, client=client) as accumulator:
        jobs.create_numbers(accumulator.sink())
        yield accumulator


@pytest.fixture
def faults(tmp_path: Path) -> Path:
    folder = tmp_path / "faults"
    folder.mkdir()
    return folder


# --- where it listens -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workers", "own", "host"),
    [
        ({"127.0.0.1"}, "127.0.0.1", None),
        ({"192.0.2.1", "127.0.0.1"}, "192.0.2.1", None),
        ({"192.0.2.1", "192.0.2.7"}, "192.0.2.1", "192.0.2.1"),
        (set(), "127.0.0.1", None),
        (set(), "192.0.2.1", "192.0.2.1"),
    ],
)
def test_host_for(workers: set[str], own: str, host: str | None) -> None:
    """A cluster of a batch system often has no worker yet: those that come are on other machines."""
    assert host_for(workers, own) == host


def test_workers_that_are_threads(path: Path) -> None:
    from distributed import Client

    with (
        Client(processes=False, n_workers=1, dashboard_address=None) as client,
        Accumulator(path, client=client) as accumulator,
    ):
        assert accumulator.addresses[0].startswith("grpc+unix://")


# --- ways to run tasks ------------------------------------------------------------------------------------


def test_delayed(accumulator: Accumulator) -> None:
    sink = accumulator.sink()
    fill = dask.delayed(jobs.fill_numbers)
    receipts = dask.compute(*[fill(sink, *piece) for piece in WORK])
    assert sum(receipts).committed == len(WORK)
    jobs.check_numbers(accumulator, ENTRIES)


def test_futures_are_tried_again(accumulator: Accumulator, client: Any, faults: Path) -> None:
    sink = accumulator.sink(memory=0)  # what is filled is sent at once, also of tasks that fail later
    failing = jobs.Faults(faults, one_in=5)
    first = client.submit(jobs.fill_numbers, sink, *WORK[0], failing, retries=1)
    others = client.map(
        jobs.fill_numbers, [sink] * len(WORK[1:]), *zip(*WORK[1:], strict=True), faults=failing, retries=1
    )
    receipts = client.gather([first, *others])
    assert sum(receipts).committed == len(WORK)
    assert failing.count >= 4
    assert accumulator.status()["running_attempts"] == 0
    jobs.check_numbers(accumulator, ENTRIES)


@pytest.mark.parametrize("kind", ["fork", "spawn", "threads"])
def test_pools(path: Path, kind: str) -> None:
    with Accumulator(path) as accumulator:
        sink = accumulator.sink()
        jobs.create_numbers(sink)
        if kind == "threads":
            pool: concurrent.futures.Executor = concurrent.futures.ThreadPoolExecutor(4)
        else:
            pool = concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(kind))
        with pool:
            tasks = [pool.submit(jobs.fill_numbers, sink, *piece) for piece in WORK + WORK[:5]]
            total = sum((task.result(60) for task in tasks), Receipt())
        assert (total.committed, total.already) == (len(WORK), 5)
        jobs.check_numbers(accumulator, ENTRIES)


# --- partitions of dask-awkward ---------------------------------------------------------------------------


def test_partitions(accumulator: Accumulator, client: Any, tmp_path: Path) -> None:
    dak = pytest.importorskip("dask_awkward")
    half = ENTRIES // 2
    for number in range(2):
        columns = jobs.columns(number * half, (number + 1) * half)
        with uproot.recreate(tmp_path / f"{number}.root") as out:
            out.mktree("Events", {"x": "f8", "weight": "f8"}).extend({name: columns[name] for name in ("x", "weight")})
    events = uproot.dask({str(tmp_path / f"{number}.root"): "Events" for number in range(2)}, steps_per_file=4)
    begins = dak.from_awkward(ak.Array(events.divisions[:-1]), npartitions=events.npartitions)
    sink = accumulator.sink()
    with dask.config.set({"awkward.optimization.enabled": False}):  # dask-awkward 2025.3 fails in it under dask 2026
        for committed in (8, 0):
            filled = dak.map_partitions(jobs.fill_partition, events, begins, sink)
            assert sum(filled.compute()) == committed
    accumulator.flush()
    assert sink.missing([("numbers", 0, ENTRIES)]) == []
    with hugehist.File(accumulator.paths[0]) as file:
        whole = jobs.expected_numbers(ENTRIES).project("x")
        assert np.array_equal(file["numbers"].project("x").to_hist().view(flow=True), whole.view(flow=True))


# --- what dies --------------------------------------------------------------------------------------------


def test_workers_that_are_killed_within_a_task(accumulator: Accumulator, client: Any, faults: Path) -> None:
    killing = jobs.Faults(faults, kills={"500": "filled", "2500": "acknowledged"})
    sink = accumulator.sink()
    tasks = [client.submit(jobs.fill_numbers, sink, *piece, killing) for piece in WORK]
    total = sum(client.gather(tasks), Receipt())
    assert killing.count == 2
    assert total.committed + total.already == len(WORK)
    jobs.check_numbers(accumulator, ENTRIES)


def test_workers_that_are_killed_with_their_results(accumulator: Accumulator, client: Any) -> None:
    sink = accumulator.sink()
    tasks = [client.submit(jobs.fill_numbers, sink, *piece) for piece in WORK]
    assert jobs.kill_after_results(client, tasks) > 0
    total = sum(client.gather(tasks), Receipt())
    assert total.already > 0
    assert total.committed + total.already == len(WORK)
    jobs.check_numbers(accumulator, ENTRIES)


def test_an_accumulator_that_is_killed(accumulator: Accumulator, client: Any) -> None:
    sink = accumulator.sink()
    kills = jobs.Killing(accumulator, times=2, every=0.5)
    kills.start()
    total, entries = Receipt(), 0
    while kills.is_alive():
        work = jobs.pieces(entries + 1000, PIECE, begin=entries)
        tasks = [client.submit(jobs.fill_numbers, sink, *piece) for piece in work]
        total += sum(client.gather(tasks), Receipt())
        entries += 1000
    assert kills.done == 2
    assert total.committed + total.already == entries // PIECE
    assert accumulator.status()["restarts"] == 2
    jobs.check_numbers(accumulator, entries)
