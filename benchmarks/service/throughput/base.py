"""What a peer of the throughput benchmark has to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from hugehist.benchmark.workload import Delta, Workload

Form = TypeVar("Form")
Id = tuple[str, int, int]  # source, start, stop


class Sender(ABC, Generic[Form]):
    """A writer's end. It is pickled once, before `open`."""

    def open(self) -> None:
        """Connect, in the process of the writer."""

    @abstractmethod
    def prepare(self, delta: Delta) -> Form:
        """The delta in the form in which a user of the peer holds it. Never timed."""

    @abstractmethod
    def send(self, prepared: Form, id: Id) -> None:
        """Returns when the peer has acknowledged the delta. Called by several threads, if several are in flight."""

    def close(self) -> None:
        """Disconnect."""


class Peer(ABC):
    """The accumulating process, started and stopped by the process that measures."""

    on_worker: ClassVar[bool] = False  # needs a Dask worker beside those of the writers

    def __init__(self, work: Workload, directory: Path) -> None:
        self.work = work
        self.directory = directory

    @abstractmethod
    def start(self, client: Any, worker: str | None) -> None:
        """`client` is the cluster's, `worker` the address of the worker beside the writers'."""

    @abstractmethod
    def sender(self) -> Sender[Any]: ...

    @abstractmethod
    def server_pids(self) -> list[int]: ...

    def finish(self) -> None:
        """Returns when all that was acknowledged has been added to the histogram. Timed."""

    @abstractmethod
    def totals(self) -> list[float]:
        """Sum of all values, and of all variances."""

    def stop(self) -> None:
        """End the accumulating process."""
