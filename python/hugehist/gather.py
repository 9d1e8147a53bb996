"""Bins picked by integer arrays: `h[np.array([0, 4, 2]), np.array([1, 1, 3]), :]`, as NumPy and boost-histogram do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .axes import Axis, describe
from .base import Base
from .cells import Array
from .indexing import by_axis, normalise
from .selection import storage_bin

PART_BINS = 1 << 22
Bins = npt.NDArray[np.int64]
Chosen = npt.NDArray[np.bool_]


def has_arrays(index: Any) -> bool:
    entries = index.values() if isinstance(index, Mapping) else index if isinstance(index, tuple) else (index,)
    return any(isinstance(entry, np.ndarray) and entry.ndim > 0 for entry in entries)


def gather(source: Base, index: Any) -> Array:
    """The content of the bins, an array as NumPy's indexing of `source.view()` would give it.

    Arrays hold bins, negative ones from the end, and are broadcast; slices take whole bins and no flow bins.
    What is read at a time is the box around some of the bins, of 4 Mi bins at most unless one row is larger.
    """
    points = _Points(source, index)
    nothing = source._cells([slice(0, 0)] * source.ndim)
    result = np.empty((points.count, *points.rows), nothing.dtype)
    for part, box, inside in points.boxes():
        result[part] = np.moveaxis(np.asarray(source._cells(box))[inside], points.place, 0)
    return points.as_numpy(result).view(type(nothing))


def scatter(source: Base, index: Any, value: Any, write: Callable[[list[Any], Array, Chosen], None]) -> None:
    """The other way: `write(box, cells, chosen)` gets each box with new content, and which of its bins have any.

    Nothing is read: what other threads fill into the other bins of a box stays.
    """
    points = _Points(source, index)
    nothing = source._cells([slice(0, 0)] * source.ndim)
    given = points.as_numpy(np.empty((points.count, *points.rows), nothing.dtype)).view(type(nothing))
    given[...] = value
    values = points.from_numpy(np.asarray(given))
    for part, box, inside in points.boxes():
        shape = [each.stop - each.start if isinstance(each, slice) else len(each) for each in box]
        cells, chosen = np.zeros(shape, nothing.dtype), np.zeros(shape, np.bool_)
        cells[inside] = np.moveaxis(values[part], 0, points.place)
        chosen[inside] = True
        write(box, cells, chosen)


class _Points:
    """What an index with arrays picks: points, each a row of bins where there are slices."""

    def __init__(self, source: Base, index: Any) -> None:
        axes = source._selection().axes
        given = zip(by_axis(index, axes, source._owner), axes, strict=True)
        self.entries = [_entry(entry, axis, describe(axis, i, source._owner)) for i, (entry, axis) in enumerate(given)]
        self.picked = [i for i, entry in enumerate(self.entries) if not isinstance(entry, slice)]
        arrays = np.broadcast_arrays(*(np.asarray(self.entries[i]) for i in self.picked))
        self.shape = arrays[0].shape
        self.bins = np.stack([each.ravel() for each in arrays])
        self.count = self.bins.shape[1]
        self.rows = [each.stop - each.start for each in self.entries if isinstance(each, slice)]
        # NumPy puts the axes of the arrays in front, unless they are neighbours.
        neighbours = self.picked[-1] - self.picked[0] == len(self.picked) - 1
        self.place = self.picked[0] if neighbours else 0

    def boxes(self) -> Iterator[tuple[Bins, list[Any], tuple[Any, ...]]]:
        """Some of the points, the box around them, and where in it they are."""
        for part in self._parts(np.lexsort(self.bins[::-1])):
            box: list[Any] = list(self.entries)
            inside: list[Any] = [slice(None)] * len(box)
            for i, bins in zip(self.picked, self.bins[:, part], strict=True):
                box[i], inside[i] = np.unique(bins, return_inverse=True)
            yield part, box, tuple(inside)

    def _parts(self, order: Bins) -> Iterator[Bins]:
        """Halves, until the box is small."""
        if len(order) == 0:
            return
        size = math.prod(len(np.unique(bins)) for bins in self.bins[:, order]) * math.prod(self.rows)
        if len(order) > 1 and size > PART_BINS:
            middle = len(order) // 2
            yield from self._parts(order[:middle])
            yield from self._parts(order[middle:])
        else:
            yield order

    def as_numpy(self, rows: Array) -> Array:
        """From one row for each point to the axes that NumPy gives."""
        whole = rows.reshape(*self.shape, *self.rows)
        return np.moveaxis(whole, range(len(self.shape)), range(self.place, self.place + len(self.shape)))

    def from_numpy(self, whole: Array) -> Array:
        front = np.moveaxis(whole, range(self.place, self.place + len(self.shape)), range(len(self.shape)))
        return front.reshape(self.count, *self.rows)


def _entry(entry: Any, axis: Axis, owner: str) -> slice | Bins:
    """Bins in storage, flow bins included."""
    first = int(axis.traits.underflow)
    if isinstance(entry, slice):
        if entry.step is not None or not all(b is None or isinstance(b, int) for b in (entry.start, entry.stop)):
            raise IndexError(f"{owner}: beside integer arrays there are no rebin, sum, or locator slices; use .view()")
        begin, end, _ = entry.indices(len(axis))
        return slice(begin + first, max(begin, end) + first)
    if isinstance(entry, np.ndarray) and entry.ndim > 0:
        if entry.dtype.kind not in "iu":
            raise IndexError(f"{owner}: an array of bins has integers, not {entry.dtype}")
        if entry.size and not (-len(axis) <= entry.min() and entry.max() < len(axis)):
            raise IndexError(f"{owner} has {len(axis)} bins, there is none at {entry.min()} or {entry.max()}")
        bins = entry.astype(np.int64)
        return np.where(bins < 0, bins + len(axis), bins) + first
    one = normalise((entry,), (axis,), owner)[0]
    if not isinstance(one, int):
        raise IndexError(f"{owner}: beside integer arrays there are integers, slices and integer arrays, not {entry!r}")
    return np.asarray(storage_bin(axis, one, owner))
