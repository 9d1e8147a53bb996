"""hist's ChunkedHist in memory: a chunk for each tuple of labels, here of one (dataset, category, systematic)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hist
import numpy as np
from hist.chunked import ChunkedHist

from ..workload import AXES, Delta, Planes, SparseBlock, Workload
from .axes import observable, variation_axes
from .base import StorePeer
from .hist_memory import HistFill


def labelled(work: Workload) -> ChunkedHist:
    categories = (hist.axis.StrCategory([], growth=True, name=name) for name in AXES[:3])
    return ChunkedHist(*categories, observable(work.bins), storage=hist.storage.Weight())


def add_rows(h: ChunkedHist, work: Workload, dataset: int, category: int, block: Planes) -> None:
    rows = np.empty(block.values.shape, h.dense_view_dtype)
    rows["value"], rows["variance"] = block.values, block.variances
    outer = (work.dataset_labels[dataset], work.category_labels[category])
    for label, row in zip(work.systematic_labels, rows, strict=True):
        h.add_dense_view((*outer, label), row)


def planes_of(rows: Any) -> Planes:
    return Planes(rows["value"].copy(), rows["variance"].copy())


class ChunkedHistMemory(StorePeer[ChunkedHist, ChunkedHist]):
    h: ChunkedHist

    def create(self, datasets: int, categories: int) -> None:
        self.h = labelled(self.work)

    def prepare(self, delta: Delta) -> ChunkedHist:
        h = labelled(self.work)
        for category in range(self.work.categories):
            block = Planes(delta.planes.values[category], delta.planes.variances[category])
            add_rows(h, self.work, delta.dataset, category, block)
        return h

    def merge(self, prepared: ChunkedHist) -> None:
        self.h += prepared

    def prepare_sparse(self, blocks: Sequence[SparseBlock]) -> ChunkedHist:
        h = labelled(self.work)
        for part in self.columns(blocks):
            dense = Planes(np.zeros(self.work.shape[2:]), np.zeros(self.work.shape[2:]))
            dense.values[:, part.bins] = part.values
            dense.variances[:, part.bins] = part.variances
            add_rows(h, self.work, part.dataset, part.category, dense)
        return h

    def merge_sparse(self, prepared: ChunkedHist) -> None:
        self.h += prepared

    def add_category(self, label: str) -> None:
        # one empty row: a category without any chunk is nowhere
        key = {AXES[0]: self.work.dataset_labels[0], AXES[1]: label, AXES[2]: "nominal"}
        self.h.fill(**key, dnn_score_max=[0.5], weight=[0.0])

    def category_count(self) -> int:
        return len(self.h.chunk_axes[1].known_keys)

    def project(self, axis: int) -> Planes:
        """By adding up the chunks: `to_hist().project(…)` would hold the histogram twice."""
        if axis == 3:
            total = Planes(np.zeros(self.work.shape[3]), np.zeros(self.work.shape[3]))
            for _, row in self.h.items():
                total.values[...] += row["value"]
                total.variances[...] += row["variance"]
            return total
        keys = self.h.chunk_axes[axis].known_keys
        places = {key: place for place, key in enumerate(keys)}
        total = Planes(np.zeros(len(keys)), np.zeros(len(keys)))
        for key, row in self.h.items():
            total.values[places[key[axis]]] += row["value"].sum()
            total.variances[places[key[axis]]] += row["variance"].sum()
        return total

    def row(self, dataset: int, category: int, systematic: int) -> Planes:
        labels = (
            self.work.dataset_labels[dataset],
            self.work.category_labels[category],
            self.work.systematic_labels[systematic],
        )
        return planes_of(self.h.chunk_view(dict(zip(AXES, labels, strict=False))))

    def block(self, dataset: int, category: int) -> Planes:
        rows = [self.row(dataset, category, systematic) for systematic in range(self.work.systematics)]
        return Planes(np.array([row.values for row in rows]), np.array([row.variances for row in rows]))


class ChunkedHistFill(HistFill):
    """The calls are hist's own: one for each systematic, each into one chunk."""

    def create_variations(self, categories: list[str], systematics: list[str], bins: int) -> None:
        self.categories = categories
        self.systematics = systematics
        self.h = ChunkedHist(*variation_axes(categories, systematics, bins), storage=hist.storage.Weight())

    def planes(self) -> Planes:
        view = self.h.to_hist().view(flow=True)
        return Planes(np.asarray(view.value), np.asarray(view.variance))
