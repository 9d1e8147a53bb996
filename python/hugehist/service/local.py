"""A sink whose accumulator is in this process, and that accumulator.

Executors pickle what they run, also those that run it in this process: here a copy is the sink itself. In another
process, where nothing could reach the file, it raises as soon as it is used.
"""

from __future__ import annotations

import os
import time
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

from .engine import Engine
from .sink import Sink
from .transport import Piece

SWEEP_SECONDS = 1.0


class LocalEngine(Engine):
    """Whoever fills waits for room, as those do who send parts over a network."""

    _next_sweep = 0.0

    def stage(self, attempt: str, piece: Piece) -> None:
        """Raises BusyError, too, where there is no room for `patience` seconds."""
        size = len(piece.content)
        if time.monotonic() > self._next_sweep:  # nobody else does it here
            self._next_sweep = time.monotonic() + SWEEP_SECONDS
            self.sweep()
        self.admit(size, self._patience)
        try:
            super().stage(attempt, piece)
        finally:
            self.credits.give(size)


class LocalSink(Sink):
    """A sink with its accumulator. Other processes cannot use it: see `Accumulator` for that."""

    def __init__(self, engine: Engine, run: str, memory: int) -> None:
        super().__init__(engine, run=run, memory=memory)
        self._engine = engine
        self._name = f"{os.getpid()}:{uuid4().hex}"
        _of_process[self._name] = self

    def close(self) -> None:
        """Merges what was committed, and closes the file."""
        self._engine.close()

    def __enter__(self) -> LocalSink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        return _copy, (self._name, self._engine.path)


_of_process: WeakValueDictionary[str, LocalSink] = WeakValueDictionary()


def _copy(name: str, path: str) -> Sink:
    if name.startswith(f"{os.getpid()}:") and name in _of_process:  # a forked child has its parent's, too
        return _of_process[name]
    return Sink(_Elsewhere(path))


class _Elsewhere:
    """In place of an engine that is in another process."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return _Elsewhere, (self._path,)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise TypeError(
            f"the accumulator of '{self._path}' is in another process, or closed, and this one cannot fill it: use "
            "hugehist.service.Accumulator, whose sinks can be sent"
        )
