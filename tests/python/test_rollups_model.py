"""The random fills, merges, growth, overwrites, discards and reopenings of test_model.py, with roll-ups in between."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from test_model import INNER, OUTER, Histograms


class WithRollups(Histograms):
    @initialize(
        outer=st.lists(st.sampled_from(OUTER), min_size=1, max_size=3),
        inner=st.lists(st.sampled_from(INNER), min_size=1, max_size=2),
        order=st.randoms(use_true_random=False),
        storage=st.sampled_from(["int64", "double", "weight", "mean", "weightedmean"]),
        compression=st.sampled_from(["zstd", None]),
        memory=st.sampled_from(["8 MiB", "32 MiB"]),
    )
    def begin(
        self, outer: list[Any], inner: list[Any], order: Any, storage: str, compression: Any, memory: str
    ) -> None:
        self.rollups: set[tuple[str, ...]] = set()
        self.committed_rollups: set[tuple[str, ...]] = set()
        super().begin(outer, inner, order, storage, compression, memory)
        names = [axis.name for axis in self.axes]
        self.possible = [kept for n in range(1, len(names)) for kept in combinations(names, n)]

    def go_back(self) -> None:
        super().go_back()
        self.rollups = set(self.committed_rollups)

    @rule()
    def commit(self) -> None:
        super().commit()
        self.committed_rollups = set(self.rollups)

    @rule(which=st.integers(0, 30))
    def add_rollup(self, which: int) -> None:
        kept = self.possible[which % len(self.possible)]
        assume(kept not in self.rollups)
        self.file["h"].add_rollup(*kept)
        self.rollups.add(kept)

    @rule(which=st.integers(0, 30))
    def remove_rollup(self, which: int) -> None:
        assume(self.rollups)
        kept = sorted(self.rollups)[which % len(self.rollups)]
        self.file["h"].remove_rollup(*reversed(kept))
        self.rollups.remove(kept)

    @rule()
    def check(self) -> None:
        super().check()
        h = self.file["h"]
        assert set(h.rollups) == self.rollups
        assert h.check_rollups() == []
        for kept in self.rollups:
            self.same(h.project(*kept), self.model.project(*kept))
        together = h.project_many(sorted(self.rollups))
        for mine, kept in zip(together, sorted(self.rollups), strict=True):
            self.same(mine, self.model.project(*kept))


TestWithRollups = WithRollups.TestCase
TestWithRollups.settings = settings(max_examples=max(settings().max_examples // 6, 10))
