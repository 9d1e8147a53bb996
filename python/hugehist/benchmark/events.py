"""Events for the fill cases: many weights an event, and one weight an event. Seeds are fixed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .workload import Array, Planes


@dataclass(frozen=True)
class Call:
    """One fill call: the events of one category with a weight for each systematic."""

    category: int
    score: Array
    weights: Array  # (events, systematics), C order


@dataclass(frozen=True)
class Variations:
    """A pool of events that is cut into calls of a fixed size, and gone through several times."""

    events_per_call: int
    pool: int = 30_000
    passes: int = 5
    categories: int = 12
    systematics: int = 152
    bins: int = 400
    seed: int = 20261

    @property
    def entries(self) -> int:
        return self.passes * self.pool * self.systematics

    @property
    def category_labels(self) -> list[str]:
        return [f"category_{i:03d}" for i in range(self.categories)]

    @property
    def systematic_labels(self) -> list[str]:
        return [f"variation_{i:03d}" for i in range(self.systematics)]

    def calls(self) -> list[Call]:
        """The calls of one pass."""
        rng = np.random.default_rng(self.seed)
        score = rng.beta(2.0, 3.0, self.pool)
        weights = rng.lognormal(0.0, 0.3, (self.pool, 1)) * (
            1 + 0.1 * rng.standard_normal((self.pool, self.systematics))
        )
        return list(self._cut(score, weights))

    def _cut(self, score: Array, weights: Array) -> Iterator[Call]:
        for number, start in enumerate(range(0, self.pool, self.events_per_call)):
            part = slice(start, start + self.events_per_call)
            yield Call(number % self.categories, score[part].copy(), weights[part].copy())

    def expected(self, calls: list[Call]) -> Planes:
        """(1 dataset, category, systematic, bin) planes after all passes, by `numpy.bincount`."""
        extent = self.bins + 2
        shape = (1, self.categories, self.systematics, extent)
        values, variances = np.zeros(shape), np.zeros(shape)
        for call in calls:
            bins = 1 + (call.score * self.bins).astype(np.intp)
            for row, weight in enumerate(call.weights.T):
                values[0, call.category, row] += np.bincount(bins, weight, extent)
                variances[0, call.category, row] += np.bincount(bins, weight**2, extent)
        return Planes(self.passes * values, self.passes * variances)


@dataclass(frozen=True)
class Column:
    """Entries for one axis with one weight each; `kind` names the axis."""

    kind: str
    entries: Array | npt.NDArray[np.int64] | npt.NDArray[np.str_]
    weights: Array
    edges: Array | None = None  # of the variable axis
    labels: tuple[str, ...] = ()  # of the category axis
    bins: int = 400


KINDS = ("regular", "variable", "integer", "category")


def column(kind: str, size: int, seed: int = 20262) -> Column:
    rng = np.random.default_rng(seed)
    weights = rng.lognormal(0.0, 0.3, size)
    score = rng.beta(2.0, 3.0, size)
    if kind == "regular":
        return Column(kind, score, weights)
    if kind == "variable":
        return Column(kind, score, weights, edges=np.linspace(0.0, 1.0, 41) ** 2, bins=40)
    if kind == "integer":
        return Column(kind, rng.poisson(12.0, size), weights, bins=50)
    labels = tuple(f"category_{i:03d}" for i in range(12))
    return Column(kind, np.array(labels)[rng.integers(0, 12, size)], weights, labels=labels)


def expected_column(data: Column) -> Planes:
    """What one fill of the column must give; a numeric axis with its flow bins."""
    if data.kind == "category":
        index = np.searchsorted(np.array(data.labels), data.entries)
        extent = len(data.labels)
    elif data.kind == "integer":
        index = 1 + np.minimum(data.entries.astype(np.intp), data.bins)
        extent = data.bins + 2
    else:
        edges = np.linspace(0.0, 1.0, data.bins + 1) if data.edges is None else data.edges
        index = np.searchsorted(edges, data.entries, side="right")
        extent = data.bins + 2
    planes = (np.bincount(index, weights, extent) for weights in (data.weights, data.weights**2))
    return Planes(*(plane.astype(np.float64, copy=False) for plane in planes))
