"""The accumulator in its process: what counts, once, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import hist
import hugehist
import numpy as np
import pytest
from accumulators import (
    SPECIFICATION,
    accumulator,
    bins,
    content,
    counters,
    killed,
    ledger,
    log_of,
    piece,
    work,
)
from hugehist.service.engine import Engine
from hugehist.service.errors import AttemptLostError, BusyError, ServiceError
from hugehist.service.specification import specify
from hugehist.service.transport import Piece

CATEGORY = hist.axis.StrCategory([], growth=True, name="dataset")


# --- what counts ------------------------------------------------------------------------------------------


def test_an_attempt_counts(path: Path) -> None:
    with accumulator(path) as engine:
        assert work(engine, "a", ("f", 0, 10), counters={("n",): 10, ("w", "tt"): 2.5})
        assert engine.status()["commits"] == 1
    assert bins(path) == {"tt": [1, 0, 0, 0]}
    assert ledger(path) == [("f", 0, 10)]
    assert counters(path) == {"n": 10, ("w", "tt"): 2.5}
    assert not log_of(path).exists()


def test_the_same_work_counts_once(path: Path) -> None:
    with accumulator(path) as engine:
        assert work(engine, "a", ("f", 0, 10), counters={("n",): 10})
        assert work(engine, "a", ("f", 0, 10), counters={("n",): 10}), "the same attempt again: the same answer"
        assert not work(engine, "b", ("f", 0, 10), counters={("n",): 10})
        assert not work(engine, "c", ("f", 2, 7), x=1), "a part of what is in is in"
        engine.flush()
        assert not work(engine, "d", ("f", 0, 10)), "also where the file has it"
        assert {key: engine.status()[key] for key in ("commits", "already")} == {"commits": 1, "already": 3}
        assert len(engine._attempts) == 0
    with accumulator(path) as engine:
        assert not work(engine, "e", ("f", 0, 10))
    assert bins(path) == {"tt": [1, 0, 0, 0]}
    assert counters(path) == {"n": 10}


def test_neighbours_count_both(path: Path) -> None:
    with accumulator(path) as engine:
        for number in range(10):
            assert work(engine, f"a{number}", ("f", 3 * number, 3 * number + 3), x=number % 4)
            assert work(engine, f"b{number}", f"text {number}", label="dy")
    assert bins(path) == {"tt": [3, 3, 2, 2], "dy": [10, 0, 0, 0]}
    assert ledger(path)[-1] == ("f", 0, 30)


def test_an_overlap_is_refused(path: Path) -> None:
    with accumulator(path) as engine:
        work(engine, "a", ("f", 0, 10))
        for start, stop in ((5, 15), (9, 10 + 1), (-0, 11)):
            with pytest.raises(hugehist.OverlapError, match="overlaps what is in already"):
                work(engine, "b", ("f", start, stop))
        assert len(engine._attempts) == 0, "the parts are dropped"
        assert engine.missing([("f", 5, 15), "t", ("f", 0, 10)]) == [[("f", 10, 15)], ["t"], []]
        assert work(engine, "c", ("f", 10, 15), x=1)
    assert bins(path) == {"tt": [1, 1, 0, 0]}


def test_a_set_of_ids_is_all_or_nothing(path: Path) -> None:
    with accumulator(path) as engine:
        assert work(engine, "a", ("f", 0, 10), ("g", 0, 10), "t")
        assert not work(engine, "b", ("g", 0, 5), "t")
        for ids in ([("f", 0, 10), ("h", 0, 10)], ["t", "u"], ["u", ("g", 9, 12)]):
            with pytest.raises(hugehist.OverlapError):
                work(engine, "c", *ids)
        assert work(engine, "d", ("h", 0, 10), "u")
    assert bins(path) == {"tt": [2, 0, 0, 0]}
    assert set(ledger(path)) == {"t", "u", ("f", 0, 10), ("g", 0, 10), ("h", 0, 10)}


def test_an_attempt_of_many_parts(path: Path) -> None:
    with accumulator(path) as engine:
        engine.create("other", SPECIFICATION)
        for number in (2, 0, 1, 0):  # one comes twice, and in any order
            engine.stage("a", piece(number, x=number))
        assert engine.status()["parts"] == 3
        assert engine.commit("a", [4], ["t"], {}, [piece(3, name="other", x=3)])
        assert engine.commit("empty", [0], ["u"], {("n",): 1})
    assert bins(path) == {"tt": [1, 1, 1, 0]}
    assert bins(path, "other") == {"tt": [0, 0, 0, 1]}
    assert counters(path) == {"n": 1}


def test_a_part_that_comes_twice_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither call saw the other's."""
    with accumulator(path) as engine:
        with monkeypatch.context() as patched:
            patched.setattr(engine._attempts, "has", lambda *_: False)
            engine.stage("a", piece(0))
            engine.stage("a", piece(0))
        assert engine.status()["parts"] == 1
        assert engine.commit("a", [1], ["t"], {})
    assert bins(path) == {"tt": [1, 0, 0, 0]}
    assert not log_of(path).exists(), "nobody needs the other one"


