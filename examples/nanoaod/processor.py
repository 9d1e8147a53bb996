"""Two coffea processors over one analysis: one fills the file, the other sends deltas to who owns it.

A file has one writer. Where events are processed in the same process (IterativeExecutor), `Direct` fills
the open file. Where they are processed elsewhere (FuturesExecutor), `Remote` fills buffers in the worker's
memory and returns their deltas, which `merge` adds to the file.
"""

from __future__ import annotations

import time
import warnings
from typing import Any, NamedTuple

import awkward as ak
import hugehist
import hugehist.service
from coffea.processor import ProcessorABC
from selection import HISTOGRAMS, axes, fills

warnings.filterwarnings("ignore", message="Branch Photon_", category=RuntimeWarning)


class Part(NamedTuple):
    """What a worker sends back for one chunk of events."""

    chunk: str
    dataset: str
    sums: dict[str, float]
    deltas: dict[str, hugehist.Delta]


def book(file: hugehist.File | hugehist.service.Sink) -> None:
    """Create the histograms of the analysis; they take no room until they are filled."""
    for name in HISTOGRAMS:
        binning, storage = axes(name)
        file.create(name, *binning, storage=storage)


class Direct(ProcessorABC):  # type: ignore[misc]
    """Fills a file that is open in this process."""

    def __init__(self, file: hugehist.File) -> None:
        self.file = file
        self.seconds = 0.0  # spent in fill

    def process(self, events: Any) -> dict[str, int]:
        for name, arguments in fills(events):
            begin = time.perf_counter()
            self.file[name].fill(**arguments)
            self.seconds += time.perf_counter() - begin
        count(self.file, events.metadata["dataset"], event_sums(events))
        return {"chunks": 1}

    def postprocess(self, accumulator: Any) -> None:
        """Nothing is left to do: the file has it all."""


class Remote(ProcessorABC):  # type: ignore[misc]
    """Fills buffers and returns them; needs no file, so it runs anywhere."""

    def process(self, events: Any) -> list[Part]:
        buffers = {}
        for name in HISTOGRAMS:
            binning, storage = axes(name)
            buffers[name] = hugehist.Buffer(*binning, storage=storage)
        for name, arguments in fills(events):
            buffers[name].fill(**arguments)
        deltas = {name: buffer.delta() for name, buffer in buffers.items()}
        what = events.metadata
        chunk = f"{what['dataset']}/{what['fileuuid']}/{what['entrystart']}-{what['entrystop']}"
        return [Part(chunk, what["dataset"], event_sums(events), deltas)]

    def postprocess(self, accumulator: Any) -> None:
        """The parts go to `merge`."""


def merge(file: hugehist.File, part: Part) -> bool:
    """Add a worker's part to the file; False if it is there already.

    The file's ledger keeps what was merged, so a part that comes twice counts once.
    """
    merged = [file[name].merge(delta, id=f"{part.chunk}/{name}") for name, delta in part.deltas.items()]
    if all(merged):
        count(file, part.dataset, part.sums)
    return all(merged)


def event_sums(events: Any) -> dict[str, float]:
    """What normalises a dataset later: its events, and the sum of their weights."""
    weighted = "genWeight" in events.fields
    sumw = ak.sum(ak.values_astype(events.genWeight, "float64")) if weighted else len(events)
    return {"events": float(len(events)), "sumw": float(sumw)}


def count(file: hugehist.File | hugehist.service.Attempt, dataset: str, sums: dict[str, float]) -> None:
    for counter, number in sums.items():
        file.counters[counter, dataset] += number
