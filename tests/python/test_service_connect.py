"""Ways into an accumulator that is at work, or is not any more."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import hist
import pytest
from hugehist import service
from hugehist.service import ServiceError

credentials = pytest.importorskip("hugehist.service.credentials")


def test_nobody_serves(path: Path) -> None:
    with pytest.raises(ServiceError, match="hugehist serve"):
        service.connect(path)


def test_who_served_was_killed(path: Path) -> None:
    """Its address is still there: whoever comes is told at once, and does not wait for it."""
    pytest.importorskip("pyarrow.flight")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    credentials.Access("grpc+unix:///tmp/gone", "token", {}, gone.pid).save(credentials.access_file(path))
    begin = time.monotonic()
    with pytest.raises(ServiceError, match="ended by force"):
        service.connect(path)
    assert time.monotonic() - begin < 5


def test_what_is_never_committed(path: Path) -> None:
    with service.open(path) as sink:
        sink.create("h", hist.axis.Regular(4, 0, 1, name="x"))
        attempts = [sink.attempt(("a", 0, 1))]
        attempts[0]["h"].fill(x=[0.5])
        with pytest.warns(ResourceWarning, match="never committed"):
            attempts.clear()
        with sink.attempt(("a", 1, 2)) as committed:
            committed["h"].fill(x=[0.5])
        del committed