def test_parts_that_are_missing(path: Path) -> None:
    with accumulator(path) as engine:
        engine.stage("a", piece(0))
        engine.stage("a", piece(2))
        with pytest.raises(AttemptLostError, match="lacks 1 of 3"):
            engine.commit("a", [3], [("f", 0, 10)], {})
        assert len(engine._attempts) == 0
        assert engine.missing([("f", 0, 10)]) == [[("f", 0, 10)]]
        assert work(engine, "b", ("f", 0, 10))
    assert bins(path) == {"tt": [1, 0, 0, 0]}


def test_parts_beyond_those_that_count(path: Path) -> None:
    with accumulator(path) as engine:
        engine.stage("a", piece(0))
        engine.stage("a", piece(1))
        assert engine.commit("a", [1], ["t"], {})
        assert len(engine._attempts) == 0
    assert bins(path) == {"tt": [1, 0, 0, 0]}
    assert not log_of(path).exists()


def test_a_dropped_attempt(path: Path) -> None:
    with accumulator(path) as engine:
        engine.stage("a", piece(0))
        engine.drop("a")
        engine.drop("a")
        engine.drop("never seen")
        with pytest.raises(AttemptLostError):
            engine.commit("a", [1], ["t"], {})
        work(engine, "b", "t", x=1)
        engine.flush()
        assert engine.status()["log_bytes"] == 0
    assert bins(path) == {"tt": [0, 1, 0, 0]}


def test_a_silent_attempt_expires(path: Path) -> None:
    with accumulator(path, attempt_seconds=0.2) as engine:
        engine.stage("a", piece(0))
        engine.sweep()
        assert len(engine._attempts) == 1
        time.sleep(0.25)
        engine.stage("b", piece(0))
        engine.sweep()
        assert engine.status()["expired"] == 1
        with pytest.raises(AttemptLostError):
            engine.commit("a", [1], ["t"], {})
        assert engine.commit("b", [1], ["t"], {})


def test_parts_of_a_decided_attempt_are_not_taken(path: Path) -> None:
    with accumulator(path) as engine:
        work(engine, "a", "t")
        engine.stage("a", piece(5))
        assert len(engine._attempts) == 0
        assert engine.status()["parts"] == 1


