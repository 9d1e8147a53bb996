"""Several files as one, as hadd does for ROOT's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal, SupportsIndex

from . import _core
from .file import log_beside, warn_where_unmerged
from .integrity import PathLike
from .progress import Progress, part_of, reporting
from .resources import parse_size, thread_count


@dataclass(frozen=True)
class Merging:
    """What `merge` did: how many histograms there are, and how their chunks came about, those of roll-ups included."""

    histograms: int
    copied: int  # chunks that one file alone had, as they were encoded
    merged: int  # chunks that were decoded, added up and encoded


def merge(
    sources: Iterable[PathLike],
    target: PathLike,
    *,
    force: bool = False,
    attributes: Literal["error", "first"] = "error",
    ledger: Literal["error", "ignore"] = "error",
    partial: bool = False,
    memory: SupportsIndex | str = "512 MiB",
    threads: SupportsIndex = 0,
    progress: Progress = False,
) -> Merging:
    """Joins files to a new one: histograms by name, their categories by label; counters add up, ledgers become one.

    Axes and storage must agree; of category axes that grow the labels are joined, in the order in which they come.
    Metadata, roll-ups and compression are those of the first file that has the histogram. The target is there when it
    is whole; `force=True` replaces an old one, which stays until then. Files that are being written are read as of
    their last commit, and shards of one run (docs/python.md) may have the same ids; `partial=True` joins some of them.

    Raises ValueError where histograms do not fit, where attributes differ (`attributes="first"` takes the first), for
    a file that comes twice and where a shard is missing; OverlapError for a merge that is in the ledgers of two files
    (`ledger="ignore"` joins them all the same); CorruptionError for damage; FileExistsError where the target exists;
    LockedError where it is open elsewhere.
    """
    if isinstance(sources, str | bytes | os.PathLike):
        raise TypeError(f"the files to join are a list of paths, not {sources!r}")
    for name, value, known in (("attributes", attributes, "first"), ("ledger", ledger, "ignore")):
        if value not in ("error", known):
            raise ValueError(f"{name}= is 'error' or {known!r}, not {value!r}")
    sources = list(sources)
    warn_where_unmerged(sources)
    log = log_beside(target) if force else None
    replacing = log.opening(target, "w", 0, 0) if log else nullcontext()
    with replacing, reporting(progress, f"joining {os.fsdecode(target)}") as tell:
        done = _core.merge_files(
            [os.fsencode(path) for path in sources],
            os.fsencode(target),
            bool(force),
            attributes == "first",
            ledger == "ignore",
            bool(partial),
            parse_size(memory),
            thread_count(threads),
            part_of(tell, 0, 1),
        )
    return Merging(*done)
