"""Clocks, bytes and memory around a peer's work, and what comes of a case."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from . import memory
from .recorder.phases import enter
from .recorder.process import io_counters


@dataclass
class Metric:
    """One number of a case: so much work took so many seconds, and so many of CPU time over all threads."""

    seconds: float
    cpu_seconds: float
    amount: float
    unit: str
    bytes_read: int = 0  # by system calls, from the page cache or beyond
    bytes_written: int = 0


@dataclass
class Outcome:
    metrics: dict[str, Metric] = field(default_factory=dict)
    rss_before: int = 0
    peak_rss: int = 0
    bytes_on_disk: int = 0
    notes: dict[str, float] = field(default_factory=dict)


class Clock:
    """Sums the wall time of what runs under `timed`, and tells the recorder the phase.

    What a peer's threads do while the next delta is being made would be free of charge otherwise:
    `untimed` counts the CPU time that threads other than this one spend there.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu = 0.0
        self.background = 0.0
        self.bytes_read = 0
        self.bytes_written = 0

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        enter(phase)
        io = io_counters()
        start, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - start
        self.cpu += time.process_time() - cpu
        now = io_counters()
        self.bytes_read += now["rchar"] - io["rchar"]
        self.bytes_written += now["wchar"] - io["wchar"]

    @contextmanager
    def untimed(self, phase: str = "prepare") -> Iterator[None]:
        enter(phase)
        start = time.process_time() - time.thread_time()
        yield
        self.background += time.process_time() - time.thread_time() - start

    def metric(self, amount: float, unit: str) -> Metric:
        return Metric(
            self.seconds + self.background,
            self.cpu + self.background,
            amount,
            unit,
            self.bytes_read,
            self.bytes_written,
        )


def middle(clocks: list[Clock]) -> Clock:
    """The one of the median time."""
    return sorted(clocks, key=lambda clock: clock.seconds)[len(clocks) // 2]


@contextmanager
def watched(outcome: Outcome) -> Iterator[None]:
    gc.collect()
    memory.reset_peak()
    outcome.rss_before = memory.resident()
    yield
    outcome.peak_rss = max(outcome.peak_rss, memory.peak())