def test_the_same_work_at_once(path: Path) -> None:
    """A thousand pairs: exactly one of each counts."""
    with accumulator(path) as engine, ThreadPoolExecutor(16) as pool:
        new = list(pool.map(lambda n: work(engine, f"{n}", ("f", n // 2, n // 2 + 1), x=n % 4), range(2000)))
        assert sum(new) == 1000
    assert sum(bins(path)["tt"]) == 1000
    assert ledger(path) == [("f", 0, 1000)]


# --- what is not taken ------------------------------------------------------------------------------------


def test_parts_that_do_not_fit(path: Path) -> None:
    other: hist.Hist[Any] = hist.Hist(CATEGORY, hist.axis.Integer(0, 5, name="x"))
    weighted: hist.Hist[Any] = hist.Hist(*SPECIFICATION_AXES(), storage=hist.storage.Weight())
    unknown: hist.Hist[Any] = hist.Hist(hist.axis.StrCategory(["b"], name="c"))
    unknown.view()[0] = 1
    with accumulator(path) as engine:
        engine.create("fixed", specify([hist.axis.StrCategory(["a"], name="c")], None, {}, {}))
        for name, h, words in (
            ("h", other, "axis 1"),
            ("h", weighted, "storages differ"),
            ("fixed", unknown, "no label 'b'"),
        ):
            with pytest.raises(ValueError, match=words):
                engine.stage("a", Piece(0, name, hugehist.Delta.from_uhi(h).to_bytes()))
        with pytest.raises(KeyError, match=r"there is no histogram 'nothing': there are \['fixed', 'h'\]"):
            engine.stage("a", piece(name="nothing"))
        with pytest.raises((hugehist.CorruptionError, hugehist.FormatError)):
            engine.stage("a", Piece(0, "h", content()[:-1]))
        with pytest.raises((hugehist.CorruptionError, hugehist.FormatError)):
            engine.commit("a", [1], ["t"], {}, [Piece(0, "h", b"")])
        assert len(engine._attempts) == 0
        assert engine.missing(["t"]) == [["t"]]
        assert engine.state == "ready"
    assert bins(path) == {}


def SPECIFICATION_AXES() -> tuple[Any, ...]:
    return CATEGORY, hist.axis.Integer(0, 4, flow=False, name="x")


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        ([], ValueError),
        (["t", "t"], ValueError),
        ([("f", 0, 10), ("f", 9, 12)], ValueError),
    ],
)
def test_ids_that_cannot_be(path: Path, ids: list[Any], kind: type[Exception]) -> None:
    """Nothing of them is in the log, which could not be taken up with it."""
    with accumulator(path) as engine:
        engine.stage("a", piece(0))
        with pytest.raises(kind):
            engine.commit("a", [1], ids, {})
        assert engine.state == "ready"
        assert work(engine, "b", "t")
        copy = killed(engine, path.parent)
    with accumulator(copy):
        pass
    assert bins(path) == bins(copy) == {"tt": [1, 0, 0, 0]}


@pytest.mark.parametrize("key", [(), ("a\x1fb",), ("a\0b",), ("\ud800",)])
def test_counters_that_cannot_be(path: Path, key: tuple[str, ...]) -> None:
    with accumulator(path) as engine:
        with pytest.raises(ValueError):
            work(engine, "a", "t", counters={key: 1.0})
        assert engine.missing(["t"]) == [["t"]]
        assert work(engine, "b", "t", counters={("n",): 1.0})
        engine.flush()
        assert engine.state == "ready"
    assert counters(path) == {"n": 1}


def test_too_large_a_part(path: Path) -> None:
    with accumulator(path) as engine:
        with pytest.raises(ValueError, match=r"more than the accumulator of .* takes at once"):
            engine.admit(engine.max_part + 1, 0)
        with pytest.raises(ValueError):
            engine.admit(-1, 0)
        engine.admit(engine.max_part, 0)
        with pytest.raises(BusyError, match="had no room for 0 s: ready"):
            engine.admit(1, 0)
        engine.credits.give(engine.max_part)
        assert engine.status()["credit_bytes"] == engine.max_part


# --- histograms -------------------------------------------------------------------------------------------


def test_create(path: Path) -> None:
    with accumulator(path) as engine:
        assert engine.create("h", SPECIFICATION) == engine.describe("h")
        assert engine.create("g/more", SPECIFICATION)["storage"] == "double"
        assert engine.names() == ["g/more", "h"]
        with pytest.raises(ValueError, match="with double storage"):
            engine.create("h", SPECIFICATION | {"storage": "weighted"})
        with pytest.raises(ValueError, match=r"its axes are others \([^)]+\): give"):
            engine.create("h", specify([CATEGORY], None, {}, {}))
        with pytest.raises(KeyError, match=r"no histogram 'x': there are \['g/more', 'h'\]"):
            engine.describe("x")
        with hugehist.File(killed(engine, path.parent)) as file:
            assert set(file) == {"g/more", "h"}, "what create returned is durable"
    with accumulator(path) as engine:
        assert engine.describe("h") == engine.create("h", SPECIFICATION)


def test_create_by_many_at_once(path: Path) -> None:
    with Engine(path, memory="64 MiB") as engine, ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(lambda n: engine.create(f"h{n % 3}", SPECIFICATION), range(40)))) == 40
        assert engine.names() == ["h0", "h1", "h2"]


