"""Setting bins, beside boost-histogram's."""

from __future__ import annotations

import operator
import threading
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trusted import AXES, analysis_axes, is_labelled, same_content

STORAGES = ["int64", "double", "weight"]


@st.composite
def entries(draw: st.DrawFn, axis: Any) -> tuple[Any, list[int]]:
    """An index entry, and lengths that a value for it may have; none for a single bin."""
    size = len(axis)
    choices = ["bin", "all"] if is_labelled(axis) or axis.traits.circular else ["bin", "all", "slice", "from", "flow"]
    kind = draw(st.sampled_from(choices))
    if kind == "bin":
        return draw(st.integers(-size, size - 1)), []
    if kind == "flow":
        wanted = [
            t for t, there in ((bh.underflow, axis.traits.underflow), (bh.overflow, axis.traits.overflow)) if there
        ]
        return (draw(st.sampled_from(wanted)), []) if wanted else (0, [])
    if kind == "all":
        return slice(None), [1, size, axis.extent]
    begin = draw(st.integers(0, size - 1))
    if kind == "from":
        return slice(begin, None), [1, size - begin, size - begin + axis.traits.overflow]
    end = draw(st.integers(begin + 1, size))
    return slice(begin, end), [1, end - begin]


@given(
    data=st.data(),
    axes=st.lists(st.sampled_from(AXES), min_size=1, max_size=3),
    storage=st.sampled_from(STORAGES),
    seed=st.integers(0, 2**32),
    filled=st.booleans(),
)
def test_set_as_boost_histogram(data: Any, axes: list[Any], storage: str, seed: int, filled: bool) -> None:
    rng = np.random.default_rng(seed)
    model = hist.Hist(*axes, storage=storage)
    with hugehist.File.in_memory(memory="8 MiB", threads=2) as file:
        file["h"] = model
        ours = file["h"]
        if filled:
            model[...] = numbers(rng, model.axes.size, storage)
            ours.merge(model)
        drawn = [data.draw(entries(axis)) for axis in axes]
        index = tuple(entry for entry, _ in drawn)
        shape = tuple(data.draw(st.sampled_from(lengths)) for _, lengths in drawn if lengths)
        if data.draw(st.booleans()):
            shape = ()
        value = numbers(rng, shape, storage)
        # boost-histogram repeats a single cell only where it comes as a structured one.
        model[index] = cell(value) if storage == "weight" and not shape else value
        ours[index] = value
        same_content(ours, model)
        file.commit()
        same_content(ours, model)


def numbers(rng: np.random.Generator, shape: tuple[int, ...], storage: str) -> Any:
    values = rng.integers(-3, 4, (*shape, 2) if storage == "weight" else shape)
    return values if storage == "int64" else values / 4


def cell(numbers: Any) -> Any:
    return np.array(tuple(numbers), [("value", "f8"), ("variance", "f8")])


@pytest.fixture
def pair(file: hugehist.File) -> tuple[hugehist.Histogram, Any]:
    model = hist.Hist(*analysis_axes(), storage="weight")
    for dataset in ("a", "b"):
        for systematic in ("nominal", "up"):
            model.fill(dataset, "sr", systematic, np.linspace(-0.1, 1.1, 50), weight=0.5)
    file["h"] = model
    return file["h"], model


def test_histograms_accumulators_and_views(pair: Any) -> None:
    ours, model = pair
    for target in pair:
        target["a", "sr", :, :] = model["b", "sr", :, :]
        target["b", "sr", "up", 3] = bh.accumulators.WeightedSum(2.5, 0.5)
        target["b", "sr", "nominal", :] = model["a", "sr", "up", :].view()
        target["b", "sr", "nominal", 2] += bh.accumulators.WeightedSum(1, 1)
    same_content(ours, model)
    ours["a", :, :, :] = ours["b", :, :, :]
    model["a", :, :, :] = model["b", :, :, :]
    same_content(ours, model)


def test_set_through_a_view(pair: Any) -> None:
    ours, model = pair
    view = ours[{"dataset": "b", "category": 0}][["up", "nominal"], :]
    view[0, 1:3] = [[1, 2], [3, 4]]
    view[:, bh.overflow] = [[5, 6], [7, 8]]
    model["b", "sr", "up", 1:3] = [[1, 2], [3, 4]]
    model["b", "sr", "up", bh.overflow] = [5, 6]
    model["b", "sr", "nominal", bh.overflow] = [7, 8]
    same_content(ours, model)
    view.project("x", "systematic")[1:3, "up"] = [[0.5, 0], [0.25, 0]]
    model["b", "sr", "up", 1:3] = [[0.5, 0], [0.25, 0]]
    same_content(ours, model)


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (lambda h: h.project("x"), "is a sum of bins"),
        (lambda h: h["a", "sr", "up", :: hist.rebin(2)], "is a sum of bins"),
        (lambda h: h["a", "sr", "up", :].scale("x", 2.0), "scaled view"),
    ],
)
def test_views_that_stand_for_several_bins(pair: Any, view: Any, reason: str) -> None:
    ours, model = pair
    with pytest.raises(ValueError, match=reason):
        view(ours)[0] = [1, 1]
    same_content(ours, model)


