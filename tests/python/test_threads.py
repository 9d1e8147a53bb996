"""One file in many threads: fills, merges, reads, commits and growing at once; sums as of boost-histogram's own."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from trusted import category

SECONDS = 1.5


def axes() -> tuple[Any, ...]:
    return category("dataset"), category("systematic"), hist.axis.Regular(20, 0, 1, name="x")


def model() -> hist.Hist[Any]:
    return hist.Hist(*axes(), storage="weight")


@contextmanager
def together(*work: Callable[[], Any]) -> Iterator[None]:
    """Each again and again in a thread of its own, while the block runs; what any raises comes out."""
    over = threading.Event()

    def again(call: Callable[[], Any]) -> None:
        while not over.is_set():
            call()

    with ThreadPoolExecutor(len(work)) as pool:
        futures = [pool.submit(again, call) for call in work]
        try:
            yield
        finally:
            over.set()
        for future in futures:
            future.result()


class Filler:
    """Fills dyadic weights, by fills and by merges, and the same into boost-histogram."""

    def __init__(self, h: hugehist.Histogram, seed: int) -> None:
        self.h = h
        self.rng = np.random.default_rng(seed)
        self.expected = model()
        self.buffer = h.buffer()

    def columns(self) -> tuple[dict[str, Any], np.ndarray]:
        events = int(self.rng.integers(1, 400))
        labels = [f"d{i}" for i in self.rng.integers(0, 12, 3)]
        columns = {
            "dataset": [labels[i] for i in self.rng.integers(0, 3, events)],
            "systematic": f"s{self.rng.integers(5)}",
            "x": self.rng.random(events) * 1.2 - 0.1,
        }
        return columns, self.rng.integers(1, 64, events) / 8

    def fill(self) -> None:
        columns, weight = self.columns()
        self.h.fill(**columns, weight=weight)
        self.expected.fill(**columns, weight=weight)

    def merge(self) -> None:
        columns, weight = self.columns()
        self.h.merge(self.buffer.fill(**columns, weight=weight).delta())
        self.expected.fill(**columns, weight=weight)

    def merge_hist(self) -> None:
        columns, weight = self.columns()
        part = model().fill(**columns, weight=weight)
        self.h.merge(part)
        self.expected.fill(**columns, weight=weight)


def check(h: hugehist.Histogram, fillers: list[Filler]) -> None:
    total = model()
    for filler in fillers:  # boost-histogram adds by label where they differ, but hist 2.8 adds by position
        for dataset, systematic in itertools.product(filler.expected.axes[0], filler.expected.axes[1]):
            part = filler.expected[dataset, systematic, :]
            centers = np.concatenate([[-1.0], part.axes[0].centers, [2.0]])
            values, variances = part.values(flow=True), part.variances(flow=True)
            total.fill(dataset, systematic, centers, weight=0.0)
            cells = total[dataset, systematic, ...].view(flow=True).copy()
            cells.value += values
            cells.variance += variances
            total[dataset, systematic, ...] = cells
    assert set(h.axes[0]) == set(total.axes[0])
    assert set(h.axes[1]) == set(total.axes[1])
    got = h.reorder("dataset", list(total.axes[0])).reorder("systematic", list(total.axes[1]))
    np.testing.assert_array_equal(got.values(flow=True), total.values(flow=True))
    np.testing.assert_array_equal(got.variances(flow=True), total.variances(flow=True))


@pytest.mark.parametrize(("memory", "threads"), [("8 MiB", 2), ("64 MiB", 4), ("64 MiB", 1)])
def test_one_histogram(path: Path, memory: str, threads: int) -> None:
    with hugehist.File(path, "w", memory=memory, threads=threads, commit_seconds=0.2) as file:
        h = file.create("h", *axes(), storage="weight", rollups=["x"])
        h.fill(dataset="d0", systematic="s0", x=[0.5], weight=[0.0])
        fillers = [Filler(h, seed) for seed in range(4)]
        fillers[0].expected.fill("d0", "s0", 0.5, weight=0.0)
        sums: list[float] = []
        view = h[{"systematic": sum}].project("x", "dataset")

        def read() -> None:
            sums.append(h.project("x").sum(flow=True).value)
            assert view.values().shape[0] == 20
            h.to_hist()

        calls = [fillers[0].fill, fillers[1].fill, fillers[2].merge, fillers[3].merge_hist, read, file.commit]
        with together(*calls):
            time.sleep(SECONDS)
        assert sums == sorted(sums)  # what one read saw, the next one sees
        check(h, fillers)
        assert h.check_rollups() == []
        assert file.stats()["automatic_commits"] >= 0
    with hugehist.File(path) as again:
        check(again["h"], fillers)


def test_views_beside_growing(memory: hugehist.File) -> None:
    """Reading takes the labels that there were when it began."""
    h = memory.create("h", category("c"), category("d"), hist.axis.Regular(3, 0, 1, name="x"), rollups=["x"])
    h.fill(c="first", d="first", x=[0.1, 0.5])
    numbers = itertools.count()
    views = [
        h[:, :, :],
        h.project("c"),
        h[{"c": "first"}],
        h * 2,
        h.scale("c", {"first": 2.0}),
        h.group("c", {"g": "f*"}),
    ]
    seen: list[int] = []

    def grow() -> None:
        time.sleep(0.002)
        h.grow("c", [f"c{next(numbers)}"])
        h.grow("d", [f"d{next(numbers) % 300}"])

    def fill() -> None:
        time.sleep(0.002)
        h.fill(c=f"f{next(numbers) % 1000}", d="first", x=[0.5])

    def read() -> None:
        for view in views:
            values = view.values(flow=True)
            assert values.sum() >= 2
        made = h.project("c", "x").to_hist()
        assert made["first", :].sum() == 2  # each label has its own content
        whole, by_label = h.project_many([("c", "d"), "c"])
        assert whole["first", "first"] == by_label["first"] == 2
        seen.append(len(made.axes[0]))

    with together(grow, fill, read):
        time.sleep(SECONDS)
    assert len(seen) > 3
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


def test_creating_and_deleting(memory: hugehist.File) -> None:
    """Handles to what another thread deletes refuse, and nothing else happens."""
    numbers = itertools.count()

    def work() -> None:
        name = f"h{next(numbers)}"
        h = memory.create(name, *axes(), storage="weight")
        h.fill(dataset="a", systematic="b", x=[0.5], weight=[1.0])
        memory.counters.add("made", 1)
        assert h.sum().value == 1
        del memory[name]
        with pytest.raises(KeyError, match="removed"):
            h.values()

    def look() -> None:
        for name in list(memory):
            with suppress(KeyError):  # deleted meanwhile
                memory[name].values()

    with together(work, work, look, memory.commit):
        time.sleep(SECONDS)
    assert list(memory) == []
    assert memory.counters["made"] == next(numbers)


def test_transactions_beside_all_else(path: Path) -> None:
    """Two histograms that only transactions fill are equal whenever somebody looks."""

    class GoBack(Exception):
        pass

    with hugehist.File(path, "w", memory="16 MiB", threads=2) as file:
        a, b = (file.create(name, category("c"), hist.axis.Regular(4, 0, 1, name="x")) for name in "ab")
        other = file.create("other", category("c"), hist.axis.Regular(4, 0, 1, name="x"))
        numbers, filled = itertools.count(), itertools.count()

        def keep() -> None:
            n = next(numbers)
            with file.transaction(id=("f", n, n + 1)):
                a.fill(c=str(n % 5), x=[0.5])
                b.fill(c=str(n % 5), x=[0.5])

        def lose() -> None:
            try:
                with file.transaction():
                    a.fill(c="lost", x=[0.5])
                    raise GoBack
            except GoBack:
                pass

        def look() -> None:
            with file.transaction():
                assert a.sum() == b.sum()
            assert "lost" not in a.axes[0]

        def fill() -> None:
            next(filled)
            other.fill(c="x", x=[0.5])

        with together(keep, lose, look, fill):
            time.sleep(SECONDS)
        n = next(numbers)
        assert (a.sum(), b.sum(), other.sum()) == (n, n, next(filled))
        assert list(file.ledger) == [("f", 0, n)]
    with hugehist.File(path) as again:
        assert (again["a"].sum(), again["b"].sum()) == (n, n)


def test_closing_while_others_use_it(path: Path) -> None:
    for _ in range(10):
        file = hugehist.File(path, "w", memory="16 MiB", threads=2)
        h = file.create("h", category("c"), hist.axis.Regular(4, 0, 1, name="x"))
        done = itertools.count()
        refused = threading.Event()

        def fill(h: hugehist.Histogram = h, done: Iterator[int] = done, refused: threading.Event = refused) -> None:
            try:
                h.fill(c="x", x=[0.5])
            except ValueError:
                refused.set()
                time.sleep(0.001)
            else:
                next(done)

        with together(fill, fill):
            time.sleep(0.03)
            file.close()
            assert refused.wait(10)
        with hugehist.File(path) as again:
            assert again["h"].sum() == next(done)
