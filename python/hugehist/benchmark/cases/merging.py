"""Merges: a job's deltas, every chunk cold, a few events for each chunk; and commits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..measure import Clock, Outcome, middle, watched
from ..page_cache import disk_bytes
from ..recorder.phases import enter
from ..verify import Sums, verify_store
from ..workload import Delta, Workload
from .setup import Setup, store_peer

EVENTS = 20  # for each chunk, in the sparse merges
ROUNDS = 5  # of a sparse merge or a commit in a process


def verified(outcome: Outcome, setup: Setup, peer: Any, sums: Sums, **how: int) -> Outcome:
    """Weighs what the closed peer left on disk, opens it again and checks it."""
    outcome.bytes_on_disk = disk_bytes(setup.path)
    enter("verify")
    peer.open()
    verify_store(peer, sums, **how)
    return outcome


def merge(setup: Setup) -> Outcome:
    return _merge(setup, setup.work.deltas(), "merge")


def merge_cold(setup: Setup) -> Outcome:
    return _merge(setup, setup.work.deltas_in_turn(), "merge, cold")


def merge_committed(setup: Setup) -> Outcome:
    """A commit after each delta: after every 59 MB."""
    return _merge(setup, setup.work.deltas(), "merge, committed", commits=True)


def _merge(setup: Setup, deltas: Iterator[Delta], name: str, commits: bool = False) -> Outcome:
    work = setup.work
    outcome, clock, sums = Outcome(), Clock(), Sums(work)
    peer = store_peer(setup)
    work.delta(0, 0)  # what the generator itself needs is there before memory is watched
    with watched(outcome):
        peer.create(work.datasets, work.categories)
        for _ in range(work.datasets * work.rounds):
            with clock.untimed():
                delta = next(deltas)
                sums.add(delta)
                prepared = peer.prepare(delta)
            with clock.timed("merge"):
                peer.merge(prepared)
                if commits:
                    peer.commit()
            del delta, prepared
        merged = clock.seconds
        with clock.timed("close"):
            peer.close()
    total = work.delta_bytes * work.datasets * work.rounds
    outcome.metrics[name] = clock.metric(total, "B")
    outcome.notes = {"close_s": clock.seconds - merged, "background_cpu_s": clock.background}
    outcome = verified(outcome, setup, peer, sums)
    outcome.notes["amplification"] = clock.bytes_written / max(outcome.bytes_on_disk, 1)
    return outcome


def sparse_extents(work: Workload) -> list[tuple[int, int]]:
    """Datasets x categories that a sparse merge touches: one chunk, some, all."""
    return [(1, 1), (work.datasets, 1), (work.datasets, work.categories // 10 or 2), (work.datasets, work.categories)]


def with_content(setup: Setup, peer: Any, sums: Sums) -> None:
    """One delta of each dataset, merged and committed; never timed."""
    work = setup.work
    peer.create(work.datasets, work.categories)
    for dataset in range(work.datasets):
        delta = work.delta(dataset, 0)
        sums.add(delta)
        peer.merge(peer.prepare(delta))
    peer.commit()


def merge_sparse(setup: Setup) -> Outcome:
    """Each merge with its commit; the median of some, whose events differ."""
    work = setup.work
    outcome, sums = Outcome(), Sums(work)
    peer = store_peer(setup)
    with watched(outcome):
        with_content(setup, peer, sums)
        turn = 0
        for datasets, categories in sparse_extents(work):
            clocks = [Clock() for _ in range(ROUNDS)]
            for clock in clocks:
                blocks = work.sparse(datasets, categories, turn, EVENTS)
                for block in blocks:
                    sums.add_columns(work.columns(block))
                turn += 1
                prepared = peer.prepare_sparse(blocks)
                with clock.timed("merge"):
                    peer.merge_sparse(prepared)
                    peer.commit()
                enter("prepare")
                del prepared
            count = datasets * categories
            outcome.metrics[f"merge {EVENTS} events into each of {_chunks(count)}"] = middle(clocks).metric(
                count, "chunk"
            )
        enter("close")
        peer.close()
    return verified(outcome, setup, peer, sums, samples=0)


def commit(setup: Setup) -> Outcome:
    """Commits of one dataset's chunks and of one chunk; in turn with them, as many bytes by plain write and fsync."""
    work = setup.work
    outcome, sums = Outcome(), Sums(work)
    peer = store_peer(setup)
    plain = setup.path.with_name("plain_" + setup.path.name)
    with watched(outcome):
        with_content(setup, peer, sums)
        _commits(peer, outcome, sums, plain, work.categories)
        _commits(peer, outcome, sums, plain, 1)
        enter("close")
        peer.close()
    return verified(outcome, setup, peer, sums, samples=0)


def _commits(peer: Any, outcome: Outcome, sums: Sums, plain: Path, chunks: int) -> None:
    """`chunks` is the number of categories that change in one dataset; another dataset in each round."""
    work = peer.work
    clocks, writes, sizes = [], [], []
    for number in range(ROUNDS):
        enter("merge")
        dataset = number % work.datasets
        peer.changed_bytes(dataset, chunks)
        if chunks == work.categories:
            delta = work.delta(dataset, work.rounds - 1)
            sums.add(delta)
            peer.merge(peer.prepare(delta))
        else:
            blocks = [block for block in work.sparse(work.datasets, chunks, number, EVENTS) if block.dataset == dataset]
            for block in blocks:
                sums.add_columns(work.columns(block))
            peer.merge_sparse(peer.prepare_sparse(blocks))
        clock = Clock()
        with clock.timed("commit"):
            peer.commit()
        clocks.append(clock)
        sizes.append(peer.changed_bytes(dataset, chunks))
        enter("write")
        writes.append(write_and_sync(plain, sizes[-1]))
    text = _chunks(chunks)
    outcome.metrics[f"commit, {text}"] = middle(clocks).metric(1, "commit")
    outcome.metrics[f"commit, {text}: the same bytes by write and fsync"] = middle(writes).metric(1, "write")
    beyond = sorted(clock.seconds - write.seconds for clock, write in zip(clocks, writes, strict=True))
    outcome.notes[f"beyond_writing_{chunks}_s"] = beyond[ROUNDS // 2]
    outcome.notes[f"changed_bytes_{chunks}"] = sorted(sizes)[ROUNDS // 2]


def _chunks(count: int) -> str:
    return f"{count} chunk" + "s" * (count > 1)


def write_and_sync(path: Path, size: int) -> Clock:
    """Writes `size` random bytes into a new file and waits for the disk."""
    data = np.random.default_rng(size).bytes(size)
    clock = Clock()
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    try:
        with clock.timed("write"):
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
        path.unlink()
    return clock
