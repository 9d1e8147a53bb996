"""What fills take, and that they give the bins that boost-histogram gives."""

from __future__ import annotations

from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trusted import AXES, analysis_axes, category, is_labelled, same_content

RNG = np.random.default_rng(7)
SYSTEMATICS = ["nominal", "up", "down"]


def analysis(file: hugehist.File, storage: Any = "weight") -> hugehist.Histogram:
    return file.create("h", *analysis_axes(), storage=storage)


def loop(model: Any, labels: list[str], category: dict[str, Any], x: Any, weight: Any) -> None:
    """The trusted way: one hist fill for each category and systematic."""
    for name, mask in category.items():
        for i, label in enumerate(labels):
            chosen = mask[:, i] if mask.ndim == 2 else mask
            values = x[:, i] if x.ndim == 2 else x
            model.fill(dataset="tt", category=name, systematic=label, x=values[chosen], weight=weight[chosen, i])


def test_many_weights_and_masks(file: hugehist.File) -> None:
    h = analysis(file)
    model = hist.Hist(*analysis_axes(), storage=hist.storage.Weight())
    for events in (1000, 3, 0, 1):
        x, weight = RNG.uniform(-0.2, 1.2, events), RNG.integers(1, 9, (events, 3)) / 4
        masks = {"sr": x > 0.5, "cr": x < 0.7}
        h.fill(dataset="tt", category=masks, systematic=SYSTEMATICS, x=x, weight=weight)
        loop(model, SYSTEMATICS, masks, x, weight)
    same_content(h.to_hist(), model)


def test_shape_variations(memory: hugehist.File) -> None:
    h = analysis(memory)
    model = hist.Hist(*analysis_axes(), storage=hist.storage.Weight())
    x, weight = RNG.uniform(-0.2, 1.2, (500, 2)), RNG.integers(1, 9, (500, 2)) / 4
    masks = {"sr": x > 0.5, "cr": x[:, 0] < 0.7}
    h.fill(dataset="tt", category=masks, systematic=["up", "down"], x=x, weight=weight)
    loop(model, ["up", "down"], masks, x, weight)
    one = weight[:, 0]
    h.fill(dataset="tt", category=masks, systematic=["up", "down"], x=x, weight=one)
    loop(model, ["up", "down"], masks, x, np.stack([one, one], axis=1))
    same_content(h.to_hist(), model)


def test_strided_weights_are_taken_as_they_are(memory: hugehist.File) -> None:
    h = analysis(memory)
    model = hist.Hist(*analysis_axes(), storage=hist.storage.Weight())
    x = RNG.uniform(0, 1, 600)[::-2]
    masks = {"sr": np.repeat(x > 0.5, 2)[::2]}
    weight = np.asfortranarray(RNG.integers(1, 9, (300, 3)) / 4)
    h.fill(dataset="tt", category=masks, systematic=SYSTEMATICS, x=x, weight=weight)
    h.fill(dataset="tt", category=masks, systematic=SYSTEMATICS, x=x, weight=weight[:, ::-1])
    constant = np.broadcast_to(weight[:, :1], (300, 3))
    h.fill(dataset="tt", category=masks, systematic=SYSTEMATICS, x=x, weight=constant)
    for each in (weight, weight[:, ::-1], constant):
        loop(model, SYSTEMATICS, masks, x, each)
    same_content(h.to_hist(), model)


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f8", "i8", "i4", "i2", "u1", "u4", "u8", "?"])
def test_dtypes_of_observables_and_weights(memory: hugehist.File, dtype: str) -> None:
    values = RNG.integers(0, 2 if dtype == "?" else 5, 100).astype(dtype)
    axis = hist.axis.Regular(4, 0, 4, name="x")
    h = memory.create("h", axis, storage="weight").fill(x=values, weight=values)
    native = values.astype(np.float64)
    same_content(h, hist.Hist(axis, storage="weight").fill(x=native, weight=native))


def test_unaligned_arrays(memory: hugehist.File) -> None:
    rows = np.zeros(10, dtype=np.dtype([("flag", "i1"), ("x", "f8")]))
    rows["x"] = np.arange(10)
    axis = hist.axis.Regular(4, 0, 4)
    h = memory.create("h", axis).fill(rows["x"])
    same_content(h, hist.Hist(axis).fill(rows["x"]))


