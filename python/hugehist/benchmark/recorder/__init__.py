"""The recorder: runs a process and samples it, its children and the system from outside, at 10 Hz.

`process` and `system` read the kernel's counters, `gpu` NVML's, `phases` is the channel by which the process tells what
it is doing, `record` puts them together. Needs Linux.
"""

from __future__ import annotations

from .record import INTERVAL, Recording, record

__all__ = ["INTERVAL", "Recording", "record"]
