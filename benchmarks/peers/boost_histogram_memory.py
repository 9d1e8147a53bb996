"""boost-histogram's own fill, for one weight an entry; hist adds a layer of Python on top of it."""

from __future__ import annotations

import boost_histogram as bh
import numpy as np

from benchmarks.events import Column
from benchmarks.peers.axes import column_axis
from benchmarks.peers.base import FillPeer
from benchmarks.workload import Planes


class BoostHistogramFill(FillPeer[None]):
    h: bh.Histogram

    def create_column(self, column: Column) -> None:
        self.h = bh.Histogram(column_axis(column), storage=bh.storage.Weight())

    def fill_column(self, column: Column) -> None:
        self.h.fill(column.entries, weight=column.weights)

    def planes(self) -> Planes:
        view = self.h.view(flow=True)
        return Planes(np.asarray(view.value), np.asarray(view.variance))
