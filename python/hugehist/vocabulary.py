"""hist's vocabulary: what can be lazy is a view, and the rest reads no more than it needs."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import boost_histogram as bh
import hist
import numpy as np

from .axes import is_category
from .base import Base
from .cells import Array
from .indexing import is_pattern

if TYPE_CHECKING:
    from .view import View


class Vocabulary(Base):
    @property
    def T(self) -> View:
        """The axes in reverse order."""
        view: View = self.project(*reversed(range(self.ndim)))
        return view

    def integrate(self, name: str | int, i_or_list: Any = None, j: Any = None) -> Any:
        """The sum over one axis: over all of it, from `i_or_list` up to `j`, or over labels: a list or a pattern."""
        if isinstance(i_or_list, list) or is_pattern(i_or_list):
            if j is not None:
                raise TypeError(f"{self._owner}: integrate takes a list of labels, or two bounds")
            return self[{name: i_or_list}][{name: slice(0, len, sum)}]
        return self[{name: slice(i_or_list, j, sum)}]

    def expand_cats(self, *, name: Callable[..., str] | None = None) -> dict[str, View]:
        """A view for each combination of categories; their keys come from `name`, or are the labels joined by _."""
        found = [i for i, axis in enumerate(self._selection().axes) if is_category(axis)]
        if not found:
            raise ValueError(f"{self._owner} has no category axis to expand")
        result: dict[str, View] = {}
        for labels in itertools.product(*(self.axes[i] for i in found)):
            key = name(*labels) if name else "_".join(map(str, labels))
            if key in result:
                raise ValueError(f"{self._owner}: two combinations are called '{key}'; give name=")
            result[key] = self[{i: bh.loc(label) for i, label in zip(found, labels, strict=True)}]
        return result

    def stack(self, axis: str | int) -> hist.Stack[Any]:
        """hist's stack, in memory: one histogram for each bin of an axis."""
        if self.ndim < 2:
            raise RuntimeError(f"{self._owner}: a stack is made of at least two axes")
        return self.to_hist().stack(axis)

    def density(self) -> Array:
        """Values divided by their sum and the widths of the bins, without flow bins: an array like `values()`."""
        values = self.values()
        total = values.sum() * functools.reduce(operator.mul, self.axes.widths)
        density: Array = values / np.where(total > 0, total, 1)
        return density

    def profile(self, axis: str | int) -> hist.Hist[Any]:
        """The mean position on one axis, in the bins of the others: hist's histogram of Mean storage, in memory.

        Two reductions of the histogram are read, not the histogram. Flow bins are left out, as in hist.
        """
        if self.kind is not bh.Kind.COUNT:
            raise TypeError(f"{self._owner} has means already: a profile is made of counts")
        which, profiled = self._axis(axis)
        if self.ndim < 2:
            raise ValueError(f"{self._owner}: a profile leaves an axis out, and there is only one")
        inner = {which: slice(0, len, sum)}
        summed, first = self[inner], self.scale(which, profiled.centers)[inner]
        count, moment = summed.values(), first.values()
        spread, second = summed.variances(), first.variances()
        if spread is None or second is None:  # counts: the values are the variances
            spread, second = count, self.scale(which, profiled.centers**2)[inner].values()
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = moment / count
            variance = second / count**2 - spread * (moment / count**2) ** 2
        axes = [each for i, each in enumerate(self.axes) if i != which]
        result = hist.Hist(*axes, storage=hist.storage.Mean())
        result[...] = np.stack([count, mean, count * variance], axis=-1)
        return result
