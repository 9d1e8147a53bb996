"""All ways of the coffea job at all sizes, each job under watch."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import asdict
from operator import itemgetter
from pathlib import Path
from typing import Any

from job.shape import Shape
from job.watch import ROLES, watch
from memory import GIB

Runs = dict[str, list[dict[str, Any]]]  # of each way, by size

BROKEN = "no result"
SMOKE_SIZES = [0.01]  # GiB


def run(options: argparse.Namespace, directory: Path, save: Callable[[dict[str, Any]], None]) -> bool:
    """False where a job failed that should not: a tiny one, or one whose sums are wrong.

    Saves after each job. What an earlier run with the same limits left of other ways and sizes is kept.
    """
    limits = {"worker": options.worker_limit * 1e9, "client": options.limit * GIB, "server": options.limit * GIB}
    results, good = _earlier(directory / "job.json", limits), True
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        for size in SMOKE_SIZES if options.smoke else sorted(options.sizes):
            for way in options.ways:
                done = _run(way, size, options, Path(scratch), directory / "job.log")
                others = [run for run in results.get(way, []) if run["dense_bytes"] != done["dense_bytes"]]
                results[way] = sorted([*others, done], key=itemgetter("dense_bytes"))
                save({"limits": limits, "ways": results})
                _show(way, done)
                good = good and not (done["failed"] and (options.smoke or done["failed"].startswith(BROKEN)))
    return good


def _earlier(path: Path, limits: dict[str, float]) -> Runs:
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return dict(content["ways"]) if content.get("limits") == limits else {}


def _run(way: str, size: float, options: argparse.Namespace, scratch: Path, log: Path) -> dict[str, Any]:
    shape = Shape.of(size * GIB)
    with tempfile.TemporaryDirectory(dir=scratch) as own, log.open("a") as note:
        print(f"--- {way}, {size} GiB", file=note, flush=True)
        result = Path(own) / "result.json"
        command = [sys.executable, "-m", "job.measure", "--way", way, "--bytes", str(round(size * GIB))]
        command += ["--events", str(scratch / "events"), "--scratch", own, "--result", str(result)]
        command += ["--worker-memory", str(round(options.worker_limit * 1e9))]
        limits = {role: round(options.limit * GIB) for role in ("client", "server")}
        watched = watch(command, log, limits, options.timeout)
        found = json.loads(result.read_text()) if result.exists() else {}
    failed = found.get("failed") or watched.ended
    if not found and not failed:
        failed = f"{BROKEN}, status {watched.returncode}; {log.name} says why"
    about = {"dense_bytes": shape.dense_bytes, "shape": asdict(shape), "load": os.getloadavg()[0]}
    return about | found | asdict(watched) | {"failed": failed}


def _show(way: str, run: dict[str, Any]) -> None:
    seconds = run.get("job_seconds", run["seconds"])
    peaks = ", ".join(f"{role} {run['peaks'][role] / GIB:5.2f}" for role in ROLES)
    outcome = f"failed: {textwrap.shorten(run['failed'], 90)}" if run["failed"] else "done"
    size = f"{run['dense_bytes'] / GIB:6.2f} GiB: {seconds:4.0f} s"
    print(f"{way:<14} {size}, peak GiB of {peaks}, {run['lost']} processes lost; {outcome}", flush=True)
