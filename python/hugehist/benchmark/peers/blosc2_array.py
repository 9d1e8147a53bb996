"""blosc2: one NDArray on disk for each plane, the library's default codec and threads.

A block is a whole chunk and projections go dataset by dataset: on this workload both are faster
than what blosc2 chooses itself (small blocks, and NDArray.sum).
"""

from __future__ import annotations

import blosc2
import numpy as np

from .arrays import PLANES, ArrayPeer


class Blosc2Array(ArrayPeer):
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

    def add_category(self, label: str) -> None:
        count = self.labels.shape[0] + 1
        self.labels.resize((count,))
        self.labels[count - 1] = np.array(label.encode(), dtype="S32")
        for plane in (self.values, self.variances):
            plane.resize((plane.shape[0], count, *plane.shape[2:]))

    def open(self) -> None:
        self.values, self.variances = (blosc2.open(str(self.path / f"{name}.b2nd"), mode="r") for name in PLANES)
