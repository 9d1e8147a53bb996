"""hist in memory: growing string categories, `+=` by label, one array fill for each systematic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import hist
import numpy as np

from ..events import Call, Column
from ..workload import AXES, Array, Columns, Delta, Planes, SparseBlock, Workload
from .axes import column_axis, observable, variation_axes
from .base import FillPeer, StorePeer


def labelled(work: Workload, datasets: list[str], categories: list[str]) -> Any:
    return hist.Hist(
        hist.axis.StrCategory(datasets, growth=True, name=AXES[0]),
        hist.axis.StrCategory(categories, growth=True, name=AXES[1]),
        hist.axis.StrCategory(work.systematic_labels, growth=True, name=AXES[2]),
        observable(work.bins),
        storage=hist.storage.Weight(),
    )


def delta_hist(work: Workload, delta: Delta) -> Any:
    h = labelled(work, [work.dataset_labels[delta.dataset]], work.category_labels)
    view = h.view(flow=True)
    view.value[0] = delta.planes.values
    view.variance[0] = delta.planes.variances
    return h


def sparse_hist(work: Workload, columns: Sequence[Columns]) -> Any:
    """Blocks of datasets x categories as one histogram with their labels."""
    datasets = sorted({part.dataset for part in columns})
    categories = sorted({part.category for part in columns})
    h = labelled(work, [work.dataset_labels[i] for i in datasets], [work.category_labels[i] for i in categories])
    view = h.view(flow=True)
    for part in columns:
        at = (datasets.index(part.dataset), categories.index(part.category))
        view.value[at][:, part.bins] = part.values
        view.variance[at][:, part.bins] = part.variances
    return h


def view_planes(h: Any) -> Planes:
    view = h.view(flow=True)
    return Planes(np.asarray(view.value), np.asarray(view.variance))


class HistMemory(StorePeer[Any, Any]):
    h: Any

    def create(self, datasets: int, categories: int) -> None:
        self.h = labelled(self.work, [], [])

    def prepare(self, delta: Delta) -> Any:
        return delta_hist(self.work, delta)

    def merge(self, prepared: Any) -> None:
        self.h += prepared

    def prepare_sparse(self, blocks: Sequence[SparseBlock]) -> Any:
        return sparse_hist(self.work, self.columns(blocks))

    def merge_sparse(self, prepared: Any) -> None:
        self.h += prepared

    def add_category(self, label: str) -> None:
        # a fill of no entries would not grow the axis
        self.h.fill(self.work.dataset_labels[0], label, "nominal", 0.5, weight=0.0)

    def category_count(self) -> int:
        return len(self.h.axes[1])

    def project(self, axis: int) -> Planes:
        return view_planes(self.h.project(AXES[axis]))

    def block(self, dataset: int, category: int) -> Planes:
        planes = view_planes(self.h)
        return Planes(planes.values[dataset, category], planes.variances[dataset, category])

    def row(self, dataset: int, category: int, systematic: int) -> Planes:
        return view_planes(self.h[dataset, category, systematic, :])


@dataclass(frozen=True)
class SystematicMajor:
    """The weights of each systematic contiguous: the layout that hist fills fastest."""

    category: int
    score: Array
    weights: list[Array]


class HistFill(FillPeer[SystematicMajor]):
    h: Any

    def create_variations(self, categories: list[str], systematics: list[str], bins: int) -> None:
        self.categories = categories
        self.systematics = systematics
        self.h = hist.Hist(*variation_axes(categories, systematics, bins), storage=hist.storage.Weight())

    def prepare_call(self, call: Call) -> SystematicMajor:
        weights = [np.ascontiguousarray(weight) for weight in call.weights.T]
        return SystematicMajor(call.category, call.score, weights)

    def fill_variations(self, prepared: SystematicMajor) -> None:
        for systematic, weight in zip(self.systematics, prepared.weights, strict=True):
            self.h.fill(
                dataset="ttbar",
                category=self.categories[prepared.category],
                systematic=systematic,
                dnn_score_max=prepared.score,
                weight=weight,
            )

    def create_column(self, column: Column) -> None:
        self.h = hist.Hist(column_axis(column), storage=hist.storage.Weight())

    def fill_column(self, column: Column) -> None:
        self.h.fill(column.entries, weight=column.weights)

    def planes(self) -> Planes:
        return view_planes(self.h)