def test_create_that_cannot_be(path: Path) -> None:
    with accumulator(path) as engine:
        for name in ("", "h/below", "a//b"):
            with pytest.raises(ValueError):
                engine.create(name, SPECIFICATION)
        assert engine.state == "ready"
        assert work(engine, "a", "t")
    assert bins(path) == {"tt": [1, 0, 0, 0]}


def test_all_storages_and_labels(path: Path) -> None:
    rng = np.random.default_rng(1)
    storages = [hist.storage.Double, hist.storage.Int64, hist.storage.Weight, hist.storage.Mean]
    storages += [hist.storage.WeightedMean]
    kinds = {kind.__name__: kind for kind in storages}
    sums: dict[str, Any] = {}
    with Engine(path, memory="64 MiB") as engine:
        for name, kind in kinds.items():
            engine.create(name, specify(SPECIFICATION_AXES(), kind, {}, {}))
        for number in range(6):
            pieces = []
            for at, (name, kind) in enumerate(kinds.items()):
                h: hist.Hist[Any] = hist.Hist(*SPECIFICATION_AXES(), storage=kind())
                named: dict[str, Any] = {"sample": rng.integers(0, 8, 20)} if "Mean" in name else {}
                h.fill([f"d{number % 3}"] * 20, rng.integers(0, 4, 20), **named)
                sums[name] = h if name not in sums else sums[name] + h
                pieces.append(Piece(at, name, hugehist.Delta.from_uhi(h).to_bytes()))
            assert engine.commit(f"{number}", [len(pieces)], [f"{number}"], {}, pieces)
    with hugehist.File(path) as file:
        for name, wanted in sums.items():
            found = file[name].to_hist()
            assert list(found.axes[0]) == list(wanted.axes[0])
            np.testing.assert_allclose(found.values(), wanted.values(), rtol=1e-12)
            if wanted.variances() is not None:
                np.testing.assert_allclose(found.variances(), wanted.variances(), rtol=1e-12)


def test_histograms_of_other_programs(path: Path) -> None:
    """They can be read, and are in nobody's way."""
    axis: hist.Hist[Any] = hist.Hist(hist.axis.Regular(4, 0, 1, name="x"))
    axis.fill([0.1, 0.9])
    with h5py.File(path, "w") as file:
        from uhi.io.hdf5 import write

        write(file.create_group("theirs"), axis)
    with accumulator(path) as engine:
        assert engine.names() == ["h", "theirs"]
        with pytest.raises(ValueError, match="theirs"):
            engine.stage("a", Piece(0, "theirs", hugehist.Delta.from_uhi(axis).to_bytes()))
        assert work(engine, "a", "t")
    assert bins(path) == {"tt": [1, 0, 0, 0]}
    with hugehist.File(path) as opened:
        assert opened["theirs"].sum() == 2


# --- room and order ---------------------------------------------------------------------------------------


