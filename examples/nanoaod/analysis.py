"""The first part: run the processors by coffea's executors, check every bin, draw the stack."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import plots
import report
from check import Reference, compare
from coffea.processor import FuturesExecutor, IterativeExecutor, Runner
from coffea.util import coffea_console
from memory import show_size
from processor import Direct, Remote, book, event_sums, merge
from replicate import Source, save
from samples import SAMPLES, Schema, whole_file
from selection import HISTOGRAMS, MUON_SCALE, OBSERVABLES, Fill, event_weights, fills, select

EVENTS_A_CHUNK = 25
WORKERS = 2
LUMINOSITY = 10_000  # 1/pb

coffea_console.quiet = True  # its progress bars, for a few seconds of work


@dataclass(frozen=True)
class Events:
    """The real events, read whole: what plain hist is filled with, and what the large part repeats."""

    calls: list[Fill]
    sources: list[Source]
    sums: dict[str, dict[str, float]]
    moved_bins: int
    moved_categories: int


def run(paths: Mapping[str, Path], output: Path) -> bool:
    fileset = {name: [str(path)] for name, path in paths.items()}
    events = read_events(paths)
    save(events.sources, output / "events.npz")
    report.say(
        f"The muon scale, ±0.2 %, moves events {events.moved_bins} times to another bin and "
        f"{events.moved_categories} times to another category."
    )
    references = {name: Reference(name, events.calls) for name in HISTOGRAMS}

    direct = output / "analysis.h5"
    seconds, filling = fill_direct(direct, fileset)
    report.heading(f"IterativeExecutor: the processor fills the file, up to {EVENTS_A_CHUNK} events at a time")
    report.say(f"{direct.name} in {seconds:.1f} s: {filling:.2f} s in fill, the rest to read and select events.")
    ok = check(direct, references, events.sums)

    remote = output / "analysis_workers.h5"
    seconds, parts, size, repeated = fill_remote(remote, fileset)
    report.heading(f"FuturesExecutor: {WORKERS} workers fill buffers and send deltas")
    report.say(f"{parts} parts, {show_size(size)}, merged into {remote.name} in {seconds:.1f} s.")
    report.say(f"Sent a second time, {repeated} of {parts} are in the file's ledger already and are not added.")
    ok = check(remote, references, events.sums) and ok and repeated == parts

    report.heading(f"What is in {report.shown(direct)}")
    with hugehist.File(direct) as file:
        report.show_contents(file)
        sums = {name: {key: file.counters[key, name] for key in ("events", "sumw")} for name in paths}
        factors = {s.name: LUMINOSITY * s.xs / sums[s.name]["sumw"] for s in SAMPLES if s.xs is not None}
        report.show_counters(sums, factors)
        draw(file, factors, output / "stack.png")
    report.say(f"Stack with its systematic band: {report.shown(output / 'stack.png')}")
    return ok


def check(path: Path, references: Mapping[str, Reference], sums: Mapping[str, Mapping[str, float]]) -> bool:
    """Every bin of every histogram, and the counters."""
    with hugehist.File(path) as file:
        ok = report.show_checks({name: compare(file[name].to_hist(), references[name]) for name in HISTOGRAMS})
        for dataset, expected in sums.items():
            for key, number in expected.items():
                ok = ok and bool(np.isclose(file.counters[key, dataset], number, rtol=1e-12, atol=0))
    return ok


def fill_direct(path: Path, fileset: Mapping[str, list[str]]) -> tuple[float, float]:
    """Seconds in all, and in calls of fill. The executor runs here, so the processor can hold the file."""
    begin = time.perf_counter()
    with hugehist.File(path, "w", memory="128 MiB") as file:
        book(file)
        executor = IterativeExecutor(status=False, retries=0)  # a chunk that fails was filled in part
        runner = Runner(executor, chunksize=EVENTS_A_CHUNK, schema=Schema, processor_compression=None)
        processor = Direct(file)
        runner(fileset, processor, treename="Events")
    return time.perf_counter() - begin, processor.seconds


def fill_remote(path: Path, fileset: Mapping[str, list[str]]) -> tuple[float, int, int, int]:
    """Seconds, parts, their bytes, and how many were recognised when they came once more."""
    begin = time.perf_counter()
    executor = FuturesExecutor(workers=WORKERS, status=False)
    runner = Runner(executor, chunksize=EVENTS_A_CHUNK, schema=Schema)
    parts = runner(fileset, Remote(), treename="Events")
    with hugehist.File(path, "w", memory="128 MiB") as file:
        book(file)
        for part in parts:
            merge(file, part)
    seconds = time.perf_counter() - begin
    with hugehist.File(path, "a") as file:
        repeated = sum(not merge(file, part) for part in parts)
    return seconds, len(parts), sum(len(delta.to_bytes()) for part in parts for delta in part.deltas.values()), repeated


def read_events(paths: Mapping[str, Path]) -> Events:
    calls, sources, rows, sums = [], [], [], {}
    bins = categories = 0
    for sample in SAMPLES:
        events = whole_file(sample, paths[sample.name])
        calls += list(fills(events))
        sums[sample.name] = event_sums(events)
        labels, weight = event_weights(events)
        kinds = [sum(label.startswith(kind) for label in labels) for kind in ("pdf_", "scale_", "ps_")]
        rows.append([sample.name, sample.filename, len(events), *kinds, 0 if sample.is_data else len(MUON_SCALE)])
        if sample.is_data:
            continue
        nominal = select(events, 1)
        sources.append(Source(sample.name, nominal.observables["ht"], nominal.observables["mu_pt"], labels, weight))
        for factor in MUON_SCALE.values():
            shifted = select(events, factor)
            categories += sum(int(np.sum(shifted.masks[k] != mask)) for k, mask in nominal.masks.items())
            for name, axis in OBSERVABLES.items():
                before, after = (axis.index(chosen.observables[name]) for chosen in (nominal, shifted))
                bins += int(np.sum(before != after))
    report.table(["dataset", "file", "events", "PDF", "scale", "shower", "muon pT"], rows)
    return Events(calls, sources, sums, bins, categories)


def draw(file: hugehist.File, factors: Mapping[str, float], path: Path) -> None:
    """Normalised while it is read: the file keeps what was filled."""

    def panel(name: str, category: str, bins: int, title: str) -> plots.Panel:
        scaled: Any = file[name].scale("dataset", factors)
        return plots.Panel(scaled[{"category": category, name: slice(None, None, hist.rebin(bins))}].to_hist(), title)

    plots.stack(
        [
            panel("ht", "inclusive", 4, "All events"),
            panel("mu_pt", "muon", 10, r"At least one muon with $p_T>25$ GeV"),
        ],
        "CMS NanoAOD test events shipped with coffea, 40 to 200 a dataset; each dataset normalised to its cross "
        r"section at 10 fb$^{-1}$, while reading",
        path,
    )
