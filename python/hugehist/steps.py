"""The steps that lead from a histogram to a view: small values, which pickle with the view.

A step is a frozen dataclass that holds what its caller asked for (copied where the caller could change it) and
applies it to any selection, because the axes may have grown since. To make a new kind: write the class here or
beside its vocabulary, at the top level of a module so that pickle finds it, and give it to `Readable._then`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .axes import find_axis
from .indexing import frozen, normalise
from .selection import Selection


class Step(Protocol):
    """`owner` is what messages call the histogram."""

    def __call__(self, selection: Selection, owner: str, /) -> Selection: ...


@dataclass(frozen=True, eq=False)
class Item:
    """`h[index]`."""

    index: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", frozen(self.index))

    def __call__(self, selection: Selection, owner: str) -> Selection:
        return selection.item(normalise(self.index, selection.axes, owner), owner)


@dataclass(frozen=True, eq=False)
class Project:
    """`h.project(*which)`."""

    which: tuple[str | int, ...]
    flow: bool

    def __call__(self, selection: Selection, owner: str) -> Selection:
        kept = [find_axis(selection.axes, each, owner) for each in self.which]
        if len(set(kept)) != len(kept):
            raise ValueError(f"{owner}: an axis is projected onto twice")
        return selection.project(kept, self.flow)


@dataclass(frozen=True, eq=False)
class Scale:
    """`h.scale(axis, factors)`."""

    axis: str | int
    factors: Mapping[Any, float] | npt.NDArray[np.float64]

    @staticmethod
    def of(axis: str | int, factors: Any, owner: str) -> Scale:
        """With a copy of the factors. Raises TypeError for what is no number, array or dict of numbers."""
        try:
            if isinstance(factors, Mapping):
                return Scale(axis, {label: float(factor) for label, factor in factors.items()})
            return Scale(axis, np.array(factors, dtype=np.float64))
        except (TypeError, ValueError):
            raise TypeError(
                f"{owner}: factors are a number, one for each bin, or a dict of label → number, not {factors!r}"
            ) from None

    def __call__(self, selection: Selection, owner: str) -> Selection:
        return selection.scale(find_axis(selection.axes, self.axis, owner), self.factors, owner)
