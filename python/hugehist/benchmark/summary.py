"""From runs to numbers: medians, spreads, and ratios to hugehist within the one run."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from .harness import Run

OURS = "hugehist"


def summarize(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Metric → unit, amount, case and for each peer its numbers. Failed runs are left out."""
    metrics: dict[str, dict[str, Any]] = {}
    outcomes: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in runs:
        if run.outcome is not None:
            for name in run.outcome["metrics"]:
                outcomes.setdefault((name, run.peer), []).append(run.outcome)
                metrics.setdefault(name, {"case": run.case, "peers": {}})
    for (name, peer), repeats in outcomes.items():
        metrics[name]["unit"] = repeats[0]["metrics"][name]["unit"]
        metrics[name]["amount"] = repeats[0]["metrics"][name]["amount"]
        metrics[name]["peers"][peer] = peer_numbers(name, repeats)
    for metric in metrics.values():
        ours = metric["peers"].get(OURS)
        for numbers in metric["peers"].values():
            numbers["time_ratio"] = numbers["seconds"] / ours["seconds"] if ours else None
    return metrics


def peer_numbers(name: str, repeats: Sequence[dict[str, Any]]) -> dict[str, Any]:
    seconds = [outcome["metrics"][name]["seconds"] for outcome in repeats]
    notes = repeats[0]["notes"]
    return {
        "seconds": median(seconds),
        "fastest": min(seconds),
        "slowest": max(seconds),
        "repeats": len(seconds),
        "cpu_seconds": median(outcome["metrics"][name]["cpu_seconds"] for outcome in repeats),
        "peak_rss": int(median(outcome["peak_rss"] for outcome in repeats)),
        "rss_before": int(median(outcome["rss_before"] for outcome in repeats)),
        "bytes_on_disk": int(median(outcome["bytes_on_disk"] for outcome in repeats)),
        "notes": {key: median(outcome["notes"][key] for outcome in repeats) for key in notes},
    }
