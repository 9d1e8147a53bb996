"""Memory and threads, as people ask for them."""

from __future__ import annotations

import operator
import re
from typing import SupportsIndex

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:([kKMGT])(i?))?[bB]?\s*", re.ASCII)
_POWERS = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_size(size: SupportsIndex | str, name: str = "memory") -> int:
    """Bytes of an int, or of a text as "512 MiB" (1024s) or "1.5 GB" (1000s)."""
    if not isinstance(size, str):
        try:
            size = operator.index(size)
        except TypeError:
            raise TypeError(f"{name}= is a number of bytes or a text as '512 MiB', not {size!r}") from None
        if size < 0:
            raise ValueError(f"{name}={size} is negative")
        return size
    match = _SIZE.fullmatch(size)
    if match is None:
        raise ValueError(f"{name}={size!r} is no size: write it as '512 MiB' or '1.5 GB'")
    number, prefix, binary = match.groups()
    unit = (1024 if binary else 1000) ** _POWERS[prefix] if prefix else 1
    return round(float(number) * unit)


def thread_count(threads: SupportsIndex | None) -> int:
    """0 where none are given, which stands for as many as there are."""
    if threads is None:
        return 0
    try:
        count = operator.index(threads)
    except TypeError:
        raise TypeError(f"threads= is a number of threads, not {threads!r}") from None
    if not 0 <= count < 2**31:
        raise ValueError(f"threads={count} is no number of threads: 0 takes as many as there are")
    return count


def size_text(size: float) -> str:
    """A size in bytes, as people say it."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} TiB"
