"""Random histograms, random selections of every kind, several deep, beside hist: axes, values and variances."""

from __future__ import annotations

import copy
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import uhi.tag
from hypothesis import given
from hypothesis import strategies as st
from trusted import AXES, is_labelled, random_model, same

NAMES = ("dataset", "systematic", "x")


def named(axis: Any, name: str) -> Any:
    result = copy.deepcopy(axis)
    result.__dict__["name"] = name
    return result


# --- one entry of an index -------------------------------------------------------------------------------


def positions(axis: Any) -> st.SearchStrategy[Any]:
    """What names one bin, most of it a bin that is there."""
    n = len(axis)
    ways: list[Any] = [
        st.integers(-n - 1, n),
        st.builds(np.int64, st.integers(-n, n - 1)) if n else st.just(0),
        st.builds(bh.tag.at, st.integers(-1, n)),
        st.sampled_from([bh.underflow, bh.overflow, uhi.tag.underflow, uhi.tag.overflow, len]),
        st.sampled_from([bh.underflow + 1, bh.overflow - 1, uhi.tag.overflow - 2]),
        st.sampled_from([lambda axis: len(axis) // 2, lambda axis: 0, True, False]),
    ]
    if isinstance(axis, bh.axis.StrCategory):
        labels = st.sampled_from([*axis, "zz"])
        ways += [labels, labels, st.builds(bh.loc, labels), st.builds(uhi.tag.loc, labels)]
    elif isinstance(axis, bh.axis.IntCategory):
        labels = st.sampled_from([*axis, 99])
        ways += [st.builds(bh.loc, labels, st.integers(-1, 1)), st.builds(lambda label: label * 1j, labels)]
    else:
        values = st.floats(-1, 9)
        ways += [
            st.builds(lambda value, by: value * 1j + by, values, st.integers(-2, 2)),
            st.builds(bh.loc, values, st.integers(-2, 2)),
            st.builds(uhi.tag.loc, values),
        ]
    return st.one_of(ways)


def slices(axis: Any) -> st.SearchStrategy[Any]:
    bound = st.one_of(st.none(), st.none(), positions(axis), st.integers(0, len(axis)))
    factor = st.integers(1, max(len(axis), 1))
    step = st.one_of(
        st.none(),
        st.none(),
        st.just(sum),
        st.builds(bh.rebin, factor),
        st.builds(uhi.tag.rebin, factor),
        st.builds(lambda n: n * 1j, factor),
    )
    return st.builds(slice, bound, bound, step)


@st.composite
def groups(draw: st.DrawFn, axis: Any) -> Any:
    """A rebin by groups, edges or an axis, of all bins or of a part."""
    begin = draw(st.one_of(st.none(), st.integers(0, max(len(axis) - 1, 0))))
    end = draw(st.one_of(st.none(), st.integers((begin or 0) + 1, max(len(axis), (begin or 0) + 1))))
    length = (len(axis) if end is None else end) - (begin or 0)
    cuts = sorted(draw(st.sets(st.integers(1, max(length - 1, 1)))) - {length})
    sizes = np.diff([0, *cuts, length]).tolist()
    if draw(st.integers(0, 9)) == 0:
        sizes = [*sizes, 1]  # one too many
    if is_labelled(axis):
        new: Any = hist.axis.StrCategory([f"g{i}" for i in range(len(sizes))], name="g", growth=draw(st.booleans()))
        rebin = bh.rebin(groups=sizes, axis=new)
    else:
        edges = [axis.edges[(begin or 0) + cut] for cut in (0, *cuts, length)]
        flow = {"underflow": draw(st.booleans()), "overflow": draw(st.booleans())}
        rebin = draw(
            st.sampled_from(
                [
                    bh.rebin(groups=sizes),
                    bh.rebin(edges=edges),
                    bh.rebin(groups=sizes, axis=hist.axis.Integer(0, len(sizes), name="g", **flow)),
                    bh.rebin(hist.axis.Variable(edges, name="g", **flow)),
                ]
            )
        )
    return slice(begin, end, rebin) if draw(st.booleans()) or begin is not None or end is not None else rebin


def entries(axis: Any) -> st.SearchStrategy[Any]:
    ways = [
        st.just(slice(None)),
        positions(axis),
        slices(axis),
        groups(axis) if len(axis) else slices(axis),
        st.just(sum),
        st.builds(bh.rebin, st.integers(1, max(len(axis), 1))),
    ]
    if is_labelled(axis):
        one = positions(axis).filter(lambda position: not isinstance(position, bool) or not axis.traits.growth)
        ways += [st.lists(one, max_size=4), st.lists(st.integers(0, max(len(axis) - 1, 0)), unique=True)]
    if isinstance(axis, bh.axis.StrCategory):
        patterns = st.sampled_from(["[ab]*", "?", "a*", "*", "*zz*", "??", "b", "g?"])
        ways += [patterns, st.lists(patterns, min_size=1, max_size=3), st.lists(st.sampled_from([*axis, "zz"]))]
    return st.one_of(ways)


@st.composite
def indices(draw: st.DrawFn, axes: Any) -> Any:
    each = [draw(entries(axis)) for axis in axes]
    form = draw(st.sampled_from(["tuple", "names", "numbers", "front", "back", "one"]))
    if form == "names":
        chosen = draw(st.sets(st.integers(0, len(axes) - 1)))
        return {axes[i].name: each[i] for i in chosen}
    if form == "numbers":
        return dict(enumerate(each))
    if form == "front":
        return (..., each[-1])
    if form == "back":
        return (each[0], ...)
    return each[0] if form == "one" and len(each) == 1 else tuple(each)


# --- what is known to differ -----------------------------------------------------------------------------


def by_axis(index: Any, axes: Any) -> list[tuple[Any, Any]]:
    """(axis, entry), for those that the index names."""
    if isinstance(index, dict):
        names = [axis.name for axis in axes]
        return [(axes[names.index(key) if isinstance(key, str) else key], entry) for key, entry in index.items()]
    if not isinstance(index, tuple):
        return [(axes[0], index)]
    if index[0] is ...:
        return [(axes[-1], index[-1])]
    return [(axis, entry) for axis, entry in zip(axes, index, strict=False) if entry is not ...]


def differs(axis: Any, entry: Any) -> bool:
    """Where boost-histogram's answer is no model.

    It wraps around where a locator ends beyond the flow bins, and counts the rest of a category axis twice where a
    slice ends beyond its labels.
    """
    if isinstance(entry, slice):
        return not axis.traits.ordered and any(located(axis, end) > len(axis) for end in (entry.start, entry.stop))
    several = entry if isinstance(entry, list) else [entry]
    return any(not -1 <= located(axis, each) <= len(axis) for each in several)


def adds_means(entry: Any) -> bool:
    """A rebin by groups: boost-histogram adds the means of the bins."""
    step = entry.step if isinstance(entry, slice) else entry
    return isinstance(step, bh.rebin) and step.factor is None


def located(axis: Any, locator: Any) -> int:
    """The bin that a locator finds; 0 for what is none, or finds none."""
    try:
        short = hist.Hist(axis)._loc_shortcut(locator, 0)
        return int(short(axis)) if callable(short) and short is not sum else 0
    except (KeyError, ValueError, TypeError):
        return 0


# --- the comparison ---------------------------------------------------------------------------------------


def attempt(make: Any) -> tuple[Any, Exception | None]:
    try:
        return make(), None
    except Exception as problem:
        return None, problem


def check(ours: Any, model: Any, storage: str) -> None:
    tolerance = {"rtol": 1e-9, "atol": 1e-9} if "mean" in storage else {}
    same(ours, model, **tolerance)
    if not hasattr(model, "axes"):
        return
    assert [axis.label for axis in ours.axes] == [axis.label for axis in model.axes]
    if 0 in model.shape:
        return  # where there are no bins, boost-histogram sums the overflow bin
    for flow in (False, True):
        same(ours.sum(flow), model.sum(flow), **tolerance)
        for mine, theirs in (
            (ours.values(flow), model.values(flow)),
            (ours.variances(flow), model.variances(flow)),
            (ours.counts(flow), model.counts(flow)),
        ):
            if tolerance:
                np.testing.assert_allclose(mine, theirs, **tolerance)
            else:
                np.testing.assert_array_equal(mine, theirs)


STORAGES = st.sampled_from(["int64", "double", "weight", "mean", "weightedmean"])
STEPS = st.lists(st.sampled_from(["item", "item", "item", "project", "scale"]), min_size=1, max_size=3)


@given(
    data=st.data(),
    axes=st.lists(st.sampled_from(AXES), min_size=1, max_size=3),
    storage=STORAGES,
    steps=STEPS,
)
def test_composed(data: st.DataObject, axes: list[Any], storage: str, steps: list[str]) -> None:
    model: Any = random_model([named(axis, name) for axis, name in zip(axes, NAMES, strict=False)], storage)
    with hugehist.File.in_memory(memory="16 MiB", threads=1) as file:
        file["h"] = model
        compare(data, file["h"], model, storage, steps)


def compare(data: st.DataObject, ours: Any, model: Any, storage: str, steps: list[str]) -> None:
    """One step after another on both, then their content."""
    for step in steps:
        if step == "item":
            index = data.draw(indices(model.axes), label="index")
            named_entries = by_axis(index, model.axes)
            if any(differs(*pair) or ("mean" in storage and adds_means(pair[1])) for pair in named_entries):
                return
            theirs, refused = attempt(lambda i=index, m=model: m[i])
            mine, problem = attempt(lambda i=index, o=ours: o[i])
            if problem is not None and "repeats" in str(problem):
                return  # boost-histogram makes an axis with a label twice
            if str(refused) == "bins > 0 required":
                return  # it sums an overflow bin alone, but not an underflow bin
            assert (refused is None) == (problem is None), (index, refused, problem)
            if refused is not None:
                return
            ours, model = mine, theirs
            if not hasattr(model, "axes"):
                break
        elif step == "project":
            kept = data.draw(st.permutations(range(model.ndim)))[: data.draw(st.integers(1, model.ndim))]
            flow = data.draw(st.booleans()) or 0 in model.shape  # hist refuses to leave out flow bins of no bins
            which = [model.axes[i].name if data.draw(st.booleans()) and model.axes[i].name else i for i in kept]
            ours, model = ours.project(*which, flow=flow), model.project(*which, flow=flow)
        else:
            which = data.draw(st.integers(0, model.ndim - 1))
            powers = data.draw(st.lists(st.integers(-3, 3), min_size=(n := model.axes[which].extent), max_size=n))
            factors = 2.0 ** np.array(powers, dtype=float)
            ours = ours.scale(which, factors)
            if model.storage_type is bh.storage.Int64:
                model = hist.Hist(*model.axes, data=model.values(flow=True))
            model.view(flow=True)[...] *= factors.reshape([-1 if i == which else 1 for i in range(model.ndim)])
            model._variance_known = False
    check(ours, model, storage)
