"""Roll-ups: projections of a histogram that the file keeps up to date, and takes for every read that they cover."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .damage import Damage
from .progress import part_of, reporting

if TYPE_CHECKING:
    from . import _core
    from .joined_histogram import JoinedHistogram
    from .readable import Source


def keeping(rollups: Iterable[Any]) -> list[list[str | int]]:
    """`rollups=`: each is an axis, or a list of axes."""
    if isinstance(rollups, str):
        raise TypeError(f"rollups= is a list of roll-ups, each a list of axes, not {rollups!r}")
    return [[each] if isinstance(each, str | int) else list(each) for each in rollups]


class Rollups:
    """The part of a histogram's interface that is about its roll-ups."""

    _core: _core.Histogram | JoinedHistogram
    _source: Source

    @property
    def rollups(self) -> list[tuple[str | int, ...]]:
        """For each roll-up the axes that it keeps: names, or numbers where an axis has none."""
        return [self._names(axes) for axes in self._core.rollups()]

    def add_rollup(self, *axes: str | int) -> None:
        """Keeps the projection onto these axes up to date from now on.

        Every read that sums over all others, flow bins included, takes it from there. The histogram is read once.
        Raises ValueError where there is such a roll-up already, or where it would keep all axes or none.
        """
        with reporting(self._source.home.progress, f"adding a roll-up to {self._source.owner}") as tell:
            self._core.add_rollup(axes, part_of(tell, 0.0, 1.0))

    def remove_rollup(self, *axes: str | int) -> None:
        """Removes the roll-up that keeps these axes. Raises KeyError where there is none."""
        self._core.remove_rollup(axes)

    def rebuild_rollups(self) -> None:
        """Makes all roll-ups anew from the histogram's own bins."""
        with reporting(self._source.home.progress, f"rebuilding roll-ups of {self._source.owner}") as tell:
            self._core.rebuild_rollups(part_of(tell, 0.0, 1.0))

    def check_rollups(self) -> list[Damage]:
        """Reads the histogram and compares its roll-ups; an empty list means that all is well.

        The rounding of sums in another order is allowed for.
        """
        with reporting(self._source.home.progress, f"checking roll-ups of {self._source.owner}") as tell:
            found = self._core.check_rollups(part_of(tell, 0.0, 1.0))
        return [
            Damage(self._core.name, f"roll-up {self._names(axes)}", self._labels(axes, bins), plane, reason)
            for axes, bins, plane, reason in found
        ]

    def _names(self, axes: Sequence[int]) -> tuple[str | int, ...]:
        known = self._source.axes()[1]
        return tuple(known[axis].name or axis for axis in axes)

    def _labels(self, axes: Sequence[int], bins: Sequence[int]) -> tuple[Any, ...]:
        """Labels, edges or values of the bin; "underflow" and "overflow"."""
        known = self._source.axes()[1]
        return tuple(_label(known[axis], bin) for axis, bin in zip(axes, bins, strict=False))


def _label(axis: Any, bin: int) -> Any:
    index = bin - int(axis.traits.underflow)
    if index < 0:
        return "underflow"
    return axis.bin(index) if index < len(axis) else "overflow"
