"""A process with all that it starts: nothing of it is left when the block ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any


@contextlib.contextmanager
def group(command: Sequence[str], **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    """`how` is for Popen."""
    first = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, **how)
    try:
        yield first
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(first.pid, signal.SIGKILL)
        first.wait()
