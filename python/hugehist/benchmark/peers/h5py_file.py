"""h5py: one chunked dataset for each plane, read-modify-write of the slice that a delta touches."""

from __future__ import annotations

from typing import Any, ClassVar

import h5py
import hdf5plugin

from ..workload import Delta, Planes
from .base import StorePeer, project_by_dataset

PLANES = ("values", "variances")


class H5pyFile(StorePeer[Delta]):
    filters: ClassVar[dict[str, Any]]
    file: h5py.File

    def create(self, datasets: int, categories: int) -> None:
        self.file = h5py.File(self.path, "w")
        inner = self.work.shape[2:]
        for name in PLANES:
            self.file.create_dataset(
                name,
                (datasets, categories, *inner),
                "f8",
                chunks=(1, 1, *inner),
                maxshape=(None, None, *inner),
                **self.filters,
            )
        self.file.create_dataset("category", (categories,), "S32", chunks=(512,), maxshape=(None,))

    def prepare(self, delta: Delta) -> Delta:
        return delta

    def merge(self, prepared: Delta) -> None:
        values, variances = self.file["values"], self.file["variances"]
        values[prepared.dataset] = values[prepared.dataset] + prepared.planes.values
        variances[prepared.dataset] = variances[prepared.dataset] + prepared.planes.variances

    def add_category(self, label: str) -> None:
        labels = self.file["category"]
        count = labels.shape[0] + 1
        labels.resize(count, axis=0)
        labels[count - 1] = label
        for name in PLANES:
            self.file[name].resize(count, axis=1)

    def category_count(self) -> int:
        return int(self.file["category"].shape[0])

    def close(self) -> None:
        self.file.close()

    def open(self) -> None:
        self.file = h5py.File(self.path, "r")

    def project(self, axis: int) -> Planes:
        values, variances = self.file["values"], self.file["variances"]
        datasets = self.work.datasets
        return Planes(
            project_by_dataset(values.__getitem__, datasets, axis),
            project_by_dataset(variances.__getitem__, datasets, axis),
        )

    def block(self, dataset: int, category: int) -> Planes:
        at = (dataset, category)
        return Planes(self.file["values"][at], self.file["variances"][at])


class H5pyGzip(H5pyFile):
    filters: ClassVar[dict[str, Any]] = {"compression": "gzip"}


class H5pyZstd(H5pyFile):
    filters: ClassVar[dict[str, Any]] = dict(hdf5plugin.Zstd(clevel=3))
