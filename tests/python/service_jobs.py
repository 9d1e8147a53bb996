"""Jobs for the tests of the service, in a module that workers import: real NanoAOD by coffea, and numbers made up."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import signal
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import boost_histogram as bh
import hist
import hugehist
import numpy as np
import uproot
from coffea.processor import ProcessorABC
from hugehist.service import Receipt, ServiceError, Sink
from numpy.typing import NDArray

EXAMPLES = Path(__file__).parents[2] / "examples"
for folder in ("coffea", "nanoaod"):
    if str(EXAMPLES / folder) not in sys.path:
        sys.path.append(str(EXAMPLES / folder))

# --- where things go wrong --------------------------------------------------------------------------------


class InjectedError(Exception):
    """Of a piece of work, once."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong with chosen pieces of work: once each, whoever does them, since all see one folder."""

    folder: Path
    one_in: int = 0  # pieces that raise, chosen by a hash of their name
    salt: str = ""  # which others are chosen by
    kills: Mapping[str, str] | None = None  # piece → where its worker is killed

    def at(self, place: str, piece: str) -> None:
        if self.kills is not None and self.kills.get(piece) == place and self._first(piece):
            os.kill(os.getpid(), signal.SIGKILL)
        chosen = bool(self.one_in) and zlib.crc32((self.salt + piece).encode()) % self.one_in == 0
        if chosen and place == "filled" and self._first(piece):
            raise InjectedError(piece)

    def _first(self, piece: str) -> bool:
        try:
            (self.folder / (self.salt + piece).replace("/", "_")).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    @property
    def count(self) -> int:
        """How often something went wrong."""
        return len(list(self.folder.iterdir()))


# --- real events ------------------------------------------------------------------------------------------

COLLECTIONS = {
    "Muon": ("pt", "eta", "phi", "mass", "charge", "mediumId"),
    "Jet": ("pt", "eta", "phi", "mass", "btagDeepFlavB"),
    "Electron": ("pt", "eta", "phi", "mass", "charge", "cutBased"),
}
BRANCHES = ("genWeight", "PuppiMET_pt", "PuppiMET_phi", "run", "luminosityBlock", "event")
WEIGHTS = ("LHEPdfWeight", "LHEScaleWeight", "PSWeight", "LHEReweightingWeight")
WEIGHTS_KEPT = 4


def skim(source: Path, target: Path, stop: int | None = None) -> None:
    """The events with what the analysis reads of them: a file of NanoAOD that opens ten times as fast."""
    with uproot.open(source) as opened, uproot.recreate(target) as out:
        tree = opened["Events"]
        there = set(tree.keys())
        kept = {name: tree[name].array(entry_stop=stop) for name in BRANCHES if name in there}
        for name, parts in COLLECTIONS.items():
            kept[name] = ak.zip({part: tree[f"{name}_{part}"].array(entry_stop=stop) for part in parts})
        for name in there.intersection(WEIGHTS):
            kept[name] = tree[name].array(entry_stop=stop)[:, :WEIGHTS_KEPT]
        out.mktree("Events", {name: array.type.content for name, array in kept.items()}).extend(kept)


class Counting(ProcessorABC):  # type: ignore[misc]
    """A light analysis, whose sums are exact in any order; something may go wrong between its fills."""

    def __init__(self, sink: Sink, faults: Faults | None = None) -> None:
        self.sink = sink
        self.faults = faults

    def process(self, events: Any) -> Any:
        dataset = events.metadata["dataset"]
        with self.sink.attempt(events) as a:
            for name, arguments in counts(events).items():
                a[name].fill(dataset=dataset, **arguments)
                if self.faults is not None:
                    self.faults.at("filled", chunk_of(events))
            a.counters["events", dataset] += len(events)
        return self.output(a.receipt)

    def output(self, receipt: Receipt) -> Any:
        return receipt


class InDict(Counting):
    """Returns a dict, as most processors do."""

    def output(self, receipt: Receipt) -> Any:
        return in_dict(receipt)


def in_dict(receipt: Receipt) -> dict[str, Any]:
    return {"receipt": receipt, "chunks": 1}


def create_counts(sink: Sink) -> None:
    dataset = hist.axis.StrCategory([], growth=True, name="dataset")
    sink.create("muons", dataset, hist.axis.Regular(50, 0, 200, name="pt"), storage=hist.storage.Weight())
    sink.create("jets", dataset, hist.axis.Integer(0, 30, name="n"), storage=hist.storage.Int64())


def counts(events: Any) -> dict[str, dict[str, Any]]:
    """What is filled, by histogram; weights are multiples of 1/8."""
    pt = ak.to_numpy(ak.flatten(events.Muon.pt)).astype(np.float64)
    return {"muons": {"pt": pt, "weight": np.round(8 * pt) / 8}, "jets": {"n": ak.to_numpy(ak.num(events.Jet))}}


def expected_counts(events: Mapping[str, Any]) -> dict[str, hist.Hist]:
    """In plain hist, of whole files by dataset."""
    dataset = hist.axis.StrCategory(list(events), name="dataset")
    whole = {
        "muons": hist.Hist(dataset, hist.axis.Regular(50, 0, 200, name="pt"), storage=hist.storage.Weight()),
        "jets": hist.Hist(dataset, hist.axis.Integer(0, 30, name="n"), storage=hist.storage.Int64()),
    }
    for name, each in events.items():
        for histogram, arguments in counts(each).items():
            whole[histogram].fill(dataset=name, **arguments)
    return whole


