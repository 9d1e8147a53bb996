"""xarray's Datasets and pandas' tables of a histogram's UHI form, and the way back from xarray.

Axes, storage and metadata travel along as JSON in the attribute `uhi` of a Dataset, which netCDF and zarr keep too.
A Dataset whose bins are no longer those is refused on the way back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import inf, nan
from typing import Any

import boost_histogram as bh
import numpy as np

from .axes import Axis, axis_from_uhi, axis_name
from .cells import Array

UHI = Mapping[str, Any]


def to_xarray(xarray: Any, uhi: UHI, flow: bool) -> Any:
    """`xarray` is the module."""
    axes = [axis_from_uhi(axis) for axis in uhi["axes"]]
    names = _names(axes)
    coordinates: dict[str, Any] = {}
    for name, axis in zip(names, axes, strict=True):
        label = axis.__dict__.get("label")
        coordinates[name] = (name, _positions(axis, flow), {"long_name": label} if label else {})
        edges = _edges(axis, flow)
        if edges is not None:
            coordinates |= {f"{name}_lower": (name, edges[0]), f"{name}_upper": (name, edges[1])}
    known = {"flow": flow, "storage": uhi["storage"]["type"]} | {key: uhi[key] for key in ("axes", "metadata")}
    attributes = {"name": uhi["metadata"]["name"], "uhi": json.dumps(known)}
    variables = {key: (names, plane) for key, plane in _variables(uhi, axes, flow).items()}
    return xarray.Dataset(variables, coordinates, attributes)


def from_xarray(dataset: Any) -> dict[str, Any]:
    """The UHI form of what `to_xarray` made a Dataset of. ValueError where it is another, or a part of one."""
    text = dataset.attrs.get("uhi") if hasattr(dataset, "data_vars") else None
    if not isinstance(text, str):
        raise ValueError(f"this xarray {type(dataset).__name__} is none of to_xarray(): it lacks the attribute 'uhi'")
    uhi: dict[str, Any] = json.loads(text)
    flow, kind = uhi.pop("flow"), uhi.pop("storage")
    axes = [axis_from_uhi(axis) for axis in uhi["axes"]]
    names = _names(axes)
    for name, axis in zip(names, axes, strict=True):
        expected = _positions(axis, flow)
        if name not in dataset or not _same(dataset[name].values, expected):
            raise ValueError(
                f"the xarray Dataset has not the bins along '{name}' that its histogram had: cut the histogram "
                "before to_xarray()"
            )
    storage: dict[str, Any] = {"type": kind}
    for key in (key for key in dataset.data_vars if key != "variances" or kind not in ("int", "double")):
        whole = np.zeros([axis.extent for axis in axes], dataset[key].dtype)
        whole[_part(axes, flow)] = dataset[key].transpose(*names).values
        storage[str(key)] = whole
    return {"uhi_schema": 1, "storage": storage} | uhi


def to_dataframe(pandas: Any, uhi: UHI, flow: bool) -> Any:
    """`pandas` is the module."""
    axes = [axis_from_uhi(axis) for axis in uhi["axes"]]
    levels: list[Any] = []
    for name, axis in zip(_names(axes), axes, strict=True):
        edges = _edges(axis, flow)
        if isinstance(axis, bh.axis.StrCategory):  # in the order of the axis, so that rows are sorted
            labels = list(axis)
            shown = [*labels, None] if flow and axis.traits.overflow else labels
            levels.append(pandas.CategoricalIndex(shown, categories=labels, name=name))
        elif edges is None:
            levels.append(pandas.Index(_positions(axis, flow), name=name))
        else:
            levels.append(pandas.IntervalIndex.from_arrays(*edges, closed="left", name=name))
    index = levels[0] if len(levels) == 1 else pandas.MultiIndex.from_product(levels)
    return pandas.DataFrame({key: plane.ravel() for key, plane in _variables(uhi, axes, flow).items()}, index=index)


def _names(axes: Sequence[Axis]) -> list[str]:
    return [axis_name(axis) or f"axis_{i}" for i, axis in enumerate(axes)]


def _part(axes: Sequence[Axis], flow: bool) -> tuple[slice, ...]:
    """The bins that are shown, among all in storage."""
    begins = [int(axis.traits.underflow) for axis in axes]
    return tuple(
        slice(None) if flow else slice(begin, begin + len(axis)) for begin, axis in zip(begins, axes, strict=True)
    )


def _variables(uhi: UHI, axes: Sequence[Axis], flow: bool) -> dict[str, Array]:
    """The planes of the storage, and variances where they are known without a plane of their own."""
    planes: dict[str, Array] = {key: plane[_part(axes, flow)] for key, plane in uhi["storage"].items() if key != "type"}
    if uhi["storage"]["type"] in ("int", "double") and uhi["metadata"].get("_variance_known", True):
        planes["variances"] = planes["values"]
    return planes


def _positions(axis: Axis, flow: bool) -> Array:
    """Labels, integers or centres."""
    if isinstance(axis, bh.axis.StrCategory):
        return np.array([*axis, ""] if flow and axis.traits.overflow else list(axis), dtype=str)
    discrete = axis.traits.discrete
    inner = np.array([axis.bin(i) for i in range(len(axis))]) if discrete else axis.centers
    if not (flow and (axis.traits.underflow or axis.traits.overflow)):
        return inner.astype(bool) if isinstance(axis, bh.axis.Boolean) else inner
    beyond = inf if axis.traits.ordered and not axis.traits.circular else nan
    return np.concatenate([[-inf] * axis.traits.underflow, inner, [beyond] * axis.traits.overflow])


def _edges(axis: Axis, flow: bool) -> tuple[Array, Array] | None:
    """Lower and upper edges; None for an axis of labels or integers."""
    if axis.traits.discrete:
        return None
    lower, upper = axis.edges[:-1], axis.edges[1:]
    if flow and axis.traits.underflow:
        lower, upper = np.append(-inf, lower), np.append(lower[0], upper)
    if flow and axis.traits.overflow:
        first, last = (nan, nan) if axis.traits.circular else (upper[-1], inf)
        lower, upper = np.append(lower, first), np.append(upper, last)
    return lower, upper


def _same(values: Array, expected: Array) -> bool:
    return np.array_equal(values, expected, equal_nan=expected.dtype.kind == "f" and values.dtype.kind == "f")
