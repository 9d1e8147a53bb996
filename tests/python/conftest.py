"""Fixtures and hypothesis profiles: 'ci' by default, 'quick' for slow builds, 'full' with HUGEHIST_EXAMPLES (10^4)."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import hugehist
import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # for trusted.py: the tests are no package

EXAMPLES = os.environ.get("HUGEHIST_EXAMPLES")
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("quick", max_examples=20, **_COMMON)  # type: ignore[arg-type]
settings.register_profile("ci", max_examples=300, **_COMMON)  # type: ignore[arg-type]
settings.register_profile("full", max_examples=int(EXAMPLES or 10_000), **_COMMON)  # type: ignore[arg-type]
settings.load_profile("full" if EXAMPLES else os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def _quiet_boost_histogram() -> Iterator[None]:
    """boost-histogram calls its own picking by lists experimental."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="List indexing selection is experimental")
        yield


@pytest.fixture(autouse=True, scope="session")
def _interrupts_arrive() -> None:
    """A job that runs in the background inherits that SIGINT is ignored, and Python leaves it so."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.h5"


@pytest.fixture
def file(path: Path) -> Iterator[hugehist.File]:
    with hugehist.File(path, "w", memory="64 MiB", threads=2) as opened:
        yield opened


@pytest.fixture
def memory() -> Iterator[hugehist.File]:
    with hugehist.File.in_memory(memory="64 MiB", threads=2) as opened:
        yield opened
