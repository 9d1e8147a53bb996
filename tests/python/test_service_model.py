"""Random attempts, restarts and kills, against sets of entries and histograms in memory: all is equal."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
from accumulators import MEMORY, killed
from hugehist.service.engine import Engine
from hugehist.service.errors import AttemptLostError
from hugehist.service.ids import ID
from hugehist.service.specification import specify
from hugehist.service.transport import Piece
from hypothesis import given, settings
from hypothesis import strategies as st

Entry = str | tuple[str, int]
NAMES = ("h", "i")
STORAGES: dict[str, bh.storage.Storage] = {"h": bh.storage.Weight(), "i": bh.storage.Int64()}


def axes() -> tuple[Any, ...]:
    return (
        hist.axis.StrCategory([], growth=True, name="dataset"),
        hist.axis.StrCategory([], growth=True, name="systematic"),
        hist.axis.Regular(3, 0, 1, name="x"),
    )


# Fills are columns; weights are dyadic, so that sums are exact in any order.
fills = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(["tt", "dy", "größer"]),
    st.sampled_from(["nominal", "up"]),
    st.lists(st.tuples(st.sampled_from([-1.0, 0.1, 0.5, 0.9, 2.0]), st.integers(1, 64)), min_size=1, max_size=5),
)
intervals = st.tuples(st.sampled_from(["f", "g"]), st.integers(0, 30), st.integers(1, 12)).map(
    lambda made: (made[0], made[1], made[1] + made[2])
)
ids = st.lists(intervals | st.sampled_from(["t", "u"]), min_size=1, max_size=3)
attempts = st.tuples(
    st.just("attempt"),
    ids,
    st.lists(fills, max_size=3),
    st.dictionaries(st.sampled_from([("n",), ("sumw", "tt")]), st.integers(-4, 4).map(lambda n: n / 4), max_size=2),
    st.sampled_from(["commit", "commit", "commit twice", "drop", "leave", "lose a part"]),
)
others = st.tuples(st.sampled_from(["kill", "close", "flush", "sweep", "commit what was left"]))


def entries(id: ID) -> set[Entry]:
    return {id} if isinstance(id, str) else {(id[0], n) for n in range(id[1], id[2])}


class Model:
    """What must be in the file."""

    def __init__(self) -> None:
        self.sums = {name: hist.Hist(*axes(), storage=STORAGES[name]) for name in NAMES}
        self.done: set[Entry] = set()
        self.counters: dict[Any, float] = {}

    def answer(self, wanted: list[ID]) -> str:
        each = [entries(id) for id in wanted]
        whole = set().union(*each)
        if len(whole) < sum(map(len, each)):
            return "twice"
        if whole <= self.done:
            return "already"
        return "overlap" if whole & self.done else "new"

    def add(self, wanted: list[ID], parts: list[Any], sums: dict[Any, float]) -> None:
        for id in wanted:
            self.done |= entries(id)
        for fill in parts:
            self.sums[fill[0]] += histogram_of(fill)
        for key, value in sums.items():
            self.counters[key] = self.counters.get(key, 0.0) + value

    def check(self, path: Path) -> None:
        with hugehist.File(path) as file:
            for name, wanted in self.sums.items():
                found = file[name].to_hist()
                assert [sorted(axis) for axis in list(found.axes)[:2]] == [sorted(a) for a in list(wanted.axes)[:2]]
                for dataset in wanted.axes[0]:
                    for systematic in wanted.axes[1]:
                        at = {"dataset": bh.loc(dataset), "systematic": bh.loc(systematic)}
                        np.testing.assert_array_equal(found[at].view(flow=True), wanted[at].view(flow=True))
            told: set[Entry] = set().union(*(entries(id) for id in file.ledger))  # type: ignore[arg-type]
            assert told == self.done
            assert {k if isinstance(k, tuple) else (k,): v for k, v in file.counters.items()} == self.counters
            assert file.verify().ok
        assert not Path(f"{path}.log").exists()


def histogram_of(fill: Any) -> hist.Hist[Any]:
    name, dataset, systematic, events = fill
    h: hist.Hist[Any] = hist.Hist(*axes(), storage=STORAGES[name])
    x = [event[0] for event in events]
    weight = {"weight": [event[1] / 8 for event in events]} if name == "h" else {}
    h.fill(dataset, systematic, x, **weight)
    return h


class Run:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "0").mkdir()
        self.model = Model()
        self.count = 0
        self.left: tuple[str, list[ID], list[Any], dict[Any, float]] | None = None
        self.engine = self.start(directory / "0/file.h5")
        for name in NAMES:
            self.engine.create(name, specify(axes(), STORAGES[name], {}, {}))

    def start(self, path: Path) -> Engine:
        return Engine(path, memory=MEMORY, threads=1, commit_seconds=0.01, attempt_seconds=1000)

    def step(self, step: Any) -> None:
        kind = step[0]
        if kind == "attempt":
            self.attempt(*step[1:])
        elif kind == "kill":
            old, self.engine = self.engine, self.start(killed(self.engine, self.directory))
            old.close()
        elif kind == "close":
            self.engine.close()
            self.left = None
            self.engine = self.start(Path(self.engine.path))
        elif kind == "flush":
            self.engine.flush()
        elif kind == "sweep":
            self.engine.sweep()
        elif self.left is not None:
            left, self.left = self.left, None
            self.commit(*left, [])

    def attempt(self, wanted: list[ID], parts: list[Any], sums: dict[Any, float], end: str) -> None:
        self.count += 1
        attempt = f"a{self.count}"
        pieces = [
            Piece(number, fill[0], hugehist.Delta.from_uhi(histogram_of(fill)).to_bytes())
            for number, fill in enumerate(parts)
        ]
        if end == "lose a part":
            pieces = pieces[:-1]
        cut = self.count % (len(pieces) + 1)
        if end == "leave":
            cut = len(pieces)
            self.left = attempt, wanted, parts, sums
        for piece in pieces[:cut]:
            self.engine.stage(attempt, piece)
        if end == "drop":
            self.engine.drop(attempt)
        elif end == "commit twice":
            self.commit(attempt, wanted, parts, sums, pieces[cut:])
            self.commit(attempt, wanted, parts, sums, pieces[cut:], again=True)
        elif end != "leave":
            self.commit(attempt, wanted, parts, sums, pieces[cut:], loses=end == "lose a part" and bool(parts))

    def commit(
        self,
        attempt: str,
        wanted: list[ID],
        parts: list[Any],
        sums: dict[Any, float],
        last: list[Piece],
        again: bool = False,
        loses: bool = False,
    ) -> None:
        expected = self.model.answer(wanted)
        if not again and expected in ("new", "already", "overlap"):
            missing = self.engine.missing(wanted)
            assert set().union(*(entries(id) for each in missing for id in each)) == (
                set().union(*map(entries, wanted)) - self.model.done
            )
        try:
            found = "new" if self.engine.commit(attempt, [len(parts)], wanted, sums, last) else "already"
        except AttemptLostError:
            found = "lost"
        except hugehist.OverlapError:
            found = "overlap"
        except ValueError:
            found = "twice"
        if loses and expected == "new":
            expected = "lost"
        if again and expected == "already":
            return  # as the first time
        assert found == expected
        if found == "new":
            self.model.add(wanted, parts, sums)


@settings(max_examples=max(10, settings().max_examples // 3))
@given(st.lists(attempts | attempts | attempts | others, min_size=1, max_size=14))
def test_random_attempts(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        run = Run(Path(directory))
        try:
            for step in steps:
                run.step(step)
        finally:
            run.engine.close()
        run.model.check(Path(run.engine.path))
