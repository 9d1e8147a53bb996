"""Pictures of what a directory has results of: rates, latencies and memory of the peers; memory of the coffea job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from hugehist.benchmark.pictures.style import plain, save
from matplotlib.ticker import LogLocator
from memory import GIB

# colour-blind safe, as in the other pictures
COLOURS = {
    "hugehist": "#0072B2",
    "coffea": "#D55E00",
    "dask-actor": "#009E73",
    "histserv": "#E69F00",
    "histserv-lz4": "#CC79A7",
}
MARKERS = dict(zip(COLOURS, "osD^v", strict=True))
TITLES = {
    "hugehist": "hugehist",
    "coffea": "coffea's own (hist objects)",
    "dask-actor": "Dask Actor, in memory",
    "histserv": "histserv",
    "histserv-lz4": "histserv, lz4",
}


def draw(directory: Path) -> list[Path]:
    made = []
    for part, figure in (("throughput", _throughput), ("job", _job)):
        found = directory / f"{part}.json"
        if found.exists():
            content = json.loads(found.read_text(encoding="utf-8"))
            made.append(save(figure(content), directory / "plots" / f"{part}.png", content["metadata"]))
    return made


def _order(names: Any) -> list[str]:
    return sorted(names, key=list(COLOURS).index)


def _throughput(content: dict[str, Any]) -> Any:
    peers = content["peers"]
    names = _order(peers)
    figure, panels = plt.subplots(
        1, 3, figsize=(13, 1.6 + 0.5 * len(names)), sharey=True, layout="constrained", width_ratios=(5, 4, 4)
    )
    rate, latency, memory = panels
    for at, name in enumerate(names):
        numbers = peers[name]
        for key, shift, shade in (("acknowledged", -0.2, 1.0), ("merged", 0.2, 0.5)):
            _bar(rate, at + shift, numbers[key], name, shade)
        _bar(latency, at, {key: 1000 * value for key, value in numbers["latency"].items()}, name, 1.0, height=0.7)
        for role, shift, shade in (("server", -0.2, 1.0), ("writer", 0.2, 0.5)):
            _bar(memory, at + shift, {"median": numbers["memory"][role] / 1e6}, name, shade)
    rate.set_yticks(range(len(names)), [TITLES[name] for name in names])
    rate.invert_yaxis()
    rate.set_xlabel("dense delta / MB/s", fontsize=8)
    rate.set_title("until acknowledged (dark), until merged (light)", loc="left", fontsize=9)
    latency.set_xlabel("from sending to acknowledgement / ms", fontsize=8)
    latency.set_title("median latency of a delta", loc="left", fontsize=9)
    memory.set_xlabel("peak resident memory / MB", fontsize=8)
    memory.set_title("server (dark), a writer (light)", loc="left", fontsize=9)
    for axes in panels:
        plain(axes)
        axes.set_xlim(right=1.25 * axes.get_xlim()[1])
    size = f"2 writers, {content['in_flight']} deltas of {content['delta_bytes'] / 1e6:.0f} MB in flight from each"
    figure.suptitle(f"{size}; {content['bytes'] / 1e9:.1f} GB in all", fontsize=10, x=0.01, ha="left")
    return figure


def _bar(axes: Any, at: float, numbers: dict[str, float], name: str, shade: float, height: float = 0.36) -> None:
    axes.barh(at, numbers["median"], height=height, color=COLOURS[name], alpha=shade)
    if "min" in numbers:
        axes.plot([numbers["min"], numbers["max"]], [at, at], color="black", linewidth=1.0)
    end = max(numbers.values())
    axes.text(end, at, f" {numbers['median']:.0f}", va="center", fontsize=7)


def _job(content: dict[str, Any]) -> Any:
    figure, grid = plt.subplots(2, 2, figsize=(11, 8), sharex=True, layout="constrained")
    worker, client, server, seconds = grid.flat
    for name in _order(content["ways"]):
        runs = content["ways"][name]
        for axes, role in ((worker, "worker"), (client, "client"), (server, "server")):
            if any(run["peaks"][role] for run in runs):
                _line(axes, name, runs, [run["peaks"][role] / GIB for run in runs])
        _line(seconds, name, runs, [run.get("job_seconds", run["seconds"]) for run in runs])
    sizes = [run["dense_bytes"] / GIB for runs in content["ways"].values() for run in runs]
    reach = [0.9 * min(sizes), 1.1 * max(sizes)]
    for axes, role in ((worker, "worker"), (client, "client"), (server, "server")):
        limit = content["limits"][role] / GIB
        axes.axhline(limit, color="0.4", linestyle="--", linewidth=1)
        axes.text(reach[0], limit, f"limit {limit:.3g} GiB", fontsize=7, va="bottom", color="0.4")
        axes.plot(reach, reach, color="0.7", linestyle=":", linewidth=1, label="as large as the histogram")
        axes.set_ylim(0.1, 3 * limit)
        axes.set_ylabel("peak resident memory / GiB", fontsize=9)
    _titles(worker, "A worker, the higher of the two (without the Actor's)")
    _titles(client, "The client, with Dask's scheduler")
    _titles(server, "The server: its process, or the worker with the Actor")
    _titles(seconds, "Time of the job, or until it failed")
    seconds.set_ylabel("time / s", fontsize=9)
    for axes in grid[1]:
        axes.set_xlabel("histogram, dense / GiB", fontsize=9)
    handles, labels = worker.get_legend_handles_labels()
    handles.append(plt.Line2D([], [], marker="X", color="black", linestyle="", markersize=9))
    figure.legend(handles, [*labels, "failed"], loc="outside upper center", ncols=3, fontsize=8, frameon=False)
    return figure


def _titles(axes: Any, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()
    plain(axes)


def _line(axes: Any, name: str, runs: list[dict[str, Any]], values: list[float]) -> None:
    """A line through the sizes at which the job was done, and a cross where it failed."""
    x = [run["dense_bytes"] / GIB for run in runs]
    good = [i for i, run in enumerate(runs) if not run["failed"]]
    bad = [i for i, run in enumerate(runs) if run["failed"]]
    colour = COLOURS[name]
    axes.plot([x[i] for i in good], [values[i] for i in good], marker=MARKERS[name], color=colour, label=TITLES[name])
    axes.plot([x[i] for i in bad], [values[i] for i in bad], marker="X", markersize=9, color=colour, linestyle="")
