"""What a case is, and what all cases begin with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import page_cache, peers
from ..measure import Outcome
from ..recorder.phases import enter
from ..workload import FULL, SMOKE, Workload


@dataclass(frozen=True)
class Setup:
    """One process's task: a peer, where its files go, and how the page cache is to be."""

    reference: str  # the peer, see peers.load
    path: Path
    smoke: bool = False
    cold: bool = False

    @property
    def work(self) -> Workload:
        return SMOKE if self.smoke else FULL

    def settle(self, outcome: Outcome) -> None:
        """Before files are read: out of the page cache where the run is cold; notes what is in it."""
        if self.cold:
            page_cache.drop(self.path)
        outcome.notes.setdefault("cached_fraction", page_cache.cached_fraction(self.path))

    def reopen(self, peer: Any, outcome: Outcome) -> None:
        """In a cold run: nothing of the files is left in memory, neither the peer's nor the system's."""
        if self.cold:
            peer.close()
            self.settle(outcome)
            peer.open()


@dataclass(frozen=True)
class Case:
    """`peers` maps names to references; `left_out` says why others do not take part."""

    summary: str
    peers: dict[str, str]
    run: Callable[[Setup], Outcome]
    left_out: dict[str, str] = field(default_factory=dict)


def store_peer(setup: Setup, work: Workload | None = None) -> Any:
    """The peer, after a tiny histogram of its own: what a library loads when it is first used is not timed."""
    enter("warm up")
    make = peers.load(setup.reference)
    warm = make(SMOKE, setup.path.with_name("warm_" + setup.path.name))
    warm.create(SMOKE.datasets, SMOKE.categories)
    for delta in SMOKE.deltas():
        warm.merge(warm.prepare(delta))
    warm.merge_sparse(warm.prepare_sparse(SMOKE.sparse(1, 2, turn=0, count=5)))
    warm.commit()
    warm.add_category("new")
    warm.close()
    warm.open()
    warm.project(0)
    warm.row(0, 0, 0)
    warm.close()
    enter("prepare")
    return make(work or setup.work, setup.path)
