"""An accumulator that is killed at random moments, in small: tests/torture/service.py does it at length."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TORTURE = Path(__file__).parents[1] / "torture/service.py"


def torture(*arguments: str) -> dict[str, float]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, TORTURE, *arguments], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, float] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("seed", ["1", "2"])
def test_kills(seed: str) -> None:
    report = torture("--kills", "10", "--seed", seed)
    assert report["kills"] == 10
    assert report["counted"] >= report["acknowledged"] > 0


def test_it_is_back_soon() -> None:
    """It may take 30 seconds for a GiB of the log."""
    report = torture("--gib", "0.1")
    assert report["back_seconds_per_gib"] < 30
    assert report["merged_seconds_per_gib"] < 60
