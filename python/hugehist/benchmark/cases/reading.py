"""Reads: projections onto each axis, single rows, and opening a file of many chunks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..measure import Clock, Outcome, middle, watched
from ..page_cache import disk_bytes
from ..recorder.phases import enter
from ..verify import Sums, same, verify_store
from ..workload import AXES, Delta, Planes, Workload
from .setup import Setup, store_peer

AXIS_ROUNDS = 3  # projections of each axis in a process, after one that does not count
SLICES = 300
OPENINGS = 11


def project(setup: Setup) -> Outcome:
    work = setup.work
    outcome, sums = Outcome(), Sums(work)
    peer = store_peer(setup)
    peer.create(work.datasets, work.categories)
    for total in work.totals():
        sums.add(total)
        peer.merge(peer.prepare(total))
    del total
    peer.close()
    outcome.bytes_on_disk = disk_bytes(setup.path)
    setup.settle(outcome)
    peer.open()
    with watched(outcome):
        for axis, label in enumerate(AXES):
            rounds = []
            for _ in range(AXIS_ROUNDS + 1):
                setup.reopen(peer, outcome)
                rounds.append(Clock())
                with rounds[-1].timed(f"project {label}"):
                    peer.project(axis)
            outcome.metrics[f"project {label}"] = middle(rounds[1:]).metric(work.delta_bytes * work.datasets, "B")
        rounds = []
        for _ in range(AXIS_ROUNDS + 1):
            setup.reopen(peer, outcome)
            rounds.append(Clock())
            with rounds[-1].timed("project all"):
                projected = peer.project_all()
        outcome.metrics["project onto all four"] = middle(rounds[1:]).metric(work.delta_bytes * work.datasets, "B")
    enter("verify")
    for axis, planes in enumerate(projected):
        same(planes, sums.axes[axis], f"sums over axis {axis}, all at once")
    verify_store(peer, sums)
    return outcome


def slice_rows(setup: Setup) -> Outcome:
    """One (dataset, category, systematic) after another, at random; then one of them again and again."""
    work = setup.work
    outcome = Outcome()
    peer = store_peer(setup)
    peer.create(work.datasets, work.categories)
    for dataset in range(work.datasets):
        peer.merge(peer.prepare(work.delta(dataset, 0)))
    peer.close()
    outcome.bytes_on_disk = disk_bytes(setup.path)
    setup.settle(outcome)
    peer.open()
    rng = np.random.default_rng(work.seed)
    places = [tuple(map(int, place)) for place in rng.integers(0, work.shape[:3], (SLICES, 3))]
    with watched(outcome):
        clock = Clock()
        with clock.timed("slice"):
            rows = [peer.row(*place) for place in places]
        outcome.metrics["slice, at random"] = clock.metric(SLICES, "slice")
        clock = Clock()
        with clock.timed("slice again"):
            for _ in range(SLICES):
                peer.row(*places[0])
        outcome.metrics["slice, the same again"] = clock.metric(SLICES, "slice")
    enter("verify")
    for (dataset, category, systematic), row in list(zip(places, rows, strict=True))[:20]:
        block = work.block(dataset, category, 0)
        expected = Planes(block.values[systematic], block.variances[systematic])
        same(row, expected, f"row {dataset}, {category}, {systematic}")
    return outcome


def opening(full: int) -> Callable[[Setup], Outcome]:
    """Opens a file of `full` chunks in each plane; and then the first row that is read."""

    def run(setup: Setup) -> Outcome:
        chunks = full // 1000 if setup.smoke else full
        categories = min(chunks, 1000)
        work = Workload(datasets=chunks // categories, categories=categories, systematics=1, bins=6, rounds=1)
        outcome = Outcome()
        peer = store_peer(setup, work)
        peer.create(work.datasets, work.categories)
        planes = Planes(np.ones(work.shape[1:]), np.full(work.shape[1:], 2.0))
        for dataset in range(work.datasets):
            peer.merge(peer.prepare(Delta(dataset, 0, planes)))
        peer.close()
        outcome.bytes_on_disk = disk_bytes(setup.path)
        opened, read = [Clock() for _ in range(OPENINGS)], [Clock() for _ in range(OPENINGS)]
        with watched(outcome):
            for number in range(OPENINGS):
                setup.settle(outcome)
                with opened[number].timed("open"):
                    peer.open()
                with read[number].timed("read"):
                    row = peer.row(number % work.datasets, number % work.categories, 0)
                enter("close")
                peer.close()
                same(row, Planes(planes.values[0, 0], planes.variances[0, 0]), f"open, {chunks} chunks")
        outcome.metrics[f"open, {chunks} chunks"] = middle(opened).metric(1, "open")
        outcome.metrics[f"first row after that, {chunks} chunks"] = middle(read).metric(1, "read")
        return outcome

    return run
