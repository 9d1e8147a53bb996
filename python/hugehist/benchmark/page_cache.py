"""What of a peer's files lies in the page cache, and how to put it out."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

PAGE = mmap.PAGESIZE


def files_of(path: Path) -> list[Path]:
    """All files that belong to `path`: itself, its tree, and what lies beside it under its name."""
    beside = path.parent.glob(path.name + "*")
    return [file for top in beside for file in (top, *top.rglob("*")) if file.is_file()]


def disk_bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in files_of(path))


def drop(path: Path) -> None:
    """Puts the files of `path` out of the page cache, once they are on the disk."""
    for file in files_of(path):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def cached_fraction(path: Path) -> float:
    """How much of the files of `path` is in the page cache, from 0 to 1; 1 where there are none."""
    counts = [_pages(file) for file in files_of(path)]
    pages = sum(total for total, _ in counts)
    return sum(resident for _, resident in counts) / pages if pages else 1.0


def _pages(file: Path) -> tuple[int, int]:
    """(pages of the file, pages of it that are in memory)."""
    size = file.stat().st_size
    count = -(-size // PAGE)
    if not count:
        return 0, 0
    libc = ctypes.CDLL(None, use_errno=True)
    with (
        file.open("rb") as opened,
        mmap.mmap(opened.fileno(), size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE) as view,
    ):
        start = ctypes.c_char.from_buffer(view)
        flags = (ctypes.c_ubyte * count)()
        failed = libc.mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), flags)
        del start  # the map cannot be closed while it is pointed to
    if failed:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(file))
    return count, sum(flag & 1 for flag in flags)
