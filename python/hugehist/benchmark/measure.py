"""Clocks and memory around a peer's work, and what comes of a case."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from . import memory


@dataclass
class Metric:
    """One number of a case: so much work took so many seconds, and so many of CPU time over all threads."""

    seconds: float
    cpu_seconds: float
    amount: float
    unit: str


@dataclass
class Outcome:
    metrics: dict[str, Metric] = field(default_factory=dict)
    rss_before: int = 0
    peak_rss: int = 0
    bytes_on_disk: int = 0
    notes: dict[str, float] = field(default_factory=dict)


class Clock:
    """Sums the wall time of what runs under `timed`.

    What a peer's threads do while the next delta is being made would be free of charge otherwise:
    `untimed` counts the CPU time that threads other than this one spend there.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu = 0.0
        self.background = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        start, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - start
        self.cpu += time.process_time() - cpu

    @contextmanager
    def untimed(self) -> Iterator[None]:
        start = time.process_time() - time.thread_time()
        yield
        self.background += time.process_time() - time.thread_time() - start

    def metric(self, amount: float, unit: str) -> Metric:
        return Metric(self.seconds + self.background, self.cpu + self.background, amount, unit)


@contextmanager
def watched(outcome: Outcome) -> Iterator[None]:
    gc.collect()
    memory.reset_peak()
    outcome.rss_before = memory.resident()
    yield
    outcome.peak_rss = max(outcome.peak_rss, memory.peak())
