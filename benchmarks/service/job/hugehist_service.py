"""hugehist: tasks fill virtual histograms, and return receipts; the accumulator keeps the histogram in its file."""

from __future__ import annotations

from typing import Any

import hist
import hugehist
from hugehist.service import Accumulator, Sink

from .base import Job, Way
from .events import Batch
from .shape import BINS, SYSTEMATICS, Shape

NAME = "score"
LABELS = [f"systematic_{i:03d}" for i in range(SYSTEMATICS)]


class ServiceJob(Job):
    def __init__(self, shape: Shape, sink: Sink) -> None:
        super().__init__(shape)
        self._sink = sink

    def put(self, batch: Batch) -> dict[str, Any]:
        with self._sink.attempt(batch.id) as attempt:
            attempt[NAME].fill(
                dataset=batch.dataset,
                category=dict(zip(self.shape.category_labels, batch.keep, strict=True)),
                systematic=LABELS,
                score=batch.score,
                weight=batch.weights,
            )
        return {"receipt": attempt.receipt}


class Service(Way):
    _accumulator: Accumulator

    def start(self, client: Any) -> None:
        self._accumulator = Accumulator(self.directory / "accumulated.h5", client=client)
        growing = [hist.axis.StrCategory([], growth=True, name=name) for name in ("dataset", "category", "systematic")]
        axes = (*growing, hist.axis.Regular(BINS, 0.0, 1.0, name="score"))
        self._accumulator.sink().create(NAME, *axes, storage=hist.storage.Weight())

    def job(self) -> ServiceJob:
        return ServiceJob(self.shape, self._accumulator.sink())

    def server_pids(self) -> list[int]:
        return self._accumulator.pids

    def finish(self) -> None:
        self._accumulator.flush()

    def totals(self, output: dict[str, Any]) -> list[float]:
        with hugehist.File(self._accumulator.paths[0]) as file:
            total: Any = file[NAME].sum(flow=True)
        return [total.value, total.variance]

    def stop(self) -> None:
        self._accumulator.close()
