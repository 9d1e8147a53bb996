"""What the demo prints: plain tables, at most 100 columns wide."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from check import TOLERANCE, Comparison
from memory import show_size
from rich import box
from rich.console import Console
from rich.table import Table

NUMBER = r"[\d.,]+(e[+-]?\d+)?( [KMG]?i?B)?"

console = Console(width=100, highlight=False, soft_wrap=False)


def heading(text: str) -> None:
    console.print()
    console.rule(f"[bold]{text}", align="left", style="dim")


def say(text: str) -> None:
    console.print("  " + text)


def _mark(ok: bool, good: str = "equal", bad: str = "DIFFERENT") -> str:
    return f"[green]{good}[/]" if ok else f"[bold red]{bad}[/]"


def shown(path: Path) -> str:
    """The path as seen from here, where that is shorter."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Text to the left, numbers to the right."""
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=True)
    for i, column in enumerate(columns):
        numeric = all(re.fullmatch(NUMBER, str(row[i])) for row in rows)
        drawn.add_column(column, justify="right" if numeric else "left")
    for row in rows:
        drawn.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    console.print(drawn)


def show_contents(file: Any) -> None:
    rows = []
    for name in file:
        h = file[name]
        stats = h.stats()
        shape = " × ".join(str(axis.size) for axis in h.axes)
        rows.append([name, shape, h.storage_type.__name__, show_size(stats["dense_bytes"])])
        rows[-1] += [show_size(stats["stored_bytes"]), stats["stored_chunks"]]
    table(["histogram", "axes", "storage", "dense", "stored", "chunks"], rows)


def show_counters(sums: Mapping[str, Mapping[str, float]], factors: Mapping[str, float]) -> None:
    """The counters, and what each dataset is multiplied by while it is read."""
    rows = []
    for dataset, sum_of in sums.items():
        factor = f"{factors[dataset]:.4g}" if dataset in factors else "as it is"
        rows.append([dataset, int(sum_of["events"]), f"{sum_of['sumw']:.6g}", factor])
    table(["dataset", "events", "Σ weights", "scaled on reading by"], rows)


def show_checks(outcomes: Mapping[str, Comparison]) -> bool:
    rows: list[list[object]] = []
    for name, found in outcomes.items():
        rows.append([name, found.bins, found.filled, found.identical, f"{found.value_off:.1e}"])
        rows[-1] += [f"{found.variance_off:.1e}", _mark(found.ok)]
    table(["histogram", "bins", "filled", "same bits", "Δ / Σ|w|", "Δvar / Σw²", "to hist"], rows)
    return all(found.ok for found in outcomes.values())


def show_large(found: Mapping[str, Any]) -> bool:
    """The numbers of the large part; true if the bins agree and the memory stayed within its limit."""
    dense, write = found["dense"], found["fill_seconds"] + found["commit_seconds"]
    shape = " × ".join(str(n) for n in found["shape"])
    ok, within = found["worst"] <= TOLERANCE, found["peak"] <= found["limit"]
    lines = {
        "histogram": f"{shape} (dataset × region × systematic × score), values and variances",
        "dense size": f"{show_size(dense)}, {dense / found['budget']:.0f} times the memory budget",
        "filled": f"{found['entries'] / 1e6:,.0f} million weighted entries; {found['filled']:.0%} of the bins checked",
        "file": f"{show_size(found['file'])}, {found['file'] / dense:.1%} of the dense size; "
        f"{found['written'] / found['file']:.1f} times as much was written",
        "fill": f"{found['fill_seconds']:.1f} s, then {found['commit_seconds']:.1f} s for the last commit: "
        f"{dense / write / 1e9:.2f} GB/s of dense size",
        "read": f"{found['read_seconds']:.1f} s to project all of it: {dense / found['read_seconds'] / 1e9:.2f} GB/s",
        "beside": f"{found['make_seconds']:.1f} s to make the events and what they are checked against",
        "peak memory": f"{show_size(found['peak'] - found['baseline'])} over the baseline of "
        f"{show_size(found['baseline'])}",
        "allowed": f"{show_size(found['budget'])} of budget + 300 MiB: {_mark(within, 'kept', 'EXCEEDED')}",
        "checked": f"{found['slices']:,} slices, {found['bins']:,} bins, against plain hist, and the sums of all",
        "": f"{found['sums']:,} (dataset, systematic): {_mark(ok)}, largest Δ / Σ|w| {found['worst']:.1e}",
    }
    for name, text in lines.items():
        console.print(f"  {name:<13}{text}")
    return bool(ok and within)
