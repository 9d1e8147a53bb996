"""hugehist: an accumulator in a process of its own, an attempt for each delta.

A delta is acknowledged when its compressed form is in the accumulator's log, synced; all are merged when the file has
them, committed.
"""

from __future__ import annotations

from typing import Any

import hist
import hugehist
from hugehist.benchmark.peers.axes import observable
from hugehist.benchmark.peers.hugehist_file import uhi_planes
from hugehist.benchmark.workload import AXES, Delta, Workload
from hugehist.service import Accumulator, Sink

from .base import Id, Peer, Sender

NAME = "score"


class ServiceSender(Sender[hugehist.Delta]):
    def __init__(self, sink: Sink, work: Workload) -> None:
        self._sink = sink
        self._work = work

    def prepare(self, delta: Delta) -> hugehist.Delta:
        return hugehist.Delta.from_uhi(uhi_planes(self._work, delta))

    def send(self, prepared: hugehist.Delta, id: Id) -> None:
        with self._sink.attempt(id) as attempt:
            attempt.merge(NAME, prepared)


class ServicePeer(Peer):
    _accumulator: Accumulator

    def start(self, client: Any, worker: str | None) -> None:
        self._accumulator = Accumulator(self.directory / "accumulated.h5", client=client)
        growing = [hist.axis.StrCategory([], growth=True, name=name) for name in AXES[:3]]
        self._accumulator.sink().create(NAME, *growing, observable(self.work.bins), storage="weight")

    def sender(self) -> ServiceSender:
        return ServiceSender(self._accumulator.sink(), self.work)

    def server_pids(self) -> list[int]:
        return self._accumulator.pids

    def finish(self) -> None:
        self._accumulator.flush()

    def totals(self) -> list[float]:
        with hugehist.File(self._accumulator.paths[0]) as file:
            total: Any = file[NAME].sum(flow=True)
        return [total.value, total.variance]

    def stop(self) -> None:
        self._accumulator.close()
