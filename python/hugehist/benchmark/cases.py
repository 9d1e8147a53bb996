"""The cases. Each runs in a fresh process, times the peer's own work only, and checks the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import peers
from .events import KINDS, Variations, column, expected_column
from .measure import Clock, Outcome, watched
from .verify import Sums, same, verify_store
from .workload import AXES, SMOKE, Workload

AXIS_ROUNDS = 3  # projections of each axis in a process; the first warms the page cache


def disk_bytes(path: Path) -> int:
    """All files that belong to `path`: itself, its tree, and what lies beside it under its name."""
    beside = path.parent.glob(path.name + "*")
    files = [file for top in beside for file in (top, *top.rglob("*")) if file.is_file()]
    return sum(file.stat().st_size for file in files)


def store_peer(reference: str, work: Workload, path: Path) -> Any:
    """The peer, after a tiny histogram of its own: what a library loads when it is first used is not timed."""
    make = peers.load(reference)
    warm = make(SMOKE, path.with_name("warm_" + path.name))
    warm.create(SMOKE.datasets, SMOKE.categories)
    for delta in SMOKE.deltas():
        warm.merge(warm.prepare(delta))
    warm.add_category("new")
    warm.close()
    warm.open()
    warm.project(0)
    return make(work, path)


def merge(name: str, work: Workload, path: Path) -> Outcome:
    outcome, clock, sums = Outcome(), Clock(), Sums(work)
    peer = store_peer(peers.MERGES[name], work, path)
    work.delta(0, 0)  # what the generator itself needs is there before memory is watched
    with watched(outcome):
        peer.create(work.datasets, work.categories)
        deltas = work.deltas()
        for _ in range(work.datasets * work.rounds):
            with clock.untimed():
                delta = next(deltas)
                sums.add(delta)
                prepared = peer.prepare(delta)
            with clock.timed():
                peer.merge(prepared)
            del delta, prepared
        merged = clock.seconds
        with clock.timed():
            peer.close()
    total = work.delta_bytes * work.datasets * work.rounds
    outcome.metrics["merge"] = clock.metric(total, "B")
    outcome.notes = {"close_s": clock.seconds - merged, "background_cpu_s": clock.background}
    outcome.bytes_on_disk = disk_bytes(path)
    peer.open()
    verify_store(peer, sums)
    return outcome


def project(name: str, work: Workload, path: Path) -> Outcome:
    outcome, sums = Outcome(), Sums(work)
    peer = store_peer(peers.STORES[name], work, path)
    peer.create(work.datasets, work.categories)
    for total in work.totals():
        sums.add(total)
        peer.merge(peer.prepare(total))
    del total
    peer.close()
    outcome.bytes_on_disk = disk_bytes(path)
    peer.open()
    with watched(outcome):
        for axis, label in enumerate(AXES):
            rounds = []
            for _ in range(AXIS_ROUNDS + 1):
                clock = Clock()
                with clock.timed():
                    peer.project(axis)
                rounds.append(clock)
            middle = sorted(rounds[1:], key=lambda clock: clock.seconds)[AXIS_ROUNDS // 2]
            outcome.metrics[f"project {label}"] = middle.metric(work.delta_bytes * work.datasets, "B")
    verify_store(peer, sums)
    return outcome


def grow(name: str, work: Workload, path: Path, count: int = 100) -> Outcome:
    outcome, clock = Outcome(), Clock()
    peer = store_peer(peers.STORES[name], work, path)
    with watched(outcome):
        peer.create(1, 0)
        with clock.timed():
            for i in range(count):
                peer.add_category(f"category_{i:05d}")
        outcome.metrics["grow"] = clock.metric(count, "category")
        if peer.category_count() != count:
            raise AssertionError(f"{peer.category_count()} categories instead of {count}")
        with clock.timed():
            peer.close()
    outcome.metrics["grow, close"] = clock.metric(count, "category")
    outcome.bytes_on_disk = disk_bytes(path)
    return outcome


def fill_variations(name: str, events: Variations, path: Path) -> Outcome:
    outcome, clock = Outcome(), Clock()
    make = peers.load(peers.VARIATION_FILLS[name])
    warm = make(path.with_name("warm_" + path.name))
    warm.create_variations(SMOKE.category_labels, SMOKE.systematic_labels, SMOKE.bins)
    few = Variations(10, pool=10, categories=SMOKE.categories, systematics=SMOKE.systematics, bins=SMOKE.bins)
    warm.fill_variations(warm.prepare_call(few.calls()[0]))

    peer = make(path)
    calls = events.calls()
    prepared = [peer.prepare_call(call) for call in calls]
    label = f"fill {events.systematics} weights, {events.events_per_call} events"
    with watched(outcome):
        peer.create_variations(events.category_labels, events.systematic_labels, events.bins)
        with clock.timed():
            for _ in range(events.passes):
                for call in prepared:
                    peer.fill_variations(call)
        outcome.metrics[label] = clock.metric(events.entries, "entry")
        with clock.timed():
            peer.close()
        outcome.notes = {"with_close_s": clock.seconds}
    outcome.bytes_on_disk = disk_bytes(path)
    same(peer.planes(), events.expected(calls), label)
    return outcome


def fill_column(name: str, size: int, path: Path, passes: int = 5) -> Outcome:
    outcome = Outcome()
    reference = peers.load(peers.COLUMN_FILLS[name])
    for kind in KINDS:
        few = column(kind, 10)
        warm = reference(path.with_name(f"warm_{kind}_{path.name}"))
        warm.create_column(few)
        warm.fill_column(few)

        data, clock = column(kind, size), Clock()
        peer = reference(path.with_name(f"{kind}_{path.name}"))
        with watched(outcome):
            peer.create_column(data)
            with clock.timed():
                for _ in range(passes):
                    peer.fill_column(data)
        outcome.metrics[f"fill one weight, {kind}"] = clock.metric(passes * size, "entry")
        peer.close()
        expected = expected_column(data)
        expected.values[...] *= passes
        expected.variances[...] *= passes
        same(peer.planes(), expected, f"fill one weight, {kind}")
    return outcome


@dataclass(frozen=True)
class Case:
    peers: dict[str, str]
    run: Callable[[str, Path], Outcome]


def cases(work: Workload, *, smoke: bool) -> dict[str, Case]:
    """The cases by the name that `--only` takes, in the order in which they are reported."""
    size = 20_000 if smoke else 1_000_000

    def variations(events: int) -> Callable[[str, Path], Outcome]:
        if smoke:
            pool = Variations(events // 10, pool=3000, passes=1, systematics=20, bins=40)
        else:
            pool = Variations(events)
        return lambda name, path: fill_variations(name, pool, path)

    return {
        "merge": Case(peers.MERGES, lambda name, path: merge(name, work, path)),
        "project": Case(peers.STORES, lambda name, path: project(name, work, path)),
        "fill-152x300": Case(peers.VARIATION_FILLS, variations(300)),
        "fill-152x3000": Case(peers.VARIATION_FILLS, variations(3000)),
        "fill-152x30000": Case(peers.VARIATION_FILLS, variations(30_000)),
        "fill-one": Case(peers.COLUMN_FILLS, lambda name, path: fill_column(name, size, path)),
        "grow": Case(peers.STORES, lambda name, path: grow(name, work, path, count=10 if smoke else 100)),
    }
