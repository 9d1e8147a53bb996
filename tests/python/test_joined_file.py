"""Several files open as one, as a file: what it shows and refuses, shards, pickles, and writers beside it."""

from __future__ import annotations

import multiprocessing
import pickle
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  # lets h5py read zstd
import hist
import hugehist
import numpy as np
import pytest
from test_joined import with_labels
from trusted import analysis_axes, category, same_content


def fill(file: hugehist.File, dataset: str, seed: int, name: str = "h") -> None:
    """Weights are multiples of 1/4: sums are exact in any order."""
    rng = np.random.default_rng(seed)
    h = file[name] if name in file else file.create(name, *analysis_axes(), storage="weight", rollups=["x", "dataset"])
    weight = rng.integers(-8, 9, (200, 2)) / 4
    region = rng.choice(["cr", "sr", f"r{seed}"], 200)
    h.fill(dataset=dataset, category=region, systematic=["nominal", "up"], x=rng.random(200), weight=weight)
    file.counters["events", dataset] += 200


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three files with one dataset in two of them; one has no roll-up onto "x", and a histogram of its own."""
    paths = [tmp_path / name for name in ("a.h5", "b.h5", "c.h5")]
    for seed, (path, datasets) in enumerate(zip(paths, (["tt"], ["ww", "tt"], ["zz"]), strict=True)):
        with hugehist.File(path, "w") as file:
            for dataset in datasets:
                fill(file, dataset, seed)
            file.attrs["luminosity"] = 59.7
            file.attrs["era"] = seed
    with hugehist.File(paths[2], "r+") as file:
        fill(file, "zz", 7, "dir/alone")
        file["h"].remove_rollup("x")
        file.attrs["note"] = "only here"
    return paths


@pytest.fixture
def whole(files: list[Path]) -> hugehist.File:
    return merged(files)


def merged(paths: Sequence[Path]) -> hugehist.File:
    """All in one file."""
    result = hugehist.File.in_memory()
    for path in paths:
        with hugehist.File(path) as file:
            for name, h in file.items():
                if name not in result:
                    result.create(name, *analysis_axes(), storage="weight")
                result[name] += h
    return result


def test_it_is_a_file(files: list[Path], whole: hugehist.File) -> None:
    with hugehist.File(tuple(map(str, files)), memory="64 MiB", threads=2) as file:
        assert repr(file) == f"<hugehist.File '{files[0]} and 2 more', mode r, 2 histograms>"
        assert list(file) == ["dir/alone", "h"]
        assert len(file) == 2
        assert "h" in file
        assert "x" not in file
        assert not file.writable
        h, model = file["h"], whole["h"]
        assert file["h"] is h
        assert h == model
        assert h == model.to_hist()
        assert file["dir/alone"] == whole["dir/alone"]
        assert list(h.axes["dataset"]) == ["tt", "ww", "zz"]
        assert "5.625 KiB dense" in repr(h)
        assert "on disk in 12 chunks" in repr(h)
        assert "zz" in h._repr_html_()
        np.testing.assert_array_equal(h[np.array([0, 2]), 0, :, 3].value, model[np.array([0, 2]), 0, :, 3].value)
        assert file.project_many({"h": ["x", ("dataset", "x")]}) == {
            "h": [model.project("x").to_hist(), model.project("dataset", "x").to_hist()]
        }
        grouped = h.group("dataset", {"VV": ["ww", "zz"]}).scale("dataset", {"tt": 0.5})
        assert grouped == model.group("dataset", {"VV": ["ww", "zz"]}).scale("dataset", {"tt": 0.5})
        assert h["tt", "sr", "up", 3] == model["tt", "sr", "up", 3]
        assert h["zz", ...].to_numpy()[0].sum() == model["zz", ...].values().sum()
        with pytest.raises(KeyError, match="none of the files has a histogram 'x': there are dir/alone, h"):
            file["x"]
        with pytest.raises(KeyError, match="'q'"):
            h["q", ...]
    assert file.closed
    for use in (lambda: len(file), lambda: h.axes, lambda: h.values(), lambda: file["h"], lambda: file.attrs["era"]):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_one_path(files: list[Path]) -> None:
    with hugehist.File([files[0]]) as file, hugehist.File(files[0]) as alone:
        assert file.path == alone.path
        assert dict(file.attrs) == dict(alone.attrs)
        assert file["h"] == alone["h"]


def test_what_is_beside_the_histograms(files: list[Path]) -> None:
    for path, id in zip(files, [("s", 0, 20), ("s", 5, 10), ("s", 30, 40)], strict=True):
        with hugehist.File(path, "r+") as file:
            part = file["h"].to_hist()
            part.reset()
            for each in (id, f"id {path.stem}", "everywhere", (b"\xff", 0, 5), ("t", 0, id[2])):
                assert file["h"].merge(part, id=each)
    with hugehist.File(files) as file:
        assert set(file.attrs) == {"luminosity", "era", "note"}
        assert file.attrs["luminosity"] == 59.7
        assert file.attrs["note"] == "only here"
        assert "era" in file.attrs
        with pytest.raises(ValueError, match=r"'era': it is 0 in '.*a.h5', 1 in '.*b.h5', 2 in '.*c.h5'"):
            file.attrs["era"]
        with pytest.raises(KeyError):
            file.attrs["other"]
        assert "'era': <differs>" in repr(file.attrs)
        assert dict(file.counters) == {("events", "tt"): 400, ("events", "ww"): 200, ("events", "zz"): 400}
        assert file.counters["events", "tt"] == 400
        assert ("events", "tt") in file.counters
        assert ("events", "qq") not in file.counters
        assert file.counters["events", "qq"] == 0
        ids: list[Any] = [
            "id a",
            "everywhere",
            "id b",
            "id c",
            ("s", 0, 20),
            ("s", 30, 40),
            ("t", 0, 40),
            (b"\xff", 0, 5),
        ]
        assert list(file.ledger) == ids
        assert len(file.ledger) == 8
        for id in (*ids, ("s", 5, 15), ("t", 35, 40)):
            assert id in file.ledger
        for id in ("other", ("s", 5, 25), ("u", 0, 1), ("s", 5, 2), 3):
            assert id not in file.ledger
        assert file.ledger.missing("s", 0, 50) == [("s", 20, 30), ("s", 40, 50)]


def test_roll_ups(files: list[Path], whole: hugehist.File) -> None:
    with hugehist.File(files) as file:
        h = file["h"]
        assert h.rollups == [("dataset",)]
        assert h.check_rollups() == []
    for axis in ("dataset", "x"):  # of "x" one file reads its chunks
        with hugehist.File(files) as file:
            assert file["h"].project(axis).to_hist() == whole["h"].project(axis)
            together = file.stats()["chunks_read"]
        for path in files:
            with hugehist.File(path) as file:
                file["h"].project(axis).to_hist()
                together -= file.stats()["chunks_read"]
        assert together == 0


def test_what_a_check_of_roll_ups_finds_is_named_by_its_labels(files: list[Path]) -> None:
    with h5py.File(files[1], "r+") as raw:
        (number,) = (n for n, each in raw["h/hugehist/rollups"].items() if each["hugehist"].attrs["kept_axes"] == [0])
        raw[f"h/hugehist/rollups/{number}/storage/values"][0] += 0.5  # of ww, which is the second in all files together
    with hugehist.File(files) as file:
        (damage,) = file["h"].check_rollups()
        assert damage.labels == ("ww",)
        assert f"(in '{files[1]}')" in damage.reason
        with hugehist.File.in_memory() as other:
            other["h"] = file["h"]
            assert other["h"] == file["h"]


def test_verify(files: list[Path]) -> None:
    with hugehist.File(files) as file:
        report = file.verify(rollups=True)
        assert report.ok
        assert report.chunks == sum(hugehist.verify(path).chunks for path in files)
    with h5py.File(files[1]) as raw:
        place = raw["h/storage/variances"].id.get_chunk_info(0).byte_offset
    content = bytearray(files[1].read_bytes())
    content[place + 20] ^= 1
    files[1].write_bytes(content)
    with hugehist.File(files) as file:
        (damage,) = file.verify().damaged
        assert (damage.histogram, damage.plane) == ("h", "variances")
        assert str(damage).startswith(f"'{files[1]}': ")
        assert f"(in '{files[1]}')" in repr(damage)
        with pytest.raises(hugehist.CorruptionError, match=r"b\.h5"):
            file["h"].values()
        assert file["dir/alone"].sum().value != 0


def test_progress_is_of_all_files(files: list[Path]) -> None:
    told: list[float] = []
    with hugehist.File(files, progress=told.append) as file:
        file.verify()
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert set(told) == {1 / 3, 2 / 3, 1.0}


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        lambda f: f.create("new", category("c")),
        lambda f: f.__setitem__("new", hist.Hist(category("c"))),
        lambda f: f.__delitem__("h"),
        lambda f: f.attrs.__setitem__("note", 1),
        lambda f: f.attrs.__delitem__("note"),
        lambda f: f.counters.add("events", 1),
        lambda f: f.counters.__setitem__("events", 1),
        lambda f: f.counters.__delitem__(("events", "tt")),
        lambda f: f.commit(),
        lambda f: f.discard(),
        lambda f: f.transaction().__enter__(),
        lambda f: f["h"].fill("tt", "sr", "up", 0.5),
        lambda f: f["h"].merge(f["h"]),
        lambda f: f["h"].merge(f["h"].to_hist(), id="x"),
        lambda f: f["h"].grow("dataset", ["qq"]),
        lambda f: f["h"].__setitem__(("zz", "sr", "up", 3), [0, 0]),
        lambda f: f["h"].add_rollup("systematic"),
        lambda f: f["h"].remove_rollup("x"),
        lambda f: f["h"].rebuild_rollups(),
    ],
)
def test_writing(files: list[Path], write: Any) -> None:
    with hugehist.File(files[2]) as one, pytest.raises(hugehist.Error, match="for reading only"):
        write(one)
    with hugehist.File(files) as file, pytest.raises(hugehist.Error, match=r"for reading only: .* `hugehist merge`"):
        write(file)


def test_buffers_need_no_file(files: list[Path]) -> None:
    with hugehist.File(files) as file:
        buffer = file["h"].buffer()
    buffer.fill("tt", "sr", "up", 0.5)
    with hugehist.File(files[0], "r+") as file:
        before = file["h"].sum().value
        file["h"].merge(buffer.delta())
        assert file["h"].sum().value == before + 1


def test_lists_that_are_refused(files: list[Path]) -> None:
    for mode in ("r+", "a", "w", "x"):
        with pytest.raises(ValueError, match="for reading"):
            hugehist.File(files, mode)
    with pytest.raises(ValueError, match="empty"):
        hugehist.File([])
    (link := files[0].with_name("link.h5")).symlink_to(files[0])
    for again in (files[0], str(files[0]), link):
        with pytest.raises(ValueError, match="are the same file"):
            hugehist.File([*files, again])
    with pytest.raises(TypeError, match="has paths, not a int"):
        hugehist.File([files[0], 3])  # type: ignore[list-item]
    with pytest.raises(FileNotFoundError, match="other"):
        hugehist.File([*files, "other.h5"])
    with pytest.raises(ValueError, match=r"too small for 3 files: give at least 24 MiB"):
        hugehist.File(files, memory="16 MiB")
    with pytest.raises(ValueError, match="partial= is for a list"):
        hugehist.File(files[0], partial=True)
    for path in files:  # none of these attempts holds a file open
        hugehist.repack(path)


MISFITS: list[Any] = [
    ([hist.axis.Regular(3, 0, 2, name="x")], "double", r"axis 'x'.* Regular\(3, 0, 1.* Regular\(3, 0, 2"),
    ([hist.axis.Regular(3, 0, 1, name="y")], "double", "axis 'x'.*name='y'"),
    ([hist.axis.Regular(3, 0, 1, name="x", overflow=False)], "double", "axis 'x'.*overflow=False"),
    ([hist.axis.Variable([0, 0.5, 0.6, 1], name="x")], "double", "axis 'x'.*Variable"),
    ([category("x", ["a"])], "double", "axis 'x'.*StrCategory"),
    ([hist.axis.Regular(3, 0, 1, name="x"), category("c")], "double", "1 axes in '.*a.h5', 2 in '.*b.h5'"),
    ([hist.axis.Regular(3, 0, 1, name="x")], "weight", "'double' storage in '.*a.h5', 'weighted' storage in '.*b.h5'"),
]


@pytest.mark.parametrize(("axes", "storage", "message"), MISFITS)
def test_histograms_that_do_not_fit(tmp_path: Path, axes: list[Any], storage: str, message: str) -> None:
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for path, kept, kind in zip(
        paths, ([hist.axis.Regular(3, 0, 1, name="x")], axes), ("double", storage), strict=True
    ):
        with hugehist.File(path, "w") as file:
            file.create("dir/h", *kept, storage=kind)
            file.create("fine", category("c"), storage="int64").fill(["a"])
    with hugehist.File(paths) as file:
        with pytest.raises(ValueError, match=r"'dir/h'.* does not fit together") as error:
            file["dir/h"]
        assert re.search(message, str(error.value))
        assert all(path.name in str(error.value) for path in paths)
        assert file["fine"]["a"] == 2
        assert "dir/h" in file


def test_labels_of_fixed_axes(tmp_path: Path) -> None:
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for path, labels in zip(paths, ("ab", "ba"), strict=True):
        with hugehist.File(path, "w") as file:
            file.create("h", hist.axis.StrCategory(list(labels), name="c"), storage="int64").fill(["a", "other"])
            other = hist.axis.StrCategory(["a", f"b{labels}"], name="c")
            file.create("other", other, storage="int64")
            file.create("last digit", hist.axis.Regular(3, 0, 0.3 if labels == "ab" else 0.1 + 0.2, name="x"))
    with hugehist.File(paths) as file:
        assert list(file["h"].values(flow=True)) == [2, 0, 2]
        assert file["last digit"].axes[0].edges[-1] == 0.3
        with pytest.raises(ValueError, match=r"'other', axis 'c' does not fit"):
            file["other"]


def test_variances_are_known_where_all_files_know_them(tmp_path: Path) -> None:
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for path, weight in zip(paths, (None, 2.0), strict=True):
        with hugehist.File(path, "w") as file:
            file.create("h", category("c"), storage="double").fill(["a"], weight=weight)
    for chosen, variances in (([0], [1]), ([0, 1], None), ([1, 0], None)):
        with hugehist.File([paths[i] for i in chosen]) as file:
            assert file["h"].variances() == variances
            assert file["h"].to_hist().variances() == variances


def test_metadata_is_that_of_the_first(tmp_path: Path) -> None:
    for name, extra in (("a", {}), ("b", {"year": 2017}), ("c", {"year": 2018})):
        with hugehist.File(tmp_path / f"{name}.h5", "w") as file:
            axis = hist.axis.Regular(3, 0, 1, name="x", label="" if name == "a" else f"x of {name}")
            file.create("h", axis, label=f"title {name}", metadata=extra)
    with hugehist.File([tmp_path / f"{name}.h5" for name in "abc"]) as file:
        assert file["h"].metadata == {"label": "title a", "year": 2017}
        assert file["h"].label == "title a"


# --- shards ---------------------------------------------------------------------------------------------------------


def shards(folder: Path, run: str, count: int) -> list[Path]:
    paths = [folder / f"{run}-{i}.h5" for i in range(count)]
    for i, path in enumerate(paths):
        with hugehist.File(path, "w") as file:
            file.create("h", category("c"), storage="int64").fill([f"c{i}"])
            file.attrs.update({"hugehist.run": run, "hugehist.shards": count, "hugehist.shard": i, "note": "n"})
    return paths


def test_shards_of_a_run_are_complete(tmp_path: Path, files: list[Path]) -> None:
    one, other = shards(tmp_path, "one", 4), shards(tmp_path, "other", 2)
    with hugehist.File([*reversed(one), *files, *other]) as file:
        assert set(file.attrs) == {"note", "luminosity", "era"}
        assert list(hugehist.File(one).attrs) == ["note"]
    with hugehist.File(one[::-1]) as file:
        assert file["h"].sum() == 4
        assert list(file["h"].axes[0]) == ["c3", "c2", "c1", "c0"]
    with pytest.raises(ValueError, match=r"of the 4 shards of run 'one' these are missing: 1, 3; .*partial=True"):
        hugehist.File([one[0], *other, one[2]])
    with hugehist.File([one[0], one[2]], partial=True) as file:
        assert file["h"].sum() == 2
        view = pickle.loads(pickle.dumps(file["h"][:]))
        assert view.sum() == 2
    copy = tmp_path / "copy.h5"
    copy.write_bytes(one[0].read_bytes())
    for partial in (False, True):
        with pytest.raises(ValueError, match="are both shard 0 of run 'one'"):
            hugehist.File([*one, copy], partial=partial)


# --- other processes, and refreshing ----------------------------------------------------------------------------------


def test_handles_pickle(files: list[Path], whole: hugehist.File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files[0].parent)
    make: Any = lambda h: h.group("dataset", {"VV": ["ww", "zz"]})["VV", sum, :, 2:7] * 2  # noqa: E731
    with hugehist.File([path.name for path in files]) as file:
        pickles = [pickle.dumps(file["h"]), pickle.dumps(make(file["h"]))]
    monkeypatch.chdir("/")
    h, view = map(pickle.loads, pickles)
    assert h._source.home is view._source.home
    same_content(h, whole["h"].to_hist())
    same_content(view, make(whole["h"]).to_hist())
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        np.testing.assert_array_equal(pool.submit(np.asarray, view).result()["value"], view.values())
    files[1].unlink()
    with pytest.raises(FileNotFoundError):
        pickle.loads(pickles[0])


def test_refreshing_beside_writers(files: list[Path]) -> None:
    with (
        hugehist.File(files) as reader,
        hugehist.File(files[0], "r+") as writer,
        hugehist.File(files[1], "r+") as other,
    ):
        h, by_dataset, second = reader["h"], reader["h"].project("dataset"), reader["h"][1, ...]
        before, version = h.to_hist(), h._core.axes()[0]
        assert not reader.refresh()
        fill(writer, "new", 11)
        writer.commit()
        assert h == before
        assert reader.refresh()
        assert h._core.axes()[0] != version
        assert not reader.refresh()
        assert list(h.axes["dataset"]) == ["tt", "ww", "zz", "new"]  # what was there stays where it was
        assert by_dataset["new"] == writer["h"].project("dataset")["new"]
        assert second.axes["category"] == reader["h"].axes["category"]
        assert (
            second.project("x")
            == hist.Hist(*before.axes, storage=before.storage_type(), data=before)["ww", sum, sum, :]
        )
        fill(other, "tt", 12)
        fill(other, "tt", 13, "dir/alone")
        other.commit()
        assert reader.refresh()
        same_content(h, merged(files)["h"].to_hist())
        same_content(reader["h"], merged(files)["h"].to_hist())
        same_content(reader["dir/alone"], merged(files)["dir/alone"].to_hist())


def test_histograms_that_come_and_go(files: list[Path]) -> None:
    with hugehist.File(files) as reader, hugehist.File(files[0], "r+") as writer:
        h, alone = reader["h"], reader["dir/alone"]
        fill(writer, "tt", 5, "dir/alone")
        del writer["h"]
        writer.commit()
        assert reader.refresh()
        same_content(alone, merged(files)["dir/alone"].to_hist())  # in one more file
        with pytest.raises(KeyError, match="void"):
            h.values()
        same_content(reader["h"], merged(files)["h"].to_hist())  # in one less
        writer.create("h", category("c"))
        writer.commit()
        assert reader.refresh()
        with pytest.raises(ValueError, match="does not fit"):
            reader["h"]
        del writer["h"]
        fill(writer, "a", 1)
        writer.commit()
        assert reader.refresh()
        same_content(reader["h"], merged(files)["h"].to_hist())


def test_a_read_is_of_one_state_of_all_files(tmp_path: Path) -> None:
    """A refresh while the first file is being read: all is read again, without the labels that are new then."""
    axes = (category("c"), hist.axis.Integer(0, 510, name="x"))
    content = np.ones((4000, 512))
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for path, step in zip(paths, (1, -1), strict=True):
        with hugehist.File(path, "w") as file:
            labelled = with_labels(axes[0], [f"c{i}" for i in range(4000)[::step]])
            file.create("h", *axes, chunks=[1, 32]).merge(hist.Hist(labelled, axes[1], data=content))
    told: list[float] = []
    with hugehist.File(paths, memory="16 MiB") as reader:
        h = reader["h"]

        def refresh(fraction: float) -> None:
            if not told:
                for path in paths:
                    with hugehist.File(path, "r+") as writer:
                        writer["h"].merge(hist.Hist(with_labels(axes[0], ["new", "c7"]), axes[1], data=content[:2]))
                reader.refresh()
            told.append(fraction)

        reader.progress = refresh
        found = h.scale("c", np.full(4000, 0.5)).project("c").to_hist()
        reader.progress = False
        assert list(found.axes[0]) == list(h.axes[0])[:-1]
        assert list(h.axes[0])[-1] == "new"
        np.testing.assert_array_equal(found.values(), np.where(np.arange(4000) == 7, 1024, 512))
        assert told != sorted(told)  # it began again
