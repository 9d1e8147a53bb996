"""Growing by categories, and memory against the size of the histogram."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..measure import Clock, Outcome, watched
from ..page_cache import disk_bytes
from ..recorder.phases import enter
from ..verify import Sums, same
from .setup import Setup, store_peer


def grow(full: int) -> Callable[[Setup], Outcome]:
    """Adds `full` categories one by one, each of systematics x bins; then closes."""

    def run(setup: Setup) -> Outcome:
        count = full // 100 + 5 if setup.smoke else full
        outcome, clock = Outcome(), Clock()
        peer = store_peer(setup)
        with watched(outcome):
            peer.create(1, 0)
            with clock.timed("grow"):
                for i in range(count):
                    peer.add_category(f"category_{i:06d}")
            outcome.metrics[f"grow by {count}"] = clock.metric(count, "category")
            if peer.category_count() != count:
                raise AssertionError(f"{peer.category_count()} categories instead of {count}")
            with clock.timed("close"):
                peer.close()
        outcome.metrics[f"grow by {count} and close"] = clock.metric(count, "category")
        outcome.bytes_on_disk = disk_bytes(setup.path)
        return outcome

    return run


def memory(datasets: int) -> Callable[[Setup], Outcome]:
    """Merges one delta for each of `datasets` and projects, for the highest memory of it all."""

    def run(setup: Setup) -> Outcome:
        work = replace(setup.work, datasets=datasets, rounds=1)
        outcome, clock, sums = Outcome(), Clock(), Sums(work)
        peer = store_peer(setup, work)
        work.delta(0, 0)
        with watched(outcome):
            peer.create(work.datasets, work.categories)
            for delta in work.deltas():
                enter("prepare")
                sums.add(delta)
                prepared = peer.prepare(delta)
                del delta
                with clock.timed("merge"):
                    peer.merge(prepared)
                del prepared
            with clock.timed("close"):
                peer.close()
            with clock.timed("open"):
                peer.open()
            with clock.timed("project"):
                projected = [peer.project(axis) for axis in range(4)]
        size = datasets * work.delta_bytes
        outcome.metrics[f"merge and project {datasets} datasets"] = clock.metric(size, "B")
        outcome.notes["dense_bytes"] = size
        outcome.bytes_on_disk = disk_bytes(setup.path)
        enter("verify")
        for axis, planes in enumerate(projected):
            same(planes, sums.axes[axis], f"sums over axis {axis}")
        return outcome

    return run
