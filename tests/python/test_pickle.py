"""Handles pickle by the path of their file, and read there in other processes."""

from __future__ import annotations

import copy
import gc
import io
import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from trusted import analysis_axes, category, same_content

RNG = np.random.default_rng(3)
VIEWS: list[Any] = [
    lambda h: h,
    lambda h: h["tt", sum, "up", 0.2j:0.8j:2j],
    lambda h: h[{"dataset": ["ww", "tt"], "x": slice(hist.loc(0.2), None, hist.rebin(2))}],
    lambda h: h[{"dataset": "*w", "category": bh.loc("sr"), "x": slice(0, len, sum)}],
    lambda h: h.project("x", "dataset"),
    lambda h: h.scale("dataset", {"tt": 0.5})[{"systematic": sum}].scale("x", np.arange(12.0)).project("x"),
    lambda h: h[..., hist.rebin(edges=[0, 0.3, 1])],
    lambda h: h.group("dataset", {"top": "t*", "rest": ...})["rest", ...] * 2 / 3,
    lambda h: h.rename("dataset", str.upper).drop("category", ["cr"]).sort("dataset", key=str.lower).T,
]


@pytest.fixture
def analysis(path: Path) -> Path:
    with hugehist.File(path, "w") as file:
        h = file.create("dir/h", *analysis_axes(), storage="weight")
        for dataset in ("tt", "ww"):
            for region in ("sr", "cr"):
                h.fill(
                    dataset=dataset,
                    category=region,
                    systematic=["nominal", "up"],
                    x=RNG.random(200),
                    weight=RNG.random((200, 2)),
                )
    return path


@pytest.mark.parametrize("make", VIEWS)
def test_what_comes_back_reads_the_same(analysis: Path, make: Any) -> None:
    with hugehist.File(analysis, memory="16 MiB", threads=1) as file:
        view = make(file["dir/h"])
        again = pickle.loads(pickle.dumps(view))
        assert type(again) is type(view)
        assert again.name == "dir/h"
        assert again.axes == view.axes
        same_content(again, view.to_hist())
        assert len(pickle.dumps(view)) < 1200
    same_content(again, make(hugehist.File(analysis)["dir/h"]))  # the file that it came from is closed: it has its own


def read(view: Any) -> tuple[int, Any]:
    return os.getpid(), view.values()


def test_processes_read_in_parallel(analysis: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(analysis.parent)
    with hugehist.File(analysis.name, threads=1) as file:
        views = [file["dir/h"][{"dataset": d, "x": slice(i, i + 1)}] for d in ("tt", "ww") for i in range(10)]
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            answers = list(pool.map(read, views))
        for view, (process, values) in zip(views, answers, strict=True):
            assert process != os.getpid()
            np.testing.assert_array_equal(values, view.values())


def test_forked_children_open_their_own(analysis: Path) -> None:
    with hugehist.File(analysis, threads=1) as file:
        view = file["dir/h"].project("x")
        pickle.loads(pickle.dumps(view)).values()  # this process has opened it for a pickle already
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for _, values in pool.map(read, [view] * 4):
                np.testing.assert_array_equal(values, view.values())


def test_pickles_share_one_open_file(analysis: Path) -> None:
    from hugehist.home import _reopened

    with hugehist.File(analysis) as file:
        pickles = [pickle.dumps(file["dir/h"]), pickle.dumps(file["dir/h"].project("x"))]
    gc.collect()
    assert len(_reopened) == 0
    first, second = map(pickle.loads, pickles)
    assert first._source.home is second._source.home
    del first, second
    gc.collect()
    assert len(_reopened) == 0
    with hugehist.File(analysis, "r+") as file:  # nobody holds it any more
        file["dir/h"] += file["dir/h"].to_hist()
    doubled = pickle.loads(pickles[1])
    with hugehist.File(analysis) as file:
        same_content(doubled, file["dir/h"].project("x").to_hist())


def test_reopened_for_reading_only(analysis: Path) -> None:
    with hugehist.File(analysis) as file:
        h = pickle.loads(pickle.dumps(file["dir/h"]))
    with pytest.raises(hugehist.Error, match="reading only"):
        h.fill("tt", "sr", "up", 0.5)


def test_uncommitted_changes_are_refused(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        h = file.create("h", category("c"))
        with pytest.raises(ValueError, match=r"commit\(\)"):
            pickle.dumps(h)
        file.commit()
        pickle.dumps(h)
        h.fill(["a"])
        with pytest.raises(ValueError, match=r"commit\(\)"):
            pickle.dumps(h[:])
        file.commit()
        h.merge(h.to_hist())
        with pytest.raises(ValueError, match=r"commit\(\)"):
            pickle.dumps(h[:])
        file.discard()
        pickled = pickle.dumps(file["h"][:])
    assert pickle.loads(pickled).sum() == 1


@pytest.mark.parametrize("open_file", [hugehist.File.in_memory, lambda: hugehist.File(io.BytesIO())])
def test_files_in_memory_are_refused(open_file: Any) -> None:
    with open_file() as file:
        h = file.create("h", category("c")).fill(["a"])
        file.commit()
        for what in (h, h[:]):
            with pytest.raises(TypeError, match="no other process can open"):
                pickle.dumps(what)


def test_a_removed_histogram_is_not_taken_for_its_successor(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        old = file.create("h", hist.axis.Regular(5, 0, 1, name="x"))
        view = old[:2]
        file.commit()
        del file["h"]
        file.create("h", hist.axis.Regular(5, 0, 2, name="x"))
        file.commit()
        for handle in (old, view):
            with pytest.raises(KeyError, match="this handle is void"):
                pickle.dumps(handle)
        assert pickle.dumps(file["h"])


def test_handles_are_not_copied(analysis: Path) -> None:
    with hugehist.File(analysis) as file:
        for what in (file["dir/h"], file["dir/h"][...]):
            for use in (copy.copy, copy.deepcopy):
                with pytest.raises(TypeError, match="handle"):
                    use(what)


def test_what_is_gone_says_so(analysis: Path) -> None:
    with hugehist.File(analysis) as file:
        h = file["dir/h"]
        pickled = pickle.dumps(h)
    with pytest.raises(ValueError, match="closed"):
        pickle.dumps(h)
    with hugehist.File(analysis, "r+") as file:
        del file["dir/h"]
    with pytest.raises(KeyError, match="dir/h"):
        pickle.loads(pickled)
    analysis.unlink()
    with pytest.raises(FileNotFoundError):
        pickle.loads(pickled)


def test_what_python_cannot_pickle_is_python_s_error(analysis: Path) -> None:
    with hugehist.File(analysis) as file:
        view = file["dir/h"][..., lambda axis: 3]
        assert view.ndim == 3
        with pytest.raises((pickle.PicklingError, AttributeError)):
            pickle.dumps(view)
