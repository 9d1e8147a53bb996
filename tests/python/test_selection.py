"""Indexing, slicing, projecting and scaling, beside boost-histogram and hist; nothing is read before it must."""

from __future__ import annotations

from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
import uhi.tag
from trusted import analysis_axes, category, random_model, same, same_content

RNG = np.random.default_rng(5)


@pytest.fixture
def pair(memory: hugehist.File) -> tuple[hugehist.Histogram, hist.Hist[Any]]:
    axes = [
        hist.axis.StrCategory(["tt", "dy", "ttH"], growth=True, name="dataset"),
        hist.axis.StrCategory(["sr", "cr"], name="category"),
        hist.axis.IntCategory([7, 3, 5], growth=True, name="run"),
        hist.axis.Regular(10, 0, 1, name="x"),
    ]
    model = random_model(axes, "weight")
    memory["h"] = model
    return memory["h"], model


EXPRESSIONS: dict[str, Any] = {
    "dict of names": {"dataset": "tt", "category": sum},
    "dict of numbers": {0: "tt", 1: sum, -1: slice(2, 5)},
    "mixed dict": {"dataset": "dy", 3: 2},
    "ellipsis": ("tt", ...),
    "ellipsis in front": (..., 3),
    "only an ellipsis": ...,
    "all axes": ("tt", "sr", 0, 3),
    "negative": (-1, -1, -1, -1),
    "labels": {"dataset": ["ttH", "tt"], "category": ["cr"]},
    "bins of categories": {"dataset": [2, 0], "run": [-1, 0]},
    "locators in a list": {"run": [bh.loc(5), bh.loc(7)], "dataset": [bh.loc("dy")]},
    "pattern": {"dataset": "tt*"},
    "patterns": {"dataset": ["*H", "d?"]},
    "integer label": {"run": bh.loc(3)},
    "short forms": {"x": slice(0.2j, 0.7j, 2j)},
    "short form with offset": {"x": slice(0.2j + 1, None, None), "run": 3j},
    "loc": {"x": bh.loc(0.35)},
    "loc out of range": {"x": bh.loc(35)},
    "loc with offset": {"x": slice(bh.loc(0.2) + 1, bh.loc(0.9) - 1)},
    "uhi's tags": {"x": slice(uhi.tag.loc(0.2), None, uhi.tag.rebin(3)), "category": sum},
    "underflow": {"x": bh.underflow},
    "overflow": {"x": bh.overflow, "category": bh.overflow},
    "at": {"x": bh.tag.at(-1)},
    "slice": {"x": slice(2, 7)},
    "open slices": {"x": slice(None, 7), "dataset": slice(1, None)},
    "negative slice": {"x": slice(-4, -1)},
    "sum": {"x": sum, "run": sum},
    "sum of a slice": {"x": slice(2, 7, sum), "dataset": slice(0, 2, sum)},
    "sum without flow": {"x": slice(0, len, sum), "category": slice(0, len, sum)},
    "sum with open end": {"x": slice(3, None, sum)},
    "rebin": {"x": slice(None, None, bh.rebin(3))},
    "rebin alone": {"x": bh.rebin(5)},
    "rebin a slice": {"x": slice(1, 8, bh.rebin(3))},
    "rebin by groups": {"x": slice(None, None, bh.rebin(groups=[1, 2, 3, 4]))},
    "rebin by edges": {"x": slice(None, None, bh.rebin(edges=[0, 0.3, 1]))},
    "rebin to an axis": {"x": slice(None, None, bh.rebin(groups=[5, 5], axis=hist.axis.Integer(0, 2, name="x")))},
    "groups of categories": {
        "dataset": slice(None, None, bh.rebin(groups=[2, 1], axis=hist.axis.StrCategory(["a", "b"], name="dataset")))
    },
    "callable": {"x": lambda axis: len(axis) // 2},
    "NumPy integer": {"x": np.int64(3), "dataset": np.uint8(1)},
    "bool": {"category": True},
    "no labels": {"dataset": []},
    "all summed": (sum, sum, sum, sum),
    "summed and picked": (sum, "sr", sum, 3),
}


@pytest.mark.parametrize("name", list(EXPRESSIONS))
def test_expressions(pair: tuple[hugehist.Histogram, hist.Hist[Any]], name: str) -> None:
    h, model = pair
    index = EXPRESSIONS[name]
    theirs = (
        {len(model.axes) + k if isinstance(k, int) and k < 0 else k: v for k, v in index.items()}
        if isinstance(index, dict)
        else index
    )
    same(h[index], model[theirs])


@pytest.mark.parametrize(
    ("index", "kind", "words"),
    [
        (("tt",), IndexError, "4 axes"),
        (("tt", 0, 0, 0, 0), IndexError, "4 axes"),
        ((..., ...), IndexError, "ellipsis"),
        (("tt", 0, 0, 0, 0, ...), IndexError, "too many"),
        ({"y": 0}, ValueError, "'y'"),
        ({"y": 0}, KeyError, "'dataset', 'category', 'run', 'x'"),
        ({4: 0}, IndexError, "4 axes"),
        ({"x": 0, 3: 0}, ValueError, "twice"),
        ({"dataset": "zz"}, KeyError, "histogram 'h', axis 'dataset' has no label 'zz': there are 'tt', 'dy', 'ttH'"),
        ({"dataset": "ttt"}, KeyError, "there are 'tt', 'ttH'"),
        ({"dataset": ["tt", "zz"]}, KeyError, "zz"),
        ({"dataset": "zz*"}, ValueError, "zz"),
        ({"dataset": [0, 0]}, ValueError, "repeats"),
        ({"x": 10}, IndexError, "'x' has 10 bins"),
        ({"x": -11}, IndexError, "'x' has 10 bins"),
        ({"x": [1, 2]}, RuntimeError, "'x'"),
        ({"x": 0.5}, TypeError, "'x'"),
        ({"x": "tt"}, TypeError, "'x'"),
        ({"x": None}, IndexError, "'x'"),
        ({"x": [np.array([1, 2])]}, IndexError, "'x'"),
        ({"x": slice(3, 3)}, IndexError, "'x'"),
        ({"x": slice(None, None, 2)}, IndexError, "'x'"),
        ({"x": slice(None, None, max)}, NotImplementedError, "'x'"),
        ({"x": slice(None, None, 2.5j)}, ValueError, "'x'"),
        ({"x": slice(None, None, bh.rebin(groups=[1, 2]))}, ValueError, "'x'"),
        ({"x": 0.5 + 0.5j}, ValueError, "'x'"),
        ({"x": slice(slice(1), 2)}, TypeError, "'x'"),
        ({"dataset": bh.overflow}, IndexError, "'dataset' has no overflow"),
        ({"dataset": slice(None, None, bh.rebin(2))}, ValueError, "'dataset'"),
    ],
    ids=str,
)
def test_errors(pair: tuple[hugehist.Histogram, hist.Hist[Any]], index: Any, kind: type[Exception], words: str) -> None:
    h, _ = pair
    with pytest.raises(kind, match=words):
        h[index]
    with pytest.raises(kind, match=words):
        h[...][index]


def test_projections(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    for kept in (["x"], ["dataset", "x"], ["x", "dataset"], [3, 0, 1, 2], ["run"]):
        same(h.project(*kept), model.project(*kept))
        same(h.project(*kept, flow=False), model.project(*kept, flow=False))
    view = h.project("x", "run", "dataset")
    expected = model.project("x", "run", "dataset")
    same(view[{"run": sum}], expected[{"run": sum}])
    same(view[0.4j, :, "tt"], expected[0.4j, :, "tt"])
    same(view.project("dataset", "x"), expected.project("dataset", "x"))
    same(h.project(), model.sum(flow=True))
    with pytest.raises(ValueError, match="twice"):
        h.project("x", 3)
    with pytest.raises(KeyError, match="'y'"):
        h.project("y")


def test_content(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    for mine, theirs in (
        (h, model),
        (h[{"x": slice(2, 7)}], model[{"x": slice(2, 7)}]),
        (h.project("x", "run"), model.project("x", "run")),
    ):
        for flow in (False, True):
            np.testing.assert_array_equal(mine.values(flow), theirs.values(flow))
            np.testing.assert_array_equal(mine.variances(flow=flow), theirs.variances(flow=flow))
            np.testing.assert_array_equal(mine.counts(flow), theirs.counts(flow))
            np.testing.assert_array_equal(mine.view(flow), theirs.view(flow))
            assert mine.sum(flow) == theirs.sum(flow)
            assert mine.view(flow).dtype == theirs.view(flow).dtype
        assert type(mine.view()) is type(theirs.view())
        assert not mine.view().flags.writeable
        assert mine.shape == theirs.shape
        assert mine.ndim == theirs.ndim
        assert mine.size == theirs.size
        assert mine.kind == theirs.kind
        assert mine.storage_type.__name__ == theirs.storage_type.__name__
        same(mine.to_hist(), theirs)
        assert isinstance(mine.to_hist(), hist.Hist)
        same(hist.Hist(mine.to_boost()), theirs)
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))
        assert mine == theirs
        assert mine == mine.to_boost()
        assert mine == mine[...]
    assert h != h[{"x": sum}]
    assert h != h.scale("x", 2)
    assert h.axes["x"] == model.axes["x"]
    assert h.axes.name == model.axes.name
    assert h.axes[0].name == "dataset"


@pytest.mark.parametrize("storage", ["int64", "double", "weight"])
def test_one_bin(memory: hugehist.File, storage: str) -> None:
    model = random_model([hist.axis.Regular(3, 0, 1)], storage)
    memory["h"] = model
    for index in (0, -1, bh.underflow, bh.overflow, sum):
        assert memory["h"][index] == model[index]
    assert isinstance(memory["h"][0], bh.accumulators.WeightedSum if storage == "weight" else int | float)


def test_scaling(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    scaled = h.scale("dataset", {"tt": 0.5, "ttH": -3.0})
    factors = np.array([0.5, 1.0, -3.0]).reshape(3, 1, 1, 1)
    np.testing.assert_array_equal(scaled.values(flow=True), model.values(flow=True) * factors)
    np.testing.assert_array_equal(scaled.variances(flow=True), model.variances(flow=True) * factors**2)
    part = scaled[{"dataset": ["ttH", "tt"], "category": sum, "run": sum}]
    expected = model[{"category": sum, "run": sum}]
    np.testing.assert_array_equal(part.values(), expected.values()[[2, 0]] * np.array([[-3.0], [0.5]]))
    twice = scaled.project("dataset", "x").scale("dataset", {"tt": 4}).scale("x", np.arange(10.0))
    whole = model.project("dataset", "x").values() * np.array([[2.0], [1.0], [-3.0]]) * np.arange(10.0)
    np.testing.assert_array_equal(twice.values(), whole)
    np.testing.assert_array_equal(h.scale("x", 2).values(flow=True), 2 * model.values(flow=True))
    np.testing.assert_array_equal(
        h.scale("x", np.arange(12.0)).values(flow=True), np.arange(12.0) * model.values(flow=True)
    )
    assert (
        h.scale("run", {7: 2.0}).sum(flow=True).value
        == model.sum(flow=True).value + model[:, :, 0, :].sum(flow=True).value
    )
    for which, given_, kind in (
        ("dataset", {"zz": 1.0}, KeyError),
        ("x", {0: 1.0}, TypeError),
        ("x", [1.0, 2.0], ValueError),
        ("y", 2.0, KeyError),
    ):
        with pytest.raises(kind, match=which):
            h.scale(which, given_)
    for given_ in ("a", ["a"], {"tt": None}, lambda label: 2, [[1], [1, 2]]):
        with pytest.raises(TypeError, match="histogram 'h': factors are"):
            h.scale("dataset", given_)


def test_views_follow_the_histogram(memory: hugehist.File) -> None:
    h = memory.create("h", *analysis_axes())
    everything, summed = h.project("dataset", "x"), h[{"dataset": sum}].project("x")
    h.fill(dataset="a", category="b", systematic="c", x=0.5)
    one = h[{"dataset": "a"}].project("x")
    scaled = h.scale("dataset", {"a": 2.0}).project("x")
    h.fill(dataset="b", category="b", systematic="c", x=[0.5, 0.6])
    assert everything.values().sum(axis=1).tolist() == [1, 2]
    assert list(everything.axes["dataset"]) == ["a", "b"]
    assert summed.sum() == 3
    assert one.sum() == 1
    assert scaled.sum() == 4


def test_a_view_keeps_the_index_it_was_made_with(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    labels = ["tt"]
    index = {"dataset": labels}
    view = h[index]
    labels[0] = "dy"
    index["category"] = [0]
    h.grow("dataset", ["more"])
    same_content(view, model[{"dataset": ["tt"]}])


def test_nothing_is_read_before_content_is_asked_for(path: Any) -> None:
    with hugehist.File(path, "w") as file:
        file["h"] = random_model(
            [hist.axis.StrCategory(list("abcd"), growth=True, name="c"), hist.axis.Regular(1000, 0, 1, name="x")],
            "weight",
        )
    with hugehist.File(path) as file:
        h = file["h"]
        view = h[{"c": ["a", "c"], "x": slice(None, None, hist.rebin(10))}].project("x").scale("x", 2)
        _ = repr(file), repr(h), repr(view), len(file), h.axes, view.axes, view.shape, view.storage_type, list(file)
        with pytest.raises(KeyError):
            h["zz", :]
        assert (h == h[{"c": sum}]) is False
        assert file.stats()["chunks_read"] == 0
        view.values()
        assert file.stats()["chunks_read"] > 0


def test_empty_histograms(memory: hugehist.File) -> None:
    h = memory.create("h", *analysis_axes(), storage="weight")
    assert h.values().shape == (0, 0, 0, 10)
    assert h.sum() == bh.accumulators.WeightedSum()
    assert h.project("x").values().tolist() == [0] * 10
    assert h.to_hist().sum(flow=True) == bh.accumulators.WeightedSum()
    assert h[{"dataset": sum, "category": sum, "systematic": sum, "x": 3}] == bh.accumulators.WeightedSum()
    with pytest.raises(KeyError, match="'dataset'"):
        h[{"dataset": "a"}]


def test_plotting_takes_views(memory: hugehist.File) -> None:
    mplhep = pytest.importorskip("mplhep")
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    memory["h"] = random_model([category("c"), hist.axis.Regular(10, 0, 1, name="x")], "weight")
    mplhep.histplot(memory["h"].project("x"))
