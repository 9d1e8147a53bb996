"""What a peer has to do. Everything that a case times is one of these methods.

A `StorePeer` keeps the workload's histogram: it is merged into, grown, projected and sliced. A `FillPeer`
takes events. Importing a peer's module imports its library, before any clock is started.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

from ..events import Call, Column
from ..workload import Columns, Delta, Planes, SparseBlock, Workload

Form = TypeVar("Form")
Sparse = TypeVar("Sparse")


class StorePeer(ABC, Generic[Form, Sparse]):
    """A histogram that deltas are merged into."""

    def __init__(self, work: Workload, path: Path) -> None:
        self.work = work
        self.path = path

    @abstractmethod
    def create(self, datasets: int, categories: int) -> None:
        """An empty histogram of these extents. A peer that maps labels starts without any."""

    @abstractmethod
    def prepare(self, delta: Delta) -> Form:
        """The delta in the form in which a user of the peer holds it. Never timed."""

    @abstractmethod
    def merge(self, prepared: Form) -> None: ...

    @abstractmethod
    def prepare_sparse(self, blocks: Sequence[SparseBlock]) -> Sparse:
        """A few events for each of some (dataset, category), in the peer's form for that. Never timed."""

    @abstractmethod
    def merge_sparse(self, prepared: Sparse) -> None: ...

    @abstractmethod
    def add_category(self, label: str) -> None: ...

    @abstractmethod
    def category_count(self) -> int: ...

    def commit(self) -> None:
        """Make what was merged survive a power cut, where the library can."""

    def changed_bytes(self, dataset: int, categories: int) -> int:
        """Encoded bytes of the first `categories` chunks of `dataset`, all that was stored since the last call."""
        raise NotImplementedError

    def close(self) -> None:
        """Flush and close. Timed with the merges."""

    def open(self) -> None:
        """Open what `close` left, for reading."""

    @abstractmethod
    def project(self, axis: int) -> Planes:
        """Both planes summed onto one axis, flow bins of the observable included."""

    def project_all(self) -> list[Planes]:
        """Both planes onto each of the axes, by the best that the peer has for it."""
        return [self.project(axis) for axis in range(4)]

    @abstractmethod
    def block(self, dataset: int, category: int) -> Planes:
        """The (systematic, bin) planes of one dataset and category."""

    @abstractmethod
    def row(self, dataset: int, category: int, systematic: int) -> Planes:
        """The bins of one dataset, category and systematic, flow bins included."""

    def columns(self, blocks: Sequence[SparseBlock]) -> list[Columns]:
        return [self.work.columns(block) for block in blocks]


class FillPeer(ABC, Generic[Form]):
    """A histogram that events are filled into."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create_variations(self, categories: list[str], systematics: list[str], bins: int) -> None:
        """dataset x category x systematic x observable, for `fill_variations`."""
        raise NotImplementedError

    def prepare_call(self, call: Call) -> Form:
        """The events of one call in the layout that suits the peer best. Never timed."""
        raise NotImplementedError

    def fill_variations(self, prepared: Form) -> None:
        raise NotImplementedError

    @abstractmethod
    def create_column(self, column: Column) -> None:
        """A weighted histogram over one axis, for `fill_column`."""

    @abstractmethod
    def fill_column(self, column: Column) -> None: ...

    def close(self) -> None:
        """Make what was filled permanent, where the peer does that."""

    @abstractmethod
    def planes(self) -> Planes:
        """Everything that was filled; a numeric axis with its flow bins."""
