"""How a recorded process tells the phase it is in: a line for each change, in a pipe that the recorder reads later.

A mark is one write of some forty bytes and wakes nobody up. Times are CLOCK_MONOTONIC's, which is the same in
all processes.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

VARIABLE = "HUGEHIST_BENCHMARK_PHASES"  # names the pipe's descriptor


def enter(phase: str) -> None:
    """Tells that `phase` begins; without a recorder nothing happens."""
    descriptor = os.environ.get(VARIABLE)
    if descriptor is not None:
        os.write(int(descriptor), f"{time.monotonic_ns()} {phase}\n".encode())


@dataclass(frozen=True)
class Mark:
    seconds: float  # CLOCK_MONOTONIC
    phase: str


class Channel:
    """The recorder's end of the pipe."""

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._rest = b""

    def marks(self) -> list[Mark]:
        """What was told since the last call, in order."""
        while True:
            try:
                part = os.read(self._reader, 1 << 16)
            except BlockingIOError:
                break
            if not part:
                break
            self._rest += part
        *lines, self._rest = self._rest.split(b"\n")
        times = (line.decode().split(" ", 1) for line in lines)
        return [Mark(int(nanoseconds) / 1e9, phase) for nanoseconds, phase in times]

    def close(self) -> None:
        os.close(self._reader)
        os.close(self.writer)
