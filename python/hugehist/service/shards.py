"""Several accumulators that share the work: each owns a file with some of the datasets and categories.

The first one has the ledger. An attempt with parts for others is prepared there, then decided by the ledger, then told
to them; one whose sender dies in between is settled by those who prepared it, which ask the ledger (see `Attempts`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from .._core import OverlapError
from .errors import AttemptLostError, ServiceError
from .ids import ID
from .specification import Specification
from .transport import CounterSums, Member, Piece


class Shards:
    """What a sink needs of them, as one. It pickles where its members do."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = list(members)
        self._ledger = self._members[0]

    def __reduce__(self) -> tuple[Any, ...]:
        return Shards, (self._members,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shards) and self._members == other._members

    def __hash__(self) -> int:
        return hash(tuple(self._members))

    def __repr__(self) -> str:
        return f"{self._ledger} and {len(self._members) - 1} more"

    @property
    def shards(self) -> int:
        return len(self._members)

    def create(self, name: str, specification: Specification) -> Specification:
        made = [member.create(name, specification) for member in self._members]
        return made[0]

    def describe(self, name: str) -> Specification:
        return self._ledger.describe(name)

    def names(self) -> list[str]:
        return self._ledger.names()

    def stage(self, attempt: str, piece: Piece) -> None:
        self._members[piece.shard].stage(attempt, piece)

    def commit(
        self,
        attempt: str,
        parts: Sequence[int],
        ids: Sequence[ID],
        counters: CounterSums,
        last: Sequence[Piece] = (),
    ) -> bool:
        pieces: dict[int, list[Piece]] = defaultdict(list)
        for piece in last:
            pieces[piece.shard].append(piece)
        others = [shard for shard, count in enumerate(parts) if shard and count]
        for shard in others:
            self._members[shard].prepare(attempt, parts[shard], ids, pieces[shard])
        try:
            is_new = self._ledger.commit(attempt, parts, ids, counters, pieces[0], for_others=bool(others))
        except (OverlapError, AttemptLostError):
            self._tell(others, attempt, False)
            raise
        self._tell(others, attempt, is_new)
        return is_new

    def _tell(self, shards: Sequence[int], attempt: str, counts: bool) -> None:
        """What was decided; one that is away asks when it is back."""
        for shard in shards:
            with suppress(ServiceError):
                self._members[shard].decide(attempt, counts)

    def drop(self, attempt: str) -> None:
        for member in self._members:
            with suppress(ServiceError):
                member.drop(attempt)

    def missing(self, ids: Sequence[ID]) -> list[list[ID]]:
        return self._ledger.missing(ids)

    def status(self) -> dict[str, Any]:
        """Sums over all, but for what is only the ledger's to say; and each by itself under "shards"."""
        each = [member.status() for member in self._members]
        total = dict(each[0])
        for key in _SUMMED:
            total[key] = sum(status[key] for status in each)
        states = [status["state"] for status in each]
        total["state"] = next((state for state in states if state != "ready"), "ready")
        return total | {"shards": each}

    def flush(self) -> None:
        for member in self._members:
            member.flush()


_SUMMED = (
    "bytes",
    "bytes_per_second",
    "credit_bytes",
    "dense_bytes",
    "file_bytes",
    "journal_bytes",
    "file_commits",
    "lag_attempts",
    "lag_bytes",
    "log_bytes",
    "memory_bytes",
    "parts",
)
