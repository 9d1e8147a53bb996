"""A bar for each peer, one panel for each metric, with the time, its range and the ratio to hugehist."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from ..report import rate_text, seconds_text
from ..summary import OURS
from .style import colour, plain, position, save

COLUMNS = 2
BAR, HEAD = 0.21, 0.75  # inches for a bar, and for a panel's title and axis


def draw(metrics: dict[str, dict[str, Any]], metadata: dict[str, Any], path: Path) -> Path:
    return save(make(metrics), path, metadata)


def make(metrics: dict[str, dict[str, Any]]) -> Any:
    """The figure."""
    names = list(metrics)
    rows = [names[start : start + COLUMNS] for start in range(0, len(names), COLUMNS)]
    heights = [HEAD + BAR * max(len(metrics[name]["peers"]) for name in row) for row in rows]
    columns = min(COLUMNS, len(names))
    figure, grid = plt.subplots(
        len(rows),
        columns,
        figsize=(1 + 5.5 * columns, 0.35 + sum(heights)),
        height_ratios=heights,
        squeeze=False,
        layout="constrained",
    )
    for row, panels in zip(rows, grid, strict=True):
        for name, axes in zip(row, panels, strict=False):
            _panel(axes, name, metrics[name])
        for axes in panels[len(row) :]:
            axes.set_visible(False)
    return figure


def _panel(axes: Any, name: str, metric: dict[str, Any]) -> None:
    peers: Sequence[tuple[str, dict[str, Any]]] = sorted(metric["peers"].items(), key=lambda item: position(item[0]))
    ours = metric["peers"].get(OURS)
    highest = max(numbers["seconds"]["max"] for _, numbers in peers)
    lowest = min(numbers["seconds"]["min"] for _, numbers in peers)
    start = lowest / 3  # a logarithmic bar has to begin somewhere
    for height, (peer, numbers) in enumerate(peers):
        seconds = numbers["seconds"]
        axes.barh(height, seconds["median"] - start, left=start, height=0.7, color=colour(peer))
        axes.plot([seconds["min"], seconds["max"]], [height, height], color="black", linewidth=1.0)
        text = f" {seconds_text(seconds['median'])}"
        if ours and peer != OURS:
            text += f"  ({_times(seconds['median'] / ours['seconds']['median'])})"
        else:
            text += f"  {rate_text(seconds['median'], numbers['amount'], metric['unit'])}"
        axes.text(seconds["max"], height, text, va="center", fontsize=7)
    axes.set_xscale("log")
    # room for the text to the right of the longest bar: on a logarithmic axis a power of what is shown
    axes.set_xlim(start, highest * max(highest / start, 30.0) ** 0.6)
    axes.set_ylim(len(peers) - 0.4, -0.6)
    axes.set_yticks(range(len(peers)), [peer for peer, _ in peers])
    axes.xaxis.set_major_formatter(lambda value, _: seconds_text(value))
    axes.minorticks_off()
    axes.set_title(name, loc="left", fontsize=9)
    axes.set_xlabel("time, logarithmic (× hugehist's)", fontsize=7)
    plain(axes)
    axes.tick_params(axis="y", length=0)


def _times(ratio: float) -> str:
    return f"{ratio:.0f} ×" if ratio >= 99.5 else f"{ratio:.2g} ×"
