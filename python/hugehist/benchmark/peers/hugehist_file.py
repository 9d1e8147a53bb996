"""hugehist: a file within 128 MiB of memory, whose labels grow as deltas bring them.

Three forms of delta, made before the clock starts: C-order planes, which is what NumPy and the peers on disk
get; hist objects, whose cells lie in Fortran order; and buffers that the delta's events were filled into, which
is what a job that fills with hugehist merges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hist
import numpy as np

import hugehist

from ..workload import AXES, Delta, Events, Planes, SparseBlock, Workload
from .axes import observable
from .base import StorePeer
from .hist_memory import delta_hist

MEMORY = "128 MiB"
NAME = "dnn"


def planes_of(readable: Any) -> Planes:
    """Of a histogram or view of ours, or of a hist.Hist."""
    view = readable.view(flow=True)
    return Planes(np.asarray(view["value"]), np.asarray(view["variance"]))


def uhi_planes(work: Workload, delta: Delta) -> dict[str, Any]:
    """The delta as the UHI serialization has it, around its own arrays."""
    labels = [[work.dataset_labels[delta.dataset]], work.category_labels, work.systematic_labels]
    axes: list[dict[str, Any]] = [
        {"type": "category_str", "categories": known, "flow": False, "metadata": {"name": name}}
        for name, known in zip(AXES, labels, strict=False)
    ]
    flow = {"underflow": True, "overflow": True, "circular": False}
    axes.append(
        {"type": "regular", "bins": work.bins, "lower": 0.0, "upper": 1.0, "metadata": {"name": AXES[3]}} | flow
    )
    return {
        "uhi_schema": 1,
        "axes": axes,
        "storage": {
            "type": "weighted",
            "values": delta.planes.values[np.newaxis],
            "variances": delta.planes.variances[np.newaxis],
        },
    }


class HugehistFile(StorePeer[hugehist.Delta, hugehist.Delta]):
    file: hugehist.File
    h: hugehist.Histogram
    stored = 0

    def create(self, datasets: int, categories: int) -> None:
        self.file = hugehist.File(self.path, "w", memory=MEMORY)
        self.h = self.file.create(
            NAME,
            *(hist.axis.StrCategory([], growth=True, name=name) for name in AXES[:3]),
            observable(self.work.bins),
            storage=hist.storage.Weight(),
            chunks=self.chunks(),
        )

    def chunks(self) -> Sequence[int] | None:
        return None  # the library's choice

    def prepare(self, delta: Delta) -> hugehist.Delta:
        return hugehist.Delta.from_uhi(uhi_planes(self.work, delta))

    def merge(self, prepared: hugehist.Delta) -> None:
        self.h.merge(prepared)

    def prepare_sparse(self, blocks: Sequence[SparseBlock]) -> hugehist.Delta:
        buffer = self.h.buffer()
        for block in blocks:
            self.fill(buffer, block.dataset, block.category, block.events)
        return buffer.delta()

    def merge_sparse(self, prepared: hugehist.Delta) -> None:
        self.h.merge(prepared)

    def fill(self, buffer: hugehist.Buffer, dataset: int, category: int, events: Events) -> None:
        buffer.fill(
            dataset=self.work.dataset_labels[dataset],
            category=self.work.category_labels[category],
            systematic=self.work.systematic_labels,
            dnn_score_max=events.score,
            weight=events.weights[events.source].T,
        )

    def add_category(self, label: str) -> None:
        self.h.grow("category", [label])

    def category_count(self) -> int:
        return len(self.h.axes[1])

    def commit(self) -> None:
        self.file.commit()

    def changed_bytes(self, dataset: int, categories: int) -> int:
        before, self.stored = self.stored, self.file.stats()["bytes_written"]
        return self.stored - before

    def close(self) -> None:
        self.file.close()

    def open(self) -> None:
        self.file = hugehist.File(self.path, memory=MEMORY)
        self.h = self.file[NAME]

    def project(self, axis: int) -> Planes:
        return planes_of(self.h.project(AXES[axis]))

    def project_all(self) -> list[Planes]:
        return [planes_of(h) for h in self.file.project_many([self.h.project(name) for name in AXES])]

    def block(self, dataset: int, category: int) -> Planes:
        return planes_of(self.h[dataset, category, :, :])

    def row(self, dataset: int, category: int, systematic: int) -> Planes:
        return planes_of(self.h[dataset, category, systematic, :])


class FromHist(HugehistFile):
    def prepare(self, delta: Delta) -> hugehist.Delta:
        return hugehist.Delta.from_uhi(delta_hist(self.work, delta))


class FromBuffer(HugehistFile):
    def prepare(self, delta: Delta) -> hugehist.Delta:
        buffer = self.h.buffer()
        for category in range(self.work.categories):
            self.fill(buffer, delta.dataset, category, self.work.events_of(delta.dataset, category, delta.turn))
        return buffer.delta()


class ChunkForEach(HugehistFile):
    """A chunk for each (dataset, category), however small."""

    def chunks(self) -> Sequence[int] | None:
        return (1, 1, *self.work.shape[2:])
