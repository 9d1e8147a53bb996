"""merge: files as one, chunk by chunk copied or added up, against sums of hist."""

from __future__ import annotations

import functools
import operator
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import hist
import hugehist
import numpy as np
import pytest
from hugehist.__main__ import main
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from trusted import category, planes, random_model

#: Where a sync costs nothing.
QUICK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
STORAGES = ("int64", "double", "weight", "mean", "weightedmean")
DENSE = (
    hist.axis.Regular(5, 0, 1, name="x"),
    hist.axis.Variable([0, 1, 4], circular=True, name="x"),
    hist.axis.Integer(0, 4, flow=False, name="x"),
    hist.axis.Boolean(name="x"),
)


# ---- any files, against hist


class Part(NamedTuple):
    """What one file has."""

    models: dict[str, hist.Hist[Any]]  # by name
    chunks: list[int]
    compression: str | None
    rollups: list[str]


@st.composite
def parts(draw: st.DrawFn) -> list[Part]:
    storage = draw(st.sampled_from(STORAGES))
    dense = draw(st.sampled_from(DENSE))
    shapes = draw(st.lists(st.tuples(*[st.integers(1, 4)] * 4), min_size=1, max_size=2))
    codecs = draw(st.sampled_from([["zstd"], ["gzip"], [None], ["zstd", "gzip"], ["gzip", None]]))
    rollups = draw(st.lists(st.sampled_from(["dataset", "x"]), unique=True))
    made = []
    for number in range(draw(st.integers(1, 4))):
        axes = (
            hist.axis.StrCategory(_some(draw, "abcdef"), growth=True, name="dataset"),
            hist.axis.IntCategory(_some(draw, [5, -3, 0, 7]), growth=True, name="systematic"),
            hist.axis.StrCategory(draw(st.permutations(["sr", "cr"])), name="region"),
            dense,
        )
        names = draw(st.sampled_from([("h",), ("h",), ("h", "only/here"), ("other",)]))
        models = {name: random_model(axes, storage, seed=draw(st.integers(0, 99))) for name in names}
        shape = [
            min(length, 3 if i == 2 else dense.extent if i == 3 else 9)
            for i, length in enumerate(draw(st.sampled_from(shapes)))
        ]
        made.append(Part(models, shape, draw(st.sampled_from(codecs)), rollups if number % 3 < 2 else []))
    return made


def _some(draw: st.DrawFn, labels: Sequence[Any]) -> list[Any]:
    """A few of them, in any order."""
    return draw(st.permutations(list(labels)))[: draw(st.integers(1, len(labels)))]


def write(path: Path, part: Part) -> Path:
    with hugehist.File(path, "w") as f:
        for name, model in part.models.items():
            options: dict[str, Any] = {"chunks": part.chunks, "compression": part.compression, "rollups": part.rollups}
            f.create(name, *model.axes, storage=model.storage_type, **options).merge(model)
            f.counters["files", name] = 1
    return path


def joined_axes(models: Sequence[hist.Hist[Any]]) -> list[Any]:
    result = []
    for axes in zip(*(model.axes for model in models), strict=True):
        first = axes[0]
        if not (isinstance(first, hist.axis.StrCategory | hist.axis.IntCategory) and first.traits.growth):
            result.append(first)
            continue
        labels = list(dict.fromkeys(label for axis in axes for label in axis))
        result.append(type(first)(labels, growth=True, name=first.name))
    return result


def total(models: Sequence[hist.Hist[Any]]) -> hist.Hist[Any]:
    axes = joined_axes(models)
    result = []
    for model in models:
        wide = hist.Hist(*axes, storage=model.storage_type())
        wide.view(flow=True)[np.ix_(*map(places, model.axes, axes))] = model.view(flow=True)
        result.append(wide)
    return functools.reduce(operator.add, result)


def places(axis: Any, of: Any) -> list[int]:
    if not isinstance(axis, hist.axis.StrCategory | hist.axis.IntCategory):
        return list(range(axis.extent))
    labels = list(of)
    return [labels.index(label) for label in axis] + [len(labels)] * axis.traits.overflow


