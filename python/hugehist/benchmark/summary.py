"""From runs to numbers: medians, spreads, and ratios to hugehist within the one run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .harness import Run

OURS = "hugehist"


def statistics(samples: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest, and the spread, which is what lies between these two."""
    return {
        "median": median(samples),
        "min": min(samples),
        "max": max(samples),
        "spread": max(samples) - min(samples),
    }


def summarize(runs: Iterable[Run]) -> dict[str, dict[str, Any]]:
    """Metric → its case and unit, and for each peer the numbers. Failed runs are left out."""
    metrics: dict[str, dict[str, Any]] = {}
    outcomes: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in runs:
        if run.outcome is not None:
            for name, metric in run.outcome["metrics"].items():
                outcomes.setdefault((name, run.job.peer), []).append(run.outcome)
                metrics.setdefault(name, {"case": run.job.case, "unit": metric["unit"], "peers": {}})
    for (name, peer), repeats in outcomes.items():
        metrics[name]["peers"][peer] = peer_numbers(name, repeats)
    for metric in metrics.values():
        ours = metric["peers"].get(OURS)
        for numbers in metric["peers"].values():
            numbers["ratio"] = numbers["seconds"]["median"] / ours["seconds"]["median"] if ours else None
    return metrics


def peer_numbers(name: str, repeats: Sequence[dict[str, Any]]) -> dict[str, Any]:
    metrics = [outcome["metrics"][name] for outcome in repeats]
    seconds = [metric["seconds"] for metric in metrics]
    amount = metrics[0]["amount"]
    notes = repeats[0]["notes"]
    return {
        "repeats": len(repeats),
        "amount": amount,
        "seconds": statistics(seconds) | {"samples": seconds},
        "items_per_second": amount / median(seconds) if median(seconds) else None,
        "cpu_seconds": median(metric["cpu_seconds"] for metric in metrics),
        "bytes_read": int(median(metric["bytes_read"] for metric in metrics)),
        "bytes_written": int(median(metric["bytes_written"] for metric in metrics)),
        "peak_rss": statistics([outcome["peak_rss"] for outcome in repeats]),
        "rss_before": int(median(outcome["rss_before"] for outcome in repeats)),
        "bytes_on_disk": statistics([outcome["bytes_on_disk"] for outcome in repeats]),
        "notes": {key: median(outcome["notes"][key] for outcome in repeats) for key in notes},
    }
