"""ROOT files through uproot: projections out, histograms in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from trusted import AXES, PROCESSES, bare, filled, same_content

uproot = pytest.importorskip("uproot")

RNG = np.random.default_rng(19)
X = hist.axis.Regular(8, -1, 3, name="x", label="mass [GeV]")
Y = hist.axis.Variable([0, 1, 3, 7], name="y")


def through_root(path: Path, what: Any) -> Any:
    with uproot.recreate(path) as root:
        root["h"] = what
    return uproot.open(path)["h"]


SHAPES = [
    (X,),
    (PROCESSES,),
    (X, Y),
    (PROCESSES, X),
    (X, PROCESSES, Y),
    (Y, X, hist.axis.Integer(0, 3, name="n", overflow=False)),
]


@pytest.mark.parametrize("axes", SHAPES, ids=lambda axes: " ".join(axis.name for axis in axes))
@pytest.mark.parametrize("storage", ["weight", "double", "int64"])
def test_out_and_in_again(memory: hugehist.File, tmp_path: Path, axes: Any, storage: str) -> None:
    model = filled(*axes, storage=storage)
    memory["h"] = model
    root = through_root(tmp_path / "file.root", memory["h"][...].to_root())
    assert root.classname == f"TH{len(axes)}D"
    assert [axis.member("fTitle") for axis in root.axes] == [axis.label for axis in model.axes]
    memory["back"] = root
    back = memory["back"]
    assert back.storage_type is (bh.storage.Weight if storage == "weight" else bh.storage.Double)
    # ROOT has both flow bins on every axis that is not of labels: cut to ours, it is what was written.
    for ours, theirs in zip(model.axes, back.axes, strict=True):
        assert theirs.name == ""
        if isinstance(ours, bh.axis.StrCategory):
            assert list(theirs) == list(ours)
        else:
            np.testing.assert_array_equal(theirs.edges, ours.edges)
    inner = tuple(
        slice(1 - int(axis.traits.underflow) if not isinstance(axis, bh.axis.StrCategory) else 0, None)
        for axis in model.axes
    )
    crop = tuple(slice(part.start, part.start + axis.extent) for part, axis in zip(inner, model.axes, strict=True))
    np.testing.assert_array_equal(back.values(flow=True)[crop], model.values(flow=True))
    np.testing.assert_array_equal(back.variances(flow=True)[crop], model.variances(flow=True))
    assert back.values(flow=True).sum() == model.values(flow=True).sum()  # nothing beyond


@pytest.mark.parametrize("axis", AXES, ids=str)
def test_every_axis(memory: hugehist.File, tmp_path: Path, axis: Any) -> None:
    model = filled(axis)
    memory["h"] = model
    root = through_root(tmp_path / "file.root", memory["h"].to_root())
    np.testing.assert_array_equal(root.values(), model.values())
    np.testing.assert_array_equal(root.variances(), model.variances())
    np.testing.assert_allclose(root.axes[0].edges(), model.axes[0].edges, rtol=1e-15)
    flow = root.values(flow=True)
    cells = model.values(flow=True)
    assert flow[0] == (cells[0] if axis.traits.underflow else 0)
    assert flow[-1] == (cells[-1] if axis.traits.overflow else 0)


def test_means_and_spreads_are_those_of_the_bins(memory: hugehist.File, tmp_path: Path) -> None:
    model = filled(X, Y)
    memory["h"] = model
    root = through_root(tmp_path / "file.root", memory["h"].to_root())
    values, x, y = model.values(), *model.axes.centers
    assert root.member("fTsumw") == pytest.approx(values.sum())
    assert root.member("fTsumw2") == pytest.approx(model.variances().sum())
    assert root.member("fTsumwx") == pytest.approx((values * x).sum())
    assert root.member("fTsumwx2") == pytest.approx((values * x**2).sum())
    assert root.member("fTsumwy2") == pytest.approx((values * y**2).sum())
    assert root.member("fTsumwxy") == pytest.approx((values * x * y).sum())
    assert root.member("fEntries") == model.values(flow=True).sum()


def test_uproot_takes_views_as_they_are(memory: hugehist.File, tmp_path: Path) -> None:
    """Without flow bins of category axes, and without labels: uproot asks for the class."""
    model = filled(X, Y)
    memory["h"] = model
    for what, expected in ((memory["h"], model), (memory["h"].project("x"), model.project("x"))):
        root = through_root(tmp_path / "file.root", what)
        np.testing.assert_array_equal(root.values(flow=True), expected.values(flow=True))
        np.testing.assert_array_equal(root.variances(flow=True), expected.variances(flow=True))
    memory["labels"] = filled(PROCESSES, X)
    kept = through_root(tmp_path / "file.root", memory["labels"].to_hist())
    assert kept.axes[0].labels() == list(PROCESSES)


def test_root_histograms_are_merged(memory: hugehist.File, tmp_path: Path) -> None:
    """By label, into axes that grow, whatever the names."""
    h = memory.create("h", hist.axis.StrCategory([], growth=True, name="process"), X, storage="weight")
    model = filled(hist.axis.StrCategory(["tt", "ww"], name="process", overflow=False), X)
    root = through_root(tmp_path / "file.root", model)
    assert h.merge(root, id="job 1")
    assert not h.merge(root, id="job 1")
    other = filled(hist.axis.StrCategory(["zz", "tt"], name="process", overflow=False), X)
    memory["written"] = other
    h += through_root(tmp_path / "file.root", memory["written"].to_root())
    assert list(h.axes["process"]) == ["tt", "ww", "zz"]
    np.testing.assert_array_equal(h["ww", :].values(), model["ww", :].values())  # uproot itself wrote no flow bins
    same_content(h["zz", :], other["zz", :])
    np.testing.assert_array_equal(h["tt", :].values(), model["tt", :].values() + other["tt", :].values())


def test_axes_that_differ_are_refused(memory: hugehist.File, tmp_path: Path) -> None:
    memory["h"] = filled(X)
    root = through_root(tmp_path / "file.root", filled(Y))
    with pytest.raises(ValueError, match="axis 0 does not fit"):
        memory["h"] += root


def test_regular_axes_come_back_as_such(memory: hugehist.File, tmp_path: Path) -> None:
    memory["h"] = filled(X)
    memory["back"] = through_root(tmp_path / "file.root", memory["h"].to_root())
    assert isinstance(memory["back"].axes[0], hist.axis.Regular)
    expected = bare(hist.axis.Regular(8, -1, 3))
    assert bare(memory["back"].axes[0]) == expected
    memory["h"] += memory["back"]  # a name on one side only is no difference


@pytest.mark.parametrize("storage", ["mean", "weightedmean"])
def test_means_are_profiles(memory: hugehist.File, tmp_path: Path, storage: str) -> None:
    model = hist.Hist(hist.axis.Regular(5, 0, 1, name="x"), storage=storage)
    weights = {} if storage == "mean" else {"weight": RNG.random(200)}
    model.fill(RNG.random(200) * 0.8, sample=RNG.normal(5, 1, 200), **weights)  # the last bin and the flow are empty
    memory["h"] = model
    root = through_root(tmp_path / "file.root", memory["h"].to_root())
    assert root.classname == "TProfile"
    memory["back"] = root
    memory["back"] += root
    back = memory["back"]
    assert back.storage_type is bh.storage.WeightedMean  # as uproot reads it
    np.testing.assert_allclose(back.values(flow=True), model.values(flow=True), rtol=1e-12)
    np.testing.assert_allclose(back.counts(flow=True), 2 * model.counts(flow=True), rtol=1e-12)
    twice = memory.create("twice", model.axes[0], storage=storage)
    twice += model
    twice += model
    np.testing.assert_allclose(back.variances(), twice.variances(), rtol=1e-9)


def test_what_root_cannot_hold(memory: hugehist.File, monkeypatch: pytest.MonkeyPatch) -> None:
    memory["h"] = filled(X, Y, hist.axis.Boolean(name="b"), PROCESSES)
    before = memory.stats()
    with pytest.raises(ValueError, match="one to three axes, and there are 4"):
        memory["h"].to_root()
    assert memory.stats() == before
    counts = hist.Hist(X, storage="int64")
    counts.view()[0] = 2**53 + 1
    memory["counts"] = counts
    with pytest.raises(ValueError, match=r"2\^53"):
        memory["counts"].to_root()
    monkeypatch.setitem(sys.modules, "uproot.writing.identify", None)
    with pytest.raises(ImportError, match=r"pip install uproot, or hugehist\[root\]"):
        memory["h"].project("x").to_root()