def test_no_more_waits_than_the_limit(path: Path) -> None:
    h: hist.Hist[Any] = hist.Hist(hist.axis.Integer(0, 1 << 16, name="x"))
    h.view()[:] = np.random.default_rng(1).random(1 << 16)
    noise = hugehist.Delta.from_uhi(h).to_bytes()
    with accumulator(path, log_limit="400 KiB") as engine:
        engine.create("noise", specify([hist.axis.Integer(0, 1 << 16, name="x")], None, {}, {}))
        with engine._merger.paused():  # nothing is merged
            for number in range(25):  # small ones have a limit, too
                work(engine, f"{number}", f"{number}")
            with pytest.raises(BusyError, match="had no room"):
                work(engine, "more", "more")
            with pytest.raises(BusyError):
                engine.admit(10, 0.05)
        engine.admit(10, 10)
        engine.credits.give(10)
        assert work(engine, "again", "more")
        engine.flush()
        with engine._merger.paused():
            engine.commit("large", [1], ["large"], {}, [Piece(0, "noise", noise)])
            with pytest.raises(BusyError, match="had no room"):
                engine.admit(10, 0.05)


def test_flush_and_readers(path: Path) -> None:
    with accumulator(path, commit_seconds=1000) as engine:
        with hugehist.File(path) as reader:
            work(engine, "a", "t")
            assert engine.flush()
            assert engine.flush(0)
            status = engine.status()
            assert status["lag_attempts"] == status["lag_bytes"] == status["log_bytes"] == 0
            assert status["since_file_commit_seconds"] < 60
            assert reader["h"].sum() == 0
            assert reader.refresh()
            assert reader["h"].sum() == 1
        with engine._merger.paused():
            work(engine, "b", "u")
            assert not engine.flush(0.05)


def test_the_file_is_committed_by_itself(path: Path) -> None:
    with accumulator(path) as engine:
        work(engine, "a", "t")
        end = time.monotonic() + 20
        while bins(path) != {"tt": [1, 0, 0, 0]}:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert engine.status()["file_commits"] >= 2


def test_status(path: Path) -> None:
    with accumulator(path) as engine:
        work(engine, "a", "t")
        work(engine, "b", "t")
        engine.stage("c", piece(0))
        engine.flush()
        status = engine.status()
        wanted = {"state": "ready", "histograms": 1, "running_attempts": 1, "commits": 1, "already": 1, "parts": 3}
        assert {key: status[key] for key in wanted} == wanted
        assert status["merged"] == 1
        assert status["bytes"] == 3 * len(content())
        assert status["file_bytes"] == path.stat().st_size
        assert 10 << 20 < status["memory_bytes"] < 10 << 30
        assert status["commits_per_second"] > 0
        assert status["file_stats"]["merges"] == 1


# --- beginning and end ------------------------------------------------------------------------------------


def test_after_a_kill(path: Path) -> None:
    """At each moment what was acknowledged is there once, and what was staged can still be committed."""
    with accumulator(path) as engine:
        with engine._merger.paused():
            for number in range(5):
                work(engine, f"a{number}", ("f", number, number + 1), counters={("n",): 1})
            engine.stage("b", piece(0, x=1))
            copies = [killed(engine, path.parent)]
        engine.flush()
        copies.append(killed(engine, path.parent))
        work(engine, "c", ("g", 0, 1), x=2)
        copies.append(killed(engine, path.parent))
    for copy, more in zip(copies, (0, 0, 1), strict=True):
        for _ in range(2):
            with accumulator(copy) as engine:
                assert work(engine, "a1", ("f", 1, 2)) in (True, False)
                assert engine.commit("b", [1], ["b"], {}) in (True, False)
            assert bins(copy) == {"tt": [5, 1, more, 0]}
            assert counters(copy) == {"n": 5}
        assert not log_of(copy).exists()


def test_after_a_kill_between_two_commits_of_the_file(path: Path) -> None:
    """The log has attempts that the file has, and others."""
    with accumulator(path, commit_seconds=0) as engine:
        engine.stage("held", piece(0))  # so that the segment stays
        for number in range(4):
            work(engine, f"a{number}", ("f", number, number + 1))
            engine.flush()
        with engine._merger.paused():
            work(engine, "a4", ("f", 4, 5))
            copy = killed(engine, path.parent)
    with accumulator(copy) as engine:
        assert work(engine, "a4", ("f", 4, 5)), "the answer to an attempt is as before"
    assert bins(copy) == {"tt": [5, 0, 0, 0]}


