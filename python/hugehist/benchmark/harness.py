"""Runs each job in a fresh process under the recorder, the peers in turn: drift of the machine hits all alike."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path
from typing import Any

import psutil

from .jobs import Job
from .recorder import Recording, record

TIMEOUT = 1800  # seconds for one process


@dataclass(frozen=True)
class Run:
    """One process: its outcome as `measure.Outcome` in JSON, or why there is none."""

    job: Job
    repeat: int
    outcome: dict[str, Any] | None
    error: str
    recording: Recording
    conditions: dict[str, Any]  # of the machine, when it began


def run_once(job: Job, repeat: int, directory: Path | None, interval: float, *, timeout: float = TIMEOUT) -> Run:
    os.sync()  # what an earlier process left to be written is no concern of this one
    memory = psutil.virtual_memory()
    conditions = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "load": os.getloadavg()[0],
        "available_bytes": memory.available,
        "page_cache_bytes": memory.cached,
    }
    with tempfile.TemporaryDirectory(prefix="hugehist-bench-", dir=directory) as name:
        scratch = Path(name)
        result, log = scratch / "result.json", scratch / "log.txt"
        files = scratch / "files"
        files.mkdir()
        command = job.command(files, result)
        recording = record(command, log, interval=interval, timeout=timeout)
        conditions["command"] = command
        outcome, error = None, ""
        if recording.timed_out:
            error = f"took longer than {timeout} s"
        elif recording.returncode != 0:
            error = log.read_text(errors="replace").strip() or f"exit code {recording.returncode}"
        else:
            try:
                outcome = job.outcome(result)
            except (OSError, RuntimeError, ValueError) as problem:
                error = f"{type(problem).__name__}: {problem}"
    if outcome is not None and not outcome["peak_rss"]:  # an executable does not watch itself
        outcome["peak_rss"] = recording.peak_rss
    return Run(job, repeat, outcome, error, recording, conditions)


def run_all(jobs: Sequence[Job], repeats: int, directory: Path | None, interval: float) -> Iterator[Run]:
    """`jobs` come case by case. In each repeat another peer begins."""
    for repeat in range(repeats):
        for _, group in groupby(jobs, key=lambda job: job.case):
            peers = list(group)
            first = repeat % len(peers)
            for job in peers[first:] + peers[:first]:
                run = run_once(job, repeat, directory, interval)
                progress(run, repeats)
                yield run


def progress(run: Run, repeats: int) -> None:
    if run.outcome is None:
        text = "FAILED\n" + run.error
    else:
        seconds = sum(metric["seconds"] for metric in run.outcome["metrics"].values())
        text = f"{seconds:8.4g} s of {run.recording.seconds:.3g} s"
    print(f"[{run.repeat + 1}/{repeats}] {run.job.case:16} {run.job.peer:16} {text}", file=sys.stderr, flush=True)
