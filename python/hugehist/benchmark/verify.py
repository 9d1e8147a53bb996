"""Checks of a peer's histogram against NumPy: sampled blocks in full, and every axis's sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from .peers.base import StorePeer
from .workload import Columns, Delta, Planes, Workload

TOLERANCE = 1e-12


def same(got: Planes, expected: Planes, what: str) -> None:
    for plane in ("values", "variances"):
        np.testing.assert_allclose(
            getattr(got, plane),
            getattr(expected, plane),
            rtol=TOLERANCE,
            err_msg=f"{what}: {plane} differ from NumPy's",
        )


class Sums:
    """The sums over each axis of all the deltas that were seen."""

    def __init__(self, work: Workload) -> None:
        self.axes = [Planes(np.zeros(n), np.zeros(n)) for n in work.shape]

    def add(self, delta: Delta) -> None:
        for plane in ("values", "variances"):
            data = getattr(delta.planes, plane)
            by_category = data.sum(axis=(1, 2))
            getattr(self.axes[0], plane)[delta.dataset] += by_category.sum()
            getattr(self.axes[1], plane)[...] += by_category
            getattr(self.axes[2], plane)[...] += data.sum(axis=(0, 2))
            getattr(self.axes[3], plane)[...] += data.sum(axis=(0, 1))

    def add_columns(self, part: Columns) -> None:
        for plane in ("values", "variances"):
            data = getattr(part, plane)
            getattr(self.axes[0], plane)[part.dataset] += data.sum()
            getattr(self.axes[1], plane)[part.category] += data.sum()
            getattr(self.axes[2], plane)[...] += data.sum(axis=1)
            getattr(self.axes[3], plane)[part.bins] += data.sum(axis=0)


def verify_store(peer: StorePeer[Any, Any], sums: Sums, samples: int = 12) -> None:
    work = peer.work
    for axis, expected in enumerate(sums.axes):
        same(peer.project(axis), expected, f"sums over axis {axis}")
    rng = np.random.default_rng(work.seed)
    for _ in range(samples):
        dataset = int(rng.integers(work.datasets))
        category = int(rng.integers(work.categories))
        expected = work.final_block(dataset, category)
        same(peer.block(dataset, category), expected, f"dataset {dataset}, category {category}")
