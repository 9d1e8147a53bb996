"""Categories grouped, renamed, dropped, reordered and sorted, alone and composed with everything else."""

from __future__ import annotations

import pickle
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trusted import category, random_model, same_content

DATASETS = ["WW", "ttA", "WZ", "ttB", "ZZ"]


@pytest.fixture
def pair(memory: hugehist.File) -> tuple[hugehist.Histogram, hist.Hist[Any]]:
    axes = (
        category("dataset", DATASETS),
        hist.axis.IntCategory([7, 3, 5], name="run"),
        hist.axis.Regular(4, 0, 1, name="x"),
    )
    model = random_model(axes, "weight")
    memory["h"] = model
    return memory["h"], model


def regrouped(model: hist.Hist[Any], which: int, groups: dict[Any, list[Any]], new: Any = None) -> hist.Hist[Any]:
    """What a regrouping means, in memory: labels of `groups` in their order, each the sum of old labels."""
    axis = model.axes[which]
    if new is None:
        flow = {"growth": True} if axis.traits.growth else {"overflow": axis.traits.overflow}
        new = type(axis)(list(groups), name=axis.name, **flow)
    axes = [new if i == which else each for i, each in enumerate(model.axes)]
    result = hist.Hist(*axes, storage=model.storage)
    source, target = (np.moveaxis(h.view(flow=True), which, 0) for h in (model, result))
    labels = list(axis)
    for bin, members in enumerate(groups.values()):
        for label in members:
            target[bin] = target[bin] + source[labels.index(label)]
    if axis.traits.overflow:
        target[-1] = source[-1]
    return result


def same(mine: Any, theirs: Any, **tolerance: float) -> None:
    for a, b in zip(mine.axes, theirs.axes, strict=True):
        if isinstance(b, bh.axis.StrCategory | bh.axis.IntCategory):
            assert list(a) == list(b)
        assert a.name == b.name
    same_content(mine, theirs, **tolerance)


