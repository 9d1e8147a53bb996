"""One histogram in several files: it reads like one of the core, and is the sum of theirs.

A selection of the joined axes is made one of each file's axes, the file reads it (from its roll-ups, where these
cover it), and what comes is added up. One file is read after another, so that beside the answer there is one part of
it in memory; a part spans the bins of the answer from the first to the last that its file has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from . import _core
from .adding import add_cells
from .axes import UHIAxis, axis_from_uhi
from .cells import PLANES, Array, cell_bytes, dtype_of
from .joined_axes import Positions, first_of, join_axes, misfit
from .progress import Report, turn_of

if TYPE_CHECKING:
    from ._core import _Map
    from .joined import JoinedFile

Box = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class Part:
    """The histogram in one of the files."""

    path: str
    core: _core.Histogram
    positions: tuple[Positions, ...]

    def selection(self, maps: Sequence[_Map]) -> tuple[Box, list[_Map]] | None:
        """The maps of the joined axes as maps of the file's, onto the box of the answer that they reach, or None."""
        found = [_of_file(one, positions) for one, positions in zip(maps, self.positions, strict=True)]
        reached = [each for each in found if each is not None]
        if len(reached) < len(found):
            return None
        return tuple(box for box, _ in reached), [one for _, one in reached]

    def bin(self, axis: int, bin: int) -> int:
        """The storage bin of the joined axis."""
        positions = self.positions[axis]
        return bin if isinstance(positions, slice) else int(positions[bin])


def _of_file(one: _Map, positions: Positions) -> tuple[slice, _Map] | None:
    target, _, factor = one
    here = _taken(target, positions, -1)
    reached = here[here >= 0]
    if reached.size == 0:
        return None
    begin, end = int(reached.min()), int(reached.max()) + 1
    shifted = np.where(here < 0, here, here - begin).astype(np.int32)
    return slice(begin, end), (shifted, end - begin, None if factor is None else _taken(factor, positions, 1))


def _taken(values: Array, positions: Positions, beyond: float) -> Array:
    """One for each bin of a file; `beyond` for labels that came since the values were made, which are not read."""
    if isinstance(positions, slice):
        return values[positions]
    return np.append(values, values.dtype.type(beyond))[np.minimum(positions, len(values))]


@dataclass(frozen=True, eq=False)
class Joined:
    """What all files have together, at one moment."""

    version: int
    storage: str
    axes: list[UHIAxis]
    parts: list[Part]

    def read(self, selections: Sequence[Sequence[_Map]], progress: Report | None) -> list[list[Array]]:
        totals = [Total(self.storage, maps) for maps in selections]
        for number, part in enumerate(self.parts):
            _add(part, selections, totals, turn_of(progress, number, len(self.parts)))
        return [total.planes() for total in totals]


class Total:
    """The answer to one selection, to which the parts of the files are added."""

    def __init__(self, storage: str, maps: Sequence[_Map]) -> None:
        scaled = any(factor is not None for _, _, factor in maps)
        self._storage = storage
        self._dtype = dtype_of("double" if storage == "int" and scaled else storage)
        self._shape = tuple(extent for _, extent, _ in maps)
        self._planes: list[Array] | None = None

    def planes(self) -> list[Array]:
        if self._planes is None:
            self._planes = [np.zeros(self._shape, self._dtype) for _ in PLANES[self._storage]]
        return self._planes

    def add(self, box: Box, planes: list[Array]) -> None:
        if self._planes is None and planes[0].shape == self._shape:
            self._planes = planes
        else:
            add_cells(self._storage, [plane[box] for plane in self.planes()], planes)


