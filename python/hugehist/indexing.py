"""Index expressions of UHI, and hist's short forms, brought to one entry for each axis.

An entry is an int (a bin; -1 and len(axis) are the flow bins), a slice (its bounds None or `at`, its third part
None, sum or a rebin), or a list of bins of a category axis. Only axes are asked, never the content.
"""

from __future__ import annotations

import fnmatch
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import boost_histogram as bh
import numpy as np

from .axes import Axis, describe, find_axis, unknown_label


def normalise(index: Any, axes: Sequence[Axis], owner: str) -> list[Any]:
    """`owner` is what messages call the histogram."""
    entries = by_axis(index, axes, owner)
    return [
        _entry(entry, axis, describe(axis, i, owner)) for i, (entry, axis) in enumerate(zip(entries, axes, strict=True))
    ]


def frozen(index: Any) -> Any:
    """A copy that stays the same when the caller changes its lists and dicts."""
    if isinstance(index, Mapping):
        return {key: frozen(value) for key, value in index.items()}
    if isinstance(index, tuple):
        return tuple(frozen(value) for value in index)
    return list(index) if isinstance(index, list) else index


def by_axis(index: Any, axes: Sequence[Axis], owner: str) -> list[Any]:
    if isinstance(index, Mapping):
        entries: list[Any] = [slice(None)] * len(axes)
        seen = set()
        for which, entry in index.items():
            position = find_axis(axes, which, owner)
            if position in seen:
                raise ValueError(f"{describe(axes[position], position, owner)} is indexed twice")
            seen.add(position)
            entries[position] = entry
        return entries
    entries = list(index) if isinstance(index, tuple) else [index]
    dots = [i for i, entry in enumerate(entries) if entry is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if dots:
        missing = len(axes) + 1 - len(entries)
        if missing < 0:
            raise IndexError(f"{owner}: too many indices for {len(axes)} axes")
        entries[dots[0] : dots[0] + 1] = [slice(None)] * missing
    if len(entries) != len(axes):
        raise IndexError(f"{owner} has {len(axes)} axes, but the index has {len(entries)} entries: use ... or a dict")
    return entries


def _entry(entry: Any, axis: Axis, owner: str) -> Any:
    entry = _short_form(entry, axis, owner)
    if isinstance(entry, list):
        return [_bin(each, axis, owner) for each in entry]
    if entry is sum or hasattr(entry, "factor"):
        return slice(None, None, entry)
    if isinstance(entry, slice):
        if any(isinstance(part, slice) for part in (entry.start, entry.stop, entry.step)):
            raise TypeError(f"{owner}: a slice within a slice; were curly braces meant: [{{...}}]?")
        return slice(_bound(entry.start, axis, owner), _bound(entry.stop, axis, owner), entry.step)
    return _bin(entry, axis, owner)


def _bin(entry: Any, axis: Axis, owner: str) -> int:
    if callable(entry):
        return called(entry, axis, owner)
    if isinstance(entry, np.ndarray) and entry.ndim > 0:
        raise IndexError(f"{owner}: an array is no bin; integer arrays index by themselves, not within lists or slices")
    position = _index(entry, owner)
    if not -len(axis) <= position < len(axis):
        raise IndexError(f"{owner} has {len(axis)} bins, there is none at {position}")
    return position % len(axis)


def _bound(bound: Any, axis: Axis, owner: str) -> bh.tag.at | None:
    """Plain integers count as in Python, those of locators may mean flow bins."""
    if bound is None:
        return None
    if callable(bound):
        return bh.tag.at(called(bound, axis, owner))
    position = _index(bound, owner)
    return bh.tag.at(min(max(position + len(axis) if position < 0 else position, 0), len(axis)))


def called(locator: Any, axis: Axis, owner: str) -> int:
    """The bin that a locator finds on the axis."""
    try:
        return _index(locator(axis), owner)
    except KeyError:
        raise unknown_label(getattr(locator, "value", locator), axis, owner) from None


def _index(entry: Any, owner: str) -> int:
    if isinstance(entry, float):
        raise TypeError(f"{owner}: an index is an integer, not {entry}; a value is meant by {entry}j or loc({entry})")
    try:
        return operator.index(entry)
    except TypeError:
        raise IndexError(
            f"{owner}: an index is an integer, a label, a slice, a list, or a locator, not {entry!r}"
        ) from None


def _short_form(entry: Any, axis: Axis, owner: str) -> Any:
    """hist's short forms: labels, patterns of labels, 2.5j for loc(2.5), ::2j for rebin(2)."""
    if isinstance(entry, str):
        return _matches([entry], axis, owner) if is_pattern(entry) else _locate(entry, axis, owner)
    if isinstance(entry, list):
        if entry and all(isinstance(each, str) for each in entry) and any(map(is_pattern, entry)):
            return _matches(entry, axis, owner)
        return [_short_form(each, axis, owner) for each in entry]
    if isinstance(entry, slice):
        start, stop = (_short_form(bound, axis, owner) for bound in (entry.start, entry.stop))
        return slice(start, stop, _step(entry.step, owner))
    if isinstance(entry, complex):
        if entry.real % 1 != 0:
            raise ValueError(f"{owner}: the real part of {entry} is an offset in bins, and must be an integer")
        return bh.loc(entry.imag, int(entry.real))
    return entry


def _step(step: Any, owner: str) -> Any:
    if not isinstance(step, complex):
        return step
    if step.real != 0 or step.imag % 1 != 0:
        raise ValueError(f"{owner}: the step {step} must be an integer number of bins, as 2j")
    return bh.rebin(int(step.imag))


def _locate(label: str, axis: Axis, owner: str) -> Any:
    if not isinstance(axis, bh.axis.StrCategory):
        raise TypeError(f"{owner} has no labels that are str, so '{label}' is none of its bins")
    return bh.loc(label)


def is_pattern(label: Any) -> bool:
    return isinstance(label, str) and ("*" in label or "?" in label)


def _matches(patterns: Sequence[str], axis: Axis, owner: str) -> list[Any]:
    if not isinstance(axis, bh.axis.StrCategory):
        raise TypeError(f"{owner} has no labels that are str, so no pattern matches its bins")
    return [bh.loc(label) for label in matching(patterns, axis, owner)]


def matching(patterns: Sequence[Any], labels: Iterable[Any], owner: str) -> list[Any]:
    """The labels that the patterns match, each once; what is no pattern is a label, and kept as it is."""
    found: dict[Any, None] = {}
    for pattern in patterns:
        hits = (
            [label for label in labels if fnmatch.fnmatchcase(str(label), pattern)]
            if is_pattern(pattern)
            else [pattern]
        )
        found.update(dict.fromkeys(hits))
    if patterns and not found:
        raise ValueError(f"{owner}: no label matches {list(patterns)}")
    return list(found)