@pytest.mark.parametrize(
    ("index", "value", "error", "reason"),
    [
        (("a", "sr", "up", slice(1, 3)), np.ones((3, 2)), ValueError, "axis 'x': 3 values for 2 bins"),
        (("a", "sr", "up", slice(1, None)), np.ones((3, 2)), ValueError, "3 values for 9 bins or 10 with flow bins"),
        (("a", "sr", "up", 3), 1.0, ValueError, "values, variances"),
        (("a", "sr", "up", 3), ["x", "y"], TypeError, "bins hold numbers"),
        (("a", "sr", slice(None), 3), np.ones((2, 2, 2)), ValueError, "1 slices, the value 2 axes"),
        (("a", "sr", "up", slice(None, None, sum)), np.ones(2), ValueError, "with a step"),
        (("no such", "sr", "up", 3), [1, 1], KeyError, "no such"),
        (("a", "sr", "up", 10), [1, 1], IndexError, "10 bins"),
    ],
)
def test_refused(pair: Any, index: Any, value: Any, error: type[Exception], reason: str) -> None:
    ours, model = pair
    with pytest.raises(error, match=reason):
        operator.setitem(ours, index, value)
    same_content(ours, model)


def test_another_storage_or_flow_is_refused(pair: Any) -> None:
    ours, model = pair
    with pytest.raises(ValueError, match="'weighted' storage, the value 'double'"):
        ours["a", "sr", "up", :] = hist.Hist(model.axes["x"], storage="double")
    with pytest.raises(ValueError, match="underflow=False"):
        ours["a", "sr", "up", :] = hist.Hist(hist.axis.Regular(10, 0, 1, flow=False), storage="weight")
    same_content(ours, model)


def test_whole_numbers_for_integers(file: hugehist.File) -> None:
    h = file.create("h", hist.axis.Integer(0, 3), storage="int64")
    h[...] = [1.0, 2.0, 2**53]
    assert h.values().tolist() == [1, 2, 2**53]
    for bad in ([0.5, 1, 2], [np.nan, 1, 2], [1e19, 1, 2], np.array([2**63, 0, 0], np.uint64)):
        with pytest.raises(ValueError, match="not whole, or too large"):
            h[...] = bad
    assert h.values().tolist() == [1, 2, 2**53]


@pytest.mark.parametrize("storage", ["int64", "double", "weight"])
def test_what_is_no_number_is_refused(memory: hugehist.File, storage: str) -> None:
    h = memory.create("h", hist.axis.Integer(0, 3), storage=storage)
    width = () if storage != "weight" else (2,)
    where = np.array([0, 1, 2])
    for index in (..., where):
        with pytest.raises(ValueError, match="masked"):
            h[index] = np.ma.masked_array(np.ones((3, *width)), np.eye(3)[:, : width[0]] if width else [0, 1, 0])
        with pytest.raises(TypeError, match="bins hold numbers, not complex"):
            h[index] = np.ones((3, *width)) * 1j
    if storage == "int64":
        for bad in ([0.5, 1, 2], np.nan, 1e19, np.uint64(2**63)):
            with pytest.raises(ValueError, match="not whole, or too large"):
                h[where] = bad
    with pytest.raises(IndexError, match="18446744073709551615"):
        h[np.array([2**64 - 1], np.uint64)] = np.ones((1, *width))
    assert h.empty(flow=True)


def test_bins_beside_those_that_arrays_pick_are_not_written(file: hugehist.File) -> None:
    """Not even with what they hold: another thread may be filling them."""
    h = file.create("h", hist.axis.Integer(0, 2, name="c"), hist.axis.Integer(0, 50, name="x"))
    h[0, 49] = 1  # fills the box of bins that is set below
    over = threading.Event()

    def set_bins() -> None:
        while not over.is_set():
            h[np.array([0, 1]), np.array([49, 0])] = 2.0

    setting = threading.Thread(target=set_bins)
    setting.start()
    try:
        for _ in range(3000):
            h.fill(c=[1], x=[49])
    finally:
        over.set()
        setting.join()
    assert h[1, 49] == 3000


def test_zeros_make_no_chunk_and_a_reset_keeps_none_alive(pair: Any, file: hugehist.File) -> None:
    ours, _ = pair
    ours.grow("dataset", [f"d{i}" for i in range(500)])
    file.commit()
    chunks = ours.stats()["stored_chunks"]
    assert chunks == 2
    ours[...] = np.zeros(2)
    assert not ours.values(flow=False).any()
    file.commit()
    assert ours.stats()["stored_chunks"] == chunks
    file.discard()


def test_undone_by_discard(pair: Any, file: hugehist.File) -> None:
    ours, model = pair
    file.commit()
    ours["a", "sr", "up", :] = np.ones((10, 2))
    file.discard()
    same_content(ours, model)


def test_read_only_file(pair: Any, file: hugehist.File, path: Any) -> None:
    file.close()
    with hugehist.File(path) as again, pytest.raises(hugehist.Error, match="reading only"):
        again["h"]["a", "sr", "up", 3] = [1, 1]