class JoinedHistogram:
    """Has the methods of `_core.Histogram`; what writes is refused."""

    def __init__(self, file: JoinedFile, name: str) -> None:
        self.name = name
        self._file = file
        self._cores: dict[int, _core.Histogram] = {}  # by the number of the file
        self._made: Joined | None = None

    def axes(self) -> tuple[int, list[UHIAxis]]:
        """The version changes with every refresh that moved a file. Labels stay where they are, and more may follow."""
        joined = self._joined()
        return joined.version, joined.axes

    @property
    def storage(self) -> str:
        return self._joined().storage

    @property
    def metadata(self) -> dict[str, Any]:
        """Of each key what the first file says that has it."""
        return first_of([part.core.metadata for part in self._joined().parts])

    @property
    def variance_known(self) -> bool:
        return all(part.core.variance_known for part in self._joined().parts)

    def read_many(self, selections: Sequence[Sequence[_Map]], progress: Report | None = None) -> list[list[Array]]:
        """Of one state of each file: where one moves on meanwhile, all is read again, and the next refresh waits."""
        joined = self._joined()
        answers = joined.read(selections, progress)
        while self._joined() is not joined:
            del answers
            with self._file.still():
                joined = self._joined()
                answers = joined.read(selections, progress)
        return answers

    def rollups(self) -> list[list[int]]:
        """Those that all files have."""
        first, *others = (part.core.rollups() for part in self._joined().parts)
        return [axes for axes in first if all(axes in each for each in others)]

    def check_rollups(self, progress: Report | None = None) -> list[tuple[list[int], list[int], str, str]]:
        parts = self._joined().parts
        found: list[tuple[list[int], list[int], str, str]] = []
        for number, part in enumerate(parts):
            for axes, bins, plane, reason in part.core.check_rollups(turn_of(progress, number, len(parts))):
                places = [part.bin(axis, bin) for axis, bin in zip(axes, bins, strict=False)]
                found.append((axes, places, plane, f"{reason} (in '{part.path}')"))
        return found

    def buffer(self) -> _core.FillBuffer:
        joined = self._joined()
        return _core.FillBuffer(joined.axes, joined.storage)

    def stats(self) -> dict[str, Any]:
        """Stored bytes and chunks of all files together; the chunk shape is the smallest along each axis."""
        joined = self._joined()
        each = [part.core.stats() for part in joined.parts]
        shapes = [stats["chunk_shape"] for stats in each if stats["chunk_shape"] is not None]
        return {
            "dense_bytes": prod(axis_from_uhi(axis).extent for axis in joined.axes) * cell_bytes(joined.storage),
            **{key: sum(stats[key] for stats in each) for key in ("stored_bytes", "stored_chunks")},
            "chunk_shape": tuple(map(min, zip(*shapes, strict=True))) if shapes else None,
        }

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        self._file.refuse()

    fill = merge = check = check_bytes = overwrite = grow = add_rollup = remove_rollup = rebuild_rollups = _refuse

    def _joined(self) -> Joined:
        with self._file.still() as version:
            if self._made is None or self._made.version != version:
                self._made = self._join(version)
            return self._made

    def _join(self, version: int) -> Joined:
        owner = f"histogram '{self.name}'"
        for number, file in enumerate(self._file.files):
            if number not in self._cores and file.contains(self.name):
                self._cores[number] = file.at(self.name)
        cores = {self._file.files[number].path: core for number, core in sorted(self._cores.items())}
        first, one = next(iter(cores.items()))
        for path, core in cores.items():
            if core.storage != one.storage:
                raise misfit(owner, f"'{one.storage}' storage", first, f"'{core.storage}' storage", path)
        axes, positions = join_axes(
            {path: core.axes()[1] for path, core in cores.items()}, self._file.labels.get(self.name, []), owner
        )
        self._file.labels[self.name] = [axis.get("categories", []) for axis in axes]
        parts = [Part(*item, places) for item, places in zip(cores.items(), positions, strict=True)]
        return Joined(version, one.storage, axes, parts)


def _add(part: Part, selections: Sequence[Sequence[_Map]], totals: Sequence[Total], report: Report | None) -> None:
    """A function of its own, so that the content of a file is gone before the next one is read."""
    wanted = [(total, found) for total, maps in zip(totals, selections, strict=True) if (found := part.selection(maps))]
    if not wanted:
        return
    answers = part.core.read_many([maps for _, (_, maps) in wanted], report)
    for (total, (box, _)), planes in zip(wanted, answers, strict=True):
        total.add(box, planes)
