"""The arguments of a fill, in the form the core takes: one column for each axis, weights and samples.

Which axis takes the k labels of (events, k) arrays: one given as `hugehist.variations`; else the one axis that
is given as a list of k labels. Where two lists have k labels it could be either, and that is an error. Without
an array of two dimensions a list has one label for each event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from .axes import UHIAxis, UnknownAxisError, axes_text
from .cells import EXACT, largest
from .labels import category_column, variations

Dtypes = frozenset[np.dtype[Any]]


def _dtypes(*types: type[np.generic]) -> Dtypes:
    return frozenset(np.dtype(t) for t in types)


# What the core takes as it is.
_KEPT = _dtypes(np.float64, np.float32, np.int64, np.int32, np.bool_)
_KEPT_REALS = _dtypes(np.float64, np.float32, np.int64, np.int32)
_KEPT_INTEGERS = _dtypes(np.int64, np.int32, np.bool_)
_KEPT_WEIGHTS = _dtypes(np.float64, np.float32)


@dataclass(frozen=True)
class AxisInfo:
    """What a fill must know of an axis; none of it ever changes."""

    name: str
    owner: str  # how messages call it
    kind: str  # "category_str", "category_int", "boolean", "integer" or "real"
    is_category: bool
    kept: Dtypes  # arrays of these are filled without a copy


def axis_infos(axes: Sequence[UHIAxis]) -> list[AxisInfo]:
    return [_axis_info(axis, i) for i, axis in enumerate(axes)]


def _axis_info(axis: UHIAxis, position: int) -> AxisInfo:
    name = str(axis.get("metadata", {}).get("name", ""))
    kind = axis["type"]
    if kind in ("regular", "variable"):
        info = axis.get("writer_info", {}).get("boost-histogram", {})
        kind = "integer" if info.get("orig_type") == "Integer" else "real"
    owner = f"axis '{name}'" if name else f"axis {position}"
    return AxisInfo(name, owner, kind, kind.startswith("category"), _KEPT_REALS if kind == "real" else _KEPT_INTEGERS)


def fill_columns(
    axes: Sequence[AxisInfo], args: Sequence[Any], named: Mapping[str, Any], weight: Any, sample: Any
) -> tuple[list[Any], Any, Any]:
    """Columns in axis order, the weight and the sample.

    Small calls are common, and this is most of their time: what is usual is asked for first, and cheaply.
    """
    values = _in_axis_order(axes, args, named)
    if not _is_ready(weight, _KEPT_WEIGHTS):
        weight = _weights(weight, "weight=")
    if sample is not None:
        sample = _weights(sample, "sample=")
    wide = _is_wide(weight) or _is_wide(sample)
    for i, axis in enumerate(axes):
        value = values[i]
        if axis.is_category:
            wide = wide or isinstance(value, dict | Mapping | variations)
        elif not _is_ready(value, axis.kept):
            values[i] = value = _numbers(value, axis)
        wide = wide or _is_wide(value)
    if wide:
        _name_variations(axes, values, {"weight=": weight, "sample=": sample})
    for i, axis in enumerate(axes):
        if axis.is_category and (type(values[i]) is not str or axis.kind == "category_int"):
            values[i] = category_column(values[i], axis.kind == "category_int", axis.owner)
    return values, weight, sample


def _is_ready(value: Any, kept: Dtypes) -> TypeGuard[npt.NDArray[Any]]:
    """Whether the core takes the value as it is."""
    return type(value) is np.ndarray and value.dtype in kept and value.ndim in (1, 2) and value.flags.aligned


def _is_wide(value: Any) -> bool:
    return type(value) is np.ndarray and value.ndim == 2


def _in_axis_order(axes: Sequence[AxisInfo], args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
    if len(args) + len(named) == len(axes) and "" not in named:
        try:
            return [*args, *[named[axis.name] for axis in axes[len(args) :]]]
        except KeyError:
            pass
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
    raise TypeError(f"fill misses {', '.join(missing)}; unnamed axes are filled by position")


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
    return array if _is_ready(array, _KEPT_WEIGHTS) else array.astype(np.float64)


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
    if _is_ready(array, _KEPT):
        return array
    if array.dtype.kind == "f":
        return array.astype(np.float64 if array.dtype.itemsize > 4 else np.float32)
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        return array.astype(np.float64)
    return array.astype(np.int64 if array.dtype.itemsize > 4 or array.dtype.kind == "u" else np.int32)


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
