"""One process over time: memory and page cache, bytes a second, CPU; over bands that show its phases."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from .style import plain, save

BANDS = {
    "start": "#EEEEEE",
    "warm up": "#E2E2E2",
    "prepare": "#D0D0D0",
    "verify": "#EADDEB",
    "end": "#EEEEEE",
    "close": "#F6D0B8",
    "commit": "#F7B9B9",
    "write": "#FBE9B7",
}
OTHERS = ("#BFE0F2", "#C5E8D5", "#F3D3E2", "#DCE6B4", "#D5D3F0", "#C9EDEE")  # the phases that are the case itself
MEBI = 2**20

Event = dict[str, Any]


def phases(events: Sequence[Event]) -> list[tuple[float, float, str]]:
    """(begin, end, phase), in seconds; the first phase is the start of the process."""
    marks = [(0.0, "start")] + [(event["t"], event["enters"]) for event in events if "enters" in event]
    ends = [begin for begin, _ in marks[1:]] + [events[-1]["t"]]
    return [(begin, end, phase) for (begin, phase), end in zip(marks, ends, strict=True) if end > begin]


def rates(samples: Sequence[Event], group: str, name: str) -> list[float]:
    """The change a second of a counter between samples; one less than these."""
    pairs = pairwise(samples)
    return [max(later[group][name] - earlier[group][name], 0) / (later["t"] - earlier["t"]) for earlier, later in pairs]


def draw(events: Sequence[Event], title: str, metadata: dict[str, Any], path: Path) -> Path | None:
    """Of one repeat's events; None where these are too few to show anything."""
    samples = [event for event in events if "process" in event]
    if len(samples) < 3:
        return None
    figure, panels = plt.subplots(3, 1, figsize=(9, 7), sharex=True, layout="constrained")
    memory, disk, cpu = panels
    at = [sample["t"] for sample in samples]
    between = [(earlier + later) / 2 for earlier, later in pairwise(at)]

    _line(memory, at, [s["process"]["rss"] / MEBI for s in samples], "resident memory of the process", "#0072B2")
    first = samples[0]["system"]["page_cache"]
    cache = [(s["system"]["page_cache"] - first) / MEBI for s in samples]
    _line(memory, at, cache, "page cache of the system, since the start", "#D55E00")
    memory.set_ylabel("MiB", fontsize=8)

    for label, group, name, colour in (
        ("written by the process", "process", "bytes_written", "#0072B2"),
        ("read by the process", "process", "bytes_read", "#009E73"),
        ("written to disk, whole system", "system", "disk_written", "#D55E00"),
        ("read from disk, whole system", "system", "disk_read", "#E69F00"),
    ):
        _line(disk, between, [rate / 1e6 for rate in rates(samples, group, name)], label, colour)
    disk.set_ylabel("MB/s", fontsize=8)

    _line(cpu, between, rates(samples, "process", "cpu_s"), "process", "#0072B2")
    _line(cpu, between, rates(samples, "system", "cpu_s"), "whole system", "#8C8C8C")
    _line(cpu, between, rates(samples, "system", "iowait_s"), "waiting for the disk, whole system", "#D55E00")
    cpu.set_ylabel("cores busy", fontsize=8)
    cpu.set_xlabel("time since the start of the process / s", fontsize=8)

    bands = _bands(panels, phases(events))
    for axes in panels:
        axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
        axes.set_xlim(0, events[-1]["t"])
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=7, frameon=False)
        plain(axes)
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    figure.legend(handles=bands, loc="outside upper right", ncols=7, fontsize=7, frameon=False)
    return save(figure, path, metadata)


def _line(axes: Any, x: Sequence[float], y: Sequence[float], label: str, colour: str) -> None:
    axes.plot(x, y, label=label, color=colour, linewidth=1.2)


def _bands(panels: Sequence[Any], spans: Sequence[tuple[float, float, str]]) -> list[Any]:
    """Draws them behind all panels; returns the legend's handles."""
    own = dict.fromkeys(phase for *_, phase in spans if phase not in BANDS)
    colours = BANDS | {phase: OTHERS[i % len(OTHERS)] for i, phase in enumerate(own)}
    for begin, end, phase in spans:
        for axes in panels:
            axes.axvspan(begin, end, color=colours[phase], linewidth=0, zorder=0)
    return [
        plt.Rectangle((0, 0), 1, 1, color=colours[phase], label=phase) for phase in dict.fromkeys(s[2] for s in spans)
    ]
