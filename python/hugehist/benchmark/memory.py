"""This process's resident memory, from the kernel."""

from __future__ import annotations

import resource
from pathlib import Path

STATUS = Path("/proc/self/status")


def _status(field: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(field):
            return 1024 * int(line.split()[1])
    raise LookupError(field)


def resident() -> int:
    return _status("VmRSS") if STATUS.exists() else peak()


def reset_peak() -> None:
    """Starts the peak anew, where the kernel can (Linux)."""
    if STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    # not ru_maxrss where it can be helped: it inherits the parent's peak through fork and exec
    if STATUS.exists():
        return _status("VmHWM")
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
