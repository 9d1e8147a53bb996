"""One picture of a summary: each peer's time and size as a multiple of hugehist's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter

from .summary import OURS

# colour-blind safe (Okabe and Ito), and a marker of its own for each
STYLE = {
    "hugehist-buffer": ("<", "#7f7f7f"),
    "hugehist-hist": (">", "#7f7f7f"),
    "hugehist-threads": ("*", "#7f7f7f"),
    "numpy": ("o", "#000000"),
    "hist": ("s", "#D55E00"),
    "boost-histogram": ("D", "#E69F00"),
    "h5py-zstd": ("^", "#0072B2"),
    "h5py-gzip": ("v", "#56B4E9"),
    "zarr": ("P", "#009E73"),
    "blosc2": ("X", "#CC79A7"),
}

Row = tuple[str, dict[str, float]]


def ratios(metrics: dict[str, dict[str, Any]], key: str) -> list[Row]:
    """For each metric where hugehist has that number: the peers' multiples of it."""
    found = []
    for name, metric in metrics.items():
        ours = metric["peers"].get(OURS, {}).get(key)
        if ours:
            peers = {peer: numbers[key] / ours for peer, numbers in metric["peers"].items() if numbers[key]}
            found.append((name, peers))
    return found


def selected(metrics: dict[str, dict[str, Any]], names: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The metrics of `names` under the words for the picture."""
    return {text: metrics[name] for name, text in names.items() if name in metrics}


def draw(axes: Any, rows: list[Row], title: str, better: str) -> None:
    """A line for each row, a marker for each peer; `better` is the word for a smaller number."""
    for height, (_, peers) in enumerate(rows):
        axes.axhline(height, color="0.92", zorder=0)
        for peer, ratio in peers.items():
            if peer != OURS:
                marker, colour = STYLE[peer]
                axes.plot(
                    ratio, height, marker, color=colour, markersize=7, markeredgecolor="white", markeredgewidth=0.5
                )
    axes.axvline(1.0, color="0.3", linewidth=1.5, zorder=1)
    axes.set_xscale("log")
    lowest = min((ratio for _, peers in rows for ratio in peers.values()), default=1.0)
    highest = max((ratio for _, peers in rows for ratio in peers.values()), default=1.0)
    axes.set_xlim(min(lowest, 1.0) / 1.8, max(highest, 1.0) * 1.8)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if highest / lowest < 100 else (1,)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(f"← peer is {better}    (log scale)    hugehist is {better} →", fontsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def plot(metrics: dict[str, dict[str, Any]], metadata: dict[str, Any], path: Path) -> bool:
    """Draws; False where there is nothing of hugehist's to compare with."""
    time = ratios(metrics, "seconds")
    if not time:
        return False
    sizes = selected(metrics, {"merge": "file after all merges", "project dataset": "file written once"})
    peaks = selected(metrics, {"merge": "peak memory, merge", "grow": "peak memory, grow"})
    other = ratios(peaks, "peak_rss") + ratios(sizes, "bytes_on_disk")
    figure, (left, right) = plt.subplots(
        2,
        1,
        figsize=(9, 2.4 + 0.34 * (len(time) + len(other))),
        height_ratios=[len(time) + 1, len(other) + 1],
        layout="constrained",
    )
    draw(left, time, "Time, as a multiple of hugehist's", "faster")
    draw(
        right,
        other,
        "Memory and disk, as a multiple of hugehist's",
        "smaller",
    )
    shown = {peer for _, peers in time for peer in peers if peer != OURS}
    handles = [
        plt.Line2D([], [], linestyle="", marker=marker, color=colour, label=peer)
        for peer, (marker, colour) in STYLE.items()
        if peer in shown
    ]
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=len(handles) if len(handles) < 8 else -(-len(handles) // 2),
        frameon=False,
        fontsize=9,
    )
    figure.suptitle(
        f"{metadata['cpu']}, {metadata['cpus']} cores · {metadata['date'][:10]} · {metadata['commit'][:10]}",
        fontsize=8,
        color="0.4",
        y=-0.01,
        va="top",
    )
    figure.savefig(path, dpi=150, bbox_inches="tight")
    plt.close(figure)
    return True
