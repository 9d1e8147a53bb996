"""What an accumulator has done, for those who watch it."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque
from pathlib import Path

COUNTED = ("commits", "already", "expired", "refused", "parts", "bytes", "dense_bytes", "merged", "file_commits")
WINDOW = 10.0  # seconds that rates are of


class Tally:
    """Counters, and rates over the last seconds. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
        self._begin = time.monotonic()
        self._samples: deque[tuple[float, Counter[str]]] = deque([(self._begin, self._counts.copy())])

    def add(self, what: str, count: int = 1) -> None:
        with self._lock:
            self._counts[what] += count

    def counts(self) -> dict[str, float]:
        """All counts, and merges and bytes a second over the last seconds."""
        now = time.monotonic()
        with self._lock:
            self._samples.append((now, self._counts.copy()))
            while len(self._samples) > 2 and self._samples[1][0] < now - WINDOW:
                self._samples.popleft()
            then, before = self._samples[0]
            seconds = max(now - then, 1e-9)
            rates = {
                f"{what}_per_second": (self._counts[what] - before[what]) / seconds
                for what in ("commits", "merged", "bytes")
            }
            return {"seconds": now - self._begin, **self._counts, **rates}

    @staticmethod
    def memory_bytes() -> int:
        """Resident memory of this process."""
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
