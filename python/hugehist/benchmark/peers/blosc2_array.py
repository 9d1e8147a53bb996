"""blosc2: one NDArray on disk for each plane, the library's default codec and threads.

A block is a whole chunk and projections go dataset by dataset: on this workload both are faster
than what blosc2 chooses itself (small blocks, and NDArray.sum).
"""

from __future__ import annotations

import blosc2
import numpy as np

from ..workload import Delta, Planes
from .base import StorePeer, project_by_dataset

PLANES = ("values", "variances")


class Blosc2Array(StorePeer[Delta]):
    values: blosc2.NDArray
    variances: blosc2.NDArray
    labels: blosc2.NDArray

    def create(self, datasets: int, categories: int) -> None:
        self.path.mkdir()
        inner = self.work.shape[2:]
        self.values, self.variances = (
            blosc2.zeros(
                (datasets, categories, *inner),
                dtype=np.float64,
                chunks=(1, 1, *inner),
                blocks=(1, 1, *inner),
                urlpath=str(self.path / f"{name}.b2nd"),
            )
            for name in PLANES
        )
        self.labels = blosc2.zeros((categories,), dtype="S32", chunks=(512,), urlpath=str(self.path / "category.b2nd"))

    def prepare(self, delta: Delta) -> Delta:
        return delta

    def merge(self, prepared: Delta) -> None:
        at = prepared.dataset
        self.values[at] = self.values[at] + prepared.planes.values
        self.variances[at] = self.variances[at] + prepared.planes.variances

    def add_category(self, label: str) -> None:
        count = self.labels.shape[0] + 1
        self.labels.resize((count,))
        self.labels[count - 1] = np.array(label.encode(), dtype="S32")
        for plane in (self.values, self.variances):
            plane.resize((plane.shape[0], count, *plane.shape[2:]))

    def category_count(self) -> int:
        return int(self.labels.shape[0])

    def open(self) -> None:
        self.values, self.variances = (blosc2.open(str(self.path / f"{name}.b2nd"), mode="r") for name in PLANES)

    def project(self, axis: int) -> Planes:
        datasets = self.work.datasets
        return Planes(
            project_by_dataset(self.values.__getitem__, datasets, axis),
            project_by_dataset(self.variances.__getitem__, datasets, axis),
        )

    def block(self, dataset: int, category: int) -> Planes:
        return Planes(self.values[dataset, category], self.variances[dataset, category])
