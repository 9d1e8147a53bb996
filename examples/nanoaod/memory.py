"""Resident memory of this process (Linux): sampled over time, and its peak as the kernel counted it."""

from __future__ import annotations

import argparse
import os
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

MIB = 1 << 20
GIB = 1 << 30

_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_size(text: str) -> int:
    """Bytes of "8GiB" or "512 MiB" (1024s), or of "80 GB" (1000s)."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:([KMGT]?)(i?)B)?\s*", text, re.IGNORECASE)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write it as 8GiB or 512MiB")
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** _POWERS[(match[2] or "").upper()])


def show_size(size: float) -> str:
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (1 << 10, "KiB")):
        if size >= 0.999 * unit:
            return f"{size / unit:.0f} {name}" if size >= 100 * unit else f"{size / unit:.3g} {name}"
    return f"{size:.0f} B"


def rss() -> int:
    """Resident memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_rss() -> int:
    """The highest resident memory since the process began, as the kernel counted it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


@dataclass
class Sampler:
    """Samples memory in a thread of its own while a `with` block runs.

    `marks` is for the caller: (seconds, value) pairs to draw beside the memory.
    """

    interval: float = 0.02
    times: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    marks: list[tuple[float, float]] = field(default_factory=list)

    def __enter__(self) -> Sampler:
        self._begin = time.perf_counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def elapsed(self) -> float:
        return time.perf_counter() - self._begin

    def mark(self, value: float) -> None:
        self.marks.append((self.elapsed(), value))

    def peak(self) -> int:
        return max([peak_rss(), *self.sizes])

    def _sample(self) -> None:
        while not self._stop.is_set():
            self.times.append(self.elapsed())
            self.sizes.append(rss())
            self._stop.wait(self.interval)
