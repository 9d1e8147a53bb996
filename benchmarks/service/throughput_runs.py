"""All peers of the throughput benchmark in turn, several times; medians, ranges and ratios."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from group import group

TIMEOUT = 600  # seconds for one peer once
ROLES = ("writer", "client", "server")


def run(options: argparse.Namespace, directory: Path, save: Callable[[dict[str, Any]], None]) -> bool:
    """Raises where a peer fails, or has not got all that was sent."""
    peers: list[str] = options.peers
    runs: dict[str, list[dict[str, Any]]] = {peer: [] for peer in peers}
    for repeat in range(1 if options.smoke else options.repeats):
        first = repeat % len(peers)
        for peer in peers[first:] + peers[:first]:
            runs[peer].append(_measure(peer, options, directory))
            print(f"{repeat + 1}  {peer:<20} {_rate(runs[peer][-1], 'acknowledged_seconds'):7.0f} MB/s", flush=True)
    results = {peer: _summary(of) for peer, of in runs.items()}
    _show(results)
    sizes = {key: runs[peers[0]][0][key] for key in ("bytes", "delta_bytes", "filled")}
    save(sizes | {"in_flight": options.in_flight, "peers": results, "runs": runs})
    return True


def _measure(peer: str, options: argparse.Namespace, directory: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        result = Path(scratch) / "result.json"
        command = [sys.executable, "-m", "throughput.measure", "--peer", peer, "--result", str(result)]
        command += ["--deltas", str(options.deltas), "--in-flight", str(options.in_flight)]
        with group(command + ["--smoke"] * options.smoke) as process:
            if status := process.wait(TIMEOUT):
                raise SystemExit(f"{peer} failed with status {status}")
        found: dict[str, Any] = json.loads(result.read_text())
    return found | {"load": os.getloadavg()[0]}


def _rate(run: dict[str, Any], key: str) -> float:
    return float(run["bytes"] / 1e6 / run[key])


def _spread(numbers: list[float]) -> dict[str, float]:
    return {"median": statistics.median(numbers), "min": min(numbers), "max": max(numbers)}


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Rates in MB/s of dense deltas, latencies in seconds, memory in bytes: the highest process with that role."""
    return {
        "acknowledged": _spread([_rate(run, "acknowledged_seconds") for run in runs]),
        "merged": _spread([_rate(run, "merged_seconds") for run in runs]),
        "latency": _spread([run["latency_median"] for run in runs]),
        "latency_max": max(run["latency_max"] for run in runs),
        "memory": {role: max(run["memory_peak"][role] for run in runs) for role in ROLES},
        "memory_before": {role: statistics.median(run["memory_before"][role] for run in runs) for role in ROLES},
    }


def _show(results: dict[str, Any]) -> None:
    columns = ["acknowledged MB/s", "merged MB/s", "latency ms", "server MB", "writer MB"]
    print(f"{'':<20}" + "".join(f"{column:>20}" for column in columns))
    for peer, numbers in results.items():
        cells = [f"{numbers[key]['median']:.0f} ({_range(numbers[key])})" for key in ("acknowledged", "merged")]
        cells += [f"{1000 * numbers['latency']['median']:.0f}"]
        cells += [f"{numbers['memory'][role] / 1e6:.0f}" for role in ("server", "writer")]
        print(f"{peer:<20}" + "".join(f"{cell:>20}" for cell in cells))
    for peer, numbers in results.items():
        for other in (other for other in ("dask-actor", "histserv") if other in results and other != peer):
            ratios = [numbers[key]["median"] / results[other][key]["median"] for key in ("acknowledged", "merged")]
            print(f"{peer} / {other}: acknowledged {ratios[0]:.2f}, merged {ratios[1]:.2f}")


def _range(numbers: dict[str, float]) -> str:
    return f"{numbers['min']:.0f}–{numbers['max']:.0f}"
