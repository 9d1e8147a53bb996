"""The workload that every peer gets: deltas of a dataset x category x systematic x observable histogram.

It is shaped like an analysis job. Datasets come one after another, each in a few rounds; a delta is
one dataset with all of its categories. Events are drawn, weighted and binned, so bins are empty where
no event fell. A quarter of the systematics reweight the events, the rest repeat the nominal row
bit for bit. Weights are random, so their mantissas do not compress.

Everything follows from the seed. Deltas are made one at a time, and any single block can be made
again for a check without making the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

AXES = ("dataset", "category", "systematic", "dnn_score_max")


@dataclass(frozen=True)
class Planes:
    """The two planes of weighted storage, in C order, flow bins included."""

    values: Array
    variances: Array

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.variances.nbytes


@dataclass(frozen=True)
class Delta:
    """What one merge adds: a dataset's (category, systematic, bin) planes."""

    dataset: int
    turn: int  # which of the dataset's deltas; the last where they are added up
    planes: Planes


@dataclass(frozen=True)
class Events:
    """What a delta adds to one (dataset, category), before it is binned."""

    score: Array
    weights: Array  # (distinct rows, events); row 0 is the nominal
    source: npt.NDArray[np.intp]  # the row that each systematic shows


@dataclass(frozen=True)
class SparseBlock:
    """A few events for one (dataset, category)."""

    dataset: int
    category: int
    events: Events


@dataclass(frozen=True)
class Columns:
    """A sparse block, binned: the bins that it touches, each once, and a column of (systematic) for each of them."""

    dataset: int
    category: int
    bins: npt.NDArray[np.intp]
    values: Array  # (systematic, bin of `bins`)
    variances: Array


@dataclass(frozen=True)
class Workload:
    datasets: int = 8
    categories: int = 60
    systematics: int = 152
    bins: int = 400
    rounds: int = 3
    events: int = 800  # mean number of events in a block of one delta
    seed: int = 20260

    @property
    def dataset_labels(self) -> list[str]:
        return [f"dataset_{i:03d}" for i in range(self.datasets)]

    @property
    def category_labels(self) -> list[str]:
        return [f"category_{i:03d}" for i in range(self.categories)]

    @property
    def systematic_labels(self) -> list[str]:
        return ["nominal", *(f"variation_{i:03d}" for i in range(1, self.systematics))]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Extents with the observable's two flow bins; the category axes grow and have none."""
        return (self.datasets, self.categories, self.systematics, self.bins + 2)

    @property
    def delta_bytes(self) -> int:
        return 2 * 8 * int(np.prod(self.shape[1:]))

    @property
    def varying(self) -> int:
        """How many systematics differ from the nominal."""
        return self.systematics // 4

    @cached_property
    def parameters(self) -> dict[str, int]:
        return asdict(self)

    def deltas(self) -> Iterator[Delta]:
        """All deltas in the order of the job: dataset after dataset."""
        for dataset in range(self.datasets):
            for turn in range(self.rounds):
                yield self.delta(dataset, turn)

    def deltas_in_turn(self) -> Iterator[Delta]:
        """All deltas with the datasets in turn: when one comes back, all the others have been in between."""
        for turn in range(self.rounds):
            for dataset in range(self.datasets):
                yield self.delta(dataset, turn)

    def sparse(self, datasets: int, categories: int, turn: int, count: int) -> list[SparseBlock]:
        """`count` events for each of the first `datasets` x `categories`."""
        pairs = ((dataset, category) for dataset in range(datasets) for category in range(categories))
        return [SparseBlock(*pair, self.events_of(*pair, turn=self.rounds + turn, count=count)) for pair in pairs]

    def columns(self, block: SparseBlock) -> Columns:
        score, weights = block.events.score, block.events.weights
        bins, cells = np.unique(1 + (score * self.bins).astype(np.intp), return_inverse=True)
        rows = [[np.bincount(cells, row**power, len(bins)) for row in weights] for power in (1, 2)]
        values, variances = (np.array(plane, np.float64)[block.events.source] for plane in rows)
        return Columns(block.dataset, block.category, bins, values, variances)

    def totals(self) -> Iterator[Delta]:
        """One delta for each dataset: its final content, for what is written once."""
        for dataset in range(self.datasets):
            total = self.delta(dataset, 0)
            for turn in range(1, self.rounds):
                more = self.delta(dataset, turn).planes
                total.planes.values[...] += more.values
                total.planes.variances[...] += more.variances
            yield Delta(dataset, self.rounds - 1, total.planes)

    def delta(self, dataset: int, turn: int) -> Delta:
        planes = Planes(np.empty(self.shape[1:]), np.empty(self.shape[1:]))
        for category in range(self.categories):
            block = self.block(dataset, category, turn)
            planes.values[category] = block.values
            planes.variances[category] = block.variances
        return Delta(dataset, turn, planes)

    def final_block(self, dataset: int, category: int) -> Planes:
        """A block's content after every delta, added in the order of the deltas."""
        total = self.block(dataset, category, 0)
        for turn in range(1, self.rounds):
            block = self.block(dataset, category, turn)
            total.values[...] += block.values
            total.variances[...] += block.variances
        return total

    def block(self, dataset: int, category: int, turn: int) -> Planes:
        """The (systematic, bin) planes that one delta adds to one (dataset, category)."""
        events = self.events_of(dataset, category, turn)
        rows = self._fill_rows(1 + (events.score * self.bins).astype(np.intp), events.weights)
        return Planes(rows.values[events.source], rows.variances[events.source])

    def events_of(self, dataset: int, category: int, turn: int, count: int | None = None) -> Events:
        """The events of one turn; as many as the workload has there, or `count`."""
        shape_rng = np.random.default_rng([self.seed, dataset, category])
        concentration = shape_rng.uniform(5.0, 70.0)
        centre = shape_rng.uniform(0.15, 0.85)
        expected = self.events * shape_rng.lognormal(-0.125, 0.5)

        rng = np.random.default_rng([self.seed, dataset, category, turn])
        count = rng.poisson(expected) if count is None else count
        score = rng.beta(centre * concentration, (1 - centre) * concentration, count)
        weights = np.empty((self.varying + 1, count))
        weights[0] = rng.lognormal(0.0, 0.3, count)
        weights[1:] = weights[0] * (1 + 0.1 * rng.standard_normal((self.varying, count)))
        return Events(score, weights, self._row_sources(dataset))

    def _fill_rows(self, bins: npt.NDArray[np.intp], weights: Array) -> Planes:
        count, extent = weights.shape[0], self.bins + 2
        cells = (np.arange(count)[:, None] * extent + bins).ravel()
        flat = weights.ravel()
        values: Array = np.bincount(cells, flat, count * extent).astype(np.float64, copy=False)
        variances: Array = np.bincount(cells, flat * flat, count * extent).astype(np.float64, copy=False)
        return Planes(values.reshape(count, extent), variances.reshape(count, extent))

    def _row_sources(self, dataset: int) -> npt.NDArray[np.intp]:
        """Which distinct row each systematic shows; row 0 is the nominal."""
        rng = np.random.default_rng([self.seed, dataset])
        source = np.zeros(self.systematics, dtype=np.intp)
        varying = 1 + rng.choice(self.systematics - 1, self.varying, replace=False)
        source[varying] = 1 + np.arange(self.varying)
        return source


FULL = Workload()
SMOKE = Workload(datasets=2, categories=4, systematics=12, bins=40, rounds=2, events=60)