def same_bins(mine: Any, theirs: hist.Hist[Any]) -> None:
    for one, other in zip(planes(mine), planes(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=0)


@given(parts(), st.sampled_from([1, 2]))
def test_any_files_add_up_as_hist_does(all_parts: list[Part], threads: int) -> None:
    with tempfile.TemporaryDirectory(dir=QUICK) as name:
        folder = Path(name)
        paths = [write(folder / f"{number}.h5", part) for number, part in enumerate(all_parts)]
        target = folder / "joined.h5"
        done = hugehist.merge(paths, target, memory="8 MiB", threads=threads)
        assert hugehist.verify(target, rollups=True).ok
        with hugehist.File(target) as f:
            wanted = sorted({name for part in all_parts for name in part.models})
            assert list(f) == wanted
            assert done.histograms == len(wanted)
            for name in wanted:
                models = [part.models[name] for part in all_parts if name in part.models]
                expected = total(models)
                assert [list(axis) for axis in f[name].axes[:3]] == [list(axis) for axis in expected.axes[:3]]
                same_bins(f[name].to_hist(), expected)
                first = next(part for part in all_parts if name in part.models)
                assert f[name].rollups == [(axis,) for axis in first.rollups]
                assert f[name].check_rollups() == []
                assert f.counters["files", name] == len(models)


# ---- which way a chunk takes


def some_file(path: Path, *datasets: str, seed: int = 1, ids: Sequence[Any] = (), **options: Any) -> Path:
    """dnn: a chunk for each dataset, of two systematics."""
    rng = np.random.default_rng(seed)
    systematics = options.pop("systematics", ["nominal", "up"])
    with hugehist.File(path, "w") as f:
        h = f.create(
            "dnn",
            category("dataset"),
            category("systematic"),
            hist.axis.Regular(200, 0, 1, name="x"),
            **{"storage": "weight", **options},
        )
        for dataset in datasets:
            h.fill(dataset=dataset, systematic=systematics, x=rng.random(500), weight=rng.integers(1, 9, (500, 2)))
        for id in ids:
            h.merge(hugehist.Buffer(*h.axes, storage="weight").delta(), id=id)
    return path


def encoded(path: Path, name: str = "dnn") -> dict[tuple[str, str], bytes]:
    """Of each dataset and plane the chunk as it is stored."""
    with hugehist.File(path) as f:
        datasets = list(f[name].axes["dataset"])
    with h5py.File(path) as f:
        found = {}
        for plane in ("values", "variances"):
            stored = f[f"{name}/storage/{plane}"].id
            for i in range(stored.get_num_chunks()):
                offset = stored.get_chunk_info(i).chunk_offset
                found[datasets[offset[0]], plane] = stored.read_direct_chunk(offset)[1]
    return found


def content(path: Path) -> dict[str, Any]:
    with hugehist.File(path) as f:
        return {name: h.to_hist() for name, h in f.items()}


def test_chunks_of_one_file_alone_are_copied(tmp_path: Path) -> None:
    a = some_file(tmp_path / "a.h5", "tt", "data")
    b = some_file(tmp_path / "b.h5", "data", "ww", "zz", seed=2)
    done = hugehist.merge([a, b], tmp_path / "t.h5", threads=2)
    assert (done.copied, done.merged) == (3, 1)
    copied = encoded(tmp_path / "t.h5")
    for path, dataset in ((a, "tt"), (b, "ww"), (b, "zz")):
        for plane in ("values", "variances"):
            assert copied[dataset, plane] == encoded(path)[dataset, plane]
    same_bins(content(tmp_path / "t.h5")["dnn"], total([content(a)["dnn"], content(b)["dnn"]]))


@pytest.mark.parametrize(
    "other",
    [
        {"compression": "gzip"},
        {"chunks": [1, 1, 202]},
        {"chunks": [2, 4, 50]},
        {"systematics": ["up", "nominal"]},
    ],
    ids=["compression", "rows", "bins", "order"],
)
def test_copies_equal_what_is_decoded_and_added(tmp_path: Path, other: dict[str, Any]) -> None:
    a = some_file(tmp_path / "a.h5", "tt", "data", "xx")
    b = some_file(tmp_path / "b.h5", "ww", seed=2)
    copied = hugehist.merge([a, b], tmp_path / "copied.h5")
    assert (copied.copied, copied.merged) == (4, 0)
    b = some_file(tmp_path / "b.h5", "ww", seed=2, **other)
    added = hugehist.merge([a, b], tmp_path / "added.h5")
    assert added.copied == 3
    assert added.merged == 1
    if "systematics" not in other:
        assert content(tmp_path / "copied.h5") == content(tmp_path / "added.h5")
    same_bins(content(tmp_path / "added.h5")["dnn"], total([content(a)["dnn"], content(b)["dnn"]]))


def test_a_prefix_of_the_systematics_is_copied(tmp_path: Path) -> None:
    """What the others have of later systematics is in other rows, or in no chunk of these."""
    a = some_file(tmp_path / "a.h5", "tt")
    with hugehist.File(a, "r+") as f:
        f["dnn"].fill(dataset="tt", systematic="down", x=[0.5], weight=[1.0])
    b = some_file(tmp_path / "b.h5", "ww")
    assert hugehist.merge([a, b], tmp_path / "t.h5").copied == 2
    assert hugehist.merge([b, a], tmp_path / "u.h5").copied == 2
    expected = total([content(a)["dnn"], content(b)["dnn"]])
    same_bins(content(tmp_path / "t.h5")["dnn"], expected)
    assert content(tmp_path / "u.h5")["dnn"].sum() == expected.sum()


def test_rollups_are_joined_or_made(tmp_path: Path) -> None:
    a = some_file(tmp_path / "a.h5", "tt", rollups=["x", "dataset"])
    b = some_file(tmp_path / "b.h5", "ww", rollups=["x", "dataset"])
    c = some_file(tmp_path / "c.h5", "zz", rollups=["systematic"])
    for sources, merged in (([a, b], 2), ([a, b, c], 0)):
        done = hugehist.merge(sources, tmp_path / "t.h5", force=True)
        assert (done.copied, done.merged) == (len(sources), merged)
        with hugehist.File(tmp_path / "t.h5") as f:
            assert f["dnn"].rollups == [("x",), ("dataset",)]
            assert f["dnn"].check_rollups() == []
            before = f.stats()["chunks_read"]
            f["dnn"].project("dataset").to_hist()
            assert f.stats()["chunks_read"] == before + 1
    hugehist.merge([c, a], tmp_path / "t.h5", force=True)
    with hugehist.File(tmp_path / "t.h5") as f:
        assert f["dnn"].rollups == [("systematic",)]


def test_files_of_other_programs(tmp_path: Path) -> None:
    import uhi.io.hdf5

    mine = some_file(tmp_path / "a.h5", "tt")
    theirs = content(mine)["dnn"]
    with h5py.File(tmp_path / "b.h5", "w") as f:
        uhi.io.hdf5.write(f.create_group("dnn"), theirs)
        uhi.io.hdf5.write(f.create_group("other"), theirs)
    done = hugehist.merge([mine, tmp_path / "b.h5"], tmp_path / "t.h5")
    assert done.merged == 2
    assert content(tmp_path / "t.h5")["dnn"] == theirs + theirs
    assert content(tmp_path / "t.h5")["other"] == theirs
    with hugehist.File(tmp_path / "t.h5", "r+") as f:
        f["other"].fill(dataset="new", systematic="nominal", x=[0.5], weight=[1.0])


def test_little_memory_and_many_chunk_shapes(tmp_path: Path) -> None:
    """Chunks of 1.6 MB a plane where caches of the sources have no room for two of them."""
    rng = np.random.default_rng(1)
    sums = 0.0
    for number in range(6):
        with hugehist.File(tmp_path / f"{number}.h5", "w") as f:
            shape = [1 + number % 2, 200 - 30 * number, 1002]
            h = f.create(
                "h",
                category("dataset"),
                category("systematic"),
                hist.axis.Regular(1000, 0, 1, name="x"),
                storage="double",
                chunks=shape,
            )
            for dataset in "ab":
                model = hist.Hist(
                    category("dataset", [dataset]), category("systematic", [f"s{i}" for i in range(200)]), h.axes[2]
                )
                model.view(flow=True)[...] = rng.integers(0, 5, model.view(flow=True).shape)
                h.merge(model)
                sums += model.sum(flow=True)
    sources = [tmp_path / f"{number}.h5" for number in range(6)]
    done = hugehist.merge(sources, tmp_path / "t.h5", memory="16 MiB", threads=2)
    assert done.copied == 0
    assert content(tmp_path / "t.h5")["h"].sum(flow=True) == sums


# ---- what belongs to the file


def test_counters_attributes_and_metadata(tmp_path: Path) -> None:
    a, b = some_file(tmp_path / "a.h5", "tt"), some_file(tmp_path / "b.h5", "ww")
    for path, energy in ((a, 13.0), (b, 13.6)):
        with hugehist.File(path, "r+") as f:
            f.counters["sumw", "all"] += 2.5
            f.counters[path.stem] += 1
            f.attrs["energy"] = energy
            f.attrs["experiment"] = "CMS"
            f.attrs["undefined"] = float("nan")
            f.attrs["number"] = 2 if path == a else 2.0
            f.attrs["large"] = 2**53 + 1
            f.attrs[path.stem] = True
    with pytest.raises(ValueError, match=r"'energy' is 13 in '.*a\.h5' and 13\.6 in '.*b\.h5'"):
        hugehist.merge([a, b], tmp_path / "t.h5")
    assert not (tmp_path / "t.h5").exists()
    hugehist.merge([a, b], tmp_path / "t.h5", attributes="first")
    with hugehist.File(tmp_path / "t.h5") as f:
        assert dict(f.counters) == {("sumw", "all"): 5.0, "a": 1.0, "b": 1.0}
        found = dict(f.attrs)
        assert np.isnan(found.pop("undefined"))
        assert found == {"energy": 13.0, "experiment": "CMS", "a": True, "b": True, "number": 2, "large": 2**53 + 1}
    for one, other, shown in (
        (1, True, "1 in .* and true"),
        (0.1, 0.1 + 2e-17, r"0\.1 in .* and 0\.1\d+ in"),
        (2**53, 2**53 + 1, "992 in .*993 in"),
    ):
        for path, value in ((a, one), (b, other)):
            with hugehist.File(path, "r+") as f:
                f.attrs.update({"energy": 13.0, "value": value})
        with pytest.raises(ValueError, match=f"'value' is .*{shown}"):
            hugehist.merge([a, b], tmp_path / "t.h5", force=True)


def test_unweighted_and_weighted_double(tmp_path: Path) -> None:
    """Once one was filled with weights, the values of the sum are no variances."""
    axis = hist.axis.Regular(3, 0, 1, name="x")
    for name, options in (("a", {}), ("b", {"weight": [2.5]})):
        with hugehist.File(tmp_path / f"{name}.h5", "w") as f:
            f.create("h", axis, storage="double").fill([0.5], **options)
    hugehist.merge([tmp_path / "a.h5", tmp_path / "a.h5"][:1], tmp_path / "one.h5")
    hugehist.merge([tmp_path / "a.h5", tmp_path / "b.h5"], tmp_path / "two.h5")
    with hugehist.File(tmp_path / "one.h5") as one, hugehist.File(tmp_path / "two.h5") as two:
        assert list(one["h"].variances()) == [0, 1, 0]
        assert two["h"].variances() is None
        assert list(two["h"].values()) == [0, 3.5, 0]


def test_ledgers_are_joined_and_what_counts_twice_is_refused(tmp_path: Path) -> None:
    a = some_file(tmp_path / "a.h5", "tt", ids=["one", ("f.root:Events", 0, 100)])
    b = some_file(tmp_path / "b.h5", "ww", ids=["two", b"\xff", ("f.root:Events", 100, 200), ("g.root", 0, 5)])
    hugehist.merge([a, b], tmp_path / "t.h5")
    with hugehist.File(tmp_path / "t.h5", "r+") as f:
        assert list(f.ledger) == ["one", "two", b"\xff", ("f.root:Events", 0, 200), ("g.root", 0, 5)]
        assert not f["dnn"].merge(f["dnn"].buffer().delta(), id="two")
    for ids, named in ((["two"], "'two'"), ([("f.root:Events", 150, 300)], r"entries \[150, 200\) of 'f.root:Events'")):
        c = some_file(tmp_path / "c.h5", "zz", ids=ids)
        with pytest.raises(hugehist.OverlapError, match=rf"b\.h5' and '.*c\.h5' both have .*{named}"):
            hugehist.merge([a, b, c], tmp_path / "u.h5")
        assert not (tmp_path / "u.h5").exists()
        hugehist.merge([a, b, c], tmp_path / "u.h5", ledger="ignore")
        with hugehist.File(tmp_path / "u.h5") as f:
            assert all(id in f.ledger for id in ["one", "two", *ids])
        (tmp_path / "u.h5").unlink()


# ---- shards


def shard(path: Path, run: str, count: int, number: Any, *datasets: str, ids: Sequence[Any] = ("job",)) -> Path:
    some_file(path, *datasets, ids=ids)
    with hugehist.File(path, "r+") as f:
        f.attrs.update({"hugehist.run": run, "hugehist.shards": count, "hugehist.shard": number})
    return path


def test_shards_of_a_run_share_ids(tmp_path: Path) -> None:
    ids = ["job", ("f.root", 0, 10)]
    shards = [shard(tmp_path / f"{i}.h5", "run 1", 3, i, f"d{i}", ids=ids) for i in range(3)]
    target = tmp_path / "t.h5"
    assert hugehist.merge(shards, target).copied == 3
    with hugehist.File(target) as f:
        assert dict(f.attrs) == {}
        assert list(f.ledger) == ids
    with pytest.raises(ValueError, match=r"'run 1' \(as '.*0\.h5'\) these are missing: 1, 2"):
        hugehist.merge(shards[:1], target, force=True)
    with pytest.raises(ValueError, match="both shard 0 of run 'run 1'"):
        hugehist.merge([*shards, shard(tmp_path / "again.h5", "run 1", 3, 0, "d")], target, force=True)
    with pytest.raises(ValueError, match="3 shards for one and 4 for the other"):
        hugehist.merge([*shards, shard(tmp_path / "again.h5", "run 1", 4, 3, "d")], target, force=True)
    # The same ids in another run, or in a file of its own, are other copies of the same events.
    others = [shard(tmp_path / "other.h5", "run 2", 1, 0, "d"), some_file(tmp_path / "own.h5", "d", ids=ids)]
    for other in others:
        for sources in ([*shards, other], [other, *shards]):
            with pytest.raises(hugehist.OverlapError, match=rf"{other.name}' .*both have|both have .*'job'"):
                hugehist.merge(sources, target, force=True)


def test_some_shards_and_the_others_later(tmp_path: Path) -> None:
    shards = [shard(tmp_path / f"{i}.h5", "run", 4, i, f"d{i}") for i in range(4)]
    some, target = tmp_path / "some.h5", tmp_path / "t.h5"
    hugehist.merge([shards[2], shards[0]], some, partial=True)
    with hugehist.File(some) as f:
        assert dict(f.attrs) == {"hugehist.run": "run", "hugehist.shards": 4, "hugehist.shard": "0,2"}
    with pytest.raises(ValueError, match="missing: 1"):
        hugehist.merge([some, shards[3]], target)
    hugehist.merge([some, shards[3], shards[1]], target)
    with hugehist.File(target) as f:
        assert sorted(f["dnn"].axes["dataset"]) == ["d0", "d1", "d2", "d3"]
        assert dict(f.attrs) == {}


@pytest.mark.parametrize("number", [3, -1, "", "0,x", 0.5])
def test_shards_that_make_no_sense(tmp_path: Path, number: Any) -> None:
    with pytest.raises(ValueError, match=r"0\.h5' does not say which shard it is"):
        hugehist.merge([shard(tmp_path / "0.h5", "run", 3, number, "d")], tmp_path / "t.h5")


# ---- what is refused, and what is left then


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    def made(name: str, *axes: Any, storage: str = "double") -> Path:
        with hugehist.File(tmp_path / name, "w") as f:
            f.create("dir/h", *axes, storage=storage)
        return tmp_path / name

    x, fixed = hist.axis.Regular(5, 0, 1, name="x"), hist.axis.StrCategory(["a", "b"], name="c")
    a = made("a.h5", x, fixed)
    wrong = {
        "the storages differ: 'double' against 'weighted'": made("b.h5", x, fixed, storage="weight"),
        "the numbers of axes differ: 2 against 1": made("c.h5", x),
        "axis 'x': regular": made("d.h5", hist.axis.Regular(6, 0, 1, name="x"), fixed),
        "axis 'c': one grows": made("e.h5", x, hist.axis.StrCategory(["a", "b"], growth=True, name="c")),
        "one has an overflow bin": made("f.h5", x, hist.axis.StrCategory(["a", "b"], name="c", overflow=False)),
        "axis 'c': it does not grow, and only one has the label 'z'": made(
            "g.h5", x, hist.axis.StrCategory(["a", "z"], name="c")
        ),
        "axis 'c': it does not grow, and the labels differ": made("h.h5", x, hist.axis.StrCategory(["a"], name="c")),
    }
    for reason, path in wrong.items():
        with pytest.raises(
            ValueError, match=rf"'dir/h' of '.*a\.h5' and of '.*{path.name}' cannot be added: .*{reason}"
        ):
            hugehist.merge([a, path], tmp_path / "t.h5")
    assert not list(tmp_path.glob("t.h5*"))


def test_the_target_and_the_sources(tmp_path: Path) -> None:
    a, b = some_file(tmp_path / "a.h5", "tt"), some_file(tmp_path / "b.h5", "ww")
    (tmp_path / "link.h5").symlink_to("a.h5")
    with pytest.raises(ValueError, match=r"'.*link\.h5' comes twice among the files to join \(as '.*a\.h5', too\)"):
        hugehist.merge([a, b, tmp_path / "link.h5"], tmp_path / "t.h5")
    for target in (a, tmp_path / "link.h5"):
        with pytest.raises(ValueError, match="is one of the files to join"):
            hugehist.merge([b, a], target, force=True)
    with pytest.raises(FileNotFoundError, match=r"missing\.h5"):
        hugehist.merge([a, tmp_path / "missing.h5"], tmp_path / "t.h5")
    with pytest.raises(ValueError, match="no file to join"):
        hugehist.merge([], tmp_path / "t.h5")
    with pytest.raises(TypeError, match="a list of paths"):
        hugehist.merge(a, tmp_path / "t.h5")
    with pytest.raises(ValueError, match="ledger= is 'error' or 'ignore', not 'no'"):
        hugehist.merge([a], tmp_path / "t.h5", ledger="no")  # type: ignore[arg-type]

    target = tmp_path / "t.h5"
    target.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match=r"t\.h5"):
        hugehist.merge([a, b], target)
    assert target.read_bytes() == b"precious"
    target.chmod(0o640)
    hugehist.merge([a, b], target, force=True)
    assert target.stat().st_mode & 0o777 == 0o640
    with hugehist.File(target, "r+"), pytest.raises(hugehist.LockedError):
        hugehist.merge([a], target, force=True)
    with hugehist.File(target) as reader:
        hugehist.merge([a], target, force=True)
        assert set(reader["dnn"].to_hist().axes[0]) == {"tt", "ww"}  # what it opened
    assert set(content(target)["dnn"].axes[0]) == {"tt"}
    with hugehist.File(target):
        with hugehist.File(target, "r+") as writer:
            writer.attrs["only"] = "in the journal"
        with pytest.raises(hugehist.LockedError, match="close it there first"):
            hugehist.merge([a, b], target, force=True)
    assert set(content(target)["dnn"].axes[0]) == {"tt"}


