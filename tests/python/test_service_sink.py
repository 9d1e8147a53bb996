"""What a task does with a sink: fills that count with their attempt or not at all."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from hugehist import service
from hugehist.service import LocalSink, Receipt, ServiceError

AXES = (
    hist.axis.StrCategory([], growth=True, name="dataset"),
    hist.axis.StrCategory([], growth=True, name="systematic"),
    hist.axis.Regular(20, 0, 1, name="x"),
)


@pytest.fixture
def sink(path: Path) -> Iterator[LocalSink]:
    with service.open(path, memory="256 MiB", threads=1) as opened:
        opened.create("h", *AXES, storage=hist.storage.Weight())
        yield opened


def fill(h: Any, dataset: str = "tt", count: int = 10) -> None:
    h.fill(dataset=dataset, systematic="nominal", x=np.full(count, 0.5), weight=2.0)


def total(path: Path, name: str = "h") -> float:
    with hugehist.File(path) as file:
        return float(np.sum(file[name].values()))


def test_fills_count_with_their_attempt(sink: LocalSink, path: Path) -> None:
    with sink.attempt(("f", 0, 10)) as a:
        fill(a["h"])
        fill(sink["h"], "dy")  # the same: it is the one that this thread is in
        a.counters["n"] += 10
        a.counters["sumw", "tt"] += 20.0
        assert a.counters["n"] == 10
        assert dict(a.counters) == {"n": 10, ("sumw", "tt"): 20}
    receipt = a.receipt
    assert receipt == Receipt(committed=1, entries=10, parts=1, nbytes=receipt.nbytes)
    sink.flush()
    with hugehist.File(path) as file:
        assert file["h"][{"dataset": "dy"}].sum().value == 20
        assert file.counters == {"n": 10, ("sumw", "tt"): 20}
    assert total(path) == 40


def test_an_exception_forgets_all(sink: LocalSink, path: Path) -> None:
    for number in range(3):
        with pytest.raises(ZeroDivisionError), sink.attempt(("f", 0, 10)) as a:  # noqa: PT012
            for _ in range(number):
                fill(a["h"])
            a.counters["n"] += 1
            raise ZeroDivisionError
        with pytest.raises(ServiceError, match="is over"):
            a.commit()
    assert sink.missing([("f", 0, 10)]) == [("f", 0, 10)]
    with sink.attempt(("f", 0, 10)) as a:
        fill(a["h"])
    sink.close()
    assert total(path) == 20


def test_a_fill_that_fails_is_no_fill(sink: LocalSink) -> None:
    with sink.attempt("t") as a:
        with pytest.raises(TypeError, match="histogram 'h': fill misses axis 'x'"):
            a["h"].fill("tt", "nominal")
        with pytest.raises(KeyError, match=r"there is no histogram 'x': there are \['h'\]"):
            a["x"]
        with pytest.raises(TypeError):
            a.counters[1] = 2.0
        with pytest.raises(ValueError, match="2\\^53"):
            a.counters["n"] = 1 << 60
        fill(a["h"])
    assert a.receipt.committed == 1


def test_counters_that_the_file_refuses(sink: LocalSink) -> None:
    with pytest.raises(ValueError, match=r"U\+001F"), sink.attempt("t") as a:
        a.counters["a\x1fb"] += 1
    assert sink.missing(["t"]) == ["t"]
    assert sink.status()["state"] == "ready"


def test_the_same_work_again(sink: LocalSink, path: Path) -> None:
    for number in range(3):
        with sink.attempt([("f", 0, 10), ("g", 0, 5)]) as a:
            assert a.already == (number > 0)
            fill(a["h"])
        assert a.receipt.committed == (number == 0)
        assert a.receipt.already == (number > 0)
        assert a.receipt.entries == 15
        assert a.receipt.parts == (number == 0), "who has asked sends nothing more"
    with pytest.raises(hugehist.OverlapError), sink.attempt(("f", 5, 15)) as a:
        fill(a["h"])
    sink.close()
    assert total(path) == 20


def test_missing(sink: LocalSink) -> None:
    metadata = {"dataset": "tt", "filename": "f", "treename": "t", "entrystart": 0, "entrystop": 100, "fileuuid": ""}
    for work in (metadata | {"entrystart": 10, "entrystop": 20}, ("f", 5, 6), "t"):
        with sink.attempt(work):
            pass
    assert sink.missing([metadata, ("f", 0, 10), ["t", "u"], ("f", 5, 6)]) == [
        metadata | {"entrystop": 10},
        metadata | {"entrystart": 20},
        ("f", 0, 5),
        ("f", 6, 10),
        "u",
    ]
    assert sink.missing([]) == []


def test_tags(path: Path) -> None:
    with service.open(path, run="v2") as sink, sink.attempt(("f", 0, 1)):
        pass
    with service.open(path) as sink:
        assert sink.missing([("f", 0, 1)]) == [("f", 0, 1)]
    with hugehist.File(path) as file:
        assert list(file.ledger) == [("v2/f", 0, 1)]
    with pytest.raises(TypeError, match="tag of a run"):
        service.open(path, run=2)  # type: ignore[arg-type]
    service.open(path).close()  # it is not locked


def test_the_receipt_commits(sink: LocalSink) -> None:
    with sink.attempt("t") as a:
        fill(a["h"])
        assert a.receipt.committed == 1
        assert a.receipt is a.commit()
        for call in (lambda: fill(a["h"]), lambda: a.merge("h", hist.Hist(*AXES, storage=hist.storage.Weight()))):
            with pytest.raises(ServiceError, match="what is filled now would not count"):
                call()
    assert sink.status()["commits"] == 1


def test_fills_belong_to_an_attempt(sink: LocalSink) -> None:
    with pytest.raises(ServiceError, match="is filled within an attempt"):
        fill(sink["h"])
    with sink.attempt("t"), pytest.raises(ServiceError, match="within an attempt"):  # noqa: PT012
        problems: list[BaseException] = []

        def elsewhere() -> None:
            try:
                fill(sink["h"])
            except ServiceError as problem:
                problems.append(problem)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        raise problems[0]


def test_attempts_within_one_another(sink: LocalSink, path: Path, tmp_path: Path) -> None:
    with service.open(tmp_path / "other.h5", memory="256 MiB") as other:
        other.create("h", *AXES, storage=hist.storage.Weight())
        with sink.attempt("t") as outer:
            with other.attempt("t"):
                fill(sink["h"])
                fill(other["h"])
            with sink.attempt("u") as inner:
                fill(sink["h"])
            fill(sink["h"])
            assert inner.receipt.committed == 1
        assert outer.receipt.committed == 1
    sink.close()
    assert total(path) == 60
    assert total(tmp_path / "other.h5") == 20


def test_merge(sink: LocalSink, path: Path) -> None:
    h: hist.Hist[Any] = hist.Hist(*AXES, storage=hist.storage.Weight())
    h.fill("tt", "up", [0.1, 0.2], weight=3)
    with sink.attempt("t") as a:
        a.merge("h", h)
        a["h"].merge(hugehist.Delta.from_uhi(h))
        virtual = a["h"]
        virtual += h
    with pytest.raises(ValueError, match="storages differ"), sink.attempt("u") as a:
        a.merge("h", hist.Hist(*AXES))
    assert sink.missing(["u"]) == ["u"]
    sink.close()
    assert total(path) == 18


def test_more_than_the_memory(path: Path) -> None:
    """Parts are sent while fills go on, and count as one."""
    rng = np.random.default_rng(1)
    axes = (hist.axis.StrCategory([], growth=True, name="c"), hist.axis.Regular(1000, 0, 1, name="x"))
    wanted: hist.Hist[Any] = hist.Hist(*axes, storage=hist.storage.Weight())
    with service.open(path, memory="24 MiB", threads=1) as sink:
        sink.create("h", *axes, storage=hist.storage.Weight())
        with sink.attempt("t") as a:
            for number in range(300):
                columns = {"c": f"c{number}", "x": rng.random(2000), "weight": rng.integers(0, 9, 2000)}
                wanted.fill(**columns)
                a["h"].fill(**columns)
                assert sum(buffer.nbytes for buffer in a._buffers.values()) <= 3 << 20
            assert sink.missing(["t"]) == ["t"]
        assert a.receipt.parts > 1
        with pytest.raises(ZeroDivisionError), sink.attempt("u") as a:  # noqa: PT012
            for number in range(100):
                a["h"].fill(f"c{number}", rng.random(2000), weight=1)
            raise ZeroDivisionError
        assert len(sink._engine._attempts) == 0
    with hugehist.File(path) as file:
        found = file["h"].to_hist()
        assert list(found.axes["c"]) == list(wanted.axes["c"])
        np.testing.assert_array_equal(found.values(), wanted.values())
        np.testing.assert_array_equal(found.variances(), wanted.variances())


def test_many_threads(sink: LocalSink, path: Path) -> None:
    def work(number: int) -> Receipt:
        with sink.attempt(("f", number // 2, number // 2 + 1)) as a:
            fill(sink["h"], f"d{number % 5}")
            a.counters["n"] += 1
        return a.receipt

    with ThreadPoolExecutor(8) as pool:
        told = sum(pool.map(work, range(200)), Receipt())
    assert (told.committed, told.already, told.entries) == (100, 100, 200)
    sink.close()
    assert total(path) == 100 * 20
    with hugehist.File(path) as file:
        assert file.counters["n"] == 100


def test_create(sink: LocalSink) -> None:
    with pytest.raises(ValueError, match="storage"):
        sink.create("h", *AXES)
    assert sink.create("h", *AXES, storage="weighted").axes == sink["h"].axes
    named = sink.create("i", AXES[2], hist.storage.Int64(), label="Events", expected=[20])
    assert named.axes[0].name == "x"
    assert sink.names() == ["h", "i"]
    with pytest.raises(TypeError, match="unknown options"):
        sink.create("j", *AXES, colour="red")
    with pytest.raises(ValueError, match="grow"):
        sink.create("k", hist.axis.Regular(2, 0, 1, growth=True, name="x"))
    assert sink.names() == ["h", "i"]


def test_receipts_add() -> None:
    one = Receipt(1, 2, 3, 4, 5)
    assert one + one == Receipt(2, 4, 6, 8, 10)
    assert sum([one, one]) == Receipt(2, 4, 6, 8, 10)
    assert one + 0 == one
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(TypeError):
        one + 1  # type: ignore[operator]


def test_what_the_first_opening_says(path: Path) -> None:
    with service.open(path) as sink, pytest.raises(hugehist.LockedError):
        service.open(path)
    assert sink.status()["state"] == "closed"
    with pytest.raises(ServiceError, match="is closed"):
        sink.names()
