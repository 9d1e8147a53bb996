"""What the handles of a file share: the open file, how to open it again, whether progress is shown.

A handle to a file on disk pickles as the file's path, the histogram's name and the steps of the view; one to several
files that are open as one, as all of their paths. They are opened again for reading, in whatever process unpickles it;
handles that come to a process share one open file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from . import _core
from .joined import JoinedFile, join
from .opening import PathLike, open_core
from .progress import Progress


@dataclass(frozen=True)
class Origin:
    """How to open a file again, or several as one."""

    paths: tuple[str, ...]  # absolute: the other process may stand elsewhere
    memory: int
    threads: int

    @classmethod
    def of(cls, paths: Iterable[PathLike], memory: int, threads: int) -> Origin:
        return cls(tuple(str(Path(os.fsdecode(path)).absolute()) for path in paths), memory, threads)

    def open(self) -> _core.File | JoinedFile:
        """For reading."""
        if len(self.paths) > 1:
            return join(self.paths, self.memory, self.threads)
        return open_core(self.paths[0], "r", (self.memory, self.threads, 0, 0.0))


@dataclass(eq=False)
class Home:
    core: _core.File | JoinedFile
    origin: Origin | None = None  # None: not a file on disk
    progress: Progress = False


_reopened: WeakValueDictionary[tuple[Any, ...], Home] = WeakValueDictionary()
_reopening = threading.Lock()


def origin_to_pickle(home: Home, owner: str) -> Origin:
    """Raises TypeError for what is only in this process, ValueError for what is not committed yet."""
    if home.origin is None:
        raise TypeError(
            f"{owner} is a handle to a file in memory, which no other process can open, so it cannot be pickled: "
            "use to_hist(), or keep the file on disk"
        )
    if home.core.has_changes:
        raise ValueError(f"{owner} has changes that no other process would see: commit() before pickling its handle")
    return home.origin


def reopen(origin: Origin) -> Home:
    """The file, opened for reading. The same one again as long as a handle uses it and the file is the same."""
    found = [Path(path).stat() for path in origin.paths]
    states = tuple((each.st_dev, each.st_ino, each.st_mtime_ns, each.st_size) for each in found)
    key = os.getpid(), origin, states
    with _reopening:
        home = _reopened.get(key)
        if home is None or not home.core.is_open:
            home = Home(origin.open(), origin)
            _reopened[key] = home
    return home
