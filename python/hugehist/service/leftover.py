"""What an accumulator left beside its file when it was killed, for who opens the file by itself.

Opened for writing, the file first gets what was acknowledged; replaced, it loses its log; read, it warns.
"""

from __future__ import annotations

import fcntl
import json
import os
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._core import FormatError
from ..file import File
from ..opening import PathLike
from .log import log_of, remove_log, take_log
from .records import HEADER_BYTES, PREAMBLE_BYTES, decode_header, decode_preamble
from .segments import read, segments_in


class UnmergedWarning(UserWarning):
    """A file lacks what an accumulator has acknowledged: its log still has it."""


@contextmanager
def opening(path: PathLike, mode: str, memory: int, threads: int) -> Iterator[None]:
    """While a file that has a log is opened. Raises LockedError where an accumulator is at work on it.

    Raises, too, what `Engine` raises where the log cannot be taken up.
    """
    path = os.fsdecode(path)
    log = log_of(path)
    if mode == "w":
        guard = take_log(log)
        try:
            yield
            remove_log(log)
        finally:
            os.close(guard)
        return
    if mode in ("a", "r+") and segments_in(log):
        _merge(path, log, mode, memory, threads)
    yield


def _merge(path: str, log: Path, mode: str, memory: int, threads: int) -> None:
    from .engine import LEAST_MEMORY, Engine

    if not Path(path).exists():
        if mode == "r+":
            return  # for want of the file it is not opened
        raise FormatError(f"'{log}' is the log of a file that is gone: restore '{path}', or move the log away")
    Engine(path, memory=max(memory, LEAST_MEMORY), threads=threads).close()


class OwnFile(File):
    """Who opens it has its log."""

    _minds_log = False


def warn(path: str) -> None:
    """Where the file lacks what was acknowledged, and nobody is about to merge it."""
    log = log_of(path)
    if not segments_in(log) or _is_taken(log):
        return
    with OwnFile(path, memory="8 MiB", threads=1) as file:
        count = sum(not all(id in file.ledger for id in ids) for ids in _acknowledged(log))
    if count:
        warnings.warn(
            f"'{path}' lacks {count} attempts that an accumulator has acknowledged, which are in '{log}': open "
            "the file for writing once (mode 'a'), or serve it again, and they are merged",
            UnmergedWarning,
            stacklevel=4,
        )


def _is_taken(log: Path) -> bool:
    """Whether an accumulator is at work on it, as far as this user may know."""
    try:
        guard = os.open(log / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(guard, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(guard)
    return False


def _acknowledged(log: Path) -> Iterator[list[Any]]:
    """The ids of each attempt that counts, up to the first damage in a segment."""
    for path in segments_in(log):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            yield from _commits(descriptor)
        finally:
            os.close(descriptor)


def _commits(descriptor: int) -> Iterator[list[Any]]:
    try:
        preamble = decode_preamble(read(descriptor, PREAMBLE_BYTES, 0))
    except ValueError:
        return
    at = PREAMBLE_BYTES
    while preamble and (header := decode_header(preamble.salt, read(descriptor, HEADER_BYTES, at))):
        if header.content_bytes == 0:
            text = read(descriptor, header.text_bytes, at + HEADER_BYTES)
            if zlib.crc32(text) != header.checksum:
                return
            what = json.loads(text)
            if "commit" in what:
                yield [id if isinstance(id, str) else tuple(id) for id in what["commit"]]
        at += header.record_bytes
