"""What runs on the workers: a writer prepares its deltas, and sends them over and over from a given moment on."""

from __future__ import annotations

import gc
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hugehist.benchmark.workload import Workload

from .base import Sender


@dataclass(frozen=True)
class Ready:
    """What a writer tells after its preparations."""

    pid: int
    totals: list[tuple[float, float]]  # of the values and variances of each delta
    filled: float  # fraction of bins


@dataclass
class _Writer:
    name: str
    sender: Sender[Any]
    deltas: list[Any]
    sent: int = 0

    def send(self, turn: int) -> tuple[float, float]:
        begin = time.monotonic()
        self.sender.send(self.deltas[turn % len(self.deltas)], (self.name, turn, turn + 1))
        return begin, time.monotonic()


_writers: dict[str, _Writer] = {}


def prepare(name: str, sender: Sender[Any], work: Workload, datasets: list[int]) -> Ready:
    """Connects, makes a delta for each of `datasets`, and sends each of them once."""
    sender.open()
    writer = _writers[name] = _Writer(name, sender, [])
    totals, filled = [], 0.0
    for dataset in datasets:
        delta = work.delta(dataset, 0)
        totals.append((float(delta.planes.values.sum()), float(delta.planes.variances.sum())))
        filled += float((delta.planes.values != 0).mean()) / len(datasets)
        writer.deltas.append(sender.prepare(delta))
    for turn in range(len(datasets)):
        writer.send(turn)
    gc.collect()
    return Ready(os.getpid(), totals, filled)


def send(name: str, count: int, in_flight: int, start: float) -> list[tuple[float, float]]:
    """Begin and acknowledgement of each of `count` deltas, from `start` on; all in seconds of CLOCK_MONOTONIC."""
    writer = _writers[name]
    first = len(writer.deltas)
    time.sleep(max(start - time.monotonic(), 0))
    with ThreadPoolExecutor(in_flight) as threads:
        return list(threads.map(writer.send, range(first, first + count)))


def close(name: str) -> None:
    _writers.pop(name).sender.close()
