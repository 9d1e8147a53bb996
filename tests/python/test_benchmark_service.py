"""benchmarks/service: both parts at tiny sizes, with real clusters and servers, and the watch over a job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

for needed in ("coffea", "distributed", "histserv", "uproot"):
    pytest.importorskip(needed)

SERVICE = Path(__file__).resolve().parents[2] / "benchmarks" / "service"


def run(part: str, place: Path, *arguments: str) -> tuple[str, dict[str, Any]]:
    command = [sys.executable, SERVICE / "run.py", "--output", place, part, "--smoke", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (place / "smoke" / "plots" / f"{part}.png").stat().st_size > 10_000
    return done.stdout, json.loads((place / "smoke" / f"{part}.json").read_text())


def test_throughput(tmp_path: Path) -> None:
    said, found = run("throughput", tmp_path)
    assert "dask-actor / histserv" in said
    for numbers in found["peers"].values():
        assert 0 < numbers["merged"]["median"] <= numbers["acknowledged"]["median"]
        assert all(numbers["memory"][role] >= numbers["memory_before"][role] for role in ("writer", "server"))
    assert found["bytes"] == 40 * found["delta_bytes"]
    assert found["metadata"]["packages"]["histserv"] != "not installed"


def test_job(tmp_path: Path) -> None:
    _, found = run("job", tmp_path)
    for way, (done,) in found["ways"].items():
        assert not done["failed"]
        assert done["lost"] == 0
        assert done["chunks"] == 2 * done["shape"]["datasets"]
        assert (done["peaks"]["server"] > 0) == (way != "coffea")
        assert min(done["peaks"][role] for role in ("worker", "client")) > 50e6


WATCH = """
import json, sys
from dataclasses import asdict
from pathlib import Path
import job.watch
job.watch.GRACE = 1
watched = job.watch.watch([sys.executable, "-c", sys.argv[1]], Path(sys.argv[2]), {"client": 300 << 20}, 10)
print(json.dumps(asdict(watched)))
"""

GROWS = "kept = []\nwhile True: kept.append(bytearray(b'1') * (10 << 20))"

SERVER_DIES = """
import subprocess, sys, time
from hugehist.benchmark.recorder.phases import enter
server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1)"])
enter(f"server {server.pid}")
time.sleep(60)
"""

WORKS = """
import multiprocessing, time
from hugehist.benchmark.recorder.phases import enter
task = "import time; x = bytearray(b'1') * (200 << 20); time.sleep(60)"
worker = multiprocessing.get_context("spawn").Process(target=exec, args=(task,))
worker.start()
time.sleep(3)
enter("done")
time.sleep(0.5)
worker.kill()
worker.join()
x = bytearray(b'1') * (400 << 20)
"""


def watch(script: str, place: Path) -> dict[str, Any]:
    path = os.pathsep.join([str(SERVICE), *filter(None, sys.path)])
    command = [sys.executable, "-c", WATCH, script, str(place / "log")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env={"PYTHONPATH": path})
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_watch_ends_what_grows_or_hangs(tmp_path: Path) -> None:
    grown = watch(GROWS, tmp_path)
    assert grown["ended"] == "client beyond 0.293 GiB"
    assert grown["peaks"]["client"] > 300 << 20
    assert grown["returncode"] < 0
    alone = watch(SERVER_DIES, tmp_path)
    assert alone["ended"] == "hangs since its server was killed"
    assert alone["lost"] == 1


def test_watch_tells_workers_from_the_client(tmp_path: Path) -> None:
    watched = watch(WORKS, tmp_path)
    assert not watched["ended"], "what happens after the job is done does not count"
    assert watched["returncode"] == watched["lost"] == 0
    assert 200 << 20 < watched["peaks"]["worker"] < 300 << 20
    assert 0 < watched["peaks"]["client"] < 100 << 20
