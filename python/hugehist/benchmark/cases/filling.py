"""Fills: many weights an event, and one weight an event. Each runs in a fresh process and is checked bin by bin."""

from __future__ import annotations

from collections.abc import Callable

from .. import peers
from ..events import KINDS, Variations, column, expected_column
from ..measure import Clock, Outcome, watched
from ..page_cache import disk_bytes
from ..recorder.phases import enter
from ..verify import same
from ..workload import SMOKE
from .setup import Setup

PASSES = 5  # of a column


def variations(events_per_call: int) -> Callable[[Setup], Outcome]:
    """Events with 152 weights each, so many events a call."""

    def run(setup: Setup) -> Outcome:
        if setup.smoke:
            events = Variations(events_per_call // 10, pool=3000, passes=1, systematics=20, bins=40)
        else:
            events = Variations(events_per_call)
        return _fill_variations(setup, events)

    return run


def _fill_variations(setup: Setup, events: Variations) -> Outcome:
    outcome, clock = Outcome(), Clock()
    enter("warm up")
    make = peers.load(setup.reference)
    warm = make(setup.path.with_name("warm_" + setup.path.name))
    warm.create_variations(SMOKE.category_labels, SMOKE.systematic_labels, SMOKE.bins)
    few = Variations(10, pool=10, categories=SMOKE.categories, systematics=SMOKE.systematics, bins=SMOKE.bins)
    warm.fill_variations(warm.prepare_call(few.calls()[0]))

    enter("prepare")
    peer = make(setup.path)
    calls = events.calls()
    prepared = [peer.prepare_call(call) for call in calls]
    label = f"fill {events.systematics} weights, {events.events_per_call} events"
    with watched(outcome):
        peer.create_variations(events.category_labels, events.systematic_labels, events.bins)
        with clock.timed("fill"):
            for _ in range(events.passes):
                for call in prepared:
                    peer.fill_variations(call)
        outcome.metrics[label] = clock.metric(events.entries, "entry")
        with clock.timed("close"):
            peer.close()
        outcome.notes = {"with_close_s": clock.seconds}
    outcome.bytes_on_disk = disk_bytes(setup.path)
    enter("verify")
    same(peer.planes(), events.expected(calls), label)
    return outcome


def one_weight(setup: Setup) -> Outcome:
    size = 20_000 if setup.smoke else 1_000_000
    outcome = Outcome()
    make = peers.load(setup.reference)
    for kind in KINDS:
        enter("warm up")
        few = column(kind, 10)
        warm = make(setup.path.with_name(f"warm_{kind}_{setup.path.name}"))
        warm.create_column(few)
        warm.fill_column(few)

        enter("prepare")
        data, clock = column(kind, size), Clock()
        peer = make(setup.path.with_name(f"{kind}_{setup.path.name}"))
        with watched(outcome):
            peer.create_column(data)
            with clock.timed(f"fill {kind}"):
                for _ in range(PASSES):
                    peer.fill_column(data)
        outcome.metrics[f"fill one weight, {kind}"] = clock.metric(PASSES * size, "entry")
        enter("verify")
        peer.close()
        expected = expected_column(data)
        expected.values[...] *= PASSES
        expected.variances[...] *= PASSES
        same(peer.planes(), expected, f"fill one weight, {kind}")
    return outcome
