"""zarr 3 in a directory: one array for each plane, zstd at level 3, its own threads."""

from __future__ import annotations

import warnings

import zarr
from zarr.codecs import ZstdCodec

from ..workload import Delta, Planes
from .base import StorePeer, project_by_dataset

# fixed-length strings, which the zarr 3 specification has not settled yet
warnings.filterwarnings("ignore", category=zarr.errors.UnstableSpecificationWarning)

PLANES = ("values", "variances")


class ZarrStore(StorePeer[Delta]):
    group: zarr.Group

    def create(self, datasets: int, categories: int) -> None:
        self.group = zarr.open_group(self.path, mode="w", zarr_format=3)
        inner = self.work.shape[2:]
        for name in PLANES:
            self.group.create_array(
                name,
                shape=(datasets, categories, *inner),
                chunks=(1, 1, *inner),
                dtype="f8",
                compressors=ZstdCodec(level=3),
            )
        self.group.create_array("category", shape=(categories,), chunks=(512,), dtype="S32")
        self._hold()

    def _hold(self) -> None:
        self.values, self.variances = self.group["values"], self.group["variances"]
        self.labels = self.group["category"]

    def prepare(self, delta: Delta) -> Delta:
        return delta

    def merge(self, prepared: Delta) -> None:
        at = prepared.dataset
        self.values[at] = self.values[at] + prepared.planes.values
        self.variances[at] = self.variances[at] + prepared.planes.variances

    def add_category(self, label: str) -> None:
        count = self.labels.shape[0] + 1
        self.labels.resize((count,))
        self.labels[count - 1] = label.encode()
        for plane in (self.values, self.variances):
            plane.resize((plane.shape[0], count, *plane.shape[2:]))

    def category_count(self) -> int:
        return int(self.labels.shape[0])

    def open(self) -> None:
        self.group = zarr.open_group(self.path, mode="r")
        self._hold()

    def project(self, axis: int) -> Planes:
        datasets = self.work.datasets
        return Planes(
            project_by_dataset(self.values.__getitem__, datasets, axis),
            project_by_dataset(self.variances.__getitem__, datasets, axis),
        )

    def block(self, dataset: int, category: int) -> Planes:
        return Planes(self.values[dataset, category], self.variances[dataset, category])
