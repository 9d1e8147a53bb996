"""What a view shows of a histogram: where each bin goes, and the axes that come of it.

A selection holds one map for each axis of the histogram, which sends its storage bins (flow bins included) to
bins of the result or drops them. Picking, slicing, rebinning, summing and scaling are such maps, and maps
compose; nothing is read to make one. Selections are values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import boost_histogram as bh
import hist
import numpy as np
import numpy.typing as npt

from .axes import Axis, describe, is_category, relabelled, unknown_label

Targets = npt.NDArray[np.int32]
Factors = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AxisMap:
    """`target[b]`: where storage bin b goes, -1 for nowhere; `factor[b]`: what its values are multiplied by."""

    target: Targets
    extent: int
    factor: Factors | None = None

    @staticmethod
    def all(extent: int) -> AxisMap:
        return AxisMap(np.arange(extent, dtype=np.int32), extent)

    @staticmethod
    def range(extent: int, begin: int, end: int) -> AxisMap:
        """Bins from `begin` up to `end` to one bin, the others dropped."""
        target = np.full(extent, -1, np.int32)
        target[begin:end] = 0
        return AxisMap(target, 1)

    def then(self, other: AxisMap) -> AxisMap:
        """First this map, then the other one on its result."""
        inside = self.target >= 0
        target = np.full(self.target.shape, -1, np.int32)
        target[inside] = other.target[self.target[inside]]
        factor = self.factor
        if other.factor is not None:
            factor = np.ones(target.shape) if factor is None else factor.copy()
            factor[inside] *= other.factor[self.target[inside]]
        return AxisMap(target, other.extent, factor)


@dataclass(frozen=True, eq=False)
class Selection:
    axes: tuple[Axis, ...]  # of the result
    order: tuple[int, ...]  # for each of them, the axis of the histogram that it comes from
    maps: tuple[AxisMap, ...]  # for each axis of the histogram

    @staticmethod
    def whole(axes: Sequence[Axis]) -> Selection:
        maps = tuple(AxisMap.all(axis.extent) for axis in axes)
        return Selection(tuple(axes), tuple(range(len(axes))), maps)

    @property
    def scaled(self) -> bool:
        return any(one.factor is not None for one in self.maps)

    @property
    def shape(self) -> tuple[int, ...]:
        """Bins of the result, flow bins included."""
        return tuple(self.maps[i].extent for i in self.order)

    def without_flow(self) -> Selection:
        return self._apply([(_inner(axis), axis) for axis in self.axes])

    def total(self, flow: bool) -> Selection:
        """All in one bin."""
        whole = self if flow else self.without_flow()
        return whole._apply([(AxisMap.range(extent, 0, extent), None) for extent in whole.shape])

    def item(self, index: Sequence[Any], owner: str) -> Selection:
        """`index` has one entry for each axis, as `indexing.normalise` makes them."""
        return self._apply(
            [
                _entry(axis, entry, describe(axis, i, owner))
                for i, (axis, entry) in enumerate(zip(self.axes, index, strict=True))
            ]
        )

    def project(self, kept: Sequence[int], flow: bool) -> Selection:
        """Sums over the axes that are not in `kept`, whose order is that of the result."""
        parts: list[tuple[AxisMap, Axis | None]] = []
        for i, (axis, extent) in enumerate(zip(self.axes, self.shape, strict=True)):
            if i in kept:
                parts.append((AxisMap.all(extent), axis))
            else:
                begin, end = (0, extent) if flow else _inner_range(axis)
                parts.append((AxisMap.range(extent, begin, end), None))
        summed = self._apply(parts)
        left = sorted(kept)
        places = [left.index(i) for i in kept]
        return replace(
            summed,
            axes=tuple(summed.axes[place] for place in places),
            order=tuple(summed.order[place] for place in places),
        )

    def scale(self, which: int, factors: Mapping[Any, float] | Factors, owner: str) -> Selection:
        """Multiplies the bins of one axis."""
        axis = self.axes[which]
        factor = _factor_of_bins(axis, factors, describe(axis, which, owner))
        return self._replace(which, (replace(AxisMap.all(axis.extent), factor=factor), axis))

    def regroup(self, which: int, groups: Mapping[Any, Sequence[int]]) -> Selection:
        """Other labels on a category axis, and the bins that go to each; bins of no label are dropped."""
        return self._replace(which, _regrouped(self.axes[which], groups))

    def window(self, box: Sequence[slice | Targets]) -> Selection:
        """A box of bins in storage, flow bins included: a slice or distinct bins for each axis.

        Its axes are those of the whole: this is for content only.
        """
        return self._apply(
            [(_windowed(extent, part), axis) for axis, extent, part in zip(self.axes, self.shape, box, strict=True)]
        )

    def _replace(self, which: int, part: tuple[AxisMap, Axis | None]) -> Selection:
        """What comes of one axis; the others stay."""
        parts: list[tuple[AxisMap, Axis | None]] = [
            (AxisMap.all(extent), axis) for axis, extent in zip(self.axes, self.shape, strict=True)
        ]
        parts[which] = part
        return self._apply(parts)

    def _apply(self, parts: Sequence[tuple[AxisMap, Axis | None]]) -> Selection:
        """One map for each axis of the result, with the axis that comes of it, or None where none does."""
        maps = list(self.maps)
        for source, (one, _) in zip(self.order, parts, strict=True):
            maps[source] = maps[source].then(one)
        left = [(axis, source) for source, (_, axis) in zip(self.order, parts, strict=True) if axis is not None]
        return Selection(tuple(axis for axis, _ in left), tuple(source for _, source in left), tuple(maps))


def _factor_of_bins(axis: Axis, factors: Mapping[Any, float] | Factors, owner: str) -> Factors:
    """One factor for each bin in storage."""
    result = np.ones(axis.extent)
    begin, end = _inner_range(axis)
    if isinstance(factors, Mapping):
        if not is_category(axis):
            raise TypeError(f"{owner} is not a category axis: its factors are a number or one for each bin")
        bins = {label: i for i, label in enumerate(axis)}
        for label, factor in factors.items():
            if label not in bins:
                raise unknown_label(label, bins, owner)
            result[bins[label]] = factor
    elif factors.shape in ((), (axis.extent,)):
        result[:] = factors
    elif factors.shape == (len(axis),):
        result[begin:end] = factors
    else:
        raise ValueError(f"{owner} has {len(axis)} bins, but there are factors of shape {factors.shape}")
    if not np.isfinite(result).all():  # chunks that do not exist would stay 0
        raise ValueError(f"{owner}: factors are finite, not {result[~np.isfinite(result)][0]}")
    return result


def _inner_range(axis: Axis) -> tuple[int, int]:
    """The storage bins of an axis that are no flow bins."""
    begin = int(axis.traits.underflow)
    return begin, begin + len(axis)


def _inner(axis: Axis) -> AxisMap:
    begin, end = _inner_range(axis)
    target = np.full(axis.extent, -1, np.int32)
    target[begin:end] = np.arange(len(axis))
    return AxisMap(target, len(axis))


def _entry(axis: Axis, entry: Any, owner: str) -> tuple[AxisMap, Axis | None]:
    """The map of one index entry, and the axis that is left, None where none is."""
    if isinstance(entry, int):
        position = storage_bin(axis, entry, owner)
        return AxisMap.range(axis.extent, position, position + 1), None
    if isinstance(entry, list):
        return _listed(axis, entry, owner)
    return _sliced(axis, entry, owner)


def storage_bin(axis: Axis, index: int, owner: str) -> int:
    """Position in storage; -1 and len(axis) are the flow bins."""
    if not -1 <= index <= len(axis):
        raise IndexError(f"{owner} has {len(axis)} bins, there is none at {index}")
    if index == -1 and not axis.traits.underflow:
        raise IndexError(f"{owner} has no underflow bin")
    if index == len(axis) and not axis.traits.overflow:
        raise IndexError(f"{owner} has no overflow bin")
    return index + int(axis.traits.underflow)


def _listed(axis: Axis, entries: list[int], owner: str) -> tuple[AxisMap, Axis]:
    """Some bins of a category axis in a given order. An overflow bin stays what it was."""
    listed_bins(axis, entries, owner)
    labels = list(axis)
    return _regrouped(axis, {labels[entry]: [entry] for entry in entries})


def _regrouped(axis: Axis, groups: Mapping[Any, Sequence[int]]) -> tuple[AxisMap, Axis]:
    target = np.full(axis.extent, -1, np.int32)
    for new, bins in enumerate(groups.values()):
        target[list(bins)] = new
    if axis.traits.overflow:
        target[-1] = len(groups)
    left = relabelled(axis, groups)
    return AxisMap(target, left.extent), left


def listed_bins(axis: Axis, entries: list[int], owner: str) -> list[int]:
    """The entries, where they are bins of a category axis and none repeats."""
    if not is_category(axis):
        raise RuntimeError(f"{owner} is not a category axis: only those take a list of bins")
    for entry in entries:
        if not 0 <= entry < len(axis):
            raise IndexError(f"{owner} has {len(axis)} labels, there is none at {entry}")
    if len(set(entries)) != len(entries):
        raise ValueError(f"{owner}: a bin repeats in the list")
    return entries


def _windowed(extent: int, part: slice | Targets) -> AxisMap:
    bins = np.arange(extent)[part]
    target = np.full(extent, -1, np.int32)
    target[bins] = np.arange(len(bins))
    return AxisMap(target, len(bins))


def _sliced(axis: Axis, part: slice, owner: str) -> tuple[AxisMap, Axis | None]:
    start, stop, step = part.start, part.stop, part.step
    if start is None and stop is None:
        if step is None:
            return AxisMap.all(axis.extent), axis
        if step is sum:
            return AxisMap.range(axis.extent, 0, axis.extent), None
    begin, end = slice_bounds(axis, start, stop)
    if end <= begin if step is sum else min(end, len(axis)) <= max(begin, 0):  # a sum may be of a flow bin alone
        raise IndexError(f"{owner}: the slice [{begin}:{end}] selects no bins, and an axis has at least one")
    if step is sum:
        return _summed(axis, begin, end, owner), None
    left = _axis_after(axis, part, owner)
    factor = 1 if step is None else getattr(step, "factor", None)
    if factor is not None:
        return _merged(axis, left, max(begin, 0), min(end, len(axis)), factor), left
    cropped = axis if start is None and stop is None else _axis_after(axis, slice(start, stop), owner)
    return _grouped(axis, left, list(step.axis_mapping(cropped)[0]), begin, end), left


def _axis_after(axis: Axis, part: slice, owner: str) -> Axis:
    """What boost-histogram makes of the axis, or its reason why it makes nothing."""
    probe: Any = hist.Hist(axis, storage=hist.storage.Int64())
    try:
        return probe[part].axes[0]
    except (IndexError, TypeError, ValueError) as problem:
        raise type(problem)(f"{owner}: {problem}") from None
    except NotImplementedError:
        raise NotImplementedError(f"{owner}: the third part of a slice is sum or a rebin, not {part.step!r}") from None


def slice_bounds(axis: Axis, start: bh.tag.at | None, stop: bh.tag.at | None) -> tuple[int, int]:
    """Begin and end, where -1 and len(axis) + 1 take the flow bins in. A part of a category axis has none."""
    whole = start is None and stop is None
    open_end = len(axis) + int(axis.traits.overflow and (axis.traits.ordered or whole))
    begin = -int(axis.traits.underflow) if start is None else start.value
    return begin, open_end if stop is None else stop.value


def _summed(axis: Axis, begin: int, end: int, owner: str) -> AxisMap:
    """`a:b:sum` counts a flow bin only where that end is open."""
    if axis.traits.circular and (begin > 0 or end < len(axis)):
        raise ValueError(f"{owner}: a circular axis cannot be cut")
    shift = int(axis.traits.underflow)
    return AxisMap.range(axis.extent, max(begin + shift, 0), min(end + shift, axis.extent))


def _merged(axis: Axis, left: Axis, begin: int, end: int, factor: int) -> AxisMap:
    """Every `factor` bins of [begin, end) to one; what is cut off goes to the flow bins that are left."""
    end = begin + (end - begin) // factor * factor
    under = 0 if left.traits.underflow else -1
    over = left.extent - 1 if left.traits.overflow else -1
    bins = np.arange(len(axis))
    inner = (bins - begin) // factor + int(left.traits.underflow)
    inner[bins < begin] = under if axis.traits.ordered else over
    inner[bins >= end] = over
    parts = [[under]] * axis.traits.underflow + [inner] + [[over]] * axis.traits.overflow
    return AxisMap(np.concatenate(parts).astype(np.int32), left.extent)


def _grouped(axis: Axis, left: Axis, groups: list[int], begin: int, end: int) -> AxisMap:
    """Groups of bins of [begin, end) to one each; all else is dropped, but for flow bins of an open end."""
    inner = np.full(len(axis), -1)
    first = max(begin, 0)
    shift = int(left.traits.underflow)
    inner[first : first + sum(groups)] = np.repeat(np.arange(len(groups)) + shift, groups)
    under = over = -1
    if left.traits.underflow:
        under = 0
    elif left.traits.overflow and not left.traits.ordered:
        under = left.extent - 1
    if left.traits.overflow:
        over = left.extent - 1
    parts = [[under if begin < 0 else -1]] * axis.traits.underflow + [inner]
    parts += [[over if end > len(axis) else -1]] * axis.traits.overflow
    return AxisMap(np.concatenate(parts).astype(np.int32), left.extent)
