"""The recorder of benchmarks, on processes whose doings are known."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hugehist.benchmark.recorder import record

WORK = """
import os, subprocess, sys, time
from hugehist.benchmark.recorder.phases import enter
enter("allocate")
held = bytearray(b"x" * (80 << 20))
time.sleep(0.3)
enter("write")
with open(sys.argv[1], "wb") as file:
    file.write(held[: 20 << 20])
time.sleep(0.15)
enter("compute")
end = time.process_time() + 0.5
while time.process_time() < end:
    pass
enter("child")
subprocess.run([sys.executable, "-c", "import time; time.sleep(0.4)"], check=True)
print("said")
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    place = tmp_path_factory.mktemp("recording")
    yield record([sys.executable, "-c", WORK, str(place / "written")], place / "log", interval=0.05, timeout=60)
    assert (place / "log").read_text() == "said\n"


def test_recorder_sees_what_the_process_does(recording: Any) -> None:
    assert recording.returncode == 0
    assert not recording.timed_out
    samples = [event for event in recording.events if "process" in event]
    assert len(samples) == recording.samples > 10

    def process(phase: str, field: str) -> list[float]:
        return [sample["process"][field] for sample in samples if sample["phase"] == phase]

    assert max(process("allocate", "rss")) > 80 << 20
    assert recording.peak_rss >= max(process("allocate", "rss"))
    assert process("compute", "bytes_written")[0] - process("start", "bytes_written")[0] >= 20 << 20
    computed = process("compute", "cpu_s")
    assert 0.2 < computed[-1] - computed[0] <= recording.cpu_seconds
    assert max(process("child", "processes")) == 2
    assert set(process("allocate", "processes")) == {1}
    assert recording.cpu_seconds > 0.5


def test_recorder_tells_phases_in_order(recording: Any) -> None:
    marks = [(event["t"], event["enters"]) for event in recording.events if "enters" in event]
    assert [phase for _, phase in marks] == ["allocate", "write", "compute", "child"]
    times = [event["t"] for event in recording.events]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= recording.seconds
    current = "start"
    for event in recording.events:
        current = event.get("enters", current)
        assert event.get("phase", current) == current


def test_recorder_samples_the_system(recording: Any) -> None:
    samples = [event["system"] for event in recording.events if "system" in event]
    for counter in ("cpu_s", "iowait_s", "disk_read", "disk_written", "network_received", "network_sent"):
        values = [sample[counter] for sample in samples]
        assert values == sorted(values), counter
    # the process's own second of work is in the machine's
    assert samples[-1]["cpu_s"] - samples[0]["cpu_s"] > 0.4
    assert all(sample["available"] > 0 for sample in samples)
    assert all(sample["page_cache"] > 0 for sample in samples)


def test_recorder_measures_its_own_cost(recording: Any) -> None:
    cost = recording.cost(0.05)
    assert cost["samples"] == recording.samples
    assert cost["cpu_seconds_per_sample"] == pytest.approx(recording.recorder_cpu_seconds / recording.samples)
    assert 0 < cost["share_of_one_core"] < 0.5


def test_recorder_ends_what_takes_too_long_with_its_children(tmp_path: Path) -> None:
    script = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"
    done = record([sys.executable, "-c", script], tmp_path / "log", timeout=5)
    assert done.timed_out
    assert done.returncode == -9
    child = int((tmp_path / "log").read_text())
    for _ in range(1000):  # the kernel takes its time to end what is not ours to wait for
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.01)
    else:
        pytest.fail(f"process {child} lives on")


def test_recorder_without_samples(tmp_path: Path) -> None:
    done = record([sys.executable, "-c", "raise SystemExit(7)"], tmp_path / "log", interval=0, timeout=60)
    assert (done.returncode, done.samples, done.events) == (7, 0, [])


def test_measured_process_ends_with_the_run(tmp_path: Path) -> None:
    forever = tmp_path / "forever"
    forever.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    forever.chmod(0o755)
    command = [sys.executable, "-m", "hugehist.benchmark", "run", "--executable", str(forever)]
    with subprocess.Popen([*command, "--dir", str(tmp_path), "--output", str(tmp_path / "out")]) as run:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert run.poll() is None
            time.sleep(0.05)
        measured = psutil.Process(int((tmp_path / "pid").read_text()))
        run.terminate()
        assert run.wait() == 1
    assert (tmp_path / "out/results.json").exists()
    assert not psutil.wait_procs([measured], timeout=30)[1]  # whoever is its parent now has to take notice first
    assert not list(tmp_path.glob("hugehist-bench-*"))
