"""Opening a file by its path."""

from __future__ import annotations

import os

from . import _core

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]
#: memory, threads, commit_bytes, commit_seconds
Budget = tuple[int, int, int, float]


def open_core(path: PathLike, mode: str, budget: Budget) -> _core.File:
    """Errors of the system name the path."""
    try:
        return _core.File(os.fsencode(path), mode, *budget)
    except OSError as problem:
        if problem.filename is None:
            problem.filename = os.fspath(path)
        raise
