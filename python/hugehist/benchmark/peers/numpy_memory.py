"""NumPy in memory: two C-order arrays, `+=` on the slice that a delta touches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..workload import Array, Columns, Delta, Planes, SparseBlock
from .base import StorePeer


class NumpyMemory(StorePeer[Delta, list[Columns]]):
    values: Array
    variances: Array

    def create(self, datasets: int, categories: int) -> None:
        shape = (datasets, categories, *self.work.shape[2:])
        # full() touches every page here, so that the merges never wait for the kernel
        self.values = np.full(shape, 0.0)
        self.variances = np.full(shape, 0.0)

    def prepare(self, delta: Delta) -> Delta:
        return delta

    def merge(self, prepared: Delta) -> None:
        self.values[prepared.dataset] += prepared.planes.values
        self.variances[prepared.dataset] += prepared.planes.variances

    def prepare_sparse(self, blocks: Sequence[SparseBlock]) -> list[Columns]:
        return self.columns(blocks)

    def merge_sparse(self, prepared: list[Columns]) -> None:
        for part in prepared:
            at = (part.dataset, part.category)
            self.values[at][:, part.bins] += part.values
            self.variances[at][:, part.bins] += part.variances

    def add_category(self, label: str) -> None:
        row = np.zeros((self.values.shape[0], 1, *self.values.shape[2:]))
        self.values = np.concatenate([self.values, row], axis=1)
        self.variances = np.concatenate([self.variances, row], axis=1)

    def category_count(self) -> int:
        return int(self.values.shape[1])

    def project(self, axis: int) -> Planes:
        others = tuple(i for i in range(4) if i != axis)
        return Planes(self.values.sum(axis=others), self.variances.sum(axis=others))

    def block(self, dataset: int, category: int) -> Planes:
        return Planes(self.values[dataset, category], self.variances[dataset, category])

    def row(self, dataset: int, category: int, systematic: int) -> Planes:
        at = (dataset, category, systematic)
        return Planes(self.values[at].copy(), self.variances[at].copy())
