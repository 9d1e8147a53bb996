"""The two figures: a stack of the datasets with its systematic band, and memory over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import mplhep
import numpy as np
from memory import show_size
from numpy.typing import NDArray
from samples import SAMPLES

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patheffects import withStroke

Array = NDArray[np.float64]

SEVEN_POINT = (0, 1, 3, 5, 7, 8)  # LHEScaleWeight without the nominal and the two opposite extremes
PAIRS = (("ps_000", "ps_002"), ("ps_001", "ps_003"), ("muon_pt_down", "muon_pt_up"))  # showers: initial, final
RATIO_TOP = 2.4
INK, MUTED, BLUE, ORANGE, RED = "#1a1a1a", "#707070", "#3f90da", "#e76300", "#bd1f01"


@dataclass(frozen=True)
class Panel:
    """One observable in one category: a histogram in memory, (dataset, systematic, observable)."""

    whole: Any
    heading: str
    unit: str = "GeV"


def stack(panels: Sequence[Panel], caption: str, path: Path) -> None:
    with plt.style.context([mplhep.style.CMS, {"font.size": 19}]):
        figure, grid = plt.subplots(
            2,
            len(panels),
            figsize=(10.5 * len(panels), 10),
            height_ratios=[3, 1],
            sharex="col",
            squeeze=False,
            gridspec_kw={"hspace": 0.07, "wspace": 0.2},
        )
        for panel, (top, bottom) in zip(panels, grid.T, strict=True):
            _stack(panel, top, bottom)
        figure.text(0.5, 0.012, caption, ha="center", va="bottom", fontsize=16, color=MUTED)
        figure.subplots_adjust(left=0.065, right=0.985, top=0.94, bottom=0.145)
        figure.savefig(path, dpi=120)
        plt.close(figure)


def _stack(panel: Panel, top: Any, bottom: Any) -> None:
    axis = panel.whole.axes[-1]
    edges, centres = axis.edges, axis.centers
    simulated = [sample for sample in SAMPLES if not sample.is_data]
    parts = [_nominal(panel.whole, sample.name) for sample in simulated]
    total = np.sum([value for value, _ in parts], axis=0)
    mplhep.histplot(
        [value for value, _ in parts],
        edges,
        stack=True,
        histtype="fill",
        label=[sample.title for sample in simulated],
        color=[sample.colour for sample in simulated],
        ax=top,
        flow="none",
    )
    down, up = band(panel.whole, [sample.name for sample in simulated])
    statistical = np.sqrt(np.sum([variance for _, variance in parts], axis=0))
    safe = np.where(total > 0, total, np.nan)
    for axes, base, size in ((top, total, np.ones_like(total)), (bottom, np.ones_like(total), safe)):
        both = [np.hypot(side, statistical) / size for side in (down, up)]
        _band(axes, edges, base - both[0], base + both[1], "///", MUTED, "Stat. + syst.")
        _band(axes, edges, base - down / size, base + up / size, None, INK, "Syst.")

    recorded, error = _nominal(panel.whole, next(s.name for s in SAMPLES if s.is_data))
    scale = total.sum() / recorded.sum()
    there = recorded > 0
    for axes, size in ((top, np.ones_like(total)), (bottom, safe)):
        axes.errorbar(
            centres[there],
            (recorded * scale / size)[there],
            (np.sqrt(error) * scale / size)[there],
            fmt="o",
            color="black",
            ms=6,
            label="Data, scaled to the sum",
        )
    lowest = min(float(v[v > 0].min()) for v in [total, recorded * scale])
    top.set(yscale="log", xlim=(edges[0], edges[-1]), ylim=(0.2 * lowest, 40 * total.max()))
    top.set_ylabel(f"Events / {axis.widths[0]:g} {panel.unit}")
    top.set_title(panel.heading, loc="left", fontsize=21)
    top.legend(ncols=2, fontsize=16, loc="upper right")
    bottom.axhline(1, color=MUTED, lw=1)
    bottom.set(ylim=(0, RATIO_TOP), ylabel="Ratio")
    above = there & (recorded * scale / np.nan_to_num(safe, nan=np.inf) > RATIO_TOP)
    bottom.plot(centres[above], np.full(above.sum(), 0.93 * RATIO_TOP), "^", color="black", ms=9)  # beyond the frame
    bottom.set_xlabel(axis.label)


def _band(axes: Any, edges: Array, low: Array, high: Array, hatch: str | None, colour: str, label: str) -> None:
    style = {"hatch": hatch, "facecolor": "none", "edgecolor": colour} if hatch else {"color": colour, "alpha": 0.3}
    axes.stairs(high, edges, baseline=low, fill=True, lw=0, label=label, **style)


def _nominal(whole: Any, dataset: str) -> tuple[Array, Array]:
    one = whole[{"dataset": dataset, "systematic": "nominal"}]
    return one.values(), one.variances()


def band(whole: Any, datasets: Sequence[str]) -> tuple[Array, Array]:
    """Down and up, all sources in quadrature: PDF (Hessian), scale (envelope of 7), shower, muon scale."""
    labels = list(whole.axes["systematic"])
    down, up = np.zeros((2, whole.axes[-1].size))
    for dataset in datasets:
        values = whole[{"dataset": dataset}].values()
        rows = {label: row for label, row in zip(labels, values, strict=True) if row.any()}
        for names in ([f"scale_{i:03d}" for i in SEVEN_POINT], *PAIRS):
            shifts = [rows[name] - rows["nominal"] for name in names if name in rows]
            down += np.min([np.zeros_like(down), *shifts], axis=0) ** 2
            up += np.max([np.zeros_like(up), *shifts], axis=0) ** 2
        pdf = [row for label, row in rows.items() if label.startswith("pdf_")]
        if pdf:  # the central member, Hessian members, and alpha_s down and up
            shifts = [member - pdf[0] for member in pdf[1:-2]] + [(pdf[-1] - pdf[-2]) / 2]
            down += np.sum(np.square(shifts), axis=0)
            up += np.sum(np.square(shifts), axis=0)
    return np.sqrt(down), np.sqrt(up)


def memory_over_time(found: Mapping[str, Any], path: Path) -> None:
    """From what large.py measured: dense size, file and resident memory, all on one scale."""
    when, dense, stored = (np.array(column) for column in zip(*found["steps"], strict=True))
    memory, limit, baseline, end = found["sizes"], found["limit"], found["baseline"], found["times"][-1]
    bottom, top = 0.5 * min(memory), 2.5 * max(dense[-1], limit)
    beside_limit = limit / 1.32 if limit < dense[-1] < 2 * limit else limit  # the text, where the lines lie close
    with plt.style.context([mplhep.style.CMS, {"font.size": 18}]):
        figure, axes = plt.subplots(figsize=(12, 8))
        axes.set_yscale("log", base=2)
        axes.axvspan(found["filled_at"], end, color=MUTED, alpha=0.12, lw=0)
        axes.text(end, 1.1 * bottom, "reading back ", color=MUTED, fontsize=15, ha="right")
        axes.axhline(baseline, color=MUTED, lw=1.5, ls=":")
        axes.axhline(limit, color=RED, lw=1.5, ls="--")
        axes.plot(when, dense, color=BLUE, lw=2.5)
        axes.plot(when, stored, color=ORANGE, lw=2.5)
        axes.plot(found["times"], memory, color=INK, lw=1.5)
        for x, side, value, text, colour in (
            (0.985, "right", dense[-1], f"Dense size of the histogram, {show_size(dense[-1])}", BLUE),
            (0.985, "right", stored[-1], f"File, {show_size(stored[-1])}", ORANGE),
            (0.985, "right", beside_limit, f"Limit: baseline + {show_size(found['budget'])} of budget + 300 MiB", RED),
            (0.985, "right", baseline / 1.35, "Baseline, after the imports", MUTED),
            (0.5, "center", max(memory) / 1.5, f"Resident memory, at most {show_size(found['peak'])}", INK),
        ):
            shown = axes.text(x * end, value * 1.08, text, color=colour, ha=side, fontsize=16)
            shown.set_path_effects([withStroke(linewidth=3, foreground="white", alpha=0.8)])
        axes.set(xlabel="Time [s]", ylabel="Size", xlim=(0, end), ylim=(bottom, top))
        axes.yaxis.set_major_formatter(lambda value, _: show_size(value))
        axes.set_title("Memory while the histogram grows", loc="left", fontsize=20)
        figure.savefig(path, dpi=120, bbox_inches="tight")
        plt.close(figure)
