"""histserv: its server in a process of its own, one FillMany call for a delta.

The systematics are an integer axis, which histserv keeps dense: its chunks are then those of a (dataset, category), and
fastest. `RemoteHist.fill_many` would fill a histogram at the client first; the call that it makes after that is
made here with planes that are ready.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import hist
import histserv
import numpy as np
from histserv.protos import hist_pb2
from histserv.serialize import serialize_chunk_payload, serialize_unique_id
from hugehist.benchmark.peers.axes import observable
from hugehist.benchmark.workload import AXES, Delta, Workload
from servers import HistservProcess, histserv_totals

from .base import Id, Peer, Sender

SECONDS = 120  # for a call
Codec = Literal["lz4", "zstd"] | None
Prepared = tuple[str, Any]  # dataset, cells of (category, systematic, bin)


class HistservSender(Sender[Prepared]):
    def __init__(self, remote: histserv.RemoteHist, work: Workload, codec: Codec) -> None:
        self._remote = remote
        self._work = work
        self._codec = codec

    def prepare(self, delta: Delta) -> Prepared:
        cells = np.empty(self._work.shape[1:], [("value", "f8"), ("variance", "f8")])
        cells["value"], cells["variance"] = delta.planes.values, delta.planes.variances
        return self._work.dataset_labels[delta.dataset], cells

    def send(self, prepared: Prepared, id: Id) -> None:
        dataset, cells = prepared
        chunks = [
            serialize_chunk_payload((dataset, category), part, shape=part.shape, dtype=part.dtype, codec=self._codec)
            for category, part in zip(self._work.category_labels, cells, strict=True)
        ]
        request = hist_pb2.FillManyRequest(
            hist_id=self._remote.hist_id, chunks=chunks, unique_id=serialize_unique_id(id), dense_view_codec=self._codec
        )
        self._remote.client.stub.FillMany(request, timeout=SECONDS)

    def close(self) -> None:
        self._remote.client.channel.close()


class HistservPeer(Peer):
    codec: ClassVar[Codec] = None

    def start(self, client: Any, worker: str | None) -> None:
        self._server = HistservProcess()
        labelled = [hist.axis.StrCategory([], growth=True, name=name) for name in AXES[:2]]
        systematic = hist.axis.Integer(0, self.work.systematics, name=AXES[2], flow=False)
        axes = (*labelled, systematic, observable(self.work.bins))
        empty = histserv.ChunkedHist(*axes, storage=hist.storage.Weight())
        self._remote = histserv.Client(self._server.address).init(empty)

    def sender(self) -> HistservSender:
        return HistservSender(self._remote, self.work, self.codec)

    def server_pids(self) -> list[int]:
        return [self._server.pid]

    def totals(self) -> list[float]:
        return histserv_totals(self._remote, self.work.dataset_labels)

    def stop(self) -> None:
        self._server.stop()


class HistservLz4Peer(HistservPeer):
    codec = "lz4"
