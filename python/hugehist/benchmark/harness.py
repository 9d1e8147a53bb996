"""Runs each (peer, case) in a fresh process, the peers in turn, so that drift of the machine hits all alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .cases import Case

TIMEOUT = 1800  # seconds for one process


@dataclass(frozen=True)
class Run:
    """One process: its outcome as `cases.Outcome` in JSON, or why there is none."""

    case: str
    peer: str
    repeat: int
    outcome: dict[str, Any] | None
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def run_once(case: str, peer: str, repeat: int, directory: Path | None, *, smoke: bool) -> Run:
    os.sync()  # what an earlier process left to be written is no concern of this one
    with tempfile.TemporaryDirectory(prefix="hugehist-bench-", dir=directory) as scratch:
        command = [sys.executable, "-m", "hugehist.benchmark.worker"]
        command += ["--peer", peer, "--case", case, "--path", str(Path(scratch) / "histogram.h5")]
        command += ["--smoke"] if smoke else []
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            return Run(case, peer, repeat, None, f"took longer than {TIMEOUT} s")
    if done.returncode != 0:
        return Run(case, peer, repeat, None, done.stderr.strip() or f"exit code {done.returncode}")
    return Run(case, peer, repeat, json.loads(done.stdout.splitlines()[-1]))


def run_all(
    cases: dict[str, Case], peers: Sequence[str], repeats: int, directory: Path | None, *, smoke: bool
) -> list[Run]:
    runs = []
    for repeat in range(repeats):
        for name, case in cases.items():
            taking_part = [peer for peer in case.peers if peer in peers]
            first = repeat % max(len(taking_part), 1)
            for peer in taking_part[first:] + taking_part[:first]:
                run = run_once(name, peer, repeat, directory, smoke=smoke)
                runs.append(run)
                progress(run, repeats)
    return runs


def progress(run: Run, repeats: int) -> None:
    if run.outcome is None:
        text = "FAILED\n" + run.error
    else:
        seconds = sum(metric["seconds"] for metric in run.outcome["metrics"].values())
        text = f"{seconds:.4g} s"
    print(f"[{run.repeat + 1}/{repeats}] {run.case:16} {run.peer:16} {text}", file=sys.stderr, flush=True)
