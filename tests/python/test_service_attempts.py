"""Attempts over several accumulators: one decides, and no attempt is half in, whoever dies when."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from accumulators import MEMORY, SPECIFICATION, accumulator, bins, killed, ledger, piece
from hugehist.service.engine import Engine
from hugehist.service.errors import AttemptLostError

IDS = [("f", 0, 10)]


class Pair:
    """The accumulator with the ledger and another one, which can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.engines: list[Engine] = []
        for name in ("ledger", "member"):
            (directory / name).mkdir()
            self.engines.append(self.start(directory / name / "file.h5"))
            self.engines[-1].create("h", SPECIFICATION)

    def start(self, path: Path) -> Engine:
        return Engine(path, memory=MEMORY, threads=1, patience=0.2, ask=lambda *what: self.ledger.verdict(*what))

    @property
    def ledger(self) -> Engine:
        return self.engines[0]

    @property
    def member(self) -> Engine:
        return self.engines[1]

    def kill(self, which: int) -> None:
        old = self.engines[which]
        self.engines[which] = self.start(killed(old, self.directory))
        old._ask = None  # the dead do not ask
        old.close()

    def ends(self) -> tuple[list[float], list[float]]:
        """What both files hold."""
        for engine in self.engines:
            engine.close()
        found = [bins(Path(engine.path)).get("tt", [0.0] * 4) for engine in self.engines]
        return found[0], found[1]

    # The steps of an attempt, as `Shards` takes them.

    def stage(self) -> None:
        self.ledger.stage("a", piece(0, x=0))
        self.member.stage("a", piece(0, x=1))

    def prepare(self) -> None:
        self.member.prepare("a", 1, IDS)

    def commit(self) -> None:
        self.ledger.commit("a", [1], IDS, {}, for_others=True)

    def decide(self) -> None:
        self.member.decide("a", True)

    def ask(self) -> None:
        """As the sweeper does, after a while."""
        for staged in self.member._attempts._staged.values():
            staged.touched -= 1000
        self.member.sweep()

    def flush(self) -> None:
        for engine in self.engines:
            engine.flush()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    for engine in made.engines:
        engine.close()


STEPS: list[Callable[[Pair], None]] = [Pair.stage, Pair.prepare, Pair.commit, Pair.decide, Pair.flush]


def test_all_goes_well(pair: Pair) -> None:
    for step in STEPS:
        step(pair)
    paths = [Path(engine.path) for engine in pair.engines]
    assert pair.ends() == ([1, 0, 0, 0], [0, 1, 0, 0])
    assert set(ledger(paths[0])) == {"attempt:a", *IDS}
    assert ledger(paths[1]) == IDS


