"""Pictures of a directory of results: bars with ratios, processes over time, memory against size."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from .loading import ResultsError, load, load_events
from .pictures import bars, memory, timeline
from .summary import OURS

# metrics that share a picture of bars, by how their case's name begins
GROUPS = {
    "merge": ("merge",),
    "read": ("project", "slice", "open"),
    "fill": ("fill",),
    "grow": ("grow", "commit"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, help="a directory that `run` wrote")
    parser.add_argument("--output", type=Path, help="directory of the pictures (default: plots in the results)")
    parser.add_argument(
        "--peers", nargs="+", metavar="PEER", default=[OURS], help="whose processes are shown over time; `all` for all"
    )
    parser.add_argument("--repeat", type=int, default=0, help="which process of each is shown over time (default: 0)")


def grouped(metrics: dict[str, dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Metrics by the picture that they are in; executables have one each."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, metric in metrics.items():
        case = metric["case"]
        if case.startswith("memory"):
            continue  # has a picture of its own
        group = next((group for group, prefixes in GROUPS.items() if case.startswith(prefixes)), case)
        found.setdefault(group, {})[name] = metric
    return found


def timelines(results: Path, output: Path, metadata: dict[str, Any], peers: list[str], repeat: int) -> list[Path]:
    drawn = []
    for directory in sorted(path.parent for path in results.glob("*/*/events.jsonl")):
        case, peer = directory.parent.name, directory.name
        if peer in peers or "all" in peers or peer == "cpp":
            events = [event for event in load_events(directory) if event["repeat"] == repeat]
            path = output / f"time-{case}-{peer}.png"
            if events and timeline.draw(events, f"{case}, {peer}", metadata, path):
                drawn.append(path)
    return drawn


def main(args: argparse.Namespace) -> int:
    try:
        metrics, metadata = load(args.results)
    except ResultsError as problem:
        sys.exit(str(problem))
    results = args.results if args.results.is_dir() else args.results.parent
    output = args.output or results / "plots"
    drawn = [bars.draw(part, metadata, output / f"bars-{group}.png") for group, part in grouped(metrics).items()]
    if scan := memory.draw(metrics, metadata, output / "memory.png"):
        drawn.append(scan)
    drawn += timelines(results, output, metadata, args.peers, args.repeat)
    for path in drawn:
        print(os.path.relpath(path))
    return 0
