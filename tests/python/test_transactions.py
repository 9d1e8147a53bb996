"""`with file.transaction():` — all of it in one commit, or nothing; and commits that come by themselves."""

# ruff: noqa: PT012 - what raises is the end of a block

from __future__ import annotations

import gc
import io
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from trusted import category


def part(label: str, value: float = 1.0) -> hist.Hist[Any]:
    made: hist.Hist[Any] = hist.Hist(category("c", [label]), hist.axis.Regular(4, 0, 1, name="x"), storage="double")
    made.view(flow=True)[...] = value
    return made


def create(file: hugehist.File, name: str) -> hugehist.Histogram:
    return file.create(name, category("c"), hist.axis.Regular(4, 0, 1, name="x"), storage="double")


def state(file: hugehist.File) -> dict[str, Any]:
    """All that a file holds."""
    return {
        "histograms": {name: (list(h.axes[0]), h.values(flow=True).tolist()) for name, h in file.items()},
        "counters": dict(file.counters),
        "attributes": dict(file.attrs),
        "ledger": list(file.ledger),
    }


def change(file: hugehist.File) -> None:
    """Some of everything."""
    file["a"].merge(part("new", 2.0), id="merge in a transaction")
    file["a"].fill(c="filled", x=[0.1, 0.2])
    file["a"]["old", 0] = 77
    file["a"].grow("c", ["grown"])
    file["a"].add_rollup("x")
    file.counters["n"] += 5
    file.attrs["k"] = "v"
    del file["b"]
    create(file, "b").fill(c="second", x=[0.5])
    create(file, "c").merge(part("third"))


@pytest.fixture
def analysis(file: hugehist.File) -> hugehist.File:
    """Some of it committed, some merged, some filled."""
    create(file, "a").merge(part("old"))
    create(file, "b")
    file.commit()
    file["b"].merge(part("merged"))
    file["a"].fill(c="waits", x=[0.3])
    file.counters["n"] += 1
    return file


def test_all_in_one_commit(analysis: hugehist.File, path: Path) -> None:
    with analysis.transaction(id=("f.root", 0, 10)) as t:
        assert not t.already
        before = analysis.stats()["commits"]
        change(analysis)
        assert ("f.root", 0, 10) not in analysis.ledger
    assert analysis.stats()["commits"] == before + 1
    expected = state(analysis)
    assert expected["ledger"] == ["merge in a transaction", ("f.root", 0, 10)]
    assert expected["counters"] == {"n": 6.0}
    assert expected["histograms"]["b"][0] == ["second"]
    analysis["a"].merge(part("dropped"))
    analysis.discard()
    assert state(analysis) == expected
    analysis.close()
    with hugehist.File(path) as again:
        assert state(again) == expected


class MyError(Exception):
    pass


@pytest.mark.parametrize("problem", [MyError, KeyboardInterrupt, SystemExit])
def test_nothing_after_an_exception(analysis: hugehist.File, path: Path, problem: type[BaseException]) -> None:
    expected = state(analysis)
    with pytest.raises(problem), analysis.transaction(id="t"):
        change(analysis)
        raise problem
    assert state(analysis) == expected
    analysis["a"].fill(c="later", x=[0.9])  # and it goes on
    assert "later" in analysis["a"].axes[0]
    analysis.discard()
    assert state(analysis) == expected  # what was there before the transaction is committed
    analysis.close()
    with hugehist.File(path) as again:
        assert state(again) == expected


def test_an_id_that_is_in_already(analysis: hugehist.File) -> None:
    with analysis.transaction(id="once"):
        analysis["a"].merge(part("x"))
    expected = state(analysis)
    done = []
    with analysis.transaction(id="once") as t:
        assert t.already
        if not t.already:
            done.append(1)
    assert not done
    with analysis.transaction(id="once"):
        change(analysis)  # does not look
    assert state(analysis) == expected


