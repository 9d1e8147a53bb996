"""Comparing content, part by part, so that histograms larger than memory can be compared."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import boost_histogram as bh
import numpy as np

from .axes import Axis, axis_name
from .base import Base
from .cells import Array

PART_BINS = 1 << 22


class Comparing(Base):
    def __eq__(self, other: object) -> bool:
        """Same axes (bins and names; not the labels for plots), storage and content, flow bins included.

        Content is read only where axes and storage agree, and only up to the first part that differs.
        """
        if not isinstance(other, Base | bh.Histogram):
            return NotImplemented
        return (
            self.storage_type is other.storage_type
            and _all_axes(_same_axis, self, other)
            and _all_parts(np.array_equal, self, other, flow=True)
        )

    def allclose(
        self,
        other: object,
        *,
        rtol: float = 1e-5,
        atol: float = 1e-8,
        equal_nan: bool = False,
        flow: bool = True,
        metadata: bool = False,
    ) -> bool:
        """As boost-histogram's: same storage, axes and content within the tolerances, names only with `metadata`.

        Content is read only where axes and storage agree, and only up to the first part that differs.
        """

        def close(a: Array, b: Array) -> bool:
            return a.shape == b.shape and np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)

        def close_axis(a: Axis, b: Axis) -> bool:
            if metadata and a.__dict__ != b.__dict__:
                return False
            if len(a) != len(b) or a.traits.continuous != b.traits.continuous:
                return False
            if flow and (a.traits.underflow, a.traits.overflow) != (b.traits.underflow, b.traits.overflow):
                return False
            if a.traits.continuous:
                return close(a.edges, b.edges)
            return a.traits.ordered == b.traits.ordered and list(a) == list(b)

        return (
            isinstance(other, Base | bh.Histogram)
            and self.storage_type is other.storage_type
            and _all_axes(close_axis, self, other)
            and _all_parts(close, self, other, flow)
        )

    def empty(self, flow: bool = False) -> bool:
        """Whether all bins are as in a new histogram; reads up to the first part that has content."""
        shape = self._selection().shape if flow else self.shape
        return not any(
            np.any(plane) for window in windows(shape, PART_BINS) for plane in _fields(self._cells(window, flow))
        )


def windows(shape: Sequence[int], limit: int) -> Iterator[tuple[slice, ...]]:
    """Boxes that cover the shape in C order, of `limit` bins at most."""
    if not shape:
        yield ()
        return
    rest = int(np.prod(shape[1:], dtype=np.int64))
    rows = max(limit // max(rest, 1), 1)
    for begin in range(0, shape[0], rows):
        row = slice(begin, min(begin + rows, shape[0]))
        for tail in windows(shape[1:], limit):
            yield (row, *tail)


def _all_axes(same: Callable[[Axis, Axis], bool], one: Any, other: Any) -> bool:
    return one.ndim == other.ndim and all(itertools.starmap(same, zip(one.axes, other.axes, strict=True)))


def _same_axis(one: Axis, other: Axis) -> bool:
    return axis_name(one) == axis_name(other) and bool(bare(one) == bare(other))


def bare(axis: Axis) -> Axis:
    """The axis without metadata, which boost-histogram compares too."""
    result = copy.deepcopy(axis)  # in boost-histogram 1.8.0 and older a copy has the same metadata
    result.__dict__.clear()
    return result


def _all_parts(same: Callable[[Array, Array], bool], one: Base, other: Base | bh.Histogram[Any], flow: bool) -> bool:
    theirs = None if isinstance(other, Base) else other.view(flow=flow)
    shape = one._selection().shape if flow else one.shape
    for window in windows(shape, PART_BINS):
        cells = other._cells(window, flow) if isinstance(other, Base) else np.asarray(theirs)[window]
        if not all(itertools.starmap(same, zip(_fields(one._cells(window, flow)), _fields(cells), strict=True))):
            return False
    return True


def _fields(cells: Array) -> list[Array]:
    plain = np.asarray(cells)
    return [plain[name] for name in plain.dtype.names] if plain.dtype.names else [plain]