@pytest.mark.parametrize("threads", [None, 0, 1, 2, 5])
def test_threads_give_the_same(memory: hugehist.File, threads: int | None) -> None:
    x, weight = RNG.uniform(0, 1, 20_000), RNG.integers(1, 9, 20_000) / 4
    axis = hist.axis.Regular(10, 0, 1)
    h = memory.create("h", axis, storage="weight").fill(x, weight=weight, threads=threads)
    same_content(h, hist.Hist(axis, storage="weight").fill(x, weight=weight))


# --- labels ----------------------------------------------------------------------------------------------

LABELS = ["tt", "dy", "ttH_ä", "tt"]


def label_columns() -> dict[str, Any]:
    ak, pd, pa = (pytest.importorskip(name) for name in ("awkward", "pandas", "pyarrow"))
    return {
        "list": LABELS,
        "tuple": tuple(LABELS),
        "U": np.array(LABELS),
        ">U": np.array(LABELS).astype(">U9"),
        "strided": np.repeat(LABELS, 2)[::2],
        "S": np.array([label.encode() for label in LABELS]),
        "object": np.array(LABELS, dtype=object),
        "codes": (["dy", "tt", "ttH_ä"], np.array([1, 0, 2, 1])),
        "int8 codes": (["dy", "tt", "ttH_ä"], np.array([1, 0, 2, 1], "i1")),
        "Categorical": pd.Categorical(LABELS),
        "categorical Series": pd.Series(LABELS, dtype="category"),
        "Series": pd.Series(LABELS),
        "Index": pd.CategoricalIndex(LABELS),
        "Arrow": pa.array(LABELS),
        "Arrow dictionary": pa.array(LABELS).dictionary_encode(),
        "Arrow chunks": pa.chunked_array([LABELS[:1], LABELS[1:]]),
        "awkward": ak.Array(LABELS),
        "awkward categorical": ak.str.to_categorical(ak.Array(LABELS)),
    }


@pytest.mark.parametrize("kind", list(label_columns()))
def test_columns_of_labels(memory: hugehist.File, kind: str) -> None:
    axes = category("dataset"), hist.axis.Integer(0, 4, name="i")
    h = memory.create("h", *axes, storage="int64").fill(dataset=label_columns()[kind], i=np.arange(4))
    same_content(h, hist.Hist(*axes, storage="int64").fill(dataset=LABELS, i=np.arange(4)))


@pytest.mark.parametrize(
    "column", [7, np.int32(7), [7, 7], np.array([7, 7], "u2"), (7, 7), ([1, 7], [1, 1]), {7: np.array([True, True])}]
)
def test_integer_labels(memory: hugehist.File, column: Any) -> None:
    axes = hist.axis.IntCategory([], growth=True, name="run"), hist.axis.Integer(0, 2, name="i")
    h = memory.create("h", *axes, storage="int64").fill(run=column, i=[0, 1])
    assert h.axes["run"].bin(list(h.axes["run"]).index(7)) == 7
    assert h[{"run": hist.loc(7)}].values().tolist() == [1, 1]


def test_labels_exist_where_they_are_named(memory: hugehist.File) -> None:
    h = analysis(memory)
    nothing = np.empty(0)
    h.fill(dataset="a", category={"b": nothing.astype(bool)}, systematic=["c", "d"], x=nothing, weight=np.empty((0, 2)))
    assert [list(axis) for axis in h.axes[:3]] == [["a"], ["b"], ["c", "d"]]
    assert h.sum().value == 0


def test_lists_are_labels_of_events_unless_an_array_is_wide(memory: hugehist.File) -> None:
    h = analysis(memory, "double")
    h.fill(dataset="a", category="b", systematic=["up", "down"], x=[0.1, 0.2])
    assert h[{"systematic": "up"}].sum() == 1
    h.fill(dataset="a", category="b", systematic=["up", "down"], x=[0.1, 0.2], weight=np.ones((2, 2)))
    assert h[{"systematic": "up"}].sum() == 3


def test_two_candidates_for_variations(memory: hugehist.File) -> None:
    h = analysis(memory, "double")
    columns: dict[str, Any] = {"dataset": ["a", "b"], "category": "c", "x": [0.1, 0.2], "weight": np.ones((2, 2))}
    with pytest.raises(ValueError, match="'dataset' and axis 'systematic'"):
        h.fill(systematic=["up", "down"], **columns)
    h.fill(systematic=hugehist.variations(["up", "down"]), **columns)
    assert h[{"dataset": "a"}].project("systematic").values().tolist() == [1, 1]


