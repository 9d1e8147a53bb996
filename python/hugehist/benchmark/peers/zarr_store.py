"""zarr 3 in a directory: one array for each plane, zstd at level 3, its own threads."""

from __future__ import annotations

import warnings

import zarr
from zarr.codecs import ZstdCodec

from .arrays import PLANES, ArrayPeer

# fixed-length strings, which the zarr 3 specification has not settled yet
warnings.filterwarnings("ignore", category=zarr.errors.UnstableSpecificationWarning)


class ZarrStore(ArrayPeer):
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
        self.values, self.variances = (self.group[name] for name in PLANES)
        self.labels = self.group["category"]

    def add_category(self, label: str) -> None:
        count = self.labels.shape[0] + 1
        self.labels.resize((count,))
        self.labels[count - 1] = label.encode()
        for plane in (self.values, self.variances):
            plane.resize((plane.shape[0], count, *plane.shape[2:]))

    def open(self) -> None:
        self.group = zarr.open_group(self.path, mode="r")
        self._hold()
