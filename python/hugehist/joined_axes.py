"""Axes of one histogram in several files: whether they fit together, and where the labels of each file go."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .axes import UHIAxis, axis_from_uhi, describe
from .describing import axis_text

#: For each storage bin of a file's axis the one of the joined axis; a slice where these are the first ones, or all.
Positions = slice | npt.NDArray[np.intp]
_LAST_DIGITS = 4 * float(np.finfo(np.float64).eps)


def join_axes(
    files: Mapping[str, Sequence[UHIAxis]], known: Sequence[Sequence[Any]], owner: str
) -> tuple[list[UHIAxis], list[tuple[Positions, ...]]]:
    """The joined axes, and for each file the positions along each axis.

    `files` has axes by path. Labels come in the order of `known`, one list for each axis, then as they appear. Raises
    ValueError, which names `owner`, files and axis, where axes do not fit.
    """
    first, axes = next(iter(files.items()))
    for path, others in files.items():
        if len(others) != len(axes):
            raise misfit(owner, f"{len(axes)} axes", first, f"{len(others)}", path)
        for i, (one, other) in enumerate(zip(axes, others, strict=True)):
            if not _fits(one, other):
                made, theirs = axis_from_uhi(one), axis_from_uhi(other)
                raise misfit(describe(made, i, owner), axis_text(made), first, axis_text(theirs), path)
    if len(known) != len(axes):  # there was another histogram of that name
        known = [()] * len(axes)
    joined = [_join(each, labels) for each, labels in zip(zip(*files.values(), strict=True), known, strict=True)]
    return [axis for axis, _ in joined], list(zip(*(positions for _, positions in joined), strict=True))


def misfit(owner: str, one: str, path: str, other: str, other_path: str) -> ValueError:
    return ValueError(
        f"{owner} does not fit together: {one.rstrip(',')} in '{path}', {other.rstrip(',')} in '{other_path}'; "
        "open these files one by one"
    )


def first_of(metadata: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Each key as it is where it comes first."""
    return dict(ChainMap(*map(dict, metadata)))


def _fits(one: UHIAxis, other: UHIAxis) -> bool:
    """Names and bins, but for the labels of axes that grow; bounds may come with another last digit, as in merges."""
    ours, theirs = _bins(one), _bins(other)
    tolerance = _LAST_DIGITS * max(abs(ours.get("lower", 0)), abs(ours.get("upper", 0)))
    return ours.keys() == theirs.keys() and all(
        value == theirs[key] or (key in ("lower", "upper") and abs(value - theirs[key]) <= tolerance)
        for key, value in ours.items()
    )


def _bins(axis: UHIAxis) -> dict[str, Any]:
    info = axis.get("writer_info", {}).get("boost-histogram", {})
    bins = axis | info | {"name": axis.get("metadata", {}).get("name", "")}
    labels = bins.pop("categories", None)
    if labels is not None and not info.get("growth", False):
        bins["labels"] = set(labels)
    derived = ("edges",) if "transform" in info else ()
    return {key: value for key, value in bins.items() if key not in ("metadata", "writer_info", *derived)}


def _join(axes: Sequence[UHIAxis], known: Sequence[Any]) -> tuple[UHIAxis, list[Positions]]:
    joined = dict(axes[0])
    metadata = first_of([axis.get("metadata", {}) for axis in axes])
    if metadata:
        joined["metadata"] = metadata
    if "categories" not in joined:
        return joined, [slice(None)] * len(axes)
    there = dict.fromkeys(label for axis in axes for label in axis["categories"])
    labels = dict.fromkeys([*(label for label in known if label in there), *there])
    joined["categories"] = list(labels)
    bins = {label: i for i, label in enumerate(labels)}
    return joined, [_positions(axis, bins) for axis in axes]


def _positions(axis: UHIAxis, bins: Mapping[Any, int]) -> Positions:
    found = [bins[label] for label in axis["categories"]] + [len(bins)] * bool(axis["flow"])
    return slice(len(found)) if found == list(range(len(found))) else np.array(found, np.intp)
