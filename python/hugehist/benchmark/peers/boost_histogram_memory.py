"""boost-histogram's own fill, for one weight an entry; hist adds a layer of Python on top of it."""

from __future__ import annotations

from typing import Any

import boost_histogram as bh
import numpy as np

from ..events import Column
from ..workload import Planes
from .axes import column_axis
from .base import FillPeer


class BoostHistogramFill(FillPeer[None]):
    h: Any

    def create_column(self, column: Column) -> None:
        self.h = bh.Histogram(column_axis(column), storage=bh.storage.Weight())

    def fill_column(self, column: Column) -> None:
        self.h.fill(column.entries, weight=column.weights)

    def planes(self) -> Planes:
        view = self.h.view(flow=True)
        return Planes(np.asarray(view.value), np.asarray(view.variance))