def test_an_interval_that_is_in_already(analysis: hugehist.File) -> None:
    analysis["a"].merge(part("x"), id=("f", 0, 10))
    with analysis.transaction(id=("f", 2, 5)) as t:
        assert t.already
    expected = state(analysis)
    with pytest.raises(hugehist.OverlapError, match="'f'"), analysis.transaction(id=("f", 5, 15)):
        raise AssertionError("the body does not run")
    assert state(analysis) == expected
    with pytest.raises(hugehist.OverlapError), analysis.transaction(id=("f", 20, 30)):
        analysis["a"].merge(part("x"), id=("f", 25, 35))
    assert state(analysis) == expected
    with analysis.transaction(id=("f", 20, 30)):
        assert analysis["a"].merge(part("x"), id=("f", 20, 30))  # the same work, said twice
    assert analysis.ledger.missing("f", 0, 40) == [("f", 10, 20), ("f", 30, 40)]


@pytest.mark.parametrize(
    "refused",
    [
        lambda file: file.transaction().__enter__(),
        lambda file: file.commit(),
        lambda file: file.flush(),
        lambda file: file.discard(),
        lambda file: file.close(),
    ],
)
def test_no_commit_within(analysis: hugehist.File, refused: Callable[[hugehist.File], None]) -> None:
    expected = state(analysis)
    with pytest.raises(hugehist.Error, match="within a"), analysis.transaction():
        change(analysis)
        refused(analysis)
    assert state(analysis) == expected
    with analysis.transaction():
        change(analysis)
        with pytest.raises(hugehist.Error, match="within a"):
            refused(analysis)
    assert "c" in analysis


def test_transactions_of_two_files_nest(analysis: hugehist.File) -> None:
    with hugehist.File.in_memory() as other:
        create(other, "h")
        with pytest.raises(MyError), analysis.transaction(), other.transaction():
            change(analysis)
            other["h"].merge(part("x"))
            raise MyError
        assert "c" not in analysis
        assert other["h"].sum() == 0


def test_a_reader_has_none(analysis: hugehist.File, path: Path) -> None:
    analysis.close()
    with hugehist.File(path) as reader, pytest.raises(hugehist.Error, match="reading only"), reader.transaction():
        pass


def test_one_that_is_dropped_goes_back(analysis: hugehist.File) -> None:
    expected = state(analysis)
    transaction = analysis.transaction()
    transaction.__enter__()
    change(analysis)
    del transaction
    gc.collect()
    assert state(analysis) == expected


def test_closed_within(analysis: hugehist.File, path: Path) -> None:
    expected = state(analysis)
    with pytest.raises(hugehist.Error, match="closed within"), analysis.transaction():  # noqa: SIM117
        with pytest.raises(MyError), analysis:
            change(analysis)
            raise MyError
    with hugehist.File(path) as again:
        assert state(again) == expected


