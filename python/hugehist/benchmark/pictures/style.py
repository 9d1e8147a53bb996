"""What the pictures have in common: colours, and axes without frills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

# colour-blind safe (Okabe and Ito); what is in memory in greys, ours in blues
COLOURS = {
    "hugehist": "#0072B2",
    "hugehist-buffer": "#4A9BCB",
    "hugehist-hist": "#7FB9DC",
    "hugehist-threads": "#56B4E9",
    "numpy": "#444444",
    "boost-histogram": "#6E6E6E",
    "hist": "#8C8C8C",
    "hist-chunked": "#B0B0B0",
    "h5py-zstd": "#D55E00",
    "h5py-gzip": "#E69F00",
    "zarr": "#009E73",
    "blosc2": "#CC79A7",
}
MARKERS = dict(zip(COLOURS, "o<>*sDPX^vpd", strict=True))
GREY = "0.35"


def colour(peer: str) -> str:
    return COLOURS.get(peer, "#0072B2")


def position(peer: str) -> int:
    """Peers stand in the same order everywhere."""
    order = list(COLOURS)
    return order.index(peer) if peer in order else len(order)


def plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def conditions_text(metadata: dict[str, Any]) -> str:
    """The machine and the state of the code in a line."""
    if not metadata:
        return ""
    cpu: dict[str, Any] = metadata["cpu"]
    text: str = f"{cpu['model']}, {cpu['usable_cores']} cores · {metadata['date'][:10]} · {metadata['commit'][:10]}"
    return text + (" · modified" if metadata["modified"] else "") + (" · smoke sizes" if metadata["smoke"] else "")


def save(figure: Any, path: Path, metadata: dict[str, Any]) -> Path:
    figure.supxlabel(conditions_text(metadata), fontsize=7, color=GREY, x=0.01, ha="left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path