def test_parts_that_came_twice_before_a_kill(path: Path) -> None:
    with accumulator(path) as engine:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: engine.stage("a", piece(0)), range(50)))
        with engine._merger.paused():
            engine.commit("a", [1], ["t"], {})
            copy = killed(engine, path.parent)
    with accumulator(copy):
        pass
    assert bins(copy) == {"tt": [1, 0, 0, 0]}
    assert not log_of(copy).exists()


def test_the_log_of_another_file(path: Path) -> None:
    """It is refused, and stays as it is."""
    with accumulator(path) as engine, engine._merger.paused():
        work(engine, "a", "t")
        copy = killed(engine, path.parent)
    before = sorted((each.name, each.read_bytes()) for each in log_of(copy).iterdir())
    copy.rename(copy.with_name("other.h5"))
    with pytest.raises(hugehist.FormatError, match="the log of another file"):
        Engine(copy, memory="64 MiB")
    assert sorted((each.name, each.read_bytes()) for each in log_of(copy).iterdir()) == before
    copy.with_name("other.h5").rename(copy)
    with accumulator(copy):
        pass
    assert bins(copy) == {"tt": [1, 0, 0, 0]}


def test_a_damaged_log(path: Path) -> None:
    with accumulator(path) as engine, engine._merger.paused():
        for number in range(3):
            work(engine, f"{number}", f"{number}")
        copy = killed(engine, path.parent)
    segment = next(log_of(copy).glob("*.segment"))
    content = bytearray(segment.read_bytes())
    content[200] ^= 1
    segment.write_bytes(content)
    for _ in range(2):
        with pytest.raises(hugehist.CorruptionError, match="is damaged at byte"):
            Engine(copy, memory="64 MiB")
    assert segment.read_bytes() == content


def test_segments_that_are_gone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hugehist.service.log.SEGMENT_BYTES", 100)
    with accumulator(path) as engine, engine._merger.paused():
        engine._log._segment_bytes = 100
        work(engine, "a", "t")
        copy = killed(engine, path.parent)
    segments = sorted(log_of(copy).glob("*.segment"))
    assert len(segments) == 2
    segments[0].unlink()
    with pytest.raises(hugehist.Error, match="lacks parts of an attempt that was acknowledged"):
        Engine(copy, memory="64 MiB")
    assert segments[1].exists()


def test_one_owner(path: Path) -> None:
    with accumulator(path):
        with pytest.raises(hugehist.LockedError):
            Engine(path, memory="64 MiB")
        with pytest.raises(hugehist.LockedError):
            hugehist.File(path, "a")
    with hugehist.File(path, "a"), pytest.raises(hugehist.LockedError):
        Engine(path, memory="64 MiB")


def test_close(path: Path) -> None:
    with accumulator(path) as engine:
        work(engine, "a", "t")
        engine.stage("b", piece(0))
    assert engine.state == "closed"
    engine.close()
    for call in (engine.names, engine.flush, lambda: work(engine, "b", "u"), lambda: engine.missing(["t"])):
        with pytest.raises(BusyError, match="is closed"):
            call()
    assert bins(path) == {"tt": [1, 0, 0, 0]}
    assert not log_of(path).exists()


def test_too_little_memory(path: Path) -> None:
    with pytest.raises(ValueError, match="memory= of at least 16 MiB, not 8"):
        Engine(path, memory="8 MiB")
    assert not path.exists()


def test_marks(path: Path) -> None:
    marks: dict[str, str | int] = {"hugehist.run": "r", "hugehist.shard": 1}
    with accumulator(path, marks=marks) as engine:
        work(engine, "a", "t")
    with accumulator(path, marks=marks):
        pass
    with pytest.raises(ValueError, match="another shard than it should be"):
        Engine(path, memory="64 MiB", marks=marks | {"hugehist.shard": 2})
    with accumulator(path):
        pass


