"""What a task returns in place of histograms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of attempts: they are durable. Receipts add, and stay as small as one, however many were added."""

    committed: int = 0  #: attempts that count by these
    already: int = 0  #: attempts whose work was in before
    entries: int = 0  #: of both: entries of the intervals that they processed
    parts: int = 0  #: deltas that were sent
    nbytes: int = 0  #: compressed, that were sent

    def __add__(self, other: Any) -> Receipt:
        if not isinstance(other, Receipt):
            return self if other == 0 else NotImplemented
        return Receipt(
            self.committed + other.committed,
            self.already + other.already,
            self.entries + other.entries,
            self.parts + other.parts,
            self.nbytes + other.nbytes,
        )

    __radd__ = __add__
