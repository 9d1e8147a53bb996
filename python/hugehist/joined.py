"""Several files open as one, for reading: shards of one run, or any files of one analysis.

The histogram of a name is the sum of those that the files have; counters are added, and an id is in the ledger where it
is in one of theirs.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import _core
from .joined_histogram import JoinedHistogram
from .mappings import Differing
from .opening import PathLike, open_core
from .progress import Report, turn_of
from .resources import size_text

if TYPE_CHECKING:
    from ._core import _Damage, _Findings, _Interval, _MergeID

#: Attributes of a file that holds a part of what one run accumulates: the run, how many files it has, and which of them
#: this is, from 0.
RUN, SHARDS, SHARD = "hugehist.run", "hugehist.shards", "hugehist.shard"
_LEAST_MEMORY = 8 << 20  # of one file
_MOST_THREADS = 512  # of all files, most of which wait: one file is read at a time


def join(paths: Sequence[PathLike], memory: int, threads: int, partial: bool = True) -> JoinedFile:
    """Opens the files. Raises ValueError where one is there twice, or, unless `partial`, where shards are missing."""
    _check_paths(paths)
    count = len(paths)
    if memory // count < _LEAST_MEMORY < memory:
        raise ValueError(
            f"memory={memory} is too small for {count} files: give at least {size_text(count * _LEAST_MEMORY)}"
        )
    if count > 1:
        threads = min(threads or os.cpu_count() or 1, max(_MOST_THREADS // count, 1))
    with ExitStack() as opened:
        files = []
        for path in paths:
            files.append(open_core(path, "r", (memory // count, threads, 0, 0.0)))
            opened.callback(files[-1].close)
        _check_shards(files, partial)
        opened.pop_all()
    return JoinedFile(files)


class JoinedFile:
    """Has the methods of `_core.File`; what writes is refused. Any thread, as there."""

    writable = False
    has_changes = False

    def __init__(self, files: Sequence[_core.File]) -> None:
        self.files = tuple(files)
        self.labels: dict[str, list[list[Any]]] = {}  # of each histogram, for each axis, in the order that was shown
        self._version = 1
        self._moving = threading.RLock()

    @property
    def path(self) -> str:
        first, *others = (file.path for file in self.files)
        return f"{first} and {len(others)} more" if others else first

    @property
    def uuid(self) -> str | None:
        """Each has its own."""
        return None

    @property
    def is_open(self) -> bool:
        return all(file.is_open for file in self.files)

    @contextmanager
    def still(self) -> Iterator[int]:
        """No file moves on meanwhile. Gives a number that is another one after they did."""
        with self._moving:
            self.files[0].contains("")  # raises where they were closed
            yield self._version

    def refresh(self) -> bool:
        moved = False
        with self._moving:
            try:
                for file in self.files:
                    moved = file.refresh() or moved
            except BaseException:
                moved = True  # as far as it came
                raise
            finally:
                self._version += moved
        return moved

    # --- content -------------------------------------------------------------------------------------------

    def at(self, name: str) -> JoinedHistogram:
        if not self.contains(name):
            raise KeyError(f"none of the files has a histogram '{name}': there are {', '.join(self.names()) or 'none'}")
        return JoinedHistogram(self, name)

    def contains(self, name: str) -> bool:
        return any(file.contains(name) for file in self.files)

    def names(self) -> list[str]:
        return sorted({name for file in self.files for name in file.names()})

    def attributes(self) -> dict[str, Any]:
        """A `Differing` stands for a value on which the files do not agree."""
        found: dict[str, dict[str, Any]] = {}
        for file in self.files:
            for key, value in file.attributes().items():
                found.setdefault(key, {})[file.path] = value
        return {
            key: next(iter(values.values())) if len(set(map(repr, values.values()))) == 1 else Differing(values)
            for key, values in found.items()
            if key not in (RUN, SHARDS, SHARD)
        }

    def counters(self) -> dict[tuple[str, ...], float]:
        return dict(_sum(file.counters() for file in self.files))

    def counter(self, key: tuple[str, ...]) -> float | None:
        found = [value for file in self.files if (value := file.counter(key)) is not None]
        return sum(found) if found else None

    def merged(self, id: _MergeID) -> bool:
        return not self.missing(id) if isinstance(id, tuple) else any(file.merged(id) for file in self.files)

    def merge_ids(self) -> list[_MergeID]:
        """Texts, then intervals by source and start, joined where they overlap or adjoin."""
        ids = [id for file in self.files for id in file.merge_ids()]
        joined: list[_Interval] = []
        for source, start, stop in sorted((id for id in ids if isinstance(id, tuple)), key=_place):
            if joined and joined[-1][0] == source and joined[-1][2] >= start:
                start, stop = joined[-1][1], max(joined.pop()[2], stop)
            joined.append((source, start, stop))
        return [*dict.fromkeys(id for id in ids if not isinstance(id, tuple)), *joined]

    def missing(self, entries: _MergeID) -> list[_Interval]:
        first, *others = self.files
        left = first.missing(entries)
        for file in others:
            left = [part for each in left for part in file.missing(each)]
        return left

    # --- the files themselves -------------------------------------------------------------------------------

    def stats(self) -> dict[str, int]:
        return dict(_sum(file.stats() for file in self.files))

    def verify(self, rollups: bool, progress: Report | None) -> _Findings:
        damaged: list[_Damage] = []
        counts = [0, 0, 0]  # omitted, chunks, bytes
        for number, file in enumerate(self.files):
            found, *numbers = file.verify(rollups, turn_of(progress, number, len(self.files)))
            for histogram, rollup, bins, plane, reason, text in found:
                place = f"{reason} (in '{file.path}')"
                damaged.append((histogram, rollup, bins, plane, place, f"'{file.path}': {text}"))
            counts = list(map(sum, zip(counts, numbers, strict=True)))
        return damaged, counts[0], counts[1], counts[2]

    def close(self) -> None:
        with ExitStack() as stack:  # all of them, whatever one raises
            for file in self.files:
                stack.callback(file.close)

    def abandon(self) -> None:
        for file in self.files:
            file.abandon()

    def refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise _core.Error(
            f"files '{self.path}' are open as one, for reading only: write to one of them by itself, or make one file "
            "of all by `hugehist merge`"
        )

    create = remove = set_attribute = remove_attribute = refuse
    set_counter = add_to_counter = remove_counter = refuse
    add_to_ledger = commit = discard = image = refuse


def _sum(each: Any) -> Counter[Any]:
    total: Counter[Any] = Counter()
    for numbers in each:
        total.update(numbers)
    return total


def _place(entries: _Interval) -> tuple[bytes, int]:
    source, start, _ = entries
    return (source.encode() if isinstance(source, str) else source), start


def _check_paths(paths: Sequence[PathLike]) -> None:
    if not paths:
        raise ValueError("the list of files is empty")
    seen: dict[tuple[int, int], str] = {}
    for path in paths:
        if not isinstance(path, str | bytes | os.PathLike):
            raise TypeError(f"a list of files has paths, not a {type(path).__name__}")
        name = os.fsdecode(path)
        status = Path(name).stat()
        file = status.st_dev, status.st_ino
        if file in seen:
            raise ValueError(f"'{seen[file]}' and '{name}' are the same file, which would count twice")
        seen[file] = name


def _check_shards(files: Sequence[_core.File], partial: bool) -> None:
    runs: dict[tuple[Any, int], dict[int, str]] = {}
    for file in files:
        attributes = file.attributes()
        if not {RUN, SHARDS, SHARD} <= attributes.keys():
            continue
        shards = runs.setdefault((attributes[RUN], attributes[SHARDS]), {})
        shard = attributes[SHARD]
        if shard in shards:
            raise ValueError(f"'{shards[shard]}' and '{file.path}' are both shard {shard} of run '{attributes[RUN]}'")
        shards[shard] = file.path
    for (run, count), shards in runs.items():
        missing = [str(shard) for shard in range(count) if shard not in shards]
        if missing and not partial:
            raise ValueError(
                f"of the {count} shards of run '{run}' these are missing: {', '.join(missing)}; open all of them, or "
                "a part by partial=True"
            )