def test_groups(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    diboson = ["WW", "WZ", "ZZ"]
    vv = {"VV": diboson, "ttA": ["ttA"], "ttB": ["ttB"]}
    same(h.group("dataset", {"VV": diboson}), regrouped(model, 0, vv))
    same(h.group(0, {"VV": {"WW", "WZ", "ZZ"}}), regrouped(model, 0, vv))
    same(h.group("dataset", {"VV": ["W?", "ZZ"]}), regrouped(model, 0, vv))
    same(
        h.group("dataset", {"top": "tt*", "VV": "?[WZ]", "WW": ["WW"]} | {"VV": ["WZ", "ZZ"]}),
        regrouped(model, 0, {"top": ["ttA", "ttB"], "VV": ["WZ", "ZZ"], "WW": ["WW"]}),
    )
    same(
        h.group("dataset", {"other": ..., "WW": "WW"}),
        regrouped(model, 0, {"other": ["ttA", "WZ", "ttB", "ZZ"], "WW": ["WW"]}),
    )
    same(h.group("dataset", {"all": "*", "none": ...}), regrouped(model, 0, {"all": DATASETS, "none": []}))
    same(h.group("run", {1: [7, 5]}), regrouped(model, 1, {1: [7, 5], 3: [3]}))
    eras = hist.axis.StrCategory(["A", "5"], name="run", overflow=True)
    same(h.group("run", {"A": [7, 3]}), regrouped(model, 1, {"A": [7, 3], "5": [5]}, eras))


def test_other_labels(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    same(h.rename("dataset", {"WW": "ww"}), regrouped(model, 0, {{"WW": "ww"}.get(d, d): [d] for d in DATASETS}))
    same(h.rename("dataset", str.lower), regrouped(model, 0, {d.lower(): [d] for d in DATASETS}))
    same(h.rename("dataset", {"WW": "ZZ", "ZZ": "WW"}).drop("dataset", "tt*"), regrouped(
        model, 0, {"ZZ": ["WW"], "WZ": ["WZ"], "WW": ["ZZ"]}
    ))  # fmt: skip
    same(h.drop("dataset", ["WZ", "tt?"]), regrouped(model, 0, {"WW": ["WW"], "ZZ": ["ZZ"]}))
    same(h.drop("run", 3), regrouped(model, 1, {7: [7], 5: [5]}))
    same(h.drop("dataset", []), model)
    same(h.reorder("dataset", ["ZZ", "tt*"]), regrouped(model, 0, {d: [d] for d in ["ZZ", "ttA", "ttB", "WW", "WZ"]}))
    same(h.sort("dataset"), model.sort("dataset"))
    same(h.sort("dataset", reverse=True), model.sort("dataset", reverse=True))
    same(h.sort("run", key=lambda run: -run), model.sort("run", key=lambda run: -run))
    assert h.drop("dataset", "*").values().shape == (0, 3, 4)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda h: h.group("x", {"a": []}), TypeError, "'x' is not a category axis"),
        (lambda h: h.group("y", {"a": []}), KeyError, "'y'"),
        (lambda h: h.group("dataset", {"a": "zz"}), KeyError, "'dataset' has no label 'zz'"),
        (lambda h: h.group("dataset", {"a": "zz*"}), ValueError, "zz"),
        (lambda h: h.group("dataset", {"a": "WW", "b": "W*"}), ValueError, "two groups, 'a' and 'b'"),
        (lambda h: h.group("dataset", {"a": ["WW", "WW*", "ZZ"], "b": ..., "c": ...}), ValueError, "only one group"),
        (lambda h: h.group("dataset", {"WW": "ZZ"}), ValueError, "two labels become 'WW'"),
        (lambda h: h.group("dataset", ["WW"]), TypeError, "dict"),
        (lambda h: h.group("dataset", {1.5: "WW"}), TypeError, "1.5"),
        (lambda h: h.group("run", {"3": [7]}), ValueError, "repeats"),
        (lambda h: h.group("run", {"A": "7"}), KeyError, "'7'"),
        (lambda h: h.rename("dataset", {"zz": "a"}), KeyError, "zz"),
        (lambda h: h.rename("dataset", {"WW": "ZZ"}), ValueError, "two labels become 'ZZ'"),
        (lambda h: h.rename("dataset", lambda label: (label,)), TypeError, "WW"),
        (lambda h: h.drop("dataset", "zz"), KeyError, "zz"),
        (lambda h: h.drop("dataset", ...), KeyError, "Ellipsis"),
        (lambda h: h.sort("x"), TypeError, "'x'"),
    ],
)
def test_errors(pair: tuple[hugehist.Histogram, hist.Hist[Any]], make: Any, kind: Any, words: str) -> None:
    h, _ = pair
    with pytest.raises(kind, match=words):
        make(h)


def test_groups_follow_new_labels(memory: hugehist.File) -> None:
    h = memory.create("h", category("dataset"), hist.axis.Regular(2, 0, 1, name="x"))
    h.fill(dataset=["ttA", "WW"], x=[0.1, 0.6])
    view = h.group("dataset", {"top": "tt*", "rest": ...}).project("dataset")
    dropped = h.drop("dataset", "tt*").sort("dataset")
    h.fill(dataset=["ttB", "DY"], x=[0.1, 0.6])
    assert view.values().tolist() == [2, 2]
    assert list(dropped.axes[0]) == ["DY", "WW"]


