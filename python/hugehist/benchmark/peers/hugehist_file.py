"""hugehist: a file within 128 MiB of memory, whose labels grow as deltas bring them.

Three forms of delta, made before the clock starts: C-order planes, which is what NumPy and the peers on disk
get; hist objects, whose cells lie in Fortran order; and buffers that the delta's events were filled into, which
is what a job that fills with hugehist merges.
"""

from __future__ import annotations

from typing import Any

import hist
import numpy as np

import hugehist

from ..workload import AXES, Delta, Planes, Workload
from .axes import observable
from .base import StorePeer
from .hist_memory import delta_hist

MEMORY = "128 MiB"
NAME = "dnn"


def planes_of(readable: Any) -> Planes:
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


class HugehistFile(StorePeer[hugehist.Delta]):
    file: hugehist.File
    h: hugehist.Histogram

    def create(self, datasets: int, categories: int) -> None:
        self.file = hugehist.File(self.path, "w", memory=MEMORY)
        self.h = self.file.create(
            NAME,
            *(hist.axis.StrCategory([], growth=True, name=name) for name in AXES[:3]),
            observable(self.work.bins),
            storage=hist.storage.Weight(),
        )

    def prepare(self, delta: Delta) -> hugehist.Delta:
        return hugehist.Delta.from_uhi(uhi_planes(self.work, delta))

    def merge(self, prepared: hugehist.Delta) -> None:
        self.h.merge(prepared)

    def add_category(self, label: str) -> None:
        self.h.grow("category", [label])

    def category_count(self) -> int:
        return len(self.h.axes[1])

    def close(self) -> None:
        self.file.close()

    def open(self) -> None:
        self.file = hugehist.File(self.path, memory=MEMORY)
        self.h = self.file[NAME]

    def project(self, axis: int) -> Planes:
        return planes_of(self.h.project(AXES[axis]))

    def block(self, dataset: int, category: int) -> Planes:
        return planes_of(self.h[dataset, category, :, :])


class FromHist(HugehistFile):
    def prepare(self, delta: Delta) -> hugehist.Delta:
        return hugehist.Delta.from_uhi(delta_hist(self.work, delta))


class FromBuffer(HugehistFile):
    def prepare(self, delta: Delta) -> hugehist.Delta:
        work, buffer = self.work, self.h.buffer()
        for category, label in enumerate(work.category_labels):
            events = work.events_of(delta.dataset, category, delta.turn)
            buffer.fill(
                dataset=work.dataset_labels[delta.dataset],
                category=label,
                systematic=work.systematic_labels,
                dnn_score_max=events.score,
                weight=events.weights[events.source].T,
            )
        return buffer.delta()
