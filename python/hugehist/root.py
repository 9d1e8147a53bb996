"""ROOT's histograms, through uproot: TH1D, TH2D and TH3D to write, and their axes as they are read back.

A ROOT histogram has an underflow and an overflow bin on each axis, labels beside numbers, and float64 cells. So
labels, values, variances and flow bins are kept; names of axes, circularity, transforms (their edges stay) and the
kind of count (int64 or double) are not. Means on one axis are a TProfile, which uproot makes.
"""

from __future__ import annotations

from typing import Any

import boost_histogram as bh
import hist
import numpy as np
import numpy.typing as npt

from .axes import Axis, is_category
from .cells import EXACT, largest

Array = npt.NDArray[np.float64]
_AXES = ("xaxis", "yaxis", "zaxis")


def to_root(identify: Any, source: hist.Hist[Any]) -> Any:
    """`identify` is the module `uproot.writing.identify`. REQUIRES: one to three axes"""
    if source.kind != "COUNT":
        return identify.to_writable(source)  # a TProfile
    values = _framed(_as_float64(source.values(flow=True), f"histogram '{source.name}'"), source.axes)
    variances = source.variances(flow=True) if source.storage_type is bh.storage.Weight else None
    squares = None if variances is None else _framed(variances, source.axes)
    make = (identify.to_TH1x, identify.to_TH2x, identify.to_TH3x)[source.ndim - 1]
    return make(
        fName=None,
        fTitle=source.label or source.name or "",
        data=values.T.ravel(),  # the first axis runs fastest
        fEntries=values.sum(),
        fSumw2=None if squares is None else squares.T.ravel(),
        **_moments(values, squares, source.axes),
        **{
            f"f{name.capitalize()}": _axis(identify, name, axis) for name, axis in zip(_AXES, source.axes, strict=False)
        },
    )


def from_root(source: Any) -> bh.Histogram[Any]:
    """A histogram of uproot, without the names that all of ROOT's axes have."""
    result: bh.Histogram[Any] = source.to_boost()
    for axis in result.axes:
        if axis.__dict__.get("name") in _AXES:
            axis.__dict__["name"] = ""
    if result.storage_type is bh.storage.WeightedMean:  # uproot computes 0/0 in empty bins of a profile
        cells: Any = result.view(flow=True)
        cells["sum_of_weights_squared"][cells["sum_of_weights"] == 0] = 0
    return result


def _as_float64(values: Any, owner: str) -> Array:
    if values.dtype.kind == "i" and largest(values) > EXACT:
        raise ValueError(f"{owner}: a count beyond 2^53 is not exact in ROOT's TH1D: make it a double storage first")
    return np.asarray(values, dtype=np.float64)


def _framed(plane: Any, axes: Any) -> Array:
    """With an underflow and an overflow bin on each axis, zero where ours has none."""
    return np.pad(plane, [(int(not axis.traits.underflow), int(not axis.traits.overflow)) for axis in axes])


def _moments(values: Array, squares: Array | None, axes: Any) -> dict[str, Any]:
    """Sums of weights times centres, without flow bins, from which ROOT tells means and spreads."""
    inner = (slice(1, -1),) * len(axes)
    cells = values[inner]
    total = (values if squares is None else squares)[inner].sum()
    result: dict[str, Any] = {"fTsumw": cells.sum(), "fTsumw2": total}
    letters = "xyz"[: len(axes)]
    centers = [np.asarray(axis.edges[:-1] + axis.edges[1:]) / 2 for axis in axes]
    for i, letter in enumerate(letters):
        along = cells.sum(axis=tuple(j for j in range(len(axes)) if j != i))
        result[f"fTsumw{letter}"] = along @ centers[i]
        result[f"fTsumw{letter}2"] = along @ centers[i] ** 2
        for j in range(i):
            plane = cells.sum(axis=tuple(k for k in range(len(axes)) if k not in (i, j)))
            result[f"fTsumw{letters[j]}{letter}"] = centers[j] @ plane @ centers[i]
    return result


def _axis(identify: Any, name: str, axis: Axis) -> Any:
    edges = np.asarray(axis.edges, dtype=">f8")
    even = (isinstance(axis, bh.axis.Regular) and axis.transform is None) or axis.traits.discrete
    return identify.to_TAxis(
        fName=name,
        fTitle=axis.label,
        fNbins=len(axis),
        fXmin=edges[0],
        fXmax=edges[-1],
        fXbins=edges[:0] if even else edges,
        fLabels=_labels(identify, axis) if is_category(axis) else None,
    )


def _labels(identify: Any, axis: Axis) -> Any:
    labels = [identify.to_TObjString(str(label)) for label in axis]
    for i, label in enumerate(labels):
        label._bases[0]._members["@fUniqueID"] = i + 1  # the bin, as TAxis::SetBinLabel has it
    return identify.to_THashList(labels)