def test_a_group_keeps_what_it_was_made_with(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    members = ["WW", "WZ"]
    groups = {"VV": members}
    view = h.group("dataset", groups)
    once = h.group("dataset", {"VV": iter(["WW", "WZ"])})
    members.append("ZZ")
    groups["a"] = ["ttA"]
    h.grow("dataset", ["more"])
    assert list(view.axes[0]) == ["VV", "ttA", "ttB", "ZZ", "more"]
    assert once == view
    same_content(view[{"dataset": slice(0, 4)}], regrouped(
        model, 0, {"VV": ["WW", "WZ"], "ttA": ["ttA"], "ttB": ["ttB"], "ZZ": ["ZZ"]}
    ))  # fmt: skip


@st.composite
def regroupings(draw: st.DrawFn, labels: list[str]) -> tuple[Any, dict[str, list[str]]]:
    """A call for the labels, and what it means."""
    some = draw(st.lists(st.sampled_from(labels), unique=True, min_size=1)) if labels else []
    rest = [label for label in labels if label not in some]
    fresh = draw(st.text("abWZt", min_size=1, max_size=4))
    how = draw(st.sampled_from(["group", "rest", "rename", "drop", "reorder", "sort", "list"]))
    if fresh in rest or not some:
        how = draw(st.sampled_from(["reorder", "sort"]))
    if how == "group":
        return (lambda v: v.group("c", {fresh: some})), {fresh: some} | {label: [label] for label in rest}
    if how == "rest":
        return (lambda v: v.group("c", {fresh: ...} | {label: label for label in some if label != fresh})), (
            {fresh: [label for label in labels if label not in some or label == fresh]}
            | {label: [label] for label in some if label != fresh}
        )
    if how == "rename":
        names = {some[0]: fresh} if fresh not in labels else {}
        return (lambda v: v.rename("c", names)), {names.get(label, label): [label] for label in labels}
    if how == "drop":
        return (lambda v: v.drop("c", some)), {label: [label] for label in rest}
    if how == "reorder":
        return (lambda v: v.reorder("c", some)), {label: [label] for label in some + rest}
    if how == "list":
        return (lambda v: v[{"c": some}]), {label: [label] for label in some}
    return (lambda v: v.sort("c")), {label: [label] for label in sorted(labels)}


@given(
    data=st.data(),
    storage=st.sampled_from(["int64", "double", "weight", "mean", "weightedmean"]),
    growth=st.booleans(),
    steps=st.lists(st.sampled_from(["c", "scale", "number", "slice", "order"]), min_size=1, max_size=5),
)
def test_composed(data: st.DataObject, storage: str, growth: bool, steps: list[str]) -> None:
    axis = hist.axis.StrCategory(DATASETS, name="c", growth=growth, overflow=not growth)
    model: Any = random_model((axis, hist.axis.Regular(4, 0, 1, name="x")), storage)
    with hugehist.File.in_memory(memory="16 MiB", threads=1) as file:
        file["h"] = model
        view: Any = file["h"]
        if storage == "int64":
            model = hist.Hist(*model.axes, data=model.values(flow=True))  # numbers make doubles of it
        for step in steps:
            where = [each.name for each in model.axes].index("c")
            labels = list(model.axes[where])
            if step == "c":
                call, groups = data.draw(regroupings(labels))
                view, model = call(view), regrouped(model, where, groups)
            elif step == "scale":
                factors = {label: float(2 ** data.draw(st.integers(-2, 2))) for label in labels}
                view = view.scale("c", factors)
                every = list(factors.values()) + [1.0] * model.axes[where].traits.overflow
                model = model.copy()
                model.view(flow=True)[...] *= np.reshape(every, (-1, 1) if where == 0 else (1, -1))
            elif step == "number":
                view, model = view * 0.5, model * 0.5
            elif step == "slice":
                begin = data.draw(st.integers(0, len(model.axes["x"]) - 1))
                view, model = view[{"x": slice(begin, None)}], model[{"x": slice(begin, None)}]
            else:
                view, model = view.project("x", "c"), model.project("x", "c")
        tolerance = {"rtol": 1e-9, "atol": 1e-9} if model.kind is bh.Kind.MEAN else {}
        same(view, model, **tolerance)
        same(view.project("x"), model.project("x"), **tolerance)


def test_steps_pickle(path: Any) -> None:
    model = random_model((category("dataset", DATASETS), hist.axis.Regular(4, 0, 1, name="x")), "weight")
    with hugehist.File(path, "w") as file:
        file["h"] = model
    with hugehist.File(path) as file:
        h = file["h"]
        grouped = (h.group("dataset", {"VV": ["W?", "ZZ"]}) * 0.5).rename("dataset", {"VV": "diboson"})
        view = grouped.drop("dataset", "ttB").reorder("dataset", "ttA").sort("dataset", str.lower)
        again = pickle.loads(pickle.dumps(view))
        assert list(again.axes[0]) == ["diboson", "ttA"]
        assert again == view
