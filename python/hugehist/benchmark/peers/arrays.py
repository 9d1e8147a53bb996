"""What h5py, zarr and blosc2 have in common: two chunked arrays on disk, read, added to and written slice by slice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..workload import Array, Columns, Delta, Planes, SparseBlock
from .base import StorePeer

PLANES = ("values", "variances")


class ArrayPeer(StorePeer[Delta, list[Columns]]):
    """`values`, `variances` and `labels` are the library's arrays, which NumPy's indexing reads and writes."""

    values: Any
    variances: Any
    labels: Any

    def prepare(self, delta: Delta) -> Delta:
        return delta

    def merge(self, prepared: Delta) -> None:
        at = prepared.dataset
        self.values[at] = self.values[at] + prepared.planes.values
        self.variances[at] = self.variances[at] + prepared.planes.variances

    def prepare_sparse(self, blocks: Sequence[SparseBlock]) -> list[Columns]:
        return self.columns(blocks)

    def merge_sparse(self, prepared: list[Columns]) -> None:
        for part in prepared:
            self._add_columns(self.values, part, part.values)
            self._add_columns(self.variances, part, part.variances)

    def _add_columns(self, plane: Any, part: Columns, columns: Array) -> None:
        block = plane[part.dataset, part.category]  # one chunk: decoded and encoded as a whole, whatever is written
        block[:, part.bins] += columns
        plane[part.dataset, part.category] = block

    def category_count(self) -> int:
        return int(self.labels.shape[0])

    def project(self, axis: int) -> Planes:
        planes = (self.values, self.variances)
        return Planes(*(project_by_dataset(plane.__getitem__, self.work.datasets, axis) for plane in planes))

    def block(self, dataset: int, category: int) -> Planes:
        return Planes(self.values[dataset, category], self.variances[dataset, category])

    def row(self, dataset: int, category: int, systematic: int) -> Planes:
        at = (dataset, category, systematic)
        return Planes(self.values[at], self.variances[at])


def project_by_dataset(read: Callable[[int], Array], datasets: int, axis: int) -> Array:
    """Sums a plane onto one axis while holding one dataset: what a careful user writes."""
    if axis == 0:
        return np.array([read(dataset).sum() for dataset in range(datasets)])
    others = tuple(i for i in range(3) if i != axis - 1)
    total: Array = read(0).sum(axis=others)
    for dataset in range(1, datasets):
        total += read(dataset).sum(axis=others)
    return total