@pytest.mark.parametrize("dead", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("after", range(len(STEPS) + 1))
def test_killed_after_each_step(pair: Pair, after: int, dead: tuple[int, ...]) -> None:
    """The sender goes on, and each step is told again."""
    for number, step in enumerate(STEPS):
        if number == after:
            for which in dead:
                pair.kill(which)
        step(pair)
        if step is not Pair.stage:
            step(pair)
    pair.ask()
    assert pair.ends() == ([1, 0, 0, 0], [0, 1, 0, 0])


@pytest.mark.parametrize("steps", range(len(STEPS)))
@pytest.mark.parametrize("dead", [(), (0,), (1,), (0, 1)])
def test_the_sender_dies_after_each_step(pair: Pair, steps: int, dead: tuple[int, ...]) -> None:
    """Then it counts exactly if the ledger had decided so, and otherwise can be done again."""
    for step in STEPS[:steps]:
        step(pair)
    for which in dead:
        pair.kill(which)
    pair.ask()
    pair.ask()
    for which in dead:
        pair.kill(which)
    counts = STEPS[:steps][-1:] == [Pair.commit] or Pair.decide in STEPS[:steps]
    assert pair.ledger.missing(IDS) == ([[]] if counts else [IDS])
    assert not counts or len(pair.member._attempts) == 0
    if not counts:
        pair.ledger.commit("again", [1], IDS, {}, [piece(0, x=2)], for_others=True)
    assert pair.ends() == (([1, 0, 0, 0], [0, 1, 0, 0]) if counts else ([0, 0, 1, 0], [0, 0, 0, 0]))


@pytest.mark.parametrize("restarts", [False, True])
def test_a_commit_that_comes_after_the_refusal(pair: Pair, restarts: bool) -> None:
    pair.stage()
    pair.prepare()
    if restarts:
        pair.kill(1)
    pair.ask()  # so it is refused
    if restarts:
        pair.kill(0)
    pair.ledger.stage("a", piece(0, x=0))
    with pytest.raises(AttemptLostError, match="came too late"):
        pair.commit()
    pair.flush()
    with pytest.raises(AttemptLostError, match="came too late"):
        pair.commit()
    if restarts:
        pair.kill(0)
    assert not pair.ledger.verdict("a"), "for ever"
    path = Path(pair.ledger.path)
    assert pair.ends() == ([0, 0, 0, 0], [0, 0, 0, 0])
    assert ledger(path) == ["refused:a"]


def test_another_attempt_has_done_the_work(pair: Pair) -> None:
    pair.ledger.commit("b", [1], IDS, {}, [piece(0, x=3)], for_others=True)
    pair.stage()
    pair.prepare()
    assert not pair.ledger.commit("a", [1], IDS, {}, for_others=True)
    pair.ask()
    assert len(pair.member._attempts) == 0
    assert pair.ends() == ([0, 0, 0, 1], [0, 0, 0, 0])


def test_the_answer_after_a_restart(pair: Pair) -> None:
    """An attempt that counts is told so again, though another call for the same ids is not."""
    pair.stage()
    pair.prepare()
    pair.commit()
    pair.flush()
    pair.kill(0)
    assert pair.ledger.commit("a", [1], IDS, {}, for_others=True)
    assert not pair.ledger.commit("c", [0], IDS, {}, for_others=True)
    pair.decide()
    assert pair.ends() == ([1, 0, 0, 0], [0, 1, 0, 0])


def test_prepared_parts_stay(pair: Pair) -> None:
    """Whatever comes of silence, drops and the end of the accumulator."""
    pair.stage()
    pair.prepare()
    pair.member.drop("a")
    pair.member._silent_seconds = 0
    pair.member._ask = lambda *_: None
    pair.ask()
    pair.member.close()
    pair.engines[1] = pair.start(Path(pair.member.path))
    pair.commit()
    pair.ask()
    assert pair.ends() == ([1, 0, 0, 0], [0, 1, 0, 0])


def test_a_decision_that_is_lost_with_the_power(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not synced, as the ledger has it: so all that it rests on stays until the file has it."""
    monkeypatch.setattr("os.fdatasync", lambda _: None)
    pair.member._log._segment_bytes = 100  # each record in a segment of its own
    pair.stage()
    pair.prepare()
    pair.commit()
    with pair.member._merger.paused():
        before = {path.name: path.read_bytes() for path in Path(f"{pair.member.path}.log").glob("*.segment")}
        pair.decide()
        after = {path.name for path in Path(f"{pair.member.path}.log").glob("*.segment")}
        assert set(before) <= after
        copy = killed(pair.member, pair.directory)
    for name in after - set(before):
        (Path(f"{copy}.log") / name).unlink()
    pair.member.close()
    pair.engines[1] = pair.start(copy)
    pair.ask()
    assert pair.ends() == ([1, 0, 0, 0], [0, 1, 0, 0])


@pytest.mark.parametrize("counts", [True, False])
def test_a_decision_of_what_is_not_prepared(pair: Pair, counts: bool) -> None:
    """It changes nothing: neither of what is staged only, nor of what is over."""
    pair.stage()
    pair.member.decide("a", counts)
    pair.member.decide("never seen", counts)
    for step in STEPS[1:]:
        step(pair)
    pair.member.decide("a", counts)
    assert pair.ends() == ([1, 0, 0, 0], [0, 1, 0, 0])


def test_parts_that_are_missing(pair: Pair) -> None:
    with pytest.raises(AttemptLostError, match="lacks 1 of 1"):
        pair.prepare()
    assert len(pair.member._attempts) == 0


def test_a_refusal_of_an_attempt_with_parts(tmp_path: Path) -> None:
    """They go, and the refusal survives without the file."""
    path = tmp_path / "file.h5"
    with accumulator(path) as engine, engine._merger.paused():
        engine.stage("a", piece(0))
        assert not engine.verdict("a")
        assert len(engine._attempts) == 0
        copy = killed(engine, tmp_path)
    with accumulator(copy) as engine:
        with pytest.raises(AttemptLostError):
            engine.commit("a", [1], IDS, {}, [piece(0)], for_others=True)
        assert engine.commit("b", [1], IDS, {}, [piece(0, x=1)], for_others=True)
    assert bins(copy) == {"tt": [0, 1, 0, 0]}


def test_many_attempts_of_which_some_are_refused(pair: Pair) -> None:
    for number, fate in zip(range(30), itertools.cycle(["decided", "asked", "refused"]), strict=False):
        attempt, ids = f"a{number}", [("f", number, number + 1)]
        pair.ledger.stage(attempt, piece(0, x=0))
        pair.member.prepare(attempt, 1, ids, [piece(0, x=1)])
        if fate == "refused":
            pair.ask()
            with pytest.raises(AttemptLostError):
                pair.ledger.commit(attempt, [1], ids, {}, for_others=True)
            continue
        pair.ledger.commit(attempt, [1], ids, {}, for_others=True)
        if fate == "decided":
            pair.member.decide(attempt, True)
        if number % 7 == 0:
            pair.kill(number % 2)
    pair.ask()
    assert pair.ends() == ([20, 0, 0, 0], [0, 20, 0, 0])
