"""What is run: a peer's case, or a Google Benchmark executable; each a command that leaves an outcome in a file."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
CPP = "C++"  # the peer of executables


@dataclass(frozen=True)
class Job(ABC):
    """`command` gets a scratch directory of its own and writes `result`, which `outcome` reads."""

    case: str
    peer: str

    @abstractmethod
    def command(self, scratch: Path, result: Path) -> list[str]: ...

    @abstractmethod
    def outcome(self, result: Path) -> dict[str, Any]:
        """As `measure.Outcome` in JSON."""


@dataclass(frozen=True)
class CaseJob(Job):
    smoke: bool
    cold: bool

    def command(self, scratch: Path, result: Path) -> list[str]:
        command = [sys.executable, "-m", f"{__package__}.worker", "--peer", self.peer, "--case", self.case]
        command += ["--path", str(scratch / "histogram.h5"), "--result", str(result)]
        return command + ["--smoke"] * self.smoke + ["--cold"] * self.cold

    def outcome(self, result: Path) -> dict[str, Any]:
        return dict(json.loads(result.read_text()))


@dataclass(frozen=True)
class ExecutableJob(Job):
    path: Path
    filter: str

    def command(self, scratch: Path, result: Path) -> list[str]:
        command = [str(self.path), f"--benchmark_out={result}", "--benchmark_out_format=json"]
        return command + [f"--benchmark_filter={self.filter}"] * bool(self.filter)

    def outcome(self, result: Path) -> dict[str, Any]:
        metrics = {}
        for benchmark in json.loads(result.read_text())["benchmarks"]:
            if benchmark.get("error_occurred"):
                raise RuntimeError(f"{benchmark['name']}: {benchmark['error_message']}")
            if benchmark.get("run_type") != "aggregate":
                metrics[f"{self.case} {benchmark['name']}"] = _metric(benchmark)
        if not metrics:
            raise RuntimeError(f"{self.path} ran no benchmark" + f" for the filter '{self.filter}'" * bool(self.filter))
        return {"metrics": metrics, "rss_before": 0, "peak_rss": 0, "bytes_on_disk": 0, "notes": {}}


def _metric(benchmark: dict[str, Any]) -> dict[str, Any]:
    scale = SECONDS[benchmark["time_unit"]]
    seconds = scale * benchmark["real_time"]
    cpu_seconds = scale * benchmark["cpu_time"]
    # its rates are for CPU time, unless the benchmark asks for another clock
    clocks = benchmark["name"].split("/")
    rated = seconds if "real_time" in clocks or "manual_time" in clocks else cpu_seconds
    amount, unit = 1.0, "iteration"
    for rate, name in (("bytes_per_second", "B"), ("items_per_second", "item")):
        if rate in benchmark:
            amount, unit = rated * benchmark[rate], name
            break
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "amount": amount, "unit": unit} | dict.fromkeys(
        ("bytes_read", "bytes_written"), 0
    )
