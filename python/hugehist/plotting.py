"""Plots by hist and mplhep, and by histoprint in a terminal.

The content is read once, into hist's histogram, which draws it. Only what has one or two axes is drawn, so that
nothing large is read by mistake. mplhep and histoprint themselves take views as they are.
"""

from __future__ import annotations

from typing import Any

import hist

from .base import Base
from .in_memory import in_memory
from .optional import needed


class Plotting(Base):
    """hist's methods of the same names: their arguments, their results."""

    def plot(self, *args: Any, overlay: str | None = None, **kwargs: Any) -> Any:
        """One axis as a line, two as a map, or as lines over each other where one is a category axis."""
        return self._drawn().plot(*args, overlay=overlay, **kwargs)

    def plot1d(self, *, ax: Any = None, overlay: str | int | None = None, legend: bool = True, **kwargs: Any) -> Any:
        """One line, or one for each bin of the axis `overlay`: the category axis of two."""
        return self._drawn().plot1d(ax=ax, overlay=overlay, legend=legend, **kwargs)

    def plot2d(self, *, ax: Any = None, **kwargs: Any) -> Any:
        """A map of two axes."""
        return self._drawn(2).plot2d(ax=ax, **kwargs)

    def plot2d_full(self, *, ax_dict: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """A map of two axes, with both projections at its sides."""
        return self._drawn(2).plot2d_full(ax_dict=ax_dict, **kwargs)

    def plot_ratio(self, other: Any, *, ax_dict: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """With the ratio to `other` below: a histogram of any kind, a function to fit, or its name or formula."""
        drawn = self._drawn(1)
        return drawn.plot_ratio(_to_compare(other), ax_dict=ax_dict, **kwargs)

    def plot_pull(self, func: Any, *, ax_dict: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """With the pulls of a fit of `func` below: a function, or its name or formula."""
        return self._drawn(1).plot_pull(func, ax_dict=ax_dict, **kwargs)

    def plot_pie(self, *, ax: Any = None, **kwargs: Any) -> Any:
        """The bins of one axis as slices of a pie."""
        return self._drawn(1).plot_pie(ax=ax, **kwargs)

    def show(self, **kwargs: Any) -> Any:
        """Prints the one axis to the terminal, by histoprint and with its arguments."""
        return needed("histoprint", "show()", "plot").print_hist(self._drawn(1), **kwargs)

    def _drawn(self, *dimensions: int) -> hist.Hist[Any]:
        """In memory, once it is known that it can be drawn."""
        allowed = dimensions or (1, 2)
        if self.ndim not in allowed:
            wanted = {(1,): "one axis", (2,): "two axes", (1, 2): "one or two axes"}[allowed]
            raise NotImplementedError(
                f"{self._owner}: this plot takes {wanted}, and there are {self.ndim}: project or slice first, "
                "as in h.project('x').plot()"
            )
        return self.to_hist()


def _to_compare(other: Any) -> Any:
    if isinstance(other, Plotting):
        return other._drawn(1)
    return in_memory(other)
