"""A Dask Actor that adds NumPy planes in its worker's memory."""

from __future__ import annotations

import os
from typing import Any

from hugehist.benchmark.workload import Delta
from servers import Adder

from .base import Id, Peer, Sender


class ActorSender(Sender[Delta]):
    def __init__(self, actor: Any, labels: list[str]) -> None:
        self._actor = actor
        self._labels = labels

    def prepare(self, delta: Delta) -> Delta:
        return delta

    def send(self, prepared: Delta, id: Id) -> None:
        planes = prepared.planes
        self._actor.add(self._labels[prepared.dataset], planes.values, planes.variances).result()


class ActorPeer(Peer):
    on_worker = True
    _actor: Any

    def start(self, client: Any, worker: str | None) -> None:
        self._actor = client.submit(Adder, actor=True, workers=[worker], pure=False).result()
        self._pids = list(client.run(os.getpid, workers=[worker]).values())

    def sender(self) -> ActorSender:
        return ActorSender(self._actor, self.work.dataset_labels)

    def server_pids(self) -> list[int]:
        return self._pids

    def totals(self) -> list[float]:
        found: list[float] = self._actor.totals().result()
        return found
