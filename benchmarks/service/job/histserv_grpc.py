"""histserv: chunks of a (dataset, category) in the memory of its server."""

from __future__ import annotations

from typing import Any

import hist
import histserv
from servers import HistservProcess, histserv_totals

from .base import Job, Way
from .events import Batch
from .filling import dense_axes, fills
from .shape import Shape

GROUP = 64  # categories in a call: 63 MB dense; a message may have 512
SECONDS = 120  # for a call


class HistservJob(Job):
    def __init__(self, shape: Shape, connection: Any) -> None:
        super().__init__(shape)
        self._connection = connection

    def put(self, batch: Batch) -> dict[str, Any]:
        remote = histserv.RemoteHist.from_connection_info(self._connection)
        calls = fills(self.shape, batch)
        for first in range(0, len(calls), GROUP):
            id = (*batch.id, first)
            remote.fill_many(calls[first : first + GROUP], unique_id=id, compression="lz4", timeout=SECONDS)
        remote.client.channel.close()
        return {}


class Histserv(Way):
    def start(self, client: Any) -> None:
        self._server = HistservProcess()
        labelled = [hist.axis.StrCategory([], growth=True, name=name) for name in ("dataset", "category")]
        empty = histserv.ChunkedHist(*labelled, *dense_axes(), storage=hist.storage.Weight())
        self._remote = histserv.Client(self._server.address).init(empty)

    def job(self) -> HistservJob:
        return HistservJob(self.shape, self._remote.get_connection_info())

    def server_pids(self) -> list[int]:
        return [self._server.pid]

    def totals(self, output: dict[str, Any]) -> list[float]:
        return histserv_totals(self._remote, self.shape.dataset_labels)

    def stop(self) -> None:
        self._server.stop()