def test_a_failure_leaves_the_old_target(tmp_path: Path) -> None:
    a, b = some_file(tmp_path / "a.h5", "tt"), some_file(tmp_path / "b.h5", "ww")
    target = some_file(tmp_path / "t.h5", "old")
    before = content(target)

    with hugehist.File(b, "r+") as f:
        f.create("other", hist.axis.Boolean())
    with hugehist.File(a, "r+") as f:
        f.create("other/below", hist.axis.Boolean())
    with pytest.raises(ValueError, match="nothing can lie below one"):
        hugehist.merge([a, b], target, force=True)
    assert content(target) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.h5", "b.h5", "t.h5"]


def test_progress(tmp_path: Path) -> None:
    a, b = some_file(tmp_path / "a.h5", "tt"), some_file(tmp_path / "b.h5", "ww", "tt")
    told: list[float] = []
    hugehist.merge([a, b], tmp_path / "t.h5", progress=told.append)
    assert told[-1] == 1
    assert told == sorted(told)


@pytest.mark.parametrize("overlap", [False, True])
def test_damage_is_never_joined(tmp_path: Path, overlap: bool) -> None:
    a = some_file(tmp_path / "a.h5", "tt", "ww")
    b = some_file(tmp_path / "b.h5", "tt" if overlap else "zz")
    with h5py.File(a) as f:
        stored = f["dnn/storage/variances"].id
        (chunk,) = [each for each in map(stored.get_chunk_info, range(2)) if each.chunk_offset[0] == 0]
    data = bytearray(a.read_bytes())
    data[chunk.byte_offset + chunk.size // 2] ^= 4
    a.write_bytes(data)
    where = r"chunk \(0, 0, 0\) of 'variances'" if overlap else "dataset 'tt', .*plane 'variances'"
    with pytest.raises(hugehist.CorruptionError, match=rf"a\.h5.*histogram 'dnn'.*{where}"):
        hugehist.merge([a, b], tmp_path / "t.h5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.h5", "b.h5"]


def test_a_full_disk_is_no_damage(tmp_path: Path) -> None:
    """In a process of its own, for its limit."""
    a, b = some_file(tmp_path / "a.h5", *"cdef"), some_file(tmp_path / "b.h5", "ww")
    code = f"""
import hugehist, resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    hugehist.merge([{str(a)!r}, {str(b)!r}], {str(tmp_path / "t.h5")!r})
except OSError:
    print("no room")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "no room\n"
    assert not list(tmp_path.glob("t.h5*"))


def test_beside_a_writer_and_with_a_journal(tmp_path: Path) -> None:
    """What counts is the last commit, also where the journal alone has it."""
    a, b = some_file(tmp_path / "a.h5", "tt"), some_file(tmp_path / "b.h5", "ww")
    with hugehist.File(a), hugehist.File(a, "r+") as writer:
        writer["dnn"].fill(dataset="new", systematic="up", x=[0.5], weight=[3.0])
        writer.commit()
        assert Path(f"{a}.journal").exists()
        writer["dnn"].fill(dataset="uncommitted", systematic="up", x=[0.5], weight=[3.0])
        hugehist.merge([a, b], tmp_path / "t.h5")
    assert list(content(tmp_path / "t.h5")["dnn"].axes[0]) == ["tt", "new", "ww"]


# ---- the command


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = some_file(tmp_path / "a.h5", "tt", ids=["x"]), some_file(tmp_path / "b.h5", "ww", ids=["x"])
    names = [str(tmp_path / "t.h5"), str(a), str(b)]
    assert main(["merge", *names]) == 2
    assert "both have 'x' in their ledgers" in capsys.readouterr().err
    assert main(["merge", "--ledger", "ignore", "--memory", "64 MiB", "--quiet", *names]) == 0
    assert capsys.readouterr().out == f"{names[0]}: 1 histogram of 2 files (2 chunks copied, 0 added up)\n"
    assert main(["merge", "--ledger", "ignore", *names]) == 2
    assert "t.h5" in capsys.readouterr().err
    command = [sys.executable, "-m", "hugehist", "merge", "--force", "--ledger", "ignore", *names]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith(names[0])
    shown = subprocess.run([sys.executable, "-m", "hugehist", "-h"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("usage: python -m hugehist")
    assert "merge" in shown