def test_a_commit_that_fails(analysis: hugehist.File, path: Path) -> None:
    expected = state(analysis)
    analysis.commit()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(OSError, match="too large"), analysis.transaction(id="big"):
            labels = [f"{i:0150}" for i in range(20_000)]
            analysis["a"].grow("c", labels)
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + (3 << 19), before[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    if not analysis.closed:
        assert state(analysis) == expected
        analysis.close()
    with hugehist.File(path, "a") as again:
        assert state(again) == expected
        with again.transaction(id="big") as t:
            assert not t.already
            again["a"].grow("c", labels)
    with hugehist.File(path) as again:
        assert len(again["a"].axes[0]) == len(expected["histograms"]["a"][0]) + len(labels)


def test_images_are_written_at_the_end(path: Path) -> None:
    target = io.BytesIO()
    with hugehist.File(target) as file:
        create(file, "h")
        file.commit()
        with pytest.raises(MyError), file.transaction():
            file["h"].merge(part("x"))
            raise MyError
        with file.transaction():
            file["h"].merge(part("y"))
            image = target.getvalue()
        assert target.getvalue() != image
        with hugehist.File(io.BytesIO(target.getvalue()), "r") as copy:
            assert list(copy["h"].axes[0]) == ["y"]


def test_other_threads_wait(analysis: hugehist.File) -> None:
    started = threading.Event()
    seen: list[Any] = []
    calls: list[Callable[[], Any]] = [
        lambda: analysis["a"].fill(c="thread", x=[0.5]),
        lambda: analysis["a"].values(),
        lambda: analysis["a"].merge(part("thread")),
        lambda: analysis.commit(),
        lambda: dict(analysis.counters),
        lambda: analysis.transaction().__enter__().__exit__(None, None, None),
    ]

    def run(call: Callable[[], Any]) -> None:
        started.wait()
        call()
        seen.append(call)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    with pytest.raises(MyError), analysis.transaction():
        started.set()
        change(analysis)
        time.sleep(0.2)
        assert not seen
        raise MyError
    for thread in threads:
        thread.join(30)
    assert len(seen) == len(calls)
    assert analysis["a"]["thread", :].sum() == 5  # a fill of one and a merge of four: neither went back with it


def test_long_work_belongs_to_its_thread(path: Path) -> None:
    """Ctrl-C can stop a long merge because it runs in a thread of its own: that one is in the transaction."""
    rows: hist.Hist[Any] = hist.Hist(
        category("c", [f"c{i}" for i in range(3000)]), hist.axis.Regular(510, 0, 1, name="x"), storage="double"
    )
    rows.view(flow=True)[...] = 1.0
    with hugehist.File(path, "w", memory="64 MiB", threads=2) as file:
        h = file.create("h", category("c"), rows.axes[1], storage="double", chunks=(1, 32))
        with file.transaction(id="big"):
            h.merge(rows)
            assert h.sum(flow=True) == rows.sum(flow=True)
        assert "big" in file.ledger


def test_commits_do_not_split_it(path: Path) -> None:
    with hugehist.File(path, "w", commit_bytes=1, commit_seconds=1e-9) as file:
        h = create(file, "h")
        with pytest.raises(MyError), file.transaction():
            before = file.stats()
            for i in range(20):
                h.merge(part(f"c{i}"))
                h.fill(c=f"c{i}", x=[0.5])
            raise MyError
        assert file.stats()["automatic_commits"] == before["automatic_commits"]
        assert h.sum() == 0


def test_commits_by_time(path: Path) -> None:
    with hugehist.File(path, "w", commit_seconds=0.2) as file:
        h = create(file, "h")
        h.merge(part("c"))
        assert file.stats()["automatic_commits"] == 0
        time.sleep(0.25)
        h.fill(c="c", x=[0.5])  # commits what was there before it
        stats = file.stats()
        assert (stats["automatic_commits"], stats["commits"]) == (1, 1)
        file.discard()
        assert file["h"].sum() == 4
        for _ in range(10):
            file["h"].fill(c="c", x=[0.5])  # into a buffer that is there
            time.sleep(0.05)
        assert 2 <= file.stats()["automatic_commits"] <= 4
        file.flush()
        assert file.stats()["commits"] > file.stats()["automatic_commits"]


def test_no_commits_by_time(path: Path) -> None:
    with hugehist.File(path, "w", commit_seconds=0, commit_bytes=0) as file:
        h = create(file, "h")
        time.sleep(0.02)
        h.merge(part("c"))
        assert file.stats()["commits"] == 0


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_seconds_that_are_none(path: Path, seconds: float) -> None:
    with pytest.raises(ValueError, match="commit_seconds"):
        hugehist.File(path, "w", commit_seconds=seconds)
    assert not path.exists()


def test_the_same_work_by_many_threads(file: hugehist.File) -> None:
    """Each part once, though three threads try each; sums as of boost-histogram."""
    h, count = create(file, "h"), create(file, "n")
    parts = 30

    def work() -> None:
        for i in range(parts):
            with file.transaction(id=("f", i, i + 1)) as t:
                if not t.already:
                    h.merge(part(f"c{i % 7}", i))
                    count.fill(c="all", x=[0.5])
                    file.counters.add("parts", 1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = hist.Hist(category("c", [f"c{i}" for i in range(7)]), h.axes[1], storage="double")
    for i in range(parts):
        expected[f"c{i % 7}", ...] = expected[f"c{i % 7}", :].view(flow=True) + float(i)
    np.testing.assert_array_equal(h.values(flow=True), expected.values(flow=True))
    assert (count.sum(), file.counters["parts"], list(file.ledger)) == (parts, parts, [("f", 0, parts)])
