"""The service under coffea's executors, on real NanoAOD: bins equal plain hist, whatever goes wrong in between."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import pickle
import resource
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hugehist
import hugehist.service
import numpy as np
import pytest
import service_jobs as jobs
from hugehist.service import Accumulator, Receipt, Sink

pytest.importorskip("coffea.processor")
pytest.importorskip("pyarrow.flight")

from analysis_processor import Analysis
from check import Reference, compare
from coffea.processor import (
    DaskExecutor,
    FuturesExecutor,
    IterativeExecutor,
    ParslExecutor,
    Runner,
    accumulate,
)
from processor import book, event_sums
from samples import SAMPLES, DemoError, Schema, fetch, whole_file
from selection import HISTOGRAMS, fills

CACHE = Path(__file__).parents[2] / ".cache" / "nanoaod"
QUIET = {"status": False}


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    with jobs.deadline(300), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Branch Photon_|Performed attempt|.*fork", append=True)
        yield


@pytest.fixture(scope="module")
def originals() -> dict[str, Path]:
    """The files of the demo."""
    try:
        return fetch(CACHE)
    except DemoError as problem:
        if "CI" in os.environ:
            raise
        pytest.skip(str(problem))


@pytest.fixture(scope="module")
def paths(originals: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Dataset → its events, with the branches that are read: 480 in four files."""
    folder = tmp_path_factory.mktemp("nanoaod")
    for name, path in originals.items():
        jobs.skim(path, folder / f"{name}.root")
    return {name: folder / f"{name}.root" for name in originals}


@pytest.fixture(scope="module")
def events(paths: Mapping[str, Path]) -> dict[str, Any]:
    """Whole files, read without a runner."""
    return {sample.name: whole_file(sample, paths[sample.name]) for sample in SAMPLES}


@pytest.fixture(scope="module")
def fileset(paths: Mapping[str, Path]) -> dict[str, list[str]]:
    return {name: [str(path)] for name, path in paths.items()}


@pytest.fixture(scope="module")
def expected(events: Mapping[str, Any]) -> dict[str, Any]:
    return jobs.expected_counts(events)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with jobs.dask_client() as client:
        yield client


@pytest.fixture
def local(path: Path) -> Iterator[Sink]:
    with hugehist.service.open(path) as sink:
        yield sink


def check_counts(path: Path, expected: Mapping[str, Any], events: Mapping[str, Any]) -> None:
    with hugehist.File(path) as file:
        for name, whole in expected.items():
            jobs.assert_same(file[name].to_hist(), whole)
        for name, each in events.items():
            assert file.counters["events", name] == len(each)


def runner(executor: Any, chunksize: int = 100, **options: Any) -> Runner:
    return Runner(executor, chunksize=chunksize, schema=Schema, **options)


def causes(problem: BaseException) -> str:
    """coffea wraps what a processor raises."""
    said = []
    link: BaseException | None = problem
    while link is not None:
        said.append(f"{type(link).__name__}: {link}")
        link = link.__cause__ or link.__context__
    return "\n".join(said)


# --- executors --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def references(events: Mapping[str, Any]) -> list[Reference]:
    calls = [call for each in events.values() for call in fills(each)]
    return [Reference(name, calls) for name in HISTOGRAMS]


@pytest.fixture
def runs_analysis(
    path: Path, fileset: Mapping[str, Any], events: Mapping[str, Any], references: list[Reference]
) -> Callable[[Any, Sink], None]:
    """Runs the example by an executor, and compares every bin."""

    def run(executor: Any, sink: Sink) -> None:
        book(sink)
        receipt = runner(executor)(fileset, Analysis(sink), treename="Events")
        assert (receipt.committed, receipt.already, receipt.entries) == (6, 0, 480)
        sink.flush()
        with hugehist.File(path) as file:
            for reference in references:
                found = compare(file[reference.name].to_hist(), reference)
                assert found.ok, found
                assert found.filled > 100
            for name, each in events.items():
                for key, number in event_sums(each).items():
                    assert np.isclose(file.counters[key, name], number, rtol=1e-12, atol=0)

    return run


def test_iterative_executor_fills_a_file_of_this_process(runs_analysis: Any, local: Sink) -> None:
    runs_analysis(IterativeExecutor(**QUIET), local)


def test_iterative_executor_fills_by_an_accumulator(runs_analysis: Any, path: Path) -> None:
    with Accumulator(path) as accumulator:
        runs_analysis(IterativeExecutor(**QUIET), accumulator.sink())


def test_futures_executor(runs_analysis: Any, path: Path) -> None:
    with Accumulator(path) as accumulator:
        runs_analysis(FuturesExecutor(workers=2, **QUIET), accumulator.sink())


