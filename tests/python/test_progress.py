"""Long reads and merges: progress is told, and Ctrl-C stops them, without a trace and without a deadlock."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from trusted import category

ROWS, BINS = 4000, 510
MODEL = hist.Hist(
    hist.axis.StrCategory([f"c{i}" for i in range(ROWS)], growth=True, name="c"),
    hist.axis.Regular(BINS, 0, 1, name="x"),
    storage="double",
)
MODEL.view(flow=True)[...] = np.random.default_rng(5).random((ROWS, BINS + 2))


@pytest.fixture(params=["8 MiB", "256 MiB"], ids=["evicting", "pinned"])
def file(request: pytest.FixtureRequest, path: Any) -> Iterator[hugehist.File]:
    """Many small chunks, so that a read and a merge take a while; they fit in the cache, or do not."""
    with hugehist.File(path, "w", memory=request.param, threads=2) as opened:
        opened.create("h", category("c"), MODEL.axes[1], storage="double", chunks=[1, 32])
        yield opened


@contextmanager
def on_interrupt(handler: Callable[..., None]) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interrupting(after: float = 0.03) -> Iterator[None]:
    """Ctrl-C, some time from now."""
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.join()


def test_fractions_are_told(file: hugehist.File) -> None:
    told: list[float] = []
    file.progress = told.append
    file["h"].merge(MODEL)
    assert told == sorted(told)
    assert told[-1] == 1.0
    merging = len(told)
    np.testing.assert_array_equal(file["h"].values(flow=True), MODEL.values(flow=True))
    reading = told[merging:]
    assert reading == sorted(reading)
    assert reading[-1] == 1.0
    assert min(told) > 0.0
    assert max(told) == 1.0


def test_parts_of_a_merge_are_one_whole(file: hugehist.File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hugehist.uhi.PART_BYTES", MODEL.size)
    told: list[float] = []
    with hugehist.File.in_memory(progress=told.append) as other:
        other["h"] = MODEL
        assert told[-1] == 1.0
        told.clear()
        other["again"] = other["h"]
        # One sequence for the merge, with a read of each part between.
        assert told.count(1.0) >= 8
        assert told[-1] == pytest.approx(1.0)
        np.testing.assert_array_equal(other["again"].values(), MODEL.values())


def test_an_interrupt_stops_a_read(file: hugehist.File) -> None:
    file["h"].merge(MODEL)
    told: list[float] = []

    def tell(fraction: float) -> None:
        told.append(fraction)
        signal.raise_signal(signal.SIGINT)

    file.progress = tell
    with pytest.raises(KeyboardInterrupt):
        file["h"].values()
    assert len(told) == 1
    file.progress = False
    np.testing.assert_array_equal(file["h"].values(), MODEL.values())


def test_a_signal_from_outside_stops_a_read(file: hugehist.File) -> None:
    file["h"].merge(MODEL)

    def read_on() -> None:
        for _ in range(100):
            file["h"].values()

    with interrupting(), pytest.raises(KeyboardInterrupt):
        read_on()
    np.testing.assert_array_equal(file["h"].values(), MODEL.values())


def test_an_interrupted_merge_leaves_no_trace(file: hugehist.File) -> None:
    h = file["h"]
    h.merge(MODEL[{"c": slice(0, 20)}])
    before = h.to_hist()
    told: list[float] = []

    def tell(fraction: float) -> None:
        told.append(fraction)
        raise KeyboardInterrupt

    file.progress = tell
    with pytest.raises(KeyboardInterrupt):
        h.merge(MODEL, id="stopped")
    file.progress = False
    assert told[0] < 1.0, "the merge was over before it could be stopped"
    assert "stopped" not in file.ledger
    assert h == before
    assert h.merge(MODEL, id="stopped")
    file.commit()
    np.testing.assert_array_equal(h.values()[20:], MODEL.values()[20:])
    np.testing.assert_array_equal(h.values()[:20], 2 * MODEL.values()[:20])


def test_an_interrupt_leaves_whole_fills_and_commits(path: Any) -> None:
    """They are not stopped: it comes when they have returned."""
    x = np.random.default_rng(6).random(1_000_000)

    def fill_on(f: hugehist.File) -> None:
        while True:
            f["h"].fill(x)
            f.commit()

    with hugehist.File(path, "w") as f:
        f.create("h", MODEL.axes[1], storage="int64")
        for i in range(5):
            with pytest.raises(KeyboardInterrupt), interrupting(0.03 + 0.011 * i):
                fill_on(f)
            assert f["h"].sum() % x.size == 0
        f.discard()
        filled = f["h"].sum()
        assert filled % x.size == 0
    with hugehist.File(path) as f:
        assert f["h"].sum() == filled > 0


def test_handlers_and_reports_may_use_the_file(file: hugehist.File) -> None:
    h = file["h"]
    seen: list[Any] = []

    def use(*_: Any) -> None:
        seen.append((len(file), file.stats()["merges"], h.axes[0].size, repr(h)))

    file.progress = use
    with on_interrupt(use), interrupting():
        h.merge(MODEL)
        np.testing.assert_array_equal(h.values(), MODEL.values())
    assert len(seen) >= 3
    file.progress = False


def test_other_threads_are_not_held_up_by_reports(file: hugehist.File) -> None:
    file["h"].merge(MODEL)
    file.progress = lambda fraction: None
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(file["h"].values())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        np.testing.assert_array_equal(answer, MODEL.values())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("terminal", [True, False])
def test_bars_are_for_terminals(file: hugehist.File, monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    pytest.importorskip("tqdm")
    monkeypatch.setattr("hugehist.progress._DELAY", 0.0)
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    file.progress = True
    file["h"].merge(MODEL)
    file["h"].values()
    text = stream.getvalue()
    assert ("merging into histogram 'h'" in text) is terminal
    assert ("reading histogram 'h'" in text) is terminal


def test_progress_without_tqdm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        hugehist.File.in_memory(progress=True)
    with pytest.raises(TypeError, match="progress="):
        hugehist.File.in_memory(progress="yes")  # type: ignore[arg-type]
