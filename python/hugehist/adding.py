"""Adding the content of one histogram to that of another, plane by plane; of means the cells are combined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .cells import MEANS, Array, degrees_of_freedom
from .comparing import windows

PART_BINS = 1 << 18  # of means, combined at a time: what that takes is small beside the planes


def add_cells(storage: str, total: Sequence[Array], part: Sequence[Array]) -> None:
    """Adds `part` to `total`, which are planes of the same shape. A cell that meets an empty one stays as it is."""
    with np.errstate(all="ignore"):  # as the core: infinities may meet
        if storage not in MEANS:
            for ours, theirs in zip(total, part, strict=True):
                np.add(ours, theirs, out=ours)
            return
        for window in windows(total[0].shape, PART_BINS):
            _combine([plane[window] for plane in total], [plane[window] for plane in part])


def _combine(total: Sequence[Array], part: Sequence[Array]) -> None:
    new = _filled(part)
    both = new & _filled(total)
    merged = _together([plane[both] for plane in total], [plane[both] for plane in part])
    for ours, theirs, result in zip(total, part, merged, strict=True):
        ours[new] = theirs[new]
        ours[both] = result


def _filled(planes: Sequence[Array]) -> Array:
    filled: Array = (planes[0] != 0) | (planes[-3] != 0)
    return filled


def _together(a: Sequence[Array], b: Sequence[Array]) -> list[Array]:
    """What src/model/moments.hpp makes of two cells with entries, for many. Counts are their own sum of squares."""
    sums = [ours + theirs for ours, theirs in zip(a[:-2], b[:-2], strict=True)]
    weight = sums[0]
    whole = (a[0] != 0) & (b[0] != 0)  # else one of them has no mean
    shift = b[-2] - a[-2]
    mean = np.where(whole, (a[0] * a[-2] + b[0] * b[-2]) / weight, np.where(a[0] == 0, b[-2], a[-2]))
    deviations = _deviations(a) + _deviations(b) + np.where(whole, shift * shift * (a[0] * b[0] / weight), 0.0)
    freedom = degrees_of_freedom([*sums, mean, deviations])
    variance = np.where(freedom == 0, 0.0, deviations / freedom)
    return [*sums, *(np.where(weight == 0, 0.0, plane) for plane in (mean, variance))]


def _deviations(planes: Sequence[Array]) -> Array:
    """The sum of squared deviations from the mean, weighted."""
    freedom = degrees_of_freedom(planes)
    return np.where(freedom == 0, 0.0, planes[-1] * freedom)
