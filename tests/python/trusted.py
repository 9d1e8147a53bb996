"""What several tests need: axes in many kinds, and the comparison with the trusted histogram."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
from numpy.typing import NDArray

RNG = np.random.default_rng(29)

#: Labels that formats of others may find hard.
PROCESSES = hist.axis.StrCategory(["tt", "W+jets", "ä"], growth=True, name="process")


def category(name: str, labels: list[str] | None = None) -> hist.axis.StrCategory:
    return hist.axis.StrCategory(labels or [], growth=True, name=name)


def analysis_axes() -> tuple[Any, ...]:
    return (
        category("dataset"),
        category("category"),
        category("systematic"),
        hist.axis.Regular(10, 0, 1, name="x"),
    )


#: One of every kind that a file keeps.
AXES: tuple[Any, ...] = (
    hist.axis.Regular(6, 0, 6),
    hist.axis.Regular(6, 0, 6, underflow=False),
    hist.axis.Regular(6, 0, 6, overflow=False),
    hist.axis.Regular(6, 0, 6, flow=False),
    hist.axis.Regular(6, 0, 6, circular=True),
    hist.axis.Regular(7, 0.1, 0.7),
    hist.axis.Regular(5, 1, 10, transform=hist.axis.transform.log),
    hist.axis.Regular(5, 0, 7, transform=hist.axis.transform.sqrt),
    hist.axis.Regular(5, 1, 7, transform=hist.axis.transform.Pow(1.5)),
    hist.axis.Variable([0, 1, 2.5, 4, 7]),
    hist.axis.Variable([0, 1, 2.5, 4, 7], circular=True),
    hist.axis.Integer(0, 5),
    hist.axis.Integer(0, 5, circular=True),
    hist.axis.Integer(-1, 4, overflow=False),
    hist.axis.Boolean(),
    hist.axis.StrCategory(list("abcd")),
    hist.axis.StrCategory(list("abcd"), overflow=False),
    hist.axis.StrCategory(["b", "ä€"], growth=True),
    hist.axis.IntCategory([3, 1, 7]),
    hist.axis.IntCategory([3, 1, -7], growth=True),
)


def random_model(axes: Sequence[Any], storage: str, seed: int = 1) -> hist.Hist[Any]:
    model = hist.Hist(*axes, storage=storage)
    rng = np.random.default_rng(seed)
    view: Any = model.view(flow=True)
    for name in view.dtype.names or (None,):
        plane = view[name] if name else view
        plane[...] = rng.integers(0, 1000, view.shape)
    if model.kind is bh.Kind.MEAN:
        _make_consistent(view, rng)
    return model


def filled(*axes: Any, storage: str = "weight") -> hist.Hist[Any]:
    """No bin is 0, flow bins included."""
    model = hist.Hist(*axes, storage=storage, name="h", label="Events")
    view: Any = model.view(flow=True)
    for name in view.dtype.names or (None,):
        (view[name] if name else view)[...] = RNG.integers(1, 1000, view.shape)
    return model


def _make_consistent(view: Any, rng: np.random.Generator) -> None:
    """Few entries in each bin, and nothing known of samples that are not there."""
    count, *_, deltas = names = view.dtype.names
    view[count] = rng.integers(0, 4, view.shape)
    if len(names) == 4:
        view[names[1]] = view[count] * 0.75  # squared weights
    view[deltas][view[count] <= 1] = 0
    view["value"][view[count] == 0] = 0


def stored(file: hugehist.File, model: hist.Hist[Any]) -> tuple[hugehist.Histogram, hist.Hist[Any]]:
    file["h"] = model
    return file["h"], model


def is_labelled(axis: Any) -> bool:
    return isinstance(axis, bh.axis.StrCategory | bh.axis.IntCategory)


def same_content(mine: Any, theirs: Any, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Axes (labels of growing axes in any order) and all bins, flow bins included, of two histograms."""
    assert mine.ndim == theirs.ndim
    order = [place(a, b) for a, b in zip(mine.axes, theirs.axes, strict=True)]
    for mine_plane, their_plane in zip(planes(mine), planes(theirs), strict=True):
        found = mine_plane[np.ix_(*order)] if order else mine_plane
        if rtol == 0.0:
            np.testing.assert_array_equal(found, their_plane)
        else:
            np.testing.assert_allclose(found, their_plane, rtol=rtol, atol=atol)


def same(mine: Any, theirs: Any, **tolerance: float) -> None:
    """The content of one bin, or a view and a histogram with the same axes in the same order."""
    if not hasattr(theirs, "axes"):
        assert not hasattr(mine, "axes")
        if tolerance and hasattr(theirs, "_make"):
            assert type(mine) is type(theirs)
            np.testing.assert_allclose(np.asarray(mine).tolist(), np.asarray(theirs).tolist(), **tolerance)
        else:
            assert mine == theirs
        return
    assert [bare(axis) for axis in mine.axes] == [bare(axis) for axis in theirs.axes]
    assert [axis.name for axis in mine.axes] == [axis.name for axis in theirs.axes]
    same_content(mine, theirs, **tolerance)


def planes(histogram: Any) -> list[NDArray[Any]]:
    view = np.asarray(histogram.view(flow=True))
    return [view[name] for name in view.dtype.names] if view.dtype.names else [view]


def bare(axis: Any) -> Any:
    """The axis without name and label, which hist makes up where there is none."""
    result = copy.deepcopy(axis)
    result.__dict__.clear()
    return result


def place(mine: Any, theirs: Any) -> NDArray[np.int64]:
    """For each bin of `theirs`, where `mine` has it."""
    assert type(mine) is type(theirs)
    if not is_labelled(theirs):
        assert bare(mine) == bare(theirs)
        return np.arange(theirs.extent)
    labels = list(mine)
    assert set(labels) == set(theirs)
    assert mine.traits == theirs.traits
    order = [labels.index(label) for label in theirs]
    return np.array(order + [len(labels)] * theirs.traits.overflow, dtype=np.int64)
