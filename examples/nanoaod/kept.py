"""What is kept beside the large histogram to check it: some slices in plain hist, and all datasets' sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray
from replicate import BINS, SHAPES, Batch

Array = NDArray[np.float64]
REGIONS_KEPT = 4


@dataclass
class Outcome:
    """What was compared, and the largest |Δ| / Σ|w| (for variances, / Σw²) that was met."""

    bins: int = 0
    filled: int = 0
    slices: int = 0
    sums: int = 0
    worst: float = 0.0

    def see(self, mine: Array, theirs: Array, size: Array) -> None:
        difference = np.abs(mine - theirs)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(difference == 0, 0.0, difference / size)
        self.worst = max(self.worst, float(np.max(ratio, initial=0.0)))


class Kept:
    """Slices for the first, the middle and the last dataset; Σw, Σw² and Σ|w| for every one."""

    def __init__(self, datasets: list[str], regions: list[str]) -> None:
        last = len(datasets) - 1
        self.datasets = {datasets[0], datasets[last // 2], datasets[last]}
        spread = np.linspace(0, len(regions) - 1, REGIONS_KEPT).astype(int)
        self.regions = [regions[i] for i in np.unique(spread)]
        self.slices: dict[tuple[str, str], tuple[Any, Any]] = {}
        self.sums: dict[tuple[str, str], Array] = {}

    def add(self, dataset: str, batch: Batch) -> None:
        shape_weight = np.repeat(batch.weight[:, :1], len(SHAPES), axis=1)
        times = np.sum(list(batch.masks.values()), axis=0).astype(np.float64)
        for labels, weight in ((batch.labels, batch.weight), (list(SHAPES), shape_weight)):
            rows = np.stack([times @ weight, times @ weight**2, times @ np.abs(weight)], axis=1)
            for label, row in zip(labels, rows, strict=True):
                self.sums[dataset, label] = self.sums.get((dataset, label), 0.0) + row
        if dataset in self.datasets:
            for region in self.regions:
                self._add(self._slice(dataset, region, batch), batch.masks[region], batch)

    def compare(self, one: Callable[[str, str], Any], sums: Any) -> Outcome:
        """`one(dataset, region)` and `sums` (dataset, systematic) are histograms in memory."""
        outcome = Outcome()
        for at, (whole, scale) in self.slices.items():
            found, expected, total = one(*at), whole.view(flow=True), scale.view(flow=True)
            order = [list(found.axes[0]).index(label) for label in whole.axes[0]]
            cells = found.view(flow=True)[order]
            outcome.see(cells["value"], expected["value"], total)
            outcome.see(cells["variance"], expected["variance"], expected["variance"])
            outcome.bins += total.size
            outcome.filled += int(np.count_nonzero(total))
            outcome.slices += len(order)
        rows, columns = ({label: i for i, label in enumerate(axis)} for axis in sums.axes)
        view = sums.view()
        for (dataset, label), (value, variance, size) in self.sums.items():
            cell = view[rows[dataset], columns[label]]
            outcome.see(cell["value"], value, size)
            outcome.see(cell["variance"], variance, variance)
            outcome.sums += 1
        return outcome

    def _slice(self, dataset: str, region: str, batch: Batch) -> tuple[Any, Any]:
        if (dataset, region) not in self.slices:
            outer = hist.axis.StrCategory([*batch.labels, *SHAPES], name="systematic", flow=False)
            dense = hist.axis.Regular(BINS, 0, 1, name="score")
            whole, scale = hist.storage.Weight(), hist.storage.Double()
            self.slices[dataset, region] = (
                hist.Hist(outer, dense, storage=whole),
                hist.Hist(outer, dense, storage=scale),
            )
        return self.slices[dataset, region]

    @staticmethod
    def _add(pair: tuple[Any, Any], mask: NDArray[np.bool_], batch: Batch) -> None:
        columns = [(label, batch.score, batch.weight[:, i]) for i, label in enumerate(batch.labels)]
        columns += [(label, batch.shifted[:, i], batch.weight[:, 0]) for i, label in enumerate(SHAPES)]
        for label, score, weight in columns:
            pair[0].fill(systematic=label, score=score[mask], weight=weight[mask])
            pair[1].fill(systematic=label, score=score[mask], weight=np.abs(weight[mask]))
