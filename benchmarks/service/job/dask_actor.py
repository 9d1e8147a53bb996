"""A Dask Actor on one of the two workers adds planes in memory."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from servers import Adder

from .base import Job, Way
from .events import Batch
from .filling import filled
from .shape import Shape


class ActorJob(Job):
    def __init__(self, shape: Shape, actor: Any) -> None:
        super().__init__(shape)
        self._actor = actor

    def put(self, batch: Batch) -> dict[str, Any]:
        view: Any = filled(self.shape, batch).view(flow=True)
        planes = (np.ascontiguousarray(view[name][0]) for name in ("value", "variance"))
        self._actor.add(batch.dataset, *planes).result()
        return {}


class DaskActor(Way):
    _actor: Any

    def start(self, client: Any) -> None:
        worker = min(client.scheduler_info(n_workers=-1)["workers"])
        self._actor = client.submit(Adder, actor=True, workers=[worker], pure=False).result()
        self._pids = list(client.run(os.getpid, workers=[worker]).values())

    def job(self) -> ActorJob:
        return ActorJob(self.shape, self._actor)

    def server_pids(self) -> list[int]:
        return self._pids

    def totals(self, output: dict[str, Any]) -> list[float]:
        found: list[float] = self._actor.totals().result()
        return found
