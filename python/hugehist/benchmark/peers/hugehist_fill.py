"""hugehist: fills into a histogram in a file, with one thread as the others, or with all there are."""

from __future__ import annotations

from typing import Any, ClassVar

import hist

import hugehist

from ..events import Call, Column
from ..workload import Planes
from .axes import column_axis, variation_axes
from .base import FillPeer
from .hugehist_file import NAME, planes_of


class HugehistFill(FillPeer[Call]):
    threads: ClassVar[int] = 1
    h: hugehist.Histogram

    def _create(self, *axes: Any) -> None:
        self.file = hugehist.File(self.path, "w")
        self.h = self.file.create(NAME, *axes, storage=hist.storage.Weight())

    def create_variations(self, categories: list[str], systematics: list[str], bins: int) -> None:
        self.categories = categories
        self.systematics = systematics
        self._create(*variation_axes(categories, systematics, bins))

    def prepare_call(self, call: Call) -> Call:
        return call

    def fill_variations(self, prepared: Call) -> None:
        self.h.fill(
            dataset="ttbar",
            category=self.categories[prepared.category],
            systematic=self.systematics,
            dnn_score_max=prepared.score,
            weight=prepared.weights,
            threads=self.threads,
        )

    def create_column(self, column: Column) -> None:
        self._create(column_axis(column))

    def fill_column(self, column: Column) -> None:
        self.h.fill(column.entries, weight=column.weights, threads=self.threads)

    def close(self) -> None:
        self.file.close()

    def planes(self) -> Planes:
        with hugehist.File(self.path) as file:
            return planes_of(file[NAME])


class AllThreads(HugehistFill):
    threads: ClassVar[int] = 0
