"""`h[index] = value`: replaces bins in the file, within the commit.

The rules are boost-histogram's: a scalar is repeated over the bins without flow bins; an array has one length for
each slice, and takes the flow bins in where it is longer by those of the open ends; a histogram must have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .axes import Axis, describe, storage_name
from .cells import MEANS, PLANES, Array, array_of, dtype_of, fields_of, numbers_of, planes_of, without_undefined
from .gather import has_arrays, scatter
from .indexing import normalise
from .selection import Selection, listed_bins, slice_bounds, storage_bin

if TYPE_CHECKING:
    from .readable import Readable

Bins = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Part:
    """Storage bins of one axis that an index entry names."""

    owner: str
    inner: Bins
    flow: Bins  # with the flow bins of open ends
    ends: tuple[bool, bool] = (False, False)  # whether underflow and overflow are among them
    sliced: bool = True  # the value has this axis

    def choose(self, length: int) -> Bins:
        """The bins for so many values; one value is for all."""
        if length in (1, len(self.inner)):
            return self.inner
        if length == len(self.flow):
            return self.flow
        more = "" if len(self.flow) == len(self.inner) else f" or {len(self.flow)} with flow bins"
        raise ValueError(f"{self.owner}: {length} values for {len(self.inner)} bins{more}")


def assign(target: Readable, index: Any, value: Any) -> None:
    """Raises ValueError where value and bins do not match, or where bins of a view stand for several or scaled ones."""
    owner = target._source.owner
    selection = target._selection()
    if has_arrays(index):
        cells = _cells(target._source.core.storage, value, owner)
        scatter(target, index, cells, lambda *box: _overwrite_box(target, selection, *box))
        return
    entries = normalise(index, selection.axes, owner)
    parts = [
        _part(axis, entry, describe(axis, i, owner))
        for i, (axis, entry) in enumerate(zip(selection.axes, entries, strict=True))
    ]
    sliced = [part for part in parts if part.sliced]
    kind = target._source.core.storage
    if hasattr(value, "storage_type"):
        _check_histogram(value, kind, sliced, owner)
        value = value.view(flow=True)
    planes = _planes(kind, value, owner)
    shape = planes[0].shape or (1,) * len(sliced)
    if len(shape) != len(sliced):
        raise ValueError(f"{owner}: the index has {len(sliced)} slices, the value {len(shape)} axes")
    lengths = iter(shape)
    lengths_of_axes = [next(lengths) if part.sliced else 1 for part in parts]
    bins = [part.choose(length) for part, length in zip(parts, lengths_of_axes, strict=True)]
    where = _bins_of_histogram(selection, bins, owner)
    target._source.core.overwrite(where, [_in_file_order(plane, lengths_of_axes, selection) for plane in planes])


def _overwrite_box(target: Readable, selection: Selection, box: Sequence[Any], cells: Array, chosen: Array) -> None:
    owner = target._source.owner
    bins = [np.arange(extent)[part] for extent, part in zip(selection.shape, box, strict=True)]
    where = _bins_of_histogram(selection, bins, owner)
    planes = _planes(target._source.core.storage, cells, owner)
    ordered = [_in_file_order(each, cells.shape, selection) for each in (*planes, chosen)]
    target._source.core.overwrite(where, ordered[:-1], ordered[-1])


def _part(axis: Axis, entry: Any, owner: str) -> Part:
    if isinstance(entry, int):
        place = np.array([storage_bin(axis, entry, owner)])
        return Part(owner, place, place, sliced=False)
    if isinstance(entry, list):
        places = np.array(listed_bins(axis, entry, owner), np.intp)
        return Part(owner, places, places)
    if entry.step is not None:
        raise ValueError(f"{owner}: a slice with a step, sum or rebin cannot be set, only read")
    begin, end = slice_bounds(axis, entry.start, entry.stop)
    shift = int(axis.traits.underflow)
    inner = np.arange(max(begin, 0) + shift, min(end, len(axis)) + shift)
    under, over = begin < 0, end > len(axis)
    flow = np.concatenate([np.arange(int(under)), inner, np.arange(axis.extent - int(over), axis.extent)])
    return Part(owner, inner, flow, (under, over))


def _check_histogram(value: Any, kind: str, sliced: Sequence[Part], owner: str) -> None:
    """Flow bins of a histogram go to flow bins, and never get lost."""
    theirs = storage_name(value.storage_type)
    if theirs != kind:
        raise ValueError(f"{owner} has '{kind}' storage, the value '{theirs}'")
    for axis, part in zip(value.axes, sliced, strict=False):
        if (axis.traits.underflow, axis.traits.overflow) != part.ends:
            raise ValueError(
                f"{part.owner}: the histogram's axis has underflow={axis.traits.underflow} and overflow="
                f"{axis.traits.overflow}, the slice {part.ends[0]} and {part.ends[1]}; use its view() to set without"
            )


def _planes(kind: str, value: Any, owner: str) -> list[Array]:
    """One array for each plane. Cells of several numbers come as structured arrays, or with a last axis of them."""
    array, names = array_of(value, owner), PLANES[kind]
    if len(names) == 1:
        return [numbers_of(array, dtype_of(kind), owner)]
    if array.dtype.names == fields_of(kind):
        return [numbers_of(plane, np.float64, owner) for plane in planes_of(kind, array)]
    if array.ndim == 0 or array.shape[-1] != len(names):
        raise ValueError(
            f"{owner}: give each bin {', '.join(names)}, as an array of shape (..., {len(names)}) or a view"
        )
    planes = [numbers_of(array[..., i], np.float64, owner) for i in range(len(names))]
    if kind in MEANS:
        planes[-1] = without_undefined(planes)
    return planes


def _cells(kind: str, value: Any, owner: str) -> Any:
    """What bins picked by integer arrays are set to: numbers where they hold one each, else what NumPy makes of it."""
    array = array_of(value, owner)
    if fields_of(kind) is None:
        return numbers_of(array, dtype_of(kind), owner)
    if array.dtype.kind not in "biufVO":  # structured arrays and accumulators too
        raise TypeError(f"{owner}: bins hold numbers, not {array.dtype}")
    return value


def _bins_of_histogram(selection: Selection, bins: Sequence[Bins], owner: str) -> list[Bins]:
    """For each axis of the histogram its storage bins, where the bins of the selection stand for one each."""
    wanted = dict(zip(selection.order, bins, strict=True))
    result = []
    for source, one in enumerate(selection.maps):
        if one.factor is not None:
            raise ValueError(f"{owner}: a scaled view cannot be set: set the histogram, or a view without scale")
        kept = np.flatnonzero(one.target >= 0)
        counts = np.bincount(one.target[kept], minlength=one.extent)
        origin = np.zeros(one.extent, np.intp)
        origin[one.target[kept]] = kept
        chosen = wanted.get(source, np.zeros(1, np.intp))
        if np.any(counts[chosen] != 1):
            raise ValueError(f"{owner}: a bin of this view is a sum of bins, or none, and cannot be set")
        result.append(origin[chosen])
    return result


def _in_file_order(plane: Array, lengths: Sequence[int], selection: Selection) -> Array:
    """The plane with one axis for each of the histogram."""
    rank = len(selection.maps)
    left = [i for i in range(rank) if i not in selection.order]
    full = plane.reshape(*lengths, *(1 for _ in left))
    return np.transpose(full, np.argsort([*selection.order, *left]))
