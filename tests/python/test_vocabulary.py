"""hist's vocabulary on views, beside hist."""

from __future__ import annotations

import rlcompleter
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from trusted import category, random_model, same_content, stored

AXES = (
    category("dataset", ["tt", "dy", "ttH"]),
    hist.axis.StrCategory(["sr", "cr"], name="region"),
    hist.axis.Regular(6, 0, 3, name="x"),
    hist.axis.Variable([0, 1, 5], name="y"),
)


@pytest.fixture(params=["int64", "double", "weight"])
def pair(request: pytest.FixtureRequest, memory: hugehist.File) -> tuple[hugehist.Histogram, hist.Hist[Any]]:
    return stored(memory, random_model(AXES, request.param))


def same(mine: Any, theirs: Any) -> None:
    assert isinstance(mine, hugehist.View)
    assert [axis.name for axis in mine.axes] == [axis.name for axis in theirs.axes]
    same_content(mine, theirs)


def test_integrate(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    for args in (
        ("x",),
        ("x", 1, 4),
        ("x", 0.5j, 2j),
        (2, 1),
        ("x", None, len),
        ("region",),
        ("dataset", ["tt", "ttH"]),
        ("region", ["cr"]),
    ):
        same(h.integrate(*args), model.integrate(*args))
    same(h.integrate("dataset", "tt*"), model.integrate("dataset", ["tt", "ttH"]))
    flat, flat_model = h.project("x"), model.project("x")
    assert flat.integrate("x") == flat_model.integrate("x")
    assert flat.integrate("x", 1, 3) == flat_model.integrate("x", 1, 3)
    with pytest.raises(TypeError, match="two bounds"):
        h.integrate("dataset", ["tt"], 2)


def test_profile(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    for axis in ("x", "y", 2, "region"):
        mine, theirs = h.profile(axis), model.profile(axis)
        assert mine.storage_type is bh.storage.Mean
        assert mine.axes == theirs.axes
        for mine_values, their_values in (
            (mine.counts(), theirs.counts()),
            (mine.values(), theirs.values()),
            (mine.variances(), theirs.variances()),
        ):
            np.testing.assert_allclose(mine_values, their_values, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="only one"):
        h.project("x").profile("x")


def test_the_rest(pair: tuple[hugehist.Histogram, hist.Hist[Any]]) -> None:
    h, model = pair
    same(h.T, model.T)
    np.testing.assert_allclose(h.density(), model.density(), rtol=1e-15)
    np.testing.assert_allclose(h.project("x").density(), model.project("x").density(), rtol=1e-15)
    mine, theirs = h.project("dataset", "x").stack("dataset"), model.project("dataset", "x").stack("dataset")
    assert isinstance(mine, hist.Stack)
    assert [part.name for part in mine] == [part.name for part in theirs]
    assert all(a == b for a, b in zip(mine, theirs, strict=True))
    with pytest.raises(RuntimeError, match="two axes"):
        h.project("x").stack("x")
    parts = h.expand_cats()
    assert list(parts) == list(model.expand_cats())
    for key, part in model.expand_cats().items():
        same(parts[key], part)
    assert next(iter(h.expand_cats(name=lambda dataset, region: region + dataset))) == "srtt"
    with pytest.raises(ValueError, match="'tt'"):
        h.expand_cats(name=lambda dataset, region: dataset)
    with pytest.raises(ValueError, match="no category axis"):
        h.project("x").expand_cats()


def test_empty(memory: hugehist.File) -> None:
    model = hist.Hist(*AXES, storage="weight")
    memory["h"] = model
    h = memory["h"]
    assert h.empty()
    assert h.empty(flow=True)
    h.fill(dataset=["tt", "tt"], region="sr", x=[-1, -1], y=2, weight=[1, -1])
    model.fill(dataset=["tt", "tt"], region="sr", x=[-1, -1], y=2, weight=[1, -1])
    assert h.empty() is model.empty() is True
    assert h.empty(flow=True) is model.empty(flow=True) is False
    assert h[{"x": slice(2, None)}].empty(flow=True) is False
    assert h[{"x": slice(2, None, sum)}].empty(flow=True) is True


def test_equality_and_closeness(
    pair: tuple[hugehist.Histogram, hist.Hist[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    h, model = pair
    for part_bins in (hugehist.comparing.PART_BINS, 100, 7, 1):
        monkeypatch.setattr(hugehist.comparing, "PART_BINS", part_bins)
        assert h == model
        assert h == h[...]
        assert h.allclose(model)
        assert h.T == model.T
        assert h != h.T
        changed = model.copy()
        changed.view(flow=True)[-1, -1, -1, -1] = np.ones((), changed.view().dtype)
        assert h != changed
        assert not h.allclose(changed)
        assert h.allclose(changed, flow=False)
        assert not h.empty()
    assert (h * (1 + 1e-9)).allclose(h * 1.0)
    assert not (h * (1 + 1e-9)).allclose(h * 1.0, rtol=1e-10, atol=0)
    assert h != h * (1 + 1e-9)
    shifted = hist.Hist(*AXES[:2], hist.axis.Regular(6, 0, 3 + 1e-9, name="z"), AXES[3], storage=model.storage)
    shifted.view(flow=True)[...] = model.view(flow=True)
    assert h.allclose(shifted)
    assert not h.allclose(shifted, metadata=True)
    assert h != shifted
    assert h.allclose(model, metadata=True)
    flat = h.project("x")
    without = hist.Hist(hist.axis.Regular(6, 0, 3, name="x", overflow=False), storage=model.storage)
    without.view(flow=True)[...] = flat.view(flow=True)[:-1]
    assert not flat.allclose(without)
    assert flat.allclose(without, flow=False)
    for other in (3, None, "h", model.values()):
        assert not h.allclose(other)
    assert (h == 3) is False


def chunks_read(file: hugehist.File) -> int:
    return file.stats()["chunks_read"]


def test_what_reads_nothing(path: Any) -> None:
    with hugehist.File(path, "w") as file:
        file["h"] = random_model(AXES, "weight")
    with hugehist.File(path) as file:
        h = file["h"]
        view = h[{"x": slice(1, 5)}].group("dataset", {"top": "tt*"}).scale("region", {"sr": 2.0}).T
        for one in (h, view):
            repr(one), dir(one), one.axes, one.name, one.label, one.shape, one.ndim, one.size, one.kind, one.metadata
            rlcompleter.Completer({"one": one}).attr_matches("one.")
            with pytest.raises(KeyError):
                one[{"dataset": "none"}]
            with pytest.raises(KeyError):
                one.group("dataset", {"a": "none"})
            assert one != one.project("x")
            assert not one.allclose(one[{"x": slice(1, 3)}])
            assert one != one[{"x": slice(1, 3)}]
            (one * 2.0 / 3.0).integrate("x").sort("dataset").rename("dataset", str.upper)
            one.expand_cats()
        len(file), list(file), repr(file), "h" in file
        assert chunks_read(file) == 0
        view.values()
        assert chunks_read(file) > 0


def test_a_slice_reads_its_chunk(path: Any) -> None:
    datasets, regions, systematics = ([f"{kind}{i}" for i in range(4)] for kind in "drs")
    axes = (
        category("dataset", datasets),
        category("region", regions),
        category("systematic", systematics),
        hist.axis.Regular(100, 0, 1, name="x"),
    )
    model = random_model(axes, "weight")
    with hugehist.File(path, "w") as file:
        file["h"] = model
        file.commit()
        assert file["h"].stats()["stored_chunks"] >= 16
    with hugehist.File(path) as file:
        one = file["h"]["d1", "r2", "s3", :]
        assert chunks_read(file) == 0
        same_content(one, model[bh.loc("d1"), bh.loc("r2"), bh.loc("s3"), :])
        assert chunks_read(file) == 1
        group = file["h"][{"region": "r2"}].group("dataset", {"some": ["d0", "d1", "d2"]})["some", "s3", :]
        before = chunks_read(file)
        group.values()
        assert chunks_read(file) - before == 3