def test_a_forked_child_leaves_it_alone(path: Path) -> None:
    with accumulator(path) as engine:
        work(engine, "a", "t")
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for call in (
                    lambda: work(engine, "b", "u"),
                    lambda: engine.stage("b", piece(0)),
                    lambda: engine.drop("a"),
                ):
                    with pytest.raises(ServiceError, match="in another process"):
                        call()
                engine.close()
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert work(engine, "b", "u")
    assert bins(path) == {"tt": [2, 0, 0, 0]}


def test_a_process_that_ends_without_closing(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from accumulators import *\n"
        f"engine = Engine({str(path)!r}, memory='64 MiB')\n"
        "engine.create('h', SPECIFICATION)\n"
        "for n in range(20): work(engine, f'{n}', ('f', n, n + 1))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    with accumulator(path):
        pass
    assert bins(path) == {"tt": [20, 0, 0, 0]}


# --- failures ---------------------------------------------------------------------------------------------


def test_a_sync_that_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt is not acknowledged, nor anything after it; opened again, nothing acknowledged is lost."""
    with accumulator(path) as engine:
        work(engine, "a", "t")

        def fails(_: int) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fdatasync", fails)
            with pytest.raises(BusyError, match="must be opened again"):
                work(engine, "b", "u", x=1)
        assert engine.must_restart
        assert engine.state == "failed: its log must be opened again"
        for call in (
            lambda: work(engine, "b", "u", x=1),
            lambda: work(engine, "c", "v"),
            lambda: engine.missing(["u"]),
        ):
            with pytest.raises(BusyError):
                call()
    with accumulator(path) as engine:
        assert work(engine, "b2", "u", x=1) in (True, False)
    assert bins(path) == {"tt": [1, 1, 0, 0]}


def test_a_file_that_cannot_be_committed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who flushes is told why, and not by the error of the system as a cause (see `errors`)."""
    with accumulator(path) as engine:
        work(engine, "a", "t")

        def fails(_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("hugehist.service.leftover.OwnFile.commit", fails)
            with pytest.raises(ServiceError, match="No space left on device") as caught:
                engine.flush()
        assert caught.value.__cause__ is None
    assert bins(path) == {"tt": [1, 0, 0, 0]}


def test_its_process_ends_after_a_sync_that_failed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it is started again."""
    serving = pytest.importorskip("hugehist.service.serving")
    with accumulator(path) as engine:
        monkeypatch.setattr(engine._log, "_failure", OSError(5, "Input/output error"))
        with pytest.raises(ServiceError, match="its log must be opened again"):
            serving._watch(engine, threading.Event())


def test_what_is_said_to_be_in_is_durable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where another attempt's sync is not over, or did not go well."""
    with accumulator(path) as engine:
        engine.stage("0", piece(0))  # there is a segment
        syncing, go_on = threading.Event(), threading.Event()

        def fails(_: int) -> None:
            syncing.set()
            go_on.wait(10)
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fdatasync", fails)
        with ThreadPoolExecutor(4) as pool:
            first = pool.submit(work, engine, "a", "t")
            assert syncing.wait(10)
            calls = [
                pool.submit(work, engine, "a", "t"),
                pool.submit(work, engine, "b", "t"),
                pool.submit(engine.missing, ["t"]),
            ]
            time.sleep(0.05)
            assert not any(call.done() for call in calls)
            go_on.set()
            for call in [first, *calls]:
                with pytest.raises(BusyError):
                    call.result()
        monkeypatch.undo()


def test_a_file_that_cannot_be_merged_into(path: Path) -> None:
    """What does not pass by itself is said, and the log keeps what is not in the file."""
    with pytest.raises(ServiceError, match="cannot go on"), accumulator(path) as engine:  # noqa: PT012
        with engine._merger.paused() as file:
            work(engine, "a", "t")
            del file["h"]
        with pytest.raises(ServiceError, match="not all is merged"):
            engine.flush()
        assert engine.state.startswith("failed:")
        with pytest.raises(ServiceError, match="mend the cause and start it again"):
            work(engine, "b", "u")
    with accumulator(path):
        pass
    assert bins(path) == {"tt": [1, 0, 0, 0]}
