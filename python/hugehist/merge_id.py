"""Ids of merges: a text, or what was processed as (source, start, stop)."""

from __future__ import annotations

import operator
from typing import Any, TypeAlias

MergeID: TypeAlias = str | bytes | tuple[str | bytes, int, int]


def merge_id(id: Any) -> MergeID:
    """Raises TypeError for anything else, ValueError for entries beyond 2^63; integers of NumPy are integers."""
    if isinstance(id, str | bytes):
        return id
    if isinstance(id, tuple) and len(id) == 3 and isinstance(id[0], str | bytes):
        try:
            start, stop = operator.index(id[1]), operator.index(id[2])
        except TypeError:
            pass
        else:
            if max(abs(start), abs(stop)) >= 1 << 63:
                raise ValueError(f"the id of a merge has entries below 2^63, not [{start}, {stop}) of {id[0]!r}")
            return id[0], start, stop
    raise TypeError(f"the id of a merge is a str, bytes, or (source, start, stop) with two integers, not {id!r}")
