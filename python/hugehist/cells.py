"""Cells: the planes of a storage as the UHI schema has them, and boost-histogram's views and accumulators.

The last plane of a mean storage is the variance. boost-histogram keeps the sum of squared deviations instead, which
is the variance times the degrees of freedom: counts - 1, or sum of weights - sum of squared weights / sum of weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from boost_histogram.view import MeanView, WeightedMeanView, WeightedSumView

Array = npt.NDArray[Any]

#: Names of the planes, for each storage of the UHI schema.
PLANES: dict[str, tuple[str, ...]] = {
    "int": ("values",),
    "double": ("values",),
    "weighted": ("values", "variances"),
    "mean": ("counts", "values", "variances"),
    "weighted_mean": ("sum_of_weights", "sum_of_weights_squared", "values", "variances"),
}
MEANS = ("mean", "weighted_mean")
_VIEWS: dict[str, Any] = {"weighted": WeightedSumView, "mean": MeanView, "weighted_mean": WeightedMeanView}


#: Integers up to here are exact as float64.
EXACT = 2**53


def largest(integers: Array) -> int:
    """The largest absolute value, 0 where there is none."""
    return max(abs(int(integers.max())), abs(int(integers.min()))) if integers.size else 0


def dtype_of(storage: str) -> type[np.generic]:
    """Of each plane."""
    return np.int64 if storage == "int" else np.float64


def array_of(value: Any, owner: str) -> Array:
    """The value as an array, all of whose elements are there."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{owner}: {int(np.ma.getmaskarray(value).sum())} values are masked: give each bin a number")
    return np.asarray(value)


def numbers_of(array: Array, dtype: type[np.generic], owner: str) -> Array:
    """The array in C order as `dtype`, where integers stay what they are."""
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{owner}: bins hold numbers, not {array.dtype}")
    with np.errstate(invalid="ignore"):
        numbers: Array = np.ascontiguousarray(array, dtype=dtype).reshape(array.shape)
    if dtype is np.int64 and array.dtype.kind in "uf" and not np.array_equal(numbers, array):
        raise ValueError(f"{owner}: the storage holds int64, and the values are not whole, or too large")
    return numbers


def cell_bytes(storage: str) -> int:
    """Of one cell in memory, all planes together."""
    return 8 * len(PLANES[storage])


def fields_of(storage: str) -> tuple[str, ...] | None:
    """Of the cells in boost-histogram's view; None where they are plain numbers."""
    return _VIEWS[storage]._FIELDS if storage in _VIEWS else None


def view_of(storage: str, planes: Sequence[Array]) -> Array:
    """A copy of the planes as boost-histogram's view; where the cells are plain numbers, the plane itself."""
    if storage not in _VIEWS:
        return planes[0]
    fields: tuple[str, ...] = _VIEWS[storage]._FIELDS
    cells: Any = np.empty(planes[0].shape, [(field, np.float64) for field in fields])
    for field, plane in zip(fields, planes, strict=True):
        cells[field] = plane
    if storage in MEANS:
        cells[fields[-1]] *= degrees_of_freedom(planes)
    return cells.view(_VIEWS[storage])  # type: ignore[no-any-return]


def planes_of(storage: str, view: Array) -> list[Array]:
    """The planes of boost-histogram's view, which is not copied but for means. All lie alike in memory."""
    if storage not in _VIEWS:
        return [np.asarray(view)]
    cells = np.array(view) if storage in MEANS else np.asarray(view)
    planes = [cells[field] for field in _VIEWS[storage]._FIELDS]
    if storage in MEANS:
        freedom = degrees_of_freedom(planes)
        planes[-1][...] = np.divide(planes[-1], freedom, out=np.zeros(freedom.shape), where=freedom != 0)
    return planes


def number_of(storage: str, planes: Sequence[Array]) -> Any:
    """One cell as boost-histogram has it: a number, or an accumulator. The planes have no dimension."""
    return view_of(storage, planes)[()] if storage in _VIEWS else planes[0].item()


def mean_counts(planes: Sequence[Array]) -> Array:
    """Entries of means; where they are weighted, the effective number: sum of weights squared / sum of squares."""
    weight, squares = planes[0], planes[-3]
    if weight is squares:
        return weight
    counts: Array = np.divide(weight**2, squares, out=np.zeros(weight.shape), where=squares != 0)
    return counts


def mean_variances(planes: Sequence[Array]) -> Array:
    """As boost-histogram's variances(): those of the mean, NaN where they are not defined."""
    weight, squares = planes[0], planes[-3]
    variances: Array = np.divide(planes[-1], weight, out=np.full(weight.shape, np.nan), where=weight**2 > squares)
    return variances


def without_undefined(planes: Sequence[Array]) -> Array:
    """The variances of means, 0 for the NaN or infinity that other libraries have where they are not defined.

    That is up to one effective count, which may have been rounded to four bytes.
    """
    one_count = planes[0] ** 2 <= planes[-3] * (1 + 1e-6)
    return np.where(~np.isfinite(planes[-1]) & one_count, 0.0, planes[-1])


def degrees_of_freedom(planes: Sequence[Array]) -> Array:
    """Degrees of freedom, 0 where the variance is not defined. Counts are their own sum of squares."""
    weight, squares = planes[0], planes[-3]
    mean_weight = np.divide(squares, weight, out=np.zeros(weight.shape), where=weight != 0)
    return np.where((weight == 0) | (weight**2 == squares), 0.0, weight - mean_weight)
