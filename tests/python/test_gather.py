"""Integer arrays as indices, beside NumPy's and boost-histogram's."""

from __future__ import annotations

from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from trusted import category, random_model, stored

AXES = (
    category("c", ["a", "b", "d"]),
    hist.axis.Regular(4, 0, 1, name="x"),
    hist.axis.Integer(0, 5, underflow=False, name="y"),
    hist.axis.StrCategory(["u", "v"], name="z"),
)


@pytest.fixture(params=["int64", "double", "weight", "mean", "weightedmean"])
def pair(request: pytest.FixtureRequest, memory: hugehist.File) -> tuple[hugehist.Histogram, hist.Hist[Any]]:
    return stored(memory, random_model(AXES, request.param))


def same(mine: Any, theirs: Any) -> None:
    assert type(mine) is type(theirs)
    assert mine.dtype == theirs.dtype
    for name in mine.dtype.names or (...,):
        # Means are kept with variances, and come back as sums of squares but for the last digit.
        np.testing.assert_allclose(np.asarray(mine)[name], np.asarray(theirs)[name], rtol=1e-14)


A, B = np.array([0, 2, 1, 0]), np.array([3, 1, 1, 0])


@pytest.mark.parametrize(
    "index",
    [
        (A, B, B, A // 2),
        (A, B, ...),
        (A, slice(None), B, slice(None)),
        (slice(None), A, B, slice(0, 1)),
        (slice(0, 2), A, slice(1, -1), A // 2),
        (A[:, None], B[None, :], 2, "v"),
        ("b", A, B, slice(None)),
        (1, A, bh.overflow, bh.loc("u")),
        (A, bh.underflow, ...),
        (A, bh.loc(0.6), 0, bh.overflow),
        (np.array([], int), 1, 2, 0),
        (np.array([[0, 1], [2, 0]], np.uint8), ...),
    ],
    ids=str,
)
def test_as_boost_histogram(pair: tuple[hugehist.Histogram, hist.Hist[Any]], index: Any) -> None:
    h, model = pair
    same(h[index], model[index])


def test_dicts_and_views(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    same(h[{"x": A, "c": "b"}], model[1, A, :, :])
    same(h.project("y", "x")[{"x": A}], model.project("y", "x")[:, A])
    same(h[{"x": np.array([-1, -4])}], model.view()[:, [-1, -4]])


def test_few_at_a_time(pair: tuple[hugehist.Histogram, hist.Hist[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    h, model = pair
    monkeypatch.setattr(hugehist.gather, "PART_BINS", 3)
    same(h[A, B, B, A // 2], model[A, B, B, A // 2])
    same(h[A, :, B, :], model[A, :, B, :])


@pytest.mark.parametrize("part_bins", [1 << 22, 3])
def test_setting(
    pair: tuple[hugehist.Histogram, hist.Hist[Any]], monkeypatch: pytest.MonkeyPatch, part_bins: int
) -> None:
    h, model = pair
    monkeypatch.setattr(hugehist.gather, "PART_BINS", part_bins)
    model = model.copy()
    for index in ((A, B, ...), (A, slice(None), B, 1), (1, A, bh.overflow, bh.loc("u"))):
        given = np.roll(np.asarray(model[index]), 1)
        h[index] = given
        model[index] = given
        same(h.view(flow=True), model.view(flow=True))
    h.project("z", "c", "y", "x")[0, A, :, B] = h.project("z", "c", "y", "x")[1, A, :, B]
    model[A, B, :, 0] = model[A, B, :, 1]
    same(h.view(flow=True), model.view(flow=True))
    with pytest.raises(ValueError, match="sum of bins"):
        h.project("x")[A] = h.project("x")[A]


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ((A, slice(None, None, sum), 0, 0), "'x'.*rebin, sum, or locator slices"),
        ((A, slice(bh.loc(0.1), None), 0, 0), "'x'.*rebin, sum, or locator slices"),
        (([0, 1], A, 0, 0), "'c'.*integer arrays"),
        ((A, np.array([4]), 0, 0), "'x' has 4 bins"),
        ((A, np.array([-5]), 0, 0), "'x' has 4 bins"),
        ((A, np.array([0.5]), 0, 0), "'x'.*float64"),
        ((A, np.array([True]), 0, 0), "'x'.*bool"),
        ((A, 4, 0, 0), "'x' has 4 bins"),
        ((A, 0, bh.underflow, 0), "'y' has no underflow"),
        ((A, 0, 0), "4 axes"),
        ((A, np.array([0, 1, 1]), 0, 0), "broadcast"),
    ],
)
def test_errors(pair: tuple[hugehist.Histogram, hist.Hist[Any]], index: Any, words: str) -> None:
    with pytest.raises((IndexError, ValueError), match=words):
        pair[0][index]


@given(data=st.data(), kinds=st.lists(st.sampled_from(["array", "int", "slice"]), min_size=4, max_size=4))
def test_random_arrays(data: st.DataObject, kinds: list[str]) -> None:
    arrays = [i for i, kind in enumerate(kinds) if kind == "array"]
    if not arrays:
        return
    shapes = data.draw(npst.mutually_broadcastable_shapes(num_shapes=len(arrays), max_dims=2, max_side=4, min_dims=1))
    model = random_model(AXES, "weight")
    index: list[Any] = []
    for i, (axis, kind) in enumerate(zip(AXES, kinds, strict=True)):
        if kind == "array":
            shape = shapes.input_shapes[arrays.index(i)]
            index.append(data.draw(npst.arrays(np.int64, shape, elements=st.integers(0, len(axis) - 1))))
        elif kind == "int":
            index.append(data.draw(st.integers(0, len(axis) - 1)))
        else:
            index.append(data.draw(st.slices(len(axis)).filter(lambda s: s.step in (1, None)).map(
                lambda s: slice(s.start, s.stop)
            )))  # fmt: skip
    with hugehist.File.in_memory(memory="8 MiB", threads=1) as file:
        file["h"] = model
        same(file["h"][tuple(index)], model.view()[tuple(index)])
