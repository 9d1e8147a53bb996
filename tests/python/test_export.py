"""Exports: files in UHI's layout, with planes of eight or of four bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from trusted import category, same_content

h5py = pytest.importorskip("h5py")
uhi_hdf5 = pytest.importorskip("uhi.io.hdf5")

STORAGES = ["int64", "double", "weight", "mean", "weightedmean"]
AXES = category("c"), hist.axis.IntCategory([1, 2]), hist.axis.Regular(50, 0, 1, name="x")


def filled(file: hugehist.File, storage: str, name: str = "h") -> hugehist.Histogram:
    rng = np.random.default_rng(1)
    h = file.create(name, *AXES, storage=storage, label="a label")
    columns: dict[str, Any] = {"sample": rng.normal(3, 1, 3000)} if "mean" in storage else {}
    if storage != "int64":
        columns["weight"] = rng.integers(1, 5, 3000)
    return h.fill(rng.choice(["a", "b", "ä"], 3000), rng.integers(0, 4, 3000), rng.normal(0.5, 0.3, 3000), **columns)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("part_bins", [1 << 17, 40])
def test_uhi_and_hugehist_read_it(
    memory: hugehist.File, path: Path, storage: str, dtype: str, part_bins: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hugehist.export.PART_BINS", part_bins)
    h = filled(memory, storage)
    view = h[{"c": ["ä", "a"], "x": slice(0, 40, hist.rebin(2))}]
    h.export(path, dtype=dtype)
    view.export(path, "folder/part", dtype=dtype)
    tolerance = 0.0 if dtype == "float64" else 1e-5
    with h5py.File(path) as file:
        for name, expected in (("h", h), ("folder/part", view)):
            uhi = uhi_hdf5.read(file[name])
            ours = expected._to_uhi_()["storage"]
            assert set(uhi["storage"]) == set(ours)
            for plane in set(ours) - {"type"}:
                assert uhi["storage"][plane].dtype.itemsize == int(dtype[-2:]) // 8
                np.testing.assert_allclose(uhi["storage"][plane], ours[plane], rtol=tolerance and 1e-7)
            same_content(hist.Hist(uhi), hist.Hist(expected._to_uhi_()), rtol=tolerance, atol=tolerance)
    with hugehist.File(path) as file:
        same_content(file["h"], h, rtol=tolerance, atol=tolerance)
        same_content(file["folder/part"], view, rtol=tolerance, atol=tolerance)
        assert file["h"].storage_type is h.storage_type
        assert file["h"].label == "a label"
        assert (file["h"].variances() is None) == (h.variances() is None)


def test_four_bytes_take_half_the_space(memory: hugehist.File, path: Path) -> None:
    rng = np.random.default_rng(2)
    h = memory.create("h", category("c"), hist.axis.Regular(20_000, 0, 1), storage="weight")
    for label in "abcde":
        h.fill(label, rng.random(100_000), weight=rng.random(100_000))
    sizes = []
    for dtype in ("float64", "float32"):
        h.export(path.with_suffix(f".{dtype}"), dtype=dtype)
        sizes.append(path.with_suffix(f".{dtype}").stat().st_size)
    assert sizes[1] < 0.55 * sizes[0]


def test_what_does_not_fit_is_refused_and_leaves_nothing(memory: hugehist.File, path: Path) -> None:
    counts = memory.create("counts", hist.axis.Regular(2, 0, 1), storage="int64").fill([0.1], weight=2**31)
    weights = memory.create("weights", hist.axis.Regular(2, 0, 1), storage="weight").fill([0.1], weight=1e30)
    for h in (counts, weights):
        with pytest.raises(ValueError, match=f"'{h.name}' has numbers that are too large"):
            h.export(path, dtype="float32")
        assert not path.exists()
        h.export(path)
        with pytest.raises(ValueError, match="already"):
            h.export(path)
        with pytest.raises(ValueError, match="too large"):
            h.export(path, "other", dtype="float32")
        with hugehist.File(path) as file:
            assert list(file) == [h.name]
            same_content(file[h.name], h)
        path.unlink()
    with pytest.raises(ValueError, match="dtype='float16'"):
        counts.export(path, dtype="float16")


def test_an_empty_histogram(memory: hugehist.File, path: Path) -> None:
    memory.create("h", hist.axis.Regular(3, 0, 1), hist.axis.IntCategory([], growth=True), storage="weight").export(
        path
    )
    with hugehist.File(path) as file:
        assert file["h"].sum().value == 0
        assert len(file["h"].axes[1]) == 0


def test_names_end_where_they_end(memory: hugehist.File, path: Path) -> None:
    """HDF5 takes a null character for the end of a name."""
    h = filled(memory, "double")
    for target, name in ((path, "a\0b"), (path.with_name("a\0b"), "h")):
        with pytest.raises(ValueError, match="null character"):
            h.export(target, name)
    assert not path.exists()
    assert not path.with_name("a").exists()
