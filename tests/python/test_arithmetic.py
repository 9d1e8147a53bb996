"""Arithmetic beside hist's: lazy with numbers, in memory with histograms and arrays."""

from __future__ import annotations

import operator
import pickle
from collections.abc import Callable
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from trusted import category, random_model, stored

AXES = (category("c", ["a", "b", "d"]), hist.axis.Regular(4, 0, 1, name="x"))


@pytest.fixture(params=["int64", "double", "weight"])
def pair(request: pytest.FixtureRequest, memory: hugehist.File) -> tuple[hugehist.Histogram, hist.Hist[Any]]:
    return stored(memory, random_model(AXES, request.param))


def close(mine: Any, theirs: Any) -> None:
    """Flow bins included. A scaled histogram of integers is one of doubles, which hist does at the first fraction."""
    np.testing.assert_allclose(mine.values(flow=True), theirs.values(flow=True), rtol=1e-15)
    mine, theirs = mine.variances(flow=True), theirs.variances(flow=True)
    assert (mine is None) == (theirs is None)
    if mine is not None:
        np.testing.assert_allclose(mine, theirs, rtol=1e-15)


NUMBERS: list[Any] = [2.5, -0.5, np.float64(1.5), np.float32(0.25), np.array(4.5)]


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_numbers_are_lazy(pair: tuple[hugehist.Histogram, hist.Hist[Any]], number: Any) -> None:
    h, model = pair
    views = [
        (h * number, model * number),
        (number * h, model * number),
        (h / number, model / number),
        (-h, model * -1.0),
        ((h.project("x") * number) / 3, (model.project("x") * number) / 3),
        ((h * number)[{"c": ["d", "a"]}] * 2.0, model[{"c": [bh.loc("d"), bh.loc("a")]}] * number * 2.0),
    ]
    for mine, theirs in views:
        assert isinstance(mine, hugehist.View)
        close(mine, theirs)


def test_factors_that_some_bins_would_miss_are_refused(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, _ = pair
    with pytest.raises(ZeroDivisionError, match="'h'"):
        h / 0
    with pytest.raises(ValueError, match=r"'c'.*nan"):
        h * np.nan
    with pytest.raises(ValueError, match=r"'c'.*inf"):
        h.scale("c", {"a": np.inf})


@pytest.mark.parametrize("storage", ["int64", "double", "weight"])
@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.mul, operator.truediv])
def test_histograms(memory: hugehist.File, storage: str, operation: Callable[[Any, Any], Any]) -> None:
    one, other = random_model(AXES, storage, 1), random_model(AXES, storage, 2)
    memory["one"], memory["other"] = one, other
    try:
        expected = operation(one, other)
    except TypeError:
        if operation is not operator.sub:
            with pytest.raises(TypeError):
                operation(memory["one"], memory["other"])
            return
        expected = one + other * -1.0  # hist's weighted histograms cannot be subtracted
    mine, theirs = memory["one"], memory["other"]
    pairs = [(mine, theirs), (mine, other), (mine[...], bh.Histogram(other)), (mine.to_hist(), theirs)]
    for left, right in pairs:
        result = operation(left, right)
        assert isinstance(result, hist.Hist)
        np.testing.assert_array_equal(result.values(flow=True), expected.values(flow=True))
    if storage == "weight":
        np.testing.assert_array_equal(result.variances(flow=True), expected.variances(flow=True))


def test_sums_of_views(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    total = sum(h[{"c": label}] for label in ("a", "b", "d"))
    np.testing.assert_array_equal(total.values(flow=True), model.project("x").values(flow=True))


def test_arrays(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    array = np.arange(1.0, 5.0).reshape(1, 4)
    with_flow = np.arange(18.0).reshape(3, 6)
    for mine, theirs in (
        (h * array, model * array),
        (array * h, model * array),
        (h / array, model / array),
        (h * with_flow, model * with_flow),
    ):
        assert isinstance(mine, hist.Hist)
        close(mine, theirs)
    if model.storage_type is not bh.storage.Int64:  # hist adds no fractions to integers
        close(h + array, model + array)
        close(h - 2.0, model + -2.0)
        close(2.0 - h, model * -1 + 2.0)
    if model.storage_type is bh.storage.Double:
        close(1.0 / h[{"x": slice(0, 2)}], 1.0 / model[{"x": slice(0, 2)}])
        np.testing.assert_array_equal(np.sqrt(h), np.sqrt(model))


def test_nothing_is_written(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    for change in (operator.imul, operator.itruediv, operator.isub):
        with pytest.raises(TypeError, match=r"h\[\.\.\.\] ="):
            change(h, 2.0)
    array = np.zeros((3, 4))
    with pytest.raises(TypeError, match="to_hist"):
        array += h
    view = h[...]
    view *= 3.0
    close(view, model * 3.0)
    assert h == model


def test_a_copy_in_memory_is_hists(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    copied = h.to_hist()
    assert copied == h
    assert copied != h * 2.0
    assert copied.allclose(h)
    assert not copied.allclose(h * 2.0)
    assert copied == model
    assert copied[{"c": sum}] == h[{"c": sum}]
    again = pickle.loads(pickle.dumps(copied))
    assert type(again) is hist.Hist
    assert again == model