def chunk_of(events: Any) -> str:
    return f"{events.metadata['dataset']}/{events.metadata['entrystart']}"


# --- numbers ----------------------------------------------------------------------------------------------

DATASETS = 3


def columns(start: int, stop: int) -> dict[str, Any]:
    """Of entries [start, stop): weights are multiples of 1/8, so that their sums are exact in any order."""
    entries = np.arange(start, stop)
    return {
        "dataset": [f"d{i % DATASETS}" for i in entries],
        "x": (entries * 7919 % 1000) / 1000,
        "weight": (1 + entries % 8) / 8,
    }


def create_numbers(sink: Sink) -> None:
    dataset = hist.axis.StrCategory([], growth=True, name="dataset")
    sink.create("numbers", dataset, hist.axis.Regular(50, 0, 1, name="x"), storage=hist.storage.Weight())


def fill_numbers(sink: Sink, start: int, stop: int, faults: Faults | None = None) -> Receipt:
    """One task."""
    with sink.attempt(("numbers", start, stop)) as a:
        a["numbers"].fill(**columns(start, stop))
        a.counters["entries"] += stop - start
        if faults is not None:
            faults.at("filled", str(start))
    if faults is not None:
        faults.at("acknowledged", str(start))
    return a.receipt


def fill_partition(events: Any, begin: Any, sink: Sink) -> Any:
    """A partition of dask-awkward: `begin` has where it begins among the entries of all files."""
    if ak.backend(events) == "typetracer":  # dask-awkward asks of what type the answer is
        return ak.Array(ak.Array([0]).layout.to_typetracer(forget_length=True))
    with sink.attempt(("numbers", begin[0], begin[0] + len(events))) as a:
        a["numbers"].fill(dataset="numbers", x=events.x, weight=events.weight)
    return ak.Array([a.receipt.committed])


def expected_numbers(stop: int) -> hist.Hist:
    labels = [f"d{i}" for i in range(DATASETS)]
    whole = hist.Hist(
        hist.axis.StrCategory(labels, name="dataset"),
        hist.axis.Regular(50, 0, 1, name="x"),
        storage=hist.storage.Weight(),
    )
    whole.fill(**columns(0, stop))
    return whole


def check_numbers(accumulator: Any, stop: int) -> None:
    """All entries are in, once."""
    accumulator.flush()
    with hugehist.File(accumulator.paths[0]) as file:
        assert_same(file["numbers"].to_hist(), expected_numbers(stop))
        assert file.counters["entries"] == stop


# --- around -----------------------------------------------------------------------------------------------


def by_label(whole: Any) -> dict[str, NDArray[Any]]:
    """Content of each label of the first axis; their order depends on who came first."""
    return {str(label): np.asarray(whole[{0: bh.loc(label)}].view(flow=True)) for label in whole.axes[0]}


def assert_same(found: Any, expected: Any) -> None:
    """To the last bit."""
    mine, theirs = by_label(found), by_label(expected)
    assert sorted(mine) == sorted(theirs)
    for label, content in theirs.items():
        assert np.array_equal(mine[label], content), label


def pieces(stop: int, size: int, begin: int = 0) -> list[tuple[int, int]]:
    return [(start, min(start + size, stop)) for start in range(begin, stop, size)]


@contextlib.contextmanager
def dask_client(workers: int = 2) -> Iterator[Any]:
    """Of a cluster of processes on this machine, whose workers may die as often as they like."""
    import dask
    from distributed import Client, LocalCluster

    options = {
        "distributed.scheduler.allowed-failures": 1000,
        "distributed.deploy.lost-worker-timeout": "600s",  # else it gives up a worker that starts slowly
    }
    with (
        dask.config.set(options),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,  # deaths are what we are here for
        ) as own,
        Client(own, timeout=60) as client,
    ):
        yield client


@contextlib.contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """TimeoutError after that, in the main thread."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def kill_after_results(client: Any, tasks: list[Any]) -> int:
    """Waits for all, and kills a worker that has results; how many of them are lost with it."""
    from distributed import wait

    wait(tasks, timeout=60)
    held = {worker: keys for worker, keys in client.has_what().items() if keys}
    worker, keys = max(held.items(), key=lambda each: len(each[1]))
    pids = client.run(os.getpid, workers=[worker])
    os.kill(pids[worker], signal.SIGKILL)
    while worker in client.has_what():  # until the scheduler has noticed
        time.sleep(0.01)
    return len(keys)


class Killing(threading.Thread):
    """Kills processes of an accumulator so often, at random moments, and measures how long it is away."""

    def __init__(self, accumulator: Any, times: int, every: float, seed: int = 1) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0  # seconds until it answered again
        self.done = 0
        self._accumulator = accumulator
        self._times = times
        self._every = every
        self._random = random.Random(seed)

    def run(self) -> None:
        while self.done < self._times:
            time.sleep(self._random.random() * 2 * self._every)
            begin = time.monotonic()
            before = self._accumulator.pids
            os.kill(self._random.choice(before), signal.SIGKILL)
            while self._accumulator.pids == before or not self._answers():
                time.sleep(0.01)
            self.longest = max(self.longest, time.monotonic() - begin)
            self.done += 1

    def _answers(self) -> bool:
        with contextlib.suppress(ServiceError):
            return bool(self._accumulator.status())
        return False