def test_futures_executor_with_forks(runs_analysis: Any, path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with Accumulator(path) as accumulator, concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        runs_analysis(FuturesExecutor(pool=pool, **QUIET), accumulator.sink())


def test_dask_executor(runs_analysis: Any, path: Path, client: Any) -> None:
    with Accumulator(path, client=client) as accumulator:
        runs_analysis(DaskExecutor(client=client, **QUIET), accumulator.sink())


def test_parsl_executor(runs_analysis: Any, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsl = pytest.importorskip("parsl")
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import LocalProvider

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # for its own commands
    workers = HighThroughputExecutor(
        label="jobs",
        address="127.0.0.1",
        loopback_address="127.0.0.1",
        max_workers_per_node=2,
        provider=LocalProvider(init_blocks=1, max_blocks=1),
    )
    parsl.load(parsl.config.Config(executors=[workers], run_dir=str(tmp_path / "parsl"), usage_tracking=0))
    try:
        with Accumulator(path) as accumulator:
            runs_analysis(ParslExecutor(**QUIET), accumulator.sink())
    finally:
        parsl.dfk().cleanup()
        parsl.clear()


def test_a_sink_of_this_process_is_refused_in_others(local: Sink, fileset: Any) -> None:
    jobs.create_counts(local)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        run = runner(FuturesExecutor(pool=pool, retries=0, **QUIET))
        with pytest.raises(Exception, match="is in another process") as problem:
            run(fileset, jobs.Counting(local), treename="Events")
        assert "hugehist.service.Accumulator" in str(problem.value)


# --- what goes wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["iterative", "dask"])
def test_chunks_that_fail_after_filling_count_once(
    kind: str, path: Path, tmp_path: Path, fileset: Any, events: Any, expected: Any, client: Any
) -> None:
    faults = jobs.Faults(tmp_path / "faults", one_in=10)
    faults.folder.mkdir()
    executor = IterativeExecutor(**QUIET) if kind == "iterative" else DaskExecutor(client=client, **QUIET)
    with Accumulator(path, client=client) as accumulator:
        sink = accumulator.sink(memory=0)  # what is filled is sent at once, also of chunks that fail later
        jobs.create_counts(sink)
        receipt = runner(executor, 8)(fileset, jobs.Counting(sink, faults), treename="Events")
        assert receipt.committed == 60
        assert 3 <= faults.count <= 12
        assert accumulator.status()["running_attempts"] == 0
    check_counts(path, expected, events)


class Starved(jobs.Counting):
    """Finds no room on the disk."""

    def process(self, events: Any) -> Receipt:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
        try:
            return super().process(events)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_no_bad_file(local: Sink, fileset: Any) -> None:
    """coffea skips a chunk where any cause of its error is an OSError."""
    jobs.create_counts(local)
    run = runner(IterativeExecutor(retries=0, **QUIET), skipbadfiles=True)
    with pytest.raises(Exception, match="the log cannot be written"):
        run(fileset, Starved(local), treename="Events")
    assert run(fileset, jobs.Counting(local), treename="Events").committed == 6


def test_an_interrupted_job_goes_on(path: Path, tmp_path: Path, fileset: Any, events: Any, expected: Any) -> None:
    faults = jobs.Faults(tmp_path / "faults", one_in=10)
    faults.folder.mkdir()
    with hugehist.service.open(path) as sink:
        jobs.create_counts(sink)
        run = runner(IterativeExecutor(retries=0, **QUIET), 20, checkpointer=sink.checkpointer())
        with pytest.raises(Exception, match="InjectedError"):
            run(fileset, jobs.Counting(sink, faults), treename="Events")
        begun = sink.status()["commits"]
        assert 0 < begun < 24
    with hugehist.service.open(path) as sink:  # as in another session
        run = runner(IterativeExecutor(**QUIET), 20, checkpointer=sink.checkpointer())
        receipt = run(fileset, jobs.Counting(sink), treename="Events")
        assert (receipt.already, receipt.committed, receipt.entries) == (begun, 24 - begun, 480)
    check_counts(path, expected, events)


def test_a_finished_job_opens_no_file(path: Path, tmp_path: Path, paths: Any, events: Any, expected: Any) -> None:
    copies = {name: tmp_path / source.name for name, source in paths.items()}
    for name, source in paths.items():
        copies[name].write_bytes(source.read_bytes())
    fileset = {name: [str(copy)] for name, copy in copies.items()}
    with hugehist.service.open(path) as sink:
        jobs.create_counts(sink)
        run = runner(IterativeExecutor(retries=0, **QUIET), 50, checkpointer=sink.checkpointer())
        work = list(run.preprocess(fileset, treename="Events"))
        assert run(fileset, jobs.Counting(sink), treename="Events").committed == len(work)
        for copy in copies.values():
            copy.unlink()
        assert sink.missing(work) == []
        again = run(fileset, jobs.Counting(sink), treename="Events")  # coffea's cache knows how the files are cut
        assert again == Receipt(already=len(work), entries=480)
    check_counts(path, expected, events)


def test_metrics_are_those_of_all_chunks(local: Sink, fileset: Any) -> None:
    jobs.create_counts(local)
    run = runner(IterativeExecutor(**QUIET), savemetrics=True, checkpointer=local.checkpointer())
    for kind in ("committed", "already"):
        receipt, metrics = run(fileset, jobs.Counting(local), treename="Events")
        assert getattr(receipt, kind) == metrics["chunks"] == 6
        assert metrics["entries"] == 480
        assert (metrics["bytesread"] > 0) == (kind == "committed")
        assert ("Muon_pt" in str(metrics["columns"])) == (kind == "committed")


# --- other chunks -----------------------------------------------------------------------------------------


def test_missing_work_items_are_run(path: Path, fileset: Any, events: Any, expected: Any) -> None:
    with hugehist.service.open(path) as sink:
        jobs.create_counts(sink)
        run = runner(IterativeExecutor(retries=0, **QUIET), 60)
        work = list(run.preprocess(fileset, treename="Events"))
        run.run(work[::2], jobs.Counting(sink))
        missing = sink.missing(work)
        assert missing == work[1::2]
        run.run(missing, jobs.Counting(sink))
        assert sink.missing(work) == []
    check_counts(path, expected, events)


def test_another_chunk_size_is_refused_and_can_be_completed(
    path: Path, fileset: Any, events: Any, expected: Any
) -> None:
    with hugehist.service.open(path) as sink:
        jobs.create_counts(sink)
        first = list(runner(IterativeExecutor(**QUIET), 70).preprocess(fileset, treename="Events"))
        run = runner(IterativeExecutor(retries=0, **QUIET), 50, checkpointer=sink.checkpointer())
        run.run(first[::2], jobs.Counting(sink))
        with pytest.raises(Exception, match="OverlapError") as problem:
            run(fileset, jobs.Counting(sink), treename="Events")
        assert "Do the work that is missing by itself" in causes(problem.value)
        work = list(run.preprocess(fileset, treename="Events"))
        missing = sink.missing(work)
        assert any(item not in work for item in missing)  # trimmed to what is not in
        run.run(missing, jobs.Counting(sink))
    check_counts(path, expected, events)


def test_empty_files_are_work_too(path: Path, tmp_path: Path, paths: Any, events: Any, expected: Any) -> None:
    jobs.skim(paths["dy"], tmp_path / "empty.root", stop=0)
    fileset = {name: [str(source)] for name, source in paths.items()}
    fileset["dy"].append(str(tmp_path / "empty.root"))
    with hugehist.service.open(path) as sink:
        jobs.create_counts(sink)
        run = runner(IterativeExecutor(**QUIET), checkpointer=sink.checkpointer())
        first, second = (run(fileset, jobs.Counting(sink), treename="Events") for _ in range(2))
        assert (first.committed, first.already, first.entries) == (7, 0, 480)
        assert (second.committed, second.already, second.entries) == (0, 7, 480)
    check_counts(path, expected, events)


# --- what a processor returns -----------------------------------------------------------------------------


def test_receipts_stay_small() -> None:
    one = {"ttbar": {"receipt": Receipt(1, 0, 50_000, 4, 1 << 20)}}
    out = accumulate(pickle.loads(pickle.dumps([one] * 100_000)))
    assert out["ttbar"]["receipt"] == Receipt(100_000, 0, 5 * 10**9, 400_000, 100_000 << 20)
    assert len(pickle.dumps(out)) < 1000


def test_a_receipt_in_a_dict(local: Sink, fileset: Any) -> None:
    jobs.create_counts(local)
    run = runner(IterativeExecutor(**QUIET), checkpointer=local.checkpointer(jobs.in_dict))
    for kind in ("committed", "already"):
        out = run(fileset, jobs.InDict(local), treename="Events")
        assert getattr(out["receipt"], kind) == out["chunks"] == 6


def test_a_checkpointer_says_that_it_makes_something_else(local: Sink, fileset: Any) -> None:
    jobs.create_counts(local)
    run = runner(IterativeExecutor(retries=0, **QUIET), checkpointer=local.checkpointer())
    with pytest.raises(TypeError, match=r"processor returns dict.*makes Receipt.*output="):
        run(fileset, jobs.InDict(local), treename="Events")


def test_the_receipt_within_the_block_commits(local: Sink, events: Any) -> None:
    jobs.create_counts(local)
    work = {"dataset": "dy", "filename": "dy.root", "treename": "Events", "entrystart": 0, "entrystop": 40}
    arguments = jobs.counts(events["dy"])["jets"]
    with local.attempt(work) as a:
        a["jets"].fill(dataset="dy", **arguments)
        assert a.receipt.committed == 1
        with pytest.raises(hugehist.service.ServiceError, match="this attempt is over"):
            a["jets"].fill(dataset="dy", **arguments)
    assert a.receipt == Receipt(1, 0, 40, a.receipt.parts, a.receipt.nbytes)
    assert local.missing([work]) == []


def test_events_by_themselves_say_what_they_lack(local: Sink, events: Any) -> None:
    with pytest.raises(TypeError, match="without 'filename'"):
        local.attempt(events["dy"])
