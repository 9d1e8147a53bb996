"""Files: modes, commits, what is kept beside histograms, files in memory."""

from __future__ import annotations

import io
import os
import re
import signal
import threading
from pathlib import Path
from typing import Any

import h5py
import hist
import hugehist
import numpy as np
import pytest
from hugehist.resources import parse_size
from trusted import AXES, analysis_axes, bare, category, same_content

X = np.linspace(0.05, 0.95, 10)
AT = {"dataset": "a", "category": "b", "systematic": "c", "x": X}


def test_modes(path: Path) -> None:
    with hugehist.File(path, "x") as file:
        file.create("h", *analysis_axes()).fill(**AT)
        assert file.writable
    with hugehist.File(path) as file:
        assert not file.writable
        assert file["h"].sum() == 10
    with hugehist.File(os.fspath(path), "r+") as file:
        file["h"].fill(**AT)
    with hugehist.File(os.fsencode(path), "a") as file:
        assert file["h"].sum() == 20
    with hugehist.File(path, "w") as file:
        assert list(file) == []
    with hugehist.File(path.with_name("new.h5"), "a") as file:
        assert len(file) == 0


def test_uuid(path: Path, memory: hugehist.File) -> None:
    with hugehist.File(path, "w") as file:
        uuid = file.uuid
        assert uuid is not None
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid)
    with pytest.raises(ValueError, match="closed"):
        file.uuid  # noqa: B018
    with hugehist.File(path) as file:
        assert file.uuid == uuid
    with hugehist.File(path, "w") as file:
        assert file.uuid not in (uuid, None)
    assert memory.uuid is None
    image = io.BytesIO()
    with hugehist.File(image) as file:
        uuid = file.uuid
    assert uuid is not None
    with hugehist.File(image, "r") as file:
        assert file.uuid == uuid


def test_uuid_of_a_file_of_others(path: Path) -> None:
    with h5py.File(path, "w"):
        pass
    with hugehist.File(path) as file:
        assert file.uuid is None
    with hugehist.File(path, "r+") as file:
        assert file.uuid is None
        file.counters["n"] = 1
        file.commit()
        uuid = file.uuid
        assert uuid is not None
    with hugehist.File(path) as file:
        assert file.uuid == uuid


def test_mapping(file: hugehist.File) -> None:
    one = file.create("b/one", category("c"))
    two = file.create("a", category("c"), label="A label", metadata={"n": 3, "ok": True, "x": 0.5, "t": "ü"})
    assert sorted(file) == ["a", "b/one"]
    assert len(file) == 2
    assert "b/one" in file
    assert "b" not in file
    assert 3 not in file
    assert file["b/one"].name == "b/one"
    assert dict(file.items()) == {"a": two, "b/one": one}
    assert two.label == "A label"
    assert two.metadata == {"label": "A label", "n": 3, "ok": True, "x": 0.5, "t": "ü"}
    assert one.label == "b/one"
    del file["a"]
    assert list(file) == ["b/one"]
    assert "1 histogram>" in repr(file)
    assert file != hugehist.File.in_memory()
    assert isinstance(hash(file), int)


@pytest.mark.parametrize("compression", ["zstd", "gzip", None])
def test_axes_and_content_come_back(path: Path, compression: str | None) -> None:
    rng = np.random.default_rng(3)
    models = {}
    with hugehist.File(path, "w") as file:
        for i, axis in enumerate(AXES):
            axis = type(axis)._convert_cpp(axis._ax.__copy__()) if hasattr(axis._ax, "__copy__") else axis
            model = hist.Hist(category("c"), axis, storage=("int64", "double", "weight")[i % 3])
            model.fill(["é", "b"], [next(iter(axis))] * 2 if model.axes[1].traits.ordered is False else [1, 1])
            view: Any = model.view(flow=True)
            for name in view.dtype.names or (None,):
                (view[name] if name else view)[...] = rng.integers(0, 9, view.shape)
            h = file.create(f"h{i}", *model.axes, storage=model.storage_type, compression=compression)
            h += model
            models[f"h{i}"] = model
    with hugehist.File(path) as file:
        for name, model in models.items():
            assert [bare(axis) for axis in file[name].axes] == [bare(axis) for axis in model.axes]
            same_content(file[name], model)
            assert file[name].storage_type.__name__ == model.storage_type.__name__


def test_storages_by_object_class_and_name(memory: hugehist.File) -> None:
    for i, storage in enumerate([hist.storage.Weight(), hist.storage.Weight, "weight", "Weight", "weighted"]):
        assert memory.create(f"w{i}", category("c"), storage=storage).storage_type.__name__ == "Weight"
    assert memory.create("last", category("c"), hist.storage.Int64()).storage_type.__name__ == "Int64"
    assert memory.create("default", category("c")).storage_type.__name__ == "Double"


