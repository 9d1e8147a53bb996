"""What a sink needs of an accumulator: one in this process (`Engine`), one behind the network (`Remote`), or several
that share the work (`Shards`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from .ids import ID
from .records import Bytes
from .specification import Specification

PART_BYTES = 64 << 20  # decoded, of a delta that is sent: what the accumulator has in memory at once
CounterSums = dict[tuple[str, ...], float]


class Piece(NamedTuple):
    """A part of an attempt on its way: a delta's compact form."""

    number: int  # of those for this accumulator
    histogram: str
    content: Bytes
    shard: int = 0  # which accumulator it is for


class Transport(Protocol):
    """Errors are those of `Engine`; a transport over the network raises ServiceError where it gives up."""

    @property
    def shards(self) -> int:
        """How many accumulators share the work."""

    def create(self, name: str, specification: Specification) -> Specification: ...
    def describe(self, name: str) -> Specification: ...
    def names(self) -> list[str]: ...
    def stage(self, attempt: str, piece: Piece) -> None: ...
    def commit(
        self,
        attempt: str,
        parts: Sequence[int],
        ids: Sequence[ID],
        counters: CounterSums,
        last: Sequence[Piece] = (),
    ) -> bool:
        """`parts`: how many each accumulator has, with `last`, which come with the commit."""

    def drop(self, attempt: str) -> None: ...
    def missing(self, ids: Sequence[ID]) -> list[list[ID]]: ...
    def status(self) -> dict[str, Any]: ...
    def flush(self) -> Any: ...


class Member(Transport, Protocol):
    """One of several that share the work."""

    def commit(
        self,
        attempt: str,
        parts: Sequence[int],
        ids: Sequence[ID],
        counters: CounterSums,
        last: Sequence[Piece] = (),
        for_others: bool = False,
    ) -> bool: ...
    def prepare(self, attempt: str, parts: int, ids: Sequence[ID], last: Sequence[Piece] = ()) -> None: ...
    def decide(self, attempt: str, counts: bool) -> None: ...
