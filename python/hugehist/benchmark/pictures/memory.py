"""Highest memory of a merge and a projection against the size of the histogram."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from .style import MARKERS, colour, plain, position, save

MEGA = 1e6


def points(metrics: dict[str, dict[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """For each peer (dense bytes, bytes of memory above the start), by size."""
    found: dict[str, list[tuple[float, float]]] = {}
    for metric in metrics.values():
        for peer, numbers in metric["peers"].items():
            if "dense_bytes" in numbers["notes"]:
                above = numbers["peak_rss"]["median"] - numbers["rss_before"]
                found.setdefault(peer, []).append((numbers["notes"]["dense_bytes"], above))
    return {peer: sorted(found[peer]) for peer in sorted(found, key=position)}


def draw(metrics: dict[str, dict[str, Any]], metadata: dict[str, Any], path: Path) -> Path | None:
    """None where the results have no scan of sizes."""
    peers = points(metrics)
    if max((len(sizes) for sizes in peers.values()), default=0) < 2:
        return None
    figure, axes = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
    for peer, sizes in peers.items():
        x, y = ([value / MEGA for value in column] for column in zip(*sizes, strict=True))
        axes.plot(x, y, marker=MARKERS.get(peer, "o"), color=colour(peer), label=peer, linewidth=1.5)
    longest = max(size for sizes in peers.values() for size, _ in sizes) / MEGA
    axes.plot([0, longest], [0, longest], color="0.6", linestyle=":", linewidth=1, label="as large as the histogram")
    axes.set_xlim(0, longest * 1.05)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("histogram, dense / MB", fontsize=9)
    axes.set_ylabel("peak resident memory above the start / MB", fontsize=9)
    axes.set_title("Memory while merging and projecting, the delta at hand included", loc="left", fontsize=10)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    plain(axes)
    return save(figure, path, metadata)
