"""Bins picked by integer arrays: `h[np.array([0, 4, 2]), np.array([1, 1, 3]), :]`, as NumPy and boost-histogram do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .axes import Axis, describe
from .base import Array, Base
from .indexing import by_axis, normalise
from .selection import storage_bin

PART_BINS = 1 << 22
Bins = npt.NDArray[np.int64]


def has_arrays(index: Any) -> bool:
    entries = index.values() if isinstance(index, Mapping) else index if isinstance(index, tuple) else (index,)
    return any(isinstance(entry, np.ndarray) and entry.ndim > 0 for entry in entries)


def gather(source: Base, index: Any) -> Array:
    """The content of the bins, an array as NumPy's indexing of `source.view()` would give it.

    Arrays hold bins, negative ones from the end, and are broadcast; slices take whole bins and no flow bins.
    What is read at a time is the box around some of the bins, of 4 Mi bins at most unless one row is larger.
    """
    axes = source._selection().axes
    given = zip(by_axis(index, axes, source._owner), axes, strict=True)
    entries = [_entry(entry, axis, describe(axis, i)) for i, (entry, axis) in enumerate(given)]
    picked = [i for i, entry in enumerate(entries) if not isinstance(entry, slice)]
    points = np.broadcast_arrays(*(np.asarray(entries[i]) for i in picked))
    shape = points[0].shape
    flat = np.stack([each.ravel() for each in points])
    rows = [range(axis.extent)[entry] for entry, axis in zip(entries, axes, strict=True) if isinstance(entry, slice)]
    nothing = source._cells([slice(0, 0)] * len(axes))
    result = np.empty((flat.shape[1], *map(len, rows)), nothing.dtype)
    order = np.lexsort(flat[::-1])
    where = _place(picked)
    for part in _parts(flat, order, math.prod(map(len, rows))):
        boxes: list[Any] = list(entries)
        inside: list[Any] = [slice(None)] * len(axes)
        for i, bins in zip(picked, flat[:, part], strict=True):
            boxes[i], inside[i] = np.unique(bins, return_inverse=True)
        cells = np.asarray(source._cells(boxes))[tuple(inside)]
        result[part] = np.moveaxis(cells, where, 0)
    whole = result.reshape(*shape, *map(len, rows))
    whole = np.moveaxis(whole, range(len(shape)), range(where, where + len(shape)))
    return whole.view(type(nothing))


def _place(picked: Sequence[int]) -> int:
    """Where NumPy puts the axes of the arrays: in front, unless they are neighbours."""
    return picked[0] if picked[-1] - picked[0] == len(picked) - 1 else 0


def _parts(points: Bins, order: Bins, row: int) -> Iterator[Bins]:
    """Halves of the points, until the box around them is small."""
    if len(order) == 0:
        return
    box = math.prod(len(np.unique(bins)) for bins in points[:, order])
    if len(order) > 1 and box * row > PART_BINS:
        middle = len(order) // 2
        yield from _parts(points, order[:middle], row)
        yield from _parts(points, order[middle:], row)
    else:
        yield order


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
        bins = entry.astype(np.int64)
        if bins.size and not (-len(axis) <= bins.min() and bins.max() < len(axis)):
            raise IndexError(f"{owner} has {len(axis)} bins, there is none at {bins.min()} or {bins.max()}")
        return np.where(bins < 0, bins + len(axis), bins) + first
    one = normalise((entry,), (axis,), owner)[0]
    if not isinstance(one, int):
        raise IndexError(f"{owner}: beside integer arrays there are integers, slices and integer arrays, not {entry!r}")
    return np.asarray(storage_bin(axis, one, owner))