def test_one_variation(memory: hugehist.File) -> None:
    h = analysis(memory, "double")
    h.fill(dataset="a", category="b", systematic=["nominal"], x=[0.1, 0.2, 0.3], weight=np.ones((3, 1)))
    assert h.project("systematic").values().tolist() == [3]


def test_variations_without_wide_arrays(memory: hugehist.File) -> None:
    h = analysis(memory, "double")
    h.fill(dataset="a", category="b", systematic=hugehist.variations(["up", "down"]), x=[0.1, 0.2, 0.3])
    assert h.project("systematic").values().tolist() == [3, 3]


def test_many_labels(memory: hugehist.File) -> None:
    labels = np.array([f"label_{i}" for i in range(100_000)])
    h = memory.create("h", category("c"), hist.axis.Integer(0, 2, name="i"), storage="int64")
    h.fill(c=labels, i=np.zeros(100_000, int))
    assert len(h.axes["c"]) == 100_000
    assert h[{"i": 0}].values().tolist() == [1] * 100_000


# --- against boost-histogram -----------------------------------------------------------------------------


@st.composite
def column(draw: st.DrawFn, axis: Any, events: int) -> Any:
    if isinstance(axis, bh.axis.StrCategory):
        elements: Any = st.sampled_from(["a", "b", "d"] if axis.traits.overflow is False else ["a", "b", "zz", "ä€"])
        return np.array(draw(st.lists(elements, min_size=events, max_size=events)), dtype="U")
    if isinstance(axis, bh.axis.IntCategory):
        return np.array(draw(st.lists(st.integers(-7, 8), min_size=events, max_size=events)), dtype=np.int64)
    if isinstance(axis, bh.axis.Boolean):
        return np.array(draw(st.lists(st.booleans(), min_size=events, max_size=events)), dtype=bool)
    if isinstance(axis, bh.axis.Integer):
        return np.array(draw(st.lists(st.integers(-3, 9), min_size=events, max_size=events)), dtype=np.int64)
    edges = [float(edge) for edge in axis.edges]
    special = [*edges, np.nan, np.inf, -np.inf, -0.0, *np.nextafter(edges, -np.inf), *np.nextafter(edges, np.inf)]
    elements = st.one_of(st.sampled_from(special), st.floats(-3, 12))
    return np.array(draw(st.lists(elements, min_size=events, max_size=events)), dtype=np.float64)


@given(data=st.data(), axes=st.lists(st.sampled_from(AXES), min_size=1, max_size=3))
def test_any_axes_as_boost_histogram_fills_them(data: st.DataObject, axes: list[Any]) -> None:
    storage = data.draw(st.sampled_from(["Int64", "Double", "Weight"]))
    model = hist.Hist(*axes, storage=getattr(hist.storage, storage)())
    with hugehist.File.in_memory(memory="16 MiB", threads=1) as file:
        h = file.create("h", *axes, storage=storage)
        for _ in range(data.draw(st.integers(1, 3))):
            events = data.draw(st.integers(0, 12))
            columns = [data.draw(column(axis, events)) for axis in axes]
            if any(is_labelled(a) and not a.traits.growth and not a.traits.overflow for a in axes):
                for i, axis in enumerate(axes):
                    if isinstance(axis, bh.axis.StrCategory) and not axis.traits.growth:
                        columns[i] = np.array(list(axis))[np.arange(events) % len(axis)]
            weight = None
            if storage != "Int64" and data.draw(st.booleans()):
                weight = np.array(data.draw(st.lists(st.integers(-8, 8), min_size=events, max_size=events))) / 4
            h.fill(*columns, weight=weight)
            model.fill(*columns, weight=weight)
        same_content(h, model)
        ours, theirs = h.variances(flow=True), model.variances(flow=True)
        assert (ours is None) == (theirs is None)
        if theirs is not None and not any(map(is_labelled, axes)):
            np.testing.assert_array_equal(ours, theirs)


def test_a_denormal_below_a_circle_is_dropped_as_in_boost_histogram() -> None:
    axes = (hist.axis.Regular(6, 0, 6), hist.axis.Variable([0, 1, 2, 3, 7], circular=True))
    with hugehist.File.in_memory() as file:
        h = file.create("h", *axes, storage=hist.storage.Int64())
        h.fill([0.0], [-5e-324])
        model = hist.Hist(*axes, storage=hist.storage.Int64()).fill([0.0], [-5e-324])
        assert np.array_equal(h.values(flow=True), model.values(flow=True))