def test_options_for_chunks(memory: hugehist.File) -> None:
    axes = analysis_axes()
    h = memory.create("chunks", *axes, storage="weight", chunks=[1, 2, 8, 12]).fill(**AT)
    h.sum()
    assert h.stats()["chunk_shape"] == (1, 2, 8, 12)
    h = memory.create(
        "expected", *axes, storage="weight", expected={"systematic": 20}, variations="systematic", level=3
    )
    h.fill(**AT)
    assert h.sum().value == 10
    assert h.stats()["dense_bytes"] == 2 * 8 * 12


def test_commit_and_discard(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        h = file.create("h", *analysis_axes()).fill(**AT)
        file.attrs["a"] = 1
        file.commit()
        h.fill(**AT)
        h.fill(**(AT | {"dataset": "new"}))
        h.merge(h.to_hist(), id="m")
        file.attrs["a"] = 2
        file.counters["n"] += 3
        file.create("g", category("c"))
        assert h.sum() == 60
        file.discard()
        assert h.sum() == 10
        assert list(h.axes["dataset"]) == ["a"]
        assert dict(file.attrs) == {"a": 1}
        assert dict(file.counters) == {}
        assert list(file.ledger) == []
        assert list(file) == ["h"]
        file["h"].fill(**AT)
        file.flush()
    with hugehist.File(path) as file:
        assert file["h"].sum() == 20


def fill_and_fail(target: Any, mode: str) -> None:
    with hugehist.File(target, mode) as file:
        file["h"].fill(**AT)
        raise RuntimeError("stop")


def test_an_exception_discards(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        file.create("h", *analysis_axes()).fill(**AT)
    with pytest.raises(RuntimeError, match="stop"):
        fill_and_fail(path, "a")
    with hugehist.File(path) as file:
        assert file["h"].sum() == 10


def test_a_handle_keeps_its_file_open(path: Path) -> None:
    h = hugehist.File(path, "w").create("h", *analysis_axes())
    h.fill(**AT)
    del h  # the last handle: what was filled is committed
    assert hugehist.File(path)["h"].sum() == 10


def test_attributes(file: hugehist.File, path: Path) -> None:
    values = {"i": 3, "f": 0.5, "t": "für", "b": True, "np": np.float64(2.5), "n": np.int32(7)}
    for key, value in values.items():
        file.attrs[key] = value
    assert dict(file.attrs) == values
    del file.attrs["i"]
    with pytest.raises(KeyError):
        del file.attrs["i"]
    with pytest.raises(KeyError):
        file.attrs["i"]
    for value in (None, [1], b"x", 1j, 2**70):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            file.attrs["bad"] = value
    assert "bad" not in file.attrs
    file.close()
    with hugehist.File(path) as again:
        assert dict(again.attrs) == {key: value for key, value in values.items() if key != "i"}
        assert isinstance(again.attrs["b"], bool)
        assert isinstance(again.attrs["n"], int)


def test_counters(file: hugehist.File, path: Path) -> None:
    assert file.counters["sumw", "tt"] == 0
    assert ("sumw", "tt") not in file.counters
    assert len(file.counters) == 0
    file.counters["sumw", "tt"] += 1.5
    file.counters["sumw", "tt"] += np.float32(0.25)
    file.counters["events"] = 7
    file.counters.add(("sumw", "dy"), 2)
    file.counters.update({"gone": 1})
    del file.counters["gone"]
    with pytest.raises(KeyError):
        del file.counters["gone"]
    for key in (3, ("a", 3), ()):
        with pytest.raises((TypeError, ValueError)):
            file.counters[key] = 1  # type: ignore[index]
    assert 3 not in file.counters
    file.close()
    with hugehist.File(path) as again:
        assert dict(again.counters) == {("sumw", "tt"): 1.75, "events": 7.0, ("sumw", "dy"): 2.0}
        assert "events" in again.counters
        assert "sumw" in repr(again.counters)


def test_in_memory() -> None:
    with hugehist.File.in_memory(memory="16 MiB") as file:
        file.create("h", *analysis_axes()).fill(**AT)
        file.commit()
        file["h"].fill(**AT)
        file.discard()
        assert file["h"].sum() == 10
        h = file["h"]
    with pytest.raises(ValueError, match="closed"):
        h.sum()


def test_bytes_io() -> None:
    target = io.BytesIO()
    with hugehist.File(target) as file:
        file.create("h", *analysis_axes()).fill(**AT)
        file.commit()
        committed = target.getvalue()
        file["h"].fill(**AT)
    assert len(committed) > 0
    assert hugehist.File(io.BytesIO(committed), "r")["h"].sum() == 10
    with hugehist.File(target) as file:
        assert file["h"].sum() == 20
        file["h"].fill(**AT)
    with hugehist.File(target, "r") as file:
        assert file["h"].sum() == 30
        with pytest.raises(hugehist.Error, match="reading"):
            file["h"].fill(**AT)
    with pytest.raises(FileExistsError):
        hugehist.File(target, "x")
    with pytest.raises(RuntimeError, match="stop"):
        fill_and_fail(target, "a")
    assert hugehist.File(target, "r")["h"].sum() == 30
    with hugehist.File(target, "w") as file:
        assert len(file) == 0
    assert len(hugehist.File(target, "r")) == 0


def test_file_objects_on_disk(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        file.create("h", *analysis_axes()).fill(**AT)
    with path.open("rb") as opened:
        assert hugehist.File(opened)["h"].sum() == 10  # it cannot be written: mode "r"
        with pytest.raises(io.UnsupportedOperation):
            hugehist.File(opened, "a")
    with path.open("r+b") as opened, hugehist.File(opened, "r+") as file:
        file["h"].fill(**AT)
    assert hugehist.File(path)["h"].sum() == 20


def test_stats(file: hugehist.File) -> None:
    h = file.create("h", *analysis_axes(), storage="weight").fill(**AT)
    assert file.stats()["buffer_bytes"] > 0
    assert file.stats()["commits"] == 0
    file.commit()
    stats = file.stats()
    assert stats["commits"] == 1
    assert stats["merges"] == 1
    assert stats["chunks_written"] > 0
    assert h.stats()["stored_chunks"] > 0
    assert 0 < h.stats()["stored_bytes"] < 10_000


def test_growing(file: hugehist.File) -> None:
    h = file.create("h", *analysis_axes(), hist.axis.IntCategory([], growth=True, name="run"))
    h.grow("dataset", ["a", "b", "a"])
    h.grow(4, [3, 1])
    h.grow("dataset", ["c", "b"])
    assert list(h.axes["dataset"]) == ["a", "b", "c"]
    assert list(h.axes["run"]) == [3, 1]
    for axis, labels, kind in (
        ("x", ["a"], ValueError),
        ("dataset", "abc", TypeError),
        ("dataset", [3], TypeError),
        ("run", ["a"], TypeError),
        ("nope", ["a"], KeyError),
    ):
        with pytest.raises(kind):
            h.grow(axis, labels)


def test_many_categories(file: hugehist.File) -> None:
    h = file.create("h", category("c"), hist.axis.Regular(400, 0, 1, name="x"), storage="weight")
    labels = [f"label_{i}" for i in range(100_000)]
    for label in labels:  # what would be slower with each label would take minutes here
        h.grow("c", [label])
    assert len(h.axes["c"]) == 100_000
    h.fill(c="label_77777", x=0.5)
    assert h["label_77777", :].sum().value == 1


def test_automatic_commits(path: Path) -> None:
    with hugehist.File(path, "w", memory="8 MiB", commit_bytes="1 kB") as file:
        axis = hist.axis.Regular(20_000, 0, 1, name="x")
        h = file.create("h", category("c"), axis, storage="weight")
        rng = np.random.default_rng(1)
        for i in range(60):
            h += hist.Hist(category("c"), axis, storage="weight").fill(c=f"{i}", x=rng.random(20_000))
        assert file.stats()["commits"] > 1
        assert h.sum().value == 60 * 20_000
        assert file.stats()["cache_bytes"] <= 2**23


def test_sizes() -> None:
    for text, size in (
        ("512 MiB", 2**29),
        ("1.5GB", 1_500_000_000),
        ("10", 10),
        ("8 kB", 8000),
        ("2TiB", 2**41),
        (7, 7),
    ):
        assert parse_size(text) == size
    for bad in ("", "MiB", "1 XB", "1 MiBs", "-1", -1):
        with pytest.raises(ValueError, match="memory="):
            parse_size(bad)


def test_an_interrupt_stops_a_long_read(memory: hugehist.File) -> None:
    """Ctrl-C reaches a read that runs in C++; the histogram can be read again afterwards."""
    h = memory.create("h", category("c"), hist.axis.Regular(1000, 0, 1, name="x"), storage="weight", chunks=[1, 1002])
    h.fill(c=[f"{i}" for i in range(5000)], x=np.full(5000, 0.5))
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))

    def read_on() -> None:
        timer.start()
        for _ in range(10_000):
            h.project("x").values()

    with pytest.raises(KeyboardInterrupt):
        read_on()
    timer.join()
    assert h.sum().value == 5000
