"""What a way to accumulate has to do, and the processor that all of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from coffea.processor import ProcessorABC

from .events import Array, Batch, batch
from .shape import Shape


class Job(ProcessorABC):  # type: ignore[misc]
    """Puts the events of a chunk where they are accumulated. Pickled to the workers."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def process(self, events: Any) -> dict[str, Any]:
        made = batch(events, self.shape.categories)
        return {"sums": made.sums(), "chunks": 1} | self.put(made)

    @abstractmethod
    def put(self, batch: Batch) -> dict[str, Any]:
        """What coffea is to add up beside the sums."""

    def postprocess(self, accumulator: Any) -> None:
        """The sums need nothing more."""


class Way(ABC):
    def __init__(self, shape: Shape, directory: Path) -> None:
        self.shape = shape
        self.directory = directory

    def start(self, client: Any) -> None:
        """Start what accumulates; `client` is the cluster's."""

    @abstractmethod
    def job(self) -> Job: ...

    def server_pids(self) -> list[int]:
        return []

    def finish(self) -> None:
        """Returns when all is in the histogram. Timed."""

    @abstractmethod
    def totals(self, output: dict[str, Any]) -> list[float]:
        """Sum of all values, and of all variances; `output` is coffea's."""

    def stop(self) -> None:
        """End what `start` began."""


def check(output: dict[str, Any], totals: list[float], chunks: int) -> None:
    sums: Array = output["sums"]
    if output["chunks"] != chunks or not np.allclose(totals, sums, rtol=1e-12, atol=0):
        raise AssertionError(f"{output['chunks']} chunks of {chunks} sum up to {totals}, and {sums} was filled")
