"""h5py: one chunked dataset for each plane, read-modify-write of the slice that a delta touches."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import h5py
import hdf5plugin

from .arrays import PLANES, ArrayPeer


class H5pyFile(ArrayPeer):
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
        self._hold()

    def _hold(self) -> None:
        self.values, self.variances = (self.file[name] for name in PLANES)
        self.labels = self.file["category"]

    def add_category(self, label: str) -> None:
        count = self.labels.shape[0] + 1
        self.labels.resize(count, axis=0)
        self.labels[count - 1] = label
        for plane in (self.values, self.variances):
            plane.resize(count, axis=1)

    def commit(self) -> None:
        self.file.flush()
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def changed_bytes(self, dataset: int, categories: int) -> int:
        return sum(
            plane.id.get_chunk_info_by_coord((dataset, category, 0, 0)).size
            for plane in (self.values, self.variances)
            for category in range(categories)
        )

    def close(self) -> None:
        self.file.close()

    def open(self) -> None:
        self.file = h5py.File(self.path, "r")
        self._hold()


class H5pyGzip(H5pyFile):
    filters: ClassVar[dict[str, Any]] = {"compression": "gzip"}


class H5pyZstd(H5pyFile):
    filters: ClassVar[dict[str, Any]] = dict(hdf5plugin.Zstd(clevel=3))
