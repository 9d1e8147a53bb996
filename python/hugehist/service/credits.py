"""Bytes that may be under way: what bounds the memory of an accumulator, however many there are who send."""

from __future__ import annotations

import threading
import time
from collections import deque


class Credits:
    """A number of bytes, given out in the order in which they are asked for. Any thread."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._lock = threading.Condition()
        self._waiting: deque[object] = deque()

    def take(self, size: int, timeout: float) -> bool:
        """Waits for `size` bytes, at most `total`. False where they are not free in time."""
        end = time.monotonic() + timeout
        ticket = object()
        with self._lock:
            self._waiting.append(ticket)
            try:
                while self._waiting[0] is not ticket or self._free < size:
                    left = end - time.monotonic()
                    if left <= 0:
                        return False
                    self._lock.wait(left)
                self._free -= size
                return True
            finally:
                self._waiting.remove(ticket)
                self._lock.notify_all()

    def give(self, size: int) -> None:
        """They are free again."""
        with self._lock:
            self._free += size
            self._lock.notify_all()

    @property
    def free(self) -> int:
        """Bytes that nobody has."""
        with self._lock:
            return self._free
