"""The same events in plain `hist`, and the comparison of every bin.

The reference takes whole files, without coffea's executors, and fills one category and one systematic
at a time, as analyses do today. Bins without weights must be equal to the last bit. Weighted sums may
differ by the order of the additions: within 1e-12 of the bin's Σ|w|, variances of its Σw².
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray
from selection import Fill, axes

TOLERANCE = 1e-12


@dataclass(frozen=True)
class Comparison:
    """The outcome for one histogram."""

    bins: int
    filled: int
    identical: int
    value_off: float  # largest |Δ value| / Σ|w|
    variance_off: float  # largest |Δ variance| / Σw²
    unweighted: int  # bins of counts and of unweighted data
    unweighted_identical: int

    @property
    def ok(self) -> bool:
        close = max(self.value_off, self.variance_off) <= TOLERANCE
        return close and self.unweighted == self.unweighted_identical


class Reference:
    """One plain in-memory histogram, and beside it the Σ|w| of its bins."""

    def __init__(self, name: str, calls: Iterable[Fill]) -> None:
        calls = [call for call in calls if call.histogram == name]
        self.name = name
        self.unweighted = {call.arguments["dataset"] for call in calls if np.all(call.arguments.get("weight", 1) == 1)}
        binning, storage = axes(name)
        labels: dict[str, dict[str, None]] = {axis.name: {} for axis in binning[:-1]}
        for call in calls:
            labels["dataset"][call.arguments["dataset"]] = None
            labels["category"].update(dict.fromkeys(call.arguments["category"]))
            if "systematic" in labels:
                labels["systematic"].update(dict.fromkeys(call.arguments["systematic"]))
        outer = [hist.axis.StrCategory(list(seen), name=axis, flow=False) for axis, seen in labels.items()]
        self.hist = hist.Hist(*outer, binning[-1], storage=storage)
        self.scale = hist.Hist(*outer, binning[-1], storage=hist.storage.Double())
        for call in calls:
            self._fill(call)

    def _fill(self, call: Fill) -> None:
        for at, x, weight in one_by_one(call):
            if len(x):
                columns: dict[str, Any] = {**at, self.name: x}
                self.hist.fill(**columns, weight=weight)
                size = None if weight is None else np.abs(weight)
                self.scale.fill(**columns, weight=size)


def one_by_one(call: Fill) -> Iterator[tuple[dict[str, str], NDArray[Any], NDArray[Any] | None]]:
    """Labels, values and weights of each category and systematic of a call."""
    arguments = call.arguments
    values, weight = arguments[call.histogram], arguments.get("weight")
    for category, masks in arguments["category"].items():
        at = {"dataset": arguments["dataset"], "category": category}
        if weight is None:
            yield at, values[masks], None
            continue
        for i, systematic in enumerate(arguments["systematic"]):
            mask, x = (a[:, i] if a.ndim == 2 else a for a in (masks, values))
            yield {**at, "systematic": systematic}, x[mask], weight[mask, i]


def compare(whole: Any, reference: Reference) -> Comparison:
    """`whole` is a histogram in memory; its labels may come in any order."""
    expected: Any = reference.hist.view(flow=True)
    total: Any = reference.scale.view(flow=True)
    pick = [_order(*pair) for pair in zip(whole.axes, reference.hist.axes, strict=True)]
    found = whole.view(flow=True)[np.ix_(*pick)]
    planes = [(found, expected, total)]
    if expected.dtype.names:
        variance = expected["variance"]
        planes = [(found["value"], expected["value"], total), (found["variance"], variance, variance)]
    same = np.all([mine == theirs for mine, theirs, _ in planes], axis=0)
    off = [_worst(*plane) for plane in planes]
    exact = [i for i, name in enumerate(reference.hist.axes[0]) if name in reference.unweighted]
    return Comparison(
        bins=same.size,
        filled=int(np.count_nonzero(total)),
        identical=int(same.sum()),
        value_off=off[0],
        variance_off=off[1] if len(off) > 1 else 0.0,
        unweighted=same[exact].size,
        unweighted_identical=int(same[exact].sum()),
    )


def _worst(mine: NDArray[Any], theirs: NDArray[Any], size: NDArray[Any]) -> float:
    """The largest |difference| / size; infinite where a bin should be empty and is not."""
    difference = np.abs(mine.astype(np.float64) - theirs)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(difference == 0, 0.0, difference / size)
    return float(np.max(ratio, initial=0.0))


def _order(mine: Any, theirs: Any) -> NDArray[np.int64]:
    """Where our axis keeps each label of the reference; both must have the same ones."""
    if not isinstance(theirs, hist.axis.StrCategory):
        return np.arange(theirs.extent)
    labels, expected = [str(label) for label in mine], [str(label) for label in theirs]
    if set(labels) != set(expected):
        odd = sorted(set(labels) ^ set(expected))
        raise AssertionError(f"axis {theirs.name}: labels in only one of the two: {odd}")
    return np.array([labels.index(label) for label in expected])
