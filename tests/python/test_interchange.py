"""Files between libraries: what hugehist wrote in h5py, uhi and hist; what uhi wrote in hugehist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from trusted import AXES, bare, category, same_content

h5py = pytest.importorskip("h5py")
pytest.importorskip("hdf5plugin")
uhi_hdf5 = pytest.importorskip("uhi.io.hdf5")

RNG = np.random.default_rng(13)


def random_model(axes: list[Any], storage: str) -> hist.Hist[Any]:
    model = hist.Hist(*axes, storage=storage)
    view: Any = model.view(flow=True)
    for name in view.dtype.names or (None,):
        (view[name] if name else view)[...] = RNG.integers(0, 1000, view.shape)
    return model


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("storage", ["int64", "double", "weight"])
def test_uhi_reads_ours(path: Path, axis: Any, storage: str) -> None:
    labels = hist.axis.StrCategory(["tt", "ttH_ä"], growth=True, name="c")
    model = random_model([labels, axis], storage)
    with hugehist.File(path, "w") as file:
        file["folder/h"] = model
    with h5py.File(path) as file:
        read = hist.Hist(uhi_hdf5.read(file["folder/h"]))
    if axis.traits.circular and isinstance(axis, bh.axis.Variable):
        return  # checked below: boost-histogram does not show the edges it has
    assert [bare(a) for a in read.axes] == [bare(a) for a in model.axes]
    same_content(read, model)
    assert read.storage_type is model.storage_type


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("storage", ["int64", "double", "weight"])
def test_ours_reads_uhi(path: Path, axis: Any, storage: str) -> None:
    if axis.traits.circular and isinstance(axis, bh.axis.Variable):
        pytest.skip("boost-histogram writes other edges than it bins by")
    labels = hist.axis.StrCategory(["tt", "ttH_ä"], growth=True, name="c")
    model = random_model([labels, axis], storage)
    with h5py.File(path, "w") as file:
        uhi_hdf5.write(file.create_group("h"), model)
    with hugehist.File(path) as file:
        h = file["h"]
        assert [bare(a) for a in h.axes] == [bare(a) for a in model.axes]
        same_content(h, model)
        same_content(h[{"c": "tt"}], model[{"c": "tt"}])
        assert h.storage_type is model.storage_type


def test_adding_to_a_file_of_uhi_says_how(path: Path) -> None:
    model = random_model([category("c"), hist.axis.Regular(3, 0, 1, name="x")], "weight")
    model.fill(c=["a"], x=[0.5])
    with h5py.File(path, "w") as file:
        uhi_hdf5.write(file.create_group("h"), model)
    with hugehist.File(path, "r+") as file:
        with pytest.raises(hugehist.Error, match="copy it"):
            file["h"].fill(c="b", x=0.5)
        with hugehist.File.in_memory() as other:
            other["h"] = file["h"]
            other["h"] += model
            same_content(other["h"], model + model)


@pytest.mark.parametrize("compression", ["zstd", "gzip", None])
def test_h5py_reads_each_chunk(path: Path, compression: str | None) -> None:
    axes = category("c"), category("s"), hist.axis.Regular(2000, 0, 1, name="x")
    model = hist.Hist(*axes, storage="weight")
    with hugehist.File(path, "w") as file:
        h = file.create("h", *axes, storage="weight", compression=compression, chunks=[1, 4, 1001])
        for i in range(5):
            events = int(RNG.integers(1, 3000))
            at = {"c": f"c{i}", "s": RNG.choice(["up", "down", "nominal"], events)}
            x, weight = RNG.random(events), RNG.random(events)
            h.fill(**at, x=x, weight=weight)
            model.fill(**at, x=x, weight=weight)
        read = h.to_hist()
    with h5py.File(path) as file:
        for name, theirs in (
            ("values", read.view(flow=True)["value"]),
            ("variances", read.view(flow=True)["variance"]),
        ):
            dataset = file["h/storage"][name]
            assert dataset.chunks == (1, 4, 1001)
            assert dataset.shape == theirs.shape
            found = 0
            for chunk in dataset.iter_chunks():
                np.testing.assert_array_equal(dataset[chunk], theirs[chunk])
                found += bool(np.any(theirs[chunk]))
            assert found >= 5
            assert dataset.id.get_num_chunks() <= 5 * 2
            assert dataset.id.get_num_chunks() >= found
    same_content(read, model, rtol=1e-12)


def test_plain_hdf5_reads_gzip(path: Path) -> None:
    """The filters are HDF5's own: shuffle and deflate."""
    with hugehist.File(path, "w") as file:
        file.create("h", category("c"), hist.axis.Regular(500, 0, 1), compression="gzip").fill("a", RNG.random(5000))
    with h5py.File(path) as file:
        properties = file["h/storage/values"].id.get_create_plist()
        assert {properties.get_filter(i)[0] for i in range(properties.get_nfilters())} <= {1, 2}


def test_hist_takes_views(memory: hugehist.File) -> None:
    model = random_model([hist.axis.StrCategory(["a", "b"], name="c"), hist.axis.Regular(10, 0, 1, name="x")], "weight")
    memory["h"] = model
    same_content(hist.Hist(memory["h"]), model)
    view = memory["h"][{"x": slice(2, 8, hist.rebin(2))}]
    same_content(hist.Hist(view), model[{"x": slice(2, 8, hist.rebin(2))}])
    same_content(hist.Hist(view._to_uhi_()), view)
    assert hist.Hist(view).name == "h"


def test_uhi_writes_views(memory: hugehist.File, path: Path) -> None:
    model = random_model([hist.axis.StrCategory(["a", "b"], name="c"), hist.axis.Regular(10, 0, 1, name="x")], "double")
    memory["h"] = model
    with h5py.File(path, "w") as file:
        uhi_hdf5.write(file.create_group("h"), memory["h"].project("x"))
        same_content(hist.Hist(uhi_hdf5.read(file["h"])), model.project("x"))


def test_root_histograms(memory: hugehist.File) -> None:
    uproot = pytest.importorskip("uproot")
    model = random_model([hist.axis.Regular(10, 0, 1, name="x")], "weight")
    memory["h"] = model
    root = uproot.writing.identify.to_writable(memory["h"].to_hist())
    memory["back"] = root
    np.testing.assert_array_equal(memory["back"].values(flow=True), model.values(flow=True))
    np.testing.assert_array_equal(memory["back"].variances(flow=True), model.variances(flow=True))


def test_our_axis_dictionaries_are_those_of_boost_histogram() -> None:
    from hugehist.axes import axis_to_uhi

    for axis in AXES:
        theirs = bh.Histogram(bh.Histogram(axis))._to_uhi_()["axes"][0] if hasattr(bh.Histogram, "_to_uhi_") else None
        if theirs is None:
            pytest.skip("boost-histogram is too old")
        ours = axis_to_uhi(axis)
        for key in theirs:
            if key in ("metadata", "writer_info", "edges"):
                continue
            assert ours[key] == theirs[key], axis
        if not (axis.traits.circular and isinstance(axis, bh.axis.Variable)) and "edges" in theirs:
            np.testing.assert_array_equal(ours["edges"], theirs["edges"])
