"""The arguments of a fill, in the form the core takes: one column for each axis, weights and samples.

Which axis takes the k labels of (events, k) arrays: one given as `hugehist.variations`; else the one axis that
is given as a list of k labels. Where two lists have k labels it could be either, and that is an error. Without
an array of two dimensions a list has one label for each event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .axes import UHIAxis, UnknownAxisError, axes_text
from .cells import EXACT, largest
from .labels import category_column, variations

_KEPT = {np.dtype(t) for t in (np.float64, np.float32, np.int64, np.int32, np.bool_)}


@dataclass(frozen=True)
class AxisInfo:
    """What a fill must know of an axis; none of it ever changes."""

    name: str
    owner: str  # how messages call it
    kind: str  # "category_str", "category_int", "boolean", "integer" or "real"

    @property
    def is_category(self) -> bool:
        return self.kind.startswith("category")


def axis_infos(axes: Sequence[UHIAxis]) -> list[AxisInfo]:
    return [_axis_info(axis, i) for i, axis in enumerate(axes)]


def _axis_info(axis: UHIAxis, position: int) -> AxisInfo:
    name = str(axis.get("metadata", {}).get("name", ""))
    kind = axis["type"]
    if kind in ("regular", "variable"):
        info = axis.get("writer_info", {}).get("boost-histogram", {})
        kind = "integer" if info.get("orig_type") == "Integer" else "real"
    return AxisInfo(name, f"axis '{name}'" if name else f"axis {position}", kind)


def fill_columns(
    axes: Sequence[AxisInfo], args: Sequence[Any], named: Mapping[str, Any], weight: Any, sample: Any
) -> tuple[list[Any], Any, Any]:
    """Columns in axis order, the weight and the sample."""
    values = _in_axis_order(axes, args, named)
    for i, axis in enumerate(axes):
        if not axis.is_category:
            values[i] = _numbers(values[i], axis)
    extra = {"weight=": _weights(weight, "weight="), "sample=": _weights(sample, "sample=")}
    _name_variations(axes, values, extra)
    columns = [
        category_column(value, axis.kind == "category_int", axis.owner) if axis.is_category else value
        for axis, value in zip(axes, values, strict=True)
    ]
    return columns, *extra.values()


def _in_axis_order(axes: Sequence[AxisInfo], args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
    names = [axis.name for axis in axes]
    known = f"the axes are {axes_text(names)}"
    if len(args) > len(axes):
        raise TypeError(f"fill got {len(args)} columns for {len(axes)} axes: {known}")
    for name in named:
        if not name or name not in names:
            raise UnknownAxisError(f"fill got '{name}', which names no axis: {known}")
        if names.index(name) < len(args):
            raise TypeError(f"fill got axis '{name}' twice, by position and by name")
    missing = [axis.owner for axis in axes[len(args) :] if axis.name not in named]
    if missing:
        raise TypeError(f"fill misses {', '.join(missing)}; unnamed axes are filled by position")
    return [*args, *(named[name] for name in names[len(args) :])]


def _numbers(value: Any, axis: AxisInfo) -> Any:
    """A number or an array as the core takes it, without a copy where that is possible."""
    if isinstance(value, str | bytes | Mapping | variations):
        raise TypeError(f"{axis.owner} takes numbers, not {type(value).__name__}")
    array = _array(value, axis.owner)
    integral = array.dtype.kind in "iub"
    if axis.kind != "real" and not integral and array.size:
        raise TypeError(f"{axis.owner} takes integers, not {array.dtype}")
    if array.ndim == 0:
        return int(array) if integral else float(array)
    if not array.size and axis.kind != "real":
        return array.astype(np.int64)
    if axis.kind == "real" and array.dtype.kind == "b":
        return array.astype(np.float64)
    return _kept(array, axis.owner)


def _weights(numbers: Any, owner: str) -> Any:
    """Weights or samples as the core takes them."""
    if numbers is None:
        return None
    array = _array(numbers, owner)
    if array.dtype.kind in "iu" and largest(array) > EXACT:
        raise ValueError(f"{owner} has integers beyond 2^53, which are not exact as double: give doubles")
    if array.ndim == 0:
        return float(array)
    return array if array.dtype in (np.float64, np.float32) and _viewable(array) else array.astype(np.float64)


def _array(value: Any, owner: str) -> npt.NDArray[Any]:
    """An array of numbers with at most two dimensions."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(
            f"{owner}: {int(np.ma.getmaskarray(value).sum())} values are masked: fill the events that have one"
        )
    try:
        array = np.asarray(value)
    except ValueError as problem:
        raise ValueError(f"{owner} is no array of numbers: {problem}") from None
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise TypeError(f"{owner} takes numbers, not {array.dtype}")
    if array.ndim > 2:
        raise ValueError(f"{owner}: arrays have the shape (events,) or (events, k), not {array.shape}")
    return array


def _kept(array: npt.NDArray[Any], owner: str) -> npt.NDArray[Any]:
    if array.dtype in _KEPT and _viewable(array):
        return array
    if array.dtype.kind == "f":
        return array.astype(np.float64 if array.dtype.itemsize > 4 else np.float32)
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        return array.astype(np.float64)
    return array.astype(np.int64 if array.dtype.itemsize > 4 or array.dtype.kind == "u" else np.int32)


def _viewable(array: npt.NDArray[Any]) -> bool:
    size = array.dtype.itemsize
    return array.dtype.isnative and array.flags.aligned and all(stride % size == 0 for stride in array.strides)


def _name_variations(axes: Sequence[AxisInfo], values: list[Any], extra: Mapping[str, Any]) -> None:
    """Turns the list of k labels that (events, k) arrays belong to into `variations`."""
    explicit = [axis.owner for axis, value in zip(axes, values, strict=True) if isinstance(value, variations)]
    if len(explicit) > 1:
        raise ValueError(f"{' and '.join(explicit)} both take variations: one axis can")
    wide = _wide_arrays(axes, values, extra)
    if not wide or explicit:
        return
    what, k = wide[0]
    candidates = [
        i
        for i, (axis, value) in enumerate(zip(axes, values, strict=True))
        if axis.is_category and isinstance(value, list) and len(value) == k
    ]
    if len(candidates) > 1:
        both = " and ".join(axes[i].owner for i in candidates)
        raise ValueError(f"{both} have {k} labels each: say hugehist.variations([...]) for the one that {what} varies")
    if not candidates:
        raise ValueError(
            f"{what} has {k} columns, but no category axis is given as a list of {k} labels "
            "(or as hugehist.variations) to say what they are"
        )
    values[candidates[0]] = variations(values[candidates[0]])


def _wide_arrays(axes: Sequence[AxisInfo], values: Sequence[Any], extra: Mapping[str, Any]) -> list[tuple[str, int]]:
    """(what, columns) of the arrays with two dimensions."""
    found = [(what, array) for what, array in extra.items() if np.ndim(array) == 2]
    for axis, value in zip(axes, values, strict=True):
        if not axis.is_category:
            found.append((axis.owner, value))
        elif isinstance(value, Mapping):
            found += [(f"{axis.owner}, mask {key!r},", mask) for key, mask in value.items()]
    return [(what, np.shape(array)[1]) for what, array in found if np.ndim(array) == 2]
