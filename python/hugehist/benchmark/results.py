"""The directory of results.

    metadata.json, results.json          of the whole run
    <case>/<peer>/metadata.json          the same, and of each repeat its conditions and the recorder's cost
                  events.jsonl           samples and phases, a line each
                  results.json           the numbers of this peer and case

Those of a peer and case are written after each repeat, so that a run that is interrupted leaves what it had.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .harness import Run
from .loading import EVENTS, METADATA, RESULTS
from .summary import summarize


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


class ResultsDirectory:
    def __init__(self, directory: Path, metadata: dict[str, Any], interval: float) -> None:
        self.directory = directory
        self.runs: list[Run] = []
        self._metadata = metadata
        self._interval = interval
        directory.mkdir(parents=True, exist_ok=True)
        write_json(directory / METADATA, metadata)

    def add(self, run: Run) -> None:
        """Takes a run's events out of memory into its file, and writes the peer's and case's numbers anew."""
        self.runs.append(run)
        place = run_directory(self.directory, run.job.case, run.job.peer)
        place.mkdir(parents=True, exist_ok=True)
        with (place / EVENTS).open("w" if run.repeat == 0 else "a", encoding="utf-8") as lines:
            for event in run.recording.events:
                lines.write(json.dumps({"repeat": run.repeat} | event) + "\n")
        run.recording.events.clear()
        same = [other for other in self.runs if (other.job.case, other.job.peer) == (run.job.case, run.job.peer)]
        repeats = [
            other.conditions
            | {
                "seconds": other.recording.seconds,
                "cpu_seconds": other.recording.cpu_seconds,
                "recorder": other.recording.cost(self._interval),
                "error": other.error or None,
            }
            for other in same
        ]
        write_json(place / METADATA, self._metadata | {"case": run.job.case, "peer": run.job.peer, "repeats": repeats})
        write_json(place / RESULTS, self._content(same))

    def finish(self, more: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Writes the files of the whole run; returns the metrics."""
        cost = sum(run.recording.recorder_cpu_seconds for run in self.runs)
        samples = sum(run.recording.samples for run in self.runs)
        seconds = sum(run.recording.seconds for run in self.runs)
        recorder = {
            "interval_s": self._interval or None,
            "samples": samples,
            "cpu_seconds_per_sample": cost / samples if samples else None,
            "share_of_one_core": cost / seconds if seconds else None,
        }
        write_json(self.directory / METADATA, self._metadata | {"recorder": recorder} | more)
        content = self._content(self.runs)
        write_json(self.directory / RESULTS, content)
        return dict(content["metrics"])

    @staticmethod
    def _content(runs: list[Run]) -> dict[str, Any]:
        failed = [
            {"case": run.job.case, "peer": run.job.peer, "repeat": run.repeat, "error": run.error}
            for run in runs
            if run.outcome is None
        ]
        return {"metrics": summarize(runs), "failed": failed}


def run_directory(directory: Path, case: str, peer: str) -> Path:
    return directory / case / re.sub(r"\W", "-", peer.replace("C++", "cpp"))
