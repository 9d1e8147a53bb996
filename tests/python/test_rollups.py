"""Roll-ups: what they hold, when reads take them and when they must not, how they live in the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  # lets h5py read zstd
import hist
import hugehist
import numpy as np
import pytest
import uhi.io.hdf5 as uhi_hdf5
from trusted import analysis_axes, planes, same_content

DATASETS = ("tt", "zz", "wz")


def fill(h: Any, seed: int = 1, datasets: tuple[str, ...] = DATASETS) -> None:
    """Weights are multiples of 1/4: sums are exact in any order."""
    rng = np.random.default_rng(seed)
    for dataset in datasets:
        weight = rng.integers(-8, 9, (200, 2)) / 4
        category = rng.choice(["sr", "cr", "vr"], 200)
        x = rng.uniform(-0.1, 1.1, 200)
        h.fill(dataset=dataset, category=category, systematic=["nominal", "up"], x=x, weight=weight)


def make(file: hugehist.File, *rollups: Any) -> Any:
    h = file.create("h", *analysis_axes(), storage="weight", rollups=rollups)
    fill(h)
    return h


@contextmanager
def reopened(path: Path, *rollups: Any) -> Iterator[Any]:
    """The histogram in a file that was just opened, so that each chunk that is needed is read."""
    if not path.exists():
        with hugehist.File(path, "w") as file:
            make(file, *rollups)
    with hugehist.File(path) as file:
        yield file["h"]


def chunks_read(view: Any) -> int:
    core = view._source.home.core
    before = core.stats()["chunks_read"]
    view.values(flow=True)
    return int(core.stats()["chunks_read"] - before)


COVERED: list[Any] = [
    lambda h: h.project("dataset", "x"),
    lambda h: h.project("x", "dataset"),
    lambda h: h.project("x"),
    lambda h: h[{"dataset": "tt", "category": sum, "systematic": sum}],
    lambda h: h[{"dataset": ["zz", "tt"], "x": slice(2, 8, 2j)}].project("dataset", "x"),
    lambda h: h.scale("dataset", {"tt": 2.0}).scale("x", np.arange(10.0)).project("x"),
    lambda h: h.group("dataset", {"VV": ["zz", "wz"]}).project("dataset", "x"),
    lambda h: (h * 3).project("x"),
    lambda h: h.scale("category", 3).project("x"),
    lambda h: h[{"category": slice(0, len, sum)}].project("dataset"),  # no flow bin on a growing axis
    lambda h: h[{"category": ["sr", "cr", "vr"]}].project("dataset"),
]
NOT_COVERED: list[Any] = [
    lambda h: h.project("category"),
    lambda h: h.project("systematic", "x"),
    lambda h: h[{"category": "sr"}].project("x"),
    lambda h: h[{"category": ["sr", "cr"]}].project("x"),
    lambda h: h[{"systematic": 0}].project("dataset"),
    lambda h: h.scale("category", {"sr": 2}).project("x"),
    lambda h: h.drop("category", ["sr"]).project("x"),
]


@pytest.mark.parametrize("select", COVERED)
def test_it_is_read_where_it_covers(path: Path, select: Any) -> None:
    with reopened(path, ("dataset", "x")) as h:
        view = select(h)
        found = view.to_hist()
        assert h._source.home.core.stats()["chunks_read"] == 1
        with hugehist.File.in_memory() as other:
            same_content(found, select(make(other)).to_hist())


@pytest.mark.parametrize("select", NOT_COVERED)
def test_it_is_not_read_where_it_does_not(path: Path, select: Any) -> None:
    with reopened(path, ("dataset", "x")) as h:
        view = select(h)
        assert chunks_read(view) > 1
        with hugehist.File.in_memory() as other:
            same_content(view.to_hist(), select(make(other)).to_hist())


def test_flow_bins_of_an_axis_that_it_lacks_count(path: Path) -> None:
    with reopened(path, "dataset") as h:
        assert chunks_read(h.project("dataset")) == 1
        without = h[{"x": slice(0, len, sum)}].project("dataset")
        assert chunks_read(without) > 1
        assert chunks_read(h.project("dataset", flow=False)) > 1
        assert not np.array_equal(without.values(), h.project("dataset").values())


def test_the_smallest_is_read(path: Path) -> None:
    with reopened(path, ("dataset", "category", "x"), ("dataset",)) as h:
        assert chunks_read(h.project("dataset")) == 1
        assert chunks_read(h.project("category")) >= 3


def test_many_selections_some_of_them_covered(path: Path) -> None:
    with reopened(path, ("dataset", "x"), "systematic") as h:
        core = h._source.home.core
        chunks = h.stats()["stored_chunks"]
        wanted: list[Any] = [("x",), ("category",), ("dataset", "x"), ("systematic",), ("x", "category")]
        found = h.project_many(wanted)
        assert core.stats()["chunks_read"] == chunks + 2
        with hugehist.File.in_memory() as other:
            single = make(other)
            for mine, which in zip(found, wanted, strict=True):
                same_content(mine, single.project(*which).to_hist())


def test_listing_adding_and_removing(memory: hugehist.File) -> None:
    h = make(memory, "x", ["category", "dataset"])
    assert h.rollups == [("x",), ("dataset", "category")]
    h.add_rollup("systematic", "x")
    h.add_rollup(0, -1)
    assert h.rollups[2:] == [("systematic", "x"), ("dataset", "x")]
    assert h.check_rollups() == []
    h.remove_rollup("x")
    assert h.rollups[0] == ("dataset", "category")
    assert list(memory) == ["h"]
    for wrong in ("h/hugehist/rollups/1", "h/hugehist"):
        assert wrong not in memory
        with pytest.raises(KeyError):
            memory[wrong]

    whole = h.axes.name
    for kept, problem, message in [
        (("y",), KeyError, "no axis 'y'"),
        ((), ValueError, "at least one axis"),
        (whole, ValueError, "a copy of the histogram"),
        (("x", "x"), ValueError, "once, not twice"),
        (("x", "dataset"), ValueError, r"has a roll-up of \(axis 'dataset', axis 'x'\) already"),
    ]:
        with pytest.raises(problem, match=message):
            h.add_rollup(*kept)
    with pytest.raises(KeyError, match="has no roll-up of"):
        h.remove_rollup("x")
    with pytest.raises(KeyError, match="no axis 'y'"):
        memory.create("other", *analysis_axes(), rollups=[("dataset", "y")])
    with pytest.raises(ValueError, match="already"):
        memory.create("other", *analysis_axes(), rollups=["x", "x"])
    assert list(memory) == ["h"]
    with pytest.raises(TypeError, match="list of roll-ups"):
        memory.create("other", *analysis_axes(), rollups="x")


def test_a_file_for_reading_has_them_and_changes_none(path: Path) -> None:
    with reopened(path, "x") as h:
        assert h.rollups == [("x",)]
        assert h.check_rollups() == []
        for change in (lambda: h.add_rollup("dataset"), lambda: h.remove_rollup("x"), h.rebuild_rollups):
            with pytest.raises(hugehist.Error, match="reading only"):
                change()


def test_discards_take_them_back(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        h = make(file, "x")
        file.commit()
        before = h.project("x").values(flow=True)
        h.add_rollup("dataset")
        h.remove_rollup("x")
        fill(h, 2, ("new",))
        file.discard()
        h = file["h"]
        assert h.rollups == [("x",)]
        assert h.check_rollups() == []
        assert np.array_equal(h.project("x").values(flow=True), before)
        h.remove_rollup("x")
        h.add_rollup("x")  # takes the place of the one that is committed
        file.commit()
        assert h.rollups == [("x",)]
    with reopened(path) as h:
        assert h.check_rollups() == []
        assert np.array_equal(h.project("x").values(flow=True), before)
        assert h._source.home.core.stats()["chunks_read"] > 1


def test_a_removed_histogram_takes_them_along(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        make(file, "x", "dataset")
        file.commit()
        del file["h"]
        make(file, "systematic")
        file.commit()
        assert file["h"].rollups == [("systematic",)]
    with h5py.File(path) as raw:
        assert list(raw["h/hugehist/rollups"]) == ["0"]
    with hugehist.File(path, "r+") as file:
        file["h"].remove_rollup("systematic")
    with h5py.File(path) as raw:
        assert "rollups" not in raw["h/hugehist"]
        assert raw["h/hugehist"].attrs["writer_features"] == 0


def test_overwriting_is_summed_anew_at_the_commit(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        h = make(file, ("dataset", "x"), "category")
        file.commit()
        h["tt", "sr", "up", :] = np.full((10, 2), 7.0)
        h["zz", "cr", "up", 3] = [1.0, 1.0]
        model = hist.Hist(*h.axes, storage="weight")
        model.view(flow=True)[...] = h.view(flow=True)
        for kept in h.rollups:  # not of the roll-ups, which are behind
            same_content(h.project(*kept), model.project(*kept))
        fill(h, 3, ("tt", "new"))
        model.view(flow=True)
        expected = {kept: h.project(*kept).to_hist() for kept in h.rollups}
        file.commit()
        chunks = file.stats()["chunks_read"] + file.stats()["cache_hits"]
        for kept in h.rollups:
            same_content(h.project(*kept), expected[kept])
        assert file.stats()["chunks_read"] + file.stats()["cache_hits"] <= chunks + 4
        assert h.check_rollups() == []


def test_a_failed_merge_leaves_them(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        h = make(file, ("dataset", "x"))
        before = h.project("dataset", "x").values(flow=True)
        wrong = hist.Hist(*analysis_axes()[:3], hist.axis.Regular(11, 0, 1, name="x"), storage="weight")
        with pytest.raises(ValueError, match="does not fit"):
            h.merge(wrong)
        assert np.array_equal(h.project("dataset", "x").values(flow=True), before)
        part = hist.Hist(*analysis_axes(), storage="weight").fill("tt", "sr", "up", np.arange(5) / 10)
        assert h.merge(part, id="a")
        assert not h.merge(part, id="a")
        assert h.project("dataset", "x").sum(flow=True).value == before.sum() + 5
        assert h.check_rollups() == []


@pytest.mark.parametrize("storage", ["int64", "double", "weight", "mean", "weightedmean"])
def test_sums_within_rounding(memory: hugehist.File, storage: str) -> None:
    """Weights of both signs and any mantissas: what the check allows for."""
    rollups = [("dataset", "x"), "systematic", ("category", "x")]
    h = memory.create("h", *analysis_axes(), storage=storage, rollups=rollups)
    rng = np.random.default_rng(7)
    for dataset in DATASETS:
        for _ in range(3):
            n = 500
            columns = {"dataset": dataset, "category": rng.choice(["a", "b"], n), "x": rng.random(n)}
            extra = {"sample": rng.normal(10, 3, n)} if "mean" in storage else {}
            if storage in ("int64", "mean"):
                h.fill(**columns, systematic="nominal", **extra)
            else:
                weight = rng.normal(size=(n, 3)) if storage != "weightedmean" else rng.random((n, 3))
                h.fill(**columns, systematic=["nominal", "up", "down"], weight=weight, **extra)
    assert h.check_rollups() == []
    with hugehist.File.in_memory() as other:
        other["h"] = h
        for kept in h.rollups:
            same_content(h.project(*kept), other["h"].project(*kept), rtol=1e-9, atol=1e-9)


def test_others_read_the_file_as_before(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        make(file, ("dataset", "x"))
    with h5py.File(path) as raw:
        whole = hist.Hist(uhi_hdf5.read(raw["h"]))
        rolled = hist.Hist(uhi_hdf5.read(raw["h/hugehist/rollups/0"]))
        assert raw["h/hugehist"].attrs["writer_features"] == 1
        assert raw["h/hugehist"].attrs["reader_features"] == 0
    same_content(rolled, whole.project("dataset", "x"))


def test_what_the_check_finds(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        make(file, ("dataset", "x"), "systematic")
    with h5py.File(path, "r+") as raw:
        values = raw["h/hugehist/rollups/0/storage/values"]
        values[1, 4] += 0.5
    with reopened(path) as h:
        (damage,) = h.check_rollups()
        assert (damage.histogram, damage.plane) == ("h", "values")
        assert damage.labels == (h.axes["dataset"].value(1), h.axes["x"].bin(3))
        assert "('dataset', 'x')" in damage.part
        assert "sums up to" in damage.reason
    with hugehist.File(path, "r+") as file:
        file["h"].rebuild_rollups()
        assert file["h"].check_rollups() == []


def test_a_damaged_roll_up_is_an_error_and_stops_no_merge(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        make(file, ("dataset", "x"))
    with h5py.File(path) as raw:
        place = raw["h/hugehist/rollups/0/storage/values"].id.get_chunk_info(0)
    with path.open("r+b") as raw_bytes:
        raw_bytes.seek(place.byte_offset + place.size // 2)
        raw_bytes.write(b"\xff\xff\xff\xff")
    with reopened(path) as h:
        with pytest.raises(hugehist.CorruptionError, match="rollups/0"):
            h.project("x").values()
        (damage,) = h.check_rollups()
        assert "rollups/0" in damage.reason
        assert damage.labels == ()
    with hugehist.File(path, "r+") as file:
        h = file["h"]
        fill(h, 5)  # cannot be merged into the roll-up: it is made anew by the commit
        h.project("x").values()
    with hugehist.File.in_memory() as other:
        model = make(other)
        fill(model, 5)
        with reopened(path) as h:
            same_content(h.project("x"), model.project("x").to_hist())


def test_planes_of_a_plain_reader_hold_the_roll_up(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        h = make(file, "x")
        expected = planes(h.project("x").to_hist())
    with h5py.File(path) as raw:
        assert np.array_equal(raw["h/hugehist/rollups/0/storage/values"][...], expected[0])
        assert np.array_equal(raw["h/hugehist/rollups/0/storage/variances"][...], expected[1])


def test_parts_that_do_not_fit_into_memory_at_once(path: Path) -> None:
    """A roll-up of 4 MB in a file of 8 MiB is summed in parts."""
    axes = (*analysis_axes()[:2], hist.axis.Regular(2000, 0, 1, name="x"), hist.axis.Regular(3, 0, 1, name="y"))
    rng = np.random.default_rng(3)
    with hugehist.File(path, "w", memory="8 MiB") as file:
        h = file.create("h", *axes, storage="weight")
        for i in range(130):
            h.fill(f"d{i}", rng.choice(["a", "b"], 50), rng.random(50), rng.random(50))
        h.add_rollup("dataset", "x")
        assert h.check_rollups() == []
        found = h.project("dataset", "x").to_hist()
        h.remove_rollup("dataset", "x")
        same_content(found, h.project("dataset", "x").to_hist())


def test_stopped_while_it_is_added(path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(fraction: float) -> None:
        raise StopError

    with hugehist.File(path, "w") as file:
        c = hist.axis.IntCategory([], growth=True, name="c")
        h = file.create("h", c, hist.axis.Regular(200, 0, 1, name="x"), chunks=(1, 202))
        h.fill(np.arange(20_000), np.linspace(0, 1, 20_000))
        file.commit()
        file.progress = stop
        with pytest.raises(StopError):
            h.add_rollup("x")
        file.progress = False
        assert h.rollups == []
        h.add_rollup("x")
        assert h.check_rollups() == []
        assert h.project("x").sum() == 20_000 - 1
