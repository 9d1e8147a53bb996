"""What an attempt has processed: its id in the ledger.

An id is what was processed, never who did it: (source, start, stop), the entries of a tree in a file of a dataset,
under the tag of the run. So the same work counts once, whatever task, retry or executor it came from.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass, replace
from typing import Any, TypeAlias

from ..merge_id import merge_id

ID: TypeAlias = str | tuple[str, int, int]
WireID: TypeAlias = str | list[Any]

#: What coffea's work items, and the metadata of its events, say of themselves; metadata has more.
COFFEA_FIELDS = ("dataset", "filename", "treename", "entrystart", "entrystop", "fileuuid")


def ids_of(work: Any, run: str) -> list[ID]:
    """The ids of one piece of work, or of a list of them.

    A piece is an id (a str, or (source, start, stop)), coffea's events or their metadata, or one of its work items.
    Raises TypeError for anything else, ValueError for an empty list and for no entries.
    """
    pieces = work if isinstance(work, list) else [work]
    if not pieces:
        raise ValueError("an attempt is of some work: the list of ids is empty")
    return [_id_of(piece, run) for piece in pieces]


def _id_of(work: Any, run: str) -> ID:
    plain = work if isinstance(work, str | tuple) else _of_coffea(work)
    checked = merge_id(plain)
    if not (checked[0] if isinstance(checked, tuple) else checked):
        raise ValueError(f"the id of an attempt says what was processed, and {work!r} is empty")
    if isinstance(checked, str):
        return run + checked
    if isinstance(checked, bytes) or not isinstance(checked[0], str):
        raise TypeError(f"the id of an attempt is text, not bytes: {work!r}")
    source, start, stop = str(checked[0]), checked[1], checked[2]
    if not 0 <= start <= stop:
        raise ValueError(f"the id of an attempt has entries: 0 <= start <= stop, not [{start}, {stop}) of {source!r}")
    if start == stop:  # an empty file is work, too: it may add to counters
        return f"{run}{source}:{start}"
    return run + source, start, stop


def _of_coffea(work: Any) -> tuple[str, int, int]:
    """Of events, of their metadata, or of a work item."""
    metadata = getattr(work, "metadata", None)
    if isinstance(work, Mapping):
        metadata = work
    elif not isinstance(metadata, Mapping):
        metadata = {name: getattr(work, name) for name in COFFEA_FIELDS if hasattr(work, name)}
    try:
        file = _uuid_text(metadata.get("fileuuid", "")) or str(metadata["filename"])
        source = f"{metadata['dataset']}/{file}:{metadata['treename']}"
        return source, int(metadata["entrystart"]), int(metadata["entrystop"])
    except KeyError as missing:
        raise TypeError(
            "an attempt is of an id, as (source, start, stop), or of coffea's events, their metadata or a work item, "
            f"not of {type(work).__name__} without {missing}"
        ) from None


def _uuid_text(found: Any) -> str:
    """coffea has it as text in metadata, and as bytes in work items."""
    return str(uuid.UUID(bytes=found)) if isinstance(found, bytes) and len(found) == 16 else str(found or "")


def shown(ids: Sequence[ID]) -> str:
    """For messages."""
    texts = [repr(id) if isinstance(id, str) else f"[{id[1]}, {id[2]}) of {id[0]!r}" for id in ids[:3]]
    return ", ".join(texts) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")


def parts_of(work: Any, entries: Sequence[ID]) -> list[Any]:
    """The parts of a piece of work that have these entries, as the piece was given."""
    if any(isinstance(id, str) for id in entries):
        return [work]
    ranges = [(id[1], id[2]) for id in entries if not isinstance(id, str)]
    if isinstance(work, tuple):
        return [(work[0], start, stop) for start, stop in ranges]
    names = ("entrystart", "entrystop")
    if isinstance(work, Mapping):
        return [dict(work) | dict(zip(names, each, strict=True)) for each in ranges]
    if is_dataclass(work) and not isinstance(work, type):
        return [replace(work, **dict(zip(names, each, strict=True))) for each in ranges]
    return [work] if ranges else []


def to_wire(ids: Iterable[ID]) -> list[WireID]:
    return [id if isinstance(id, str) else list(id) for id in ids]


def ids_from_wire(ids: Sequence[Any]) -> list[ID]:
    """Raises TypeError or ValueError for what is no id."""
    return [_id_of(id if isinstance(id, str) else tuple(id), "") for id in ids]


def from_wire(ids: Sequence[Any]) -> list[ID]:
    """The ids of an attempt, `distinct`. Raises TypeError or ValueError for what is no id, too."""
    return distinct(ids_from_wire(ids))


def distinct(ids: Sequence[ID]) -> list[ID]:
    """Raises ValueError where two of them are of the same entries, or none is there."""
    if not ids:
        raise ValueError("an attempt without any id would count as often as it is sent")
    texts = [id for id in ids if isinstance(id, str)]
    intervals = sorted(id for id in ids if not isinstance(id, str))
    if len(set(texts)) < len(texts):
        raise ValueError("an attempt has an id twice")
    for (source, _, stop), (other, start, _) in itertools.pairwise(intervals):
        if source == other and start < stop:
            raise ValueError(f"an attempt has entries of {source!r} twice, from {start} on")
    return list(ids)
