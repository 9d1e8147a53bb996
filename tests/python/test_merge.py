"""What can be merged, by label; ids, buffers and deltas; atomicity."""

from __future__ import annotations

import gc
import pickle
import threading
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from trusted import AXES, analysis_axes, category, is_labelled, same_content

RNG = np.random.default_rng(11)


def filled(labels: list[str], storage: Any = None, events: int = 200) -> hist.Hist[Any]:
    axes = category("c"), hist.axis.Regular(10, 0, 1, name="x")
    model = hist.Hist(*axes, storage=storage or hist.storage.Weight())
    weight = None if isinstance(storage, hist.storage.Int64) else RNG.integers(1, 9, events) / 4
    return model.fill(c=RNG.choice(labels, events), x=RNG.uniform(-0.1, 1.1, events), weight=weight)


def test_labels_in_any_order(file: hugehist.File) -> None:
    parts = [filled(["a", "b"]), filled(["c", "b"]), filled(["d"]), filled(["b", "a", "e"])]
    file["h"] = parts[0]
    h = file["h"]
    for part in parts[1:]:
        h += part
    same_content(h, sum(parts[1:], parts[0]))
    assert file["h"] is h


def test_item_plus_equals(file: hugehist.File) -> None:
    one = filled(["a", "b"])
    file["h"] = one
    file["h"] += one
    same_content(file["h"], one + one)


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("storage", ["int64", "double", "weight"])
def test_every_axis_and_storage(memory: hugehist.File, axis: Any, storage: str) -> None:
    model = hist.Hist(category("c"), axis, storage=storage)
    model.fill(["u", "v"], [next(iter(axis))] * 2 if is_labelled(axis) else [1, 1])
    view = model.view(flow=True)
    for name in view.dtype.names or (None,):
        plane = view[name] if name else view
        plane[...] = RNG.integers(1, 99, view.shape)
    memory["h"] = model
    same_content(memory["h"], model)
    memory["h"] += model
    memory["h"] += model[["v", "u"], ...]
    same_content(memory["h"], model + model + model)


@pytest.mark.parametrize("storage", [bh.storage.AtomicInt64(), bh.storage.Unlimited()])
def test_other_storages(memory: hugehist.File, storage: Any) -> None:
    model = bh.Histogram(bh.axis.Regular(4, 0, 1), storage=storage).fill([0.1, 0.6, 0.7])
    memory["h"] = model
    assert memory["h"].values().tolist() == model.values().tolist()


def test_other_kinds_of_histograms(memory: hugehist.File) -> None:
    model = filled(["a", "b"])
    memory["h"] = model
    h, view = memory["h"], memory["h"][["b"], ...]
    times = 1
    for other in (bh.Histogram(model), model._to_uhi_(), h.to_boost(), hugehist.Delta.from_uhi(model)):
        assert h.merge(other)
        times += 1
    for other in (h, h[...]):
        assert h.merge(other)
        times *= 2
    same_content(h, _times(model, times))
    before = h.to_hist()
    h += view
    same_content(h[["a"], ...], before[["a"], ...])
    same_content(h[["b"], ...], _times(before[["b"], ...], 2))


def _times(model: hist.Hist[Any], factor: int) -> hist.Hist[Any]:
    return sum([model] * (factor - 1), model)


def test_fixed_and_partial_categories_merge_into_growing_ones(memory: hugehist.File) -> None:
    h = memory.create("h", category("c"), hist.axis.Integer(0, 3, name="i"), storage="int64")
    fixed = hist.axis.StrCategory(["b", "a"], name="c", overflow=False)
    part = hist.Hist(fixed, hist.axis.Integer(0, 3, name="i"), storage="int64").fill(["a", "b", "b"], [0, 1, 1])
    h.fill("a", [2])
    h += part
    assert h["a", :].values().tolist() == [1, 0, 1]
    assert h["b", :].values().tolist() == [0, 2, 0]


def test_views_keep_the_order_of_their_axes(memory: hugehist.File) -> None:
    model = filled(["a", "b"])
    memory["h"] = model
    memory["t"] = memory["h"].project("x", "c")
    same_content(memory["t"], model.project("x", "c"))
    memory["one"] = memory["h"][{"x": slice(2, 8, hist.rebin(3))}]
    same_content(memory["one"], model[{"x": slice(2, 8, hist.rebin(3))}])


def test_scaled_integers_become_doubles(memory: hugehist.File) -> None:
    model = filled(["a", "b"], hist.storage.Int64())
    memory["h"] = model
    memory["s"] = memory["h"].scale("c", {"a": 0.5})
    assert memory["s"].storage_type is bh.storage.Double
    np.testing.assert_array_equal(memory["s"]["a", :].values(), model["a", :].values() / 2)
    assert memory["s"].variances() is None


@pytest.mark.parametrize("storage", ["double", "weight", "mean"])
def test_a_view_of_the_histogram_it_is_merged_into(
    memory: hugehist.File, monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    """Its parts are those from before the merge, also where it would come in parts."""
    monkeypatch.setattr("hugehist.uhi.PART_BYTES", 100)
    axes = category("c"), hist.axis.Regular(3, 0, 1, name="x")
    sample = {"sample": np.arange(12.0)} if storage == "mean" else {}
    model = hist.Hist(*axes, storage=storage).fill(c=list("aaaaabbbbccd"), x=np.full(12, 0.5), **sample)
    memory["h"] = model
    h = memory["h"]
    h += h.rename("c", {"a": "d", "b": "c", "c": "b", "d": "a"})
    expected = model.copy()
    for bin, other in enumerate(reversed("abcd")):
        added = model[bin, :] + model[other, :]
        expected[bin, :] = added.view(flow=True)
    same_content(h, expected)
    h += h.rename("c", lambda label: label + "2")
    assert list(h.axes["c"]) == ["a", "b", "c", "d", "a2", "b2", "c2", "d2"]
    np.testing.assert_array_equal(h.values()[4:], expected.values())


def test_large_histograms_come_in_parts(memory: hugehist.File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hugehist.uhi.PART_BYTES", 1000)
    model = filled(list("abcdefg"))
    memory["h"] = model
    memory["copy"] = memory["h"]
    same_content(memory["copy"], model)
    assert list(memory["copy"].axes[0]) == list(memory["h"].axes[0])


def chunked(storage: Any) -> Any:
    module = pytest.importorskip("hist.chunked")
    result = module.ChunkedHist(
        hist.axis.Regular(4, 0, 1, name="x"),
        category("c"),
        hist.axis.Integer(0, 3, name="i"),
        hist.axis.IntCategory([], growth=True, name="run"),
        storage=storage,
    )
    for label, run in (("a", 1), ("b", 2), ("a", 3)):
        result.fill(c=label, run=run, x=RNG.uniform(-0.2, 1.2, 50), i=RNG.integers(-1, 4, 50))
    return result


@pytest.mark.parametrize("storage", [hist.storage.Weight(), hist.storage.Double(), hist.storage.Int64()])
@pytest.mark.parametrize("dense", [0, 1 << 20])
def test_chunked_hist(memory: hugehist.File, storage: Any, dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    source = chunked(storage)
    monkeypatch.setattr("hugehist.chunked.DENSE_BYTES", dense)
    memory["h"] = source
    memory["h"] += source
    same_content(memory["h"], source.to_hist() + source.to_hist())
    assert memory["h"].merge(source, id="once")
    assert not memory["h"].merge(source, id="once")


def test_ids(file: hugehist.File) -> None:
    h = file.create("h", category("c"), hist.axis.Regular(10, 0, 1, name="x"), storage="weight")
    part = filled(["a"])
    assert h.merge(part, id="one")
    assert not h.merge(part, id="one")
    assert not h.merge(part, id=b"one")
    assert h.merge(hugehist.Delta.from_uhi(part), id=b"\xff")
    assert h.merge(part)
    same_content(h, _times(part, 3))
    assert "one" in file.ledger
    assert b"\xff" in file.ledger
    assert "two" not in file.ledger
    assert 3 not in file.ledger
    assert set(file.ledger) == {"one", b"\xff"}
    assert len(file.ledger) == 2


def test_buffers_and_bytes(file: hugehist.File) -> None:
    h = file.create("h", *analysis_axes(), storage="weight")
    model = hist.Hist(*analysis_axes(), storage="weight")
    detached = hugehist.Buffer(*analysis_axes(), storage=hist.storage.Weight())
    for turn in range(3):
        for buffer in (h.buffer(), detached):
            x = RNG.uniform(0, 1, 50)
            weight = RNG.integers(1, 9, (50, 2)) / 4
            at = {"dataset": f"d{turn}", "category": "c"}
            buffer.fill(**at, systematic=["up", "down"], x=x, weight=weight)
            assert not buffer.empty
            assert buffer.nbytes > 0
            delta = buffer.delta()
            assert buffer.empty
            for copy in (delta, hugehist.Delta.from_bytes(delta.to_bytes()), pickle.loads(pickle.dumps(delta))):
                assert copy.storage_type is bh.storage.Weight
                assert list(copy.axes["systematic"]) == ["up", "down"]
                h.merge(copy)
                for i, label in enumerate(["up", "down"]):
                    model.fill(**at, systematic=label, x=x, weight=weight[:, i])
    same_content(h, model)


def test_an_empty_delta_still_names_labels(file: hugehist.File) -> None:
    h = file.create("h", category("c"), hist.axis.Integer(0, 2, name="i"))
    h += hist.Hist(hist.axis.StrCategory(["a", "b"], name="c", overflow=False), hist.axis.Integer(0, 2, name="i"))
    assert list(h.axes["c"]) == ["a", "b"]
    buffer = h.buffer()
    assert buffer.delta().empty
    h.merge(buffer.delta())


def test_delta_outlives_its_source(memory: hugehist.File) -> None:
    model = filled(["a", "b"])
    expected = model.copy()
    delta = hugehist.Delta.from_uhi(model)
    del model
    gc.collect()
    memory["h"] = expected
    memory["h"].merge(delta)
    same_content(memory["h"], expected + expected)


def test_files_into_files(file: hugehist.File, memory: hugehist.File) -> None:
    model = filled(["a", "b"])
    file["h"] = model
    memory["h"] = file["h"]
    memory["h"] += file["h"][["b"], ...]
    same_content(memory["h"], model + model[["b"], ...])
    assert memory["h"].metadata == file["h"].metadata


def test_a_failed_merge_leaves_nothing(memory: hugehist.File) -> None:
    fixed = hist.axis.StrCategory(["a"], name="f", overflow=False)
    h = memory.create("h", category("c"), fixed, storage="int64").fill(["x"], ["a"])
    other = bh.Histogram(
        bh.axis.StrCategory(["new"], growth=True),
        bh.axis.StrCategory(["a", "b"], overflow=False),
        storage=bh.storage.Int64(),
    )
    other.fill(["new", "new"], ["a", "b"])
    with pytest.raises(ValueError, match="'f'"):
        h.merge(other, id="bad")
    assert list(h.axes["c"]) == ["x"]
    assert "bad" not in memory.ledger
    assert h.sum() == 1


FIXED = hist.axis.StrCategory(["a"], name="f", overflow=False)
WITH_B = hist.axis.StrCategory(["a", "b"], name="f", overflow=False)
NEW = category("c", ["new"])


@pytest.mark.parametrize(
    ("axes", "storage", "message"),
    [
        ((NEW, FIXED), "double", "storages"),
        ((NEW,), "int64", "numbers of axes"),
        ((NEW, WITH_B), "int64", "'b'"),
        ((hist.axis.IntCategory([1], growth=True, name="c"), FIXED), "int64", "axis 0"),
        ((hist.axis.StrCategory(["new"], name="c"), FIXED), "int64", "overflow bin"),
    ],
)
def test_check_raises_what_merge_raises(file: hugehist.File, axes: Any, storage: str, message: str) -> None:
    h = file.create("h", category("c"), FIXED, storage="int64").fill(["x"], ["a"])
    file.commit()
    addend = hist.Hist(*axes, storage=storage)
    addend.view(flow=True)[...] = 1
    delta = hugehist.Delta.from_uhi(addend)
    with pytest.raises(ValueError, match=message) as merged:
        h.merge(delta)
    with pytest.raises(ValueError, match=message) as checked:
        h.check(delta)
    assert str(checked.value) == str(merged.value)
    assert "'h'" in str(checked.value)
    assert list(h.axes["c"]) == ["x"]


def test_check_changes_nothing(file: hugehist.File, path: Any) -> None:
    h = file.create("h", category("c"), FIXED, storage="int64")
    file.commit()
    delta = hugehist.Delta.from_uhi(hist.Hist(category("c"), FIXED, storage="int64").fill(["new"], ["a"]))
    h.check(delta)
    assert list(h.axes["c"]) == []
    assert not file._core.has_changes
    assert h.merge(delta)
    h.check(delta)
    assert h.sum() == 1
    with pytest.raises(TypeError, match="Delta"):
        h.check(hist.Hist(category("c"), FIXED, storage="int64"))  # type: ignore[arg-type]
    file.close()
    with hugehist.File(path) as reader, pytest.raises(hugehist.Error, match="reading only"):
        reader["h"].check(delta)


def test_a_failed_assignment_leaves_no_histogram(memory: hugehist.File) -> None:
    with pytest.raises(ValueError, match="grows"):
        memory["h"] = hist.Hist(hist.axis.Regular(3, 0, 1, growth=True))
    with pytest.raises(TypeError, match="histogram"):
        memory["h"] = np.ones(3)
    with pytest.raises(ValueError, match="cannot be kept"):
        memory["h"] = {"uhi_schema": 1, "axes": [], "storage": {"type": "multi_cell", "values": []}}
    assert "h" not in memory


def test_variance_known_is_kept(file: hugehist.File, path: Any) -> None:
    axes = hist.axis.Regular(4, 0, 1, name="x")
    h = file.create("h", axes)
    h += hist.Hist(axes).fill([0.1])
    assert h.variances().tolist() == [1, 0, 0, 0]
    h += hist.Hist(axes).fill([0.1], weight=0.5)
    assert h.variances() is None
    file.close()
    with hugehist.File(path) as again:
        assert again["h"].variances() is None
        assert again["h"].to_hist().variances() is None
        assert hist.Hist(again["h"]).variances() is None
        with hugehist.File.in_memory() as other:
            other["h"] = again["h"]._to_uhi_()
            assert other["h"].variances() is None
        assert again["h"].values().tolist() == [1.5, 0, 0, 0]


def test_threads_that_fill_merge_and_read(file: hugehist.File) -> None:
    h = file.create("h", *analysis_axes(), storage="weight")
    problems: list[BaseException] = []
    x = RNG.uniform(0, 1, 200)

    def work(number: int) -> None:
        try:
            for turn in range(10):
                h.fill(dataset=f"d{number}", category="c", systematic=["up", "down"], x=x, weight=np.ones((200, 2)))
                buffer = h.buffer()
                buffer.fill(dataset=f"d{number}", category=f"c{turn}", systematic="up", x=x)
                h.merge(buffer.delta())
                assert h[{"dataset": f"d{number}"}].sum().value >= 600 * (turn + 1)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert not problems
    assert h.sum().value == 4 * 10 * 600


def test_reading_while_another_thread_grows(memory: hugehist.File) -> None:
    h = memory.create("h", *analysis_axes(), storage="weight").fill(dataset="d", category="c", systematic="s", x=[0.5])
    view = h[{"dataset": "d", "systematic": "s"}]
    problems: list[BaseException] = []

    def grow() -> None:
        for i in range(300):
            h.fill(dataset=f"d{i}", category=f"c{i}", systematic="s", x=[0.5])
            len(h.axes)

    def read() -> None:
        try:
            while grower.is_alive():
                assert view.values().sum() == h[{"dataset": "d"}].sum().value == 1
                assert view.to_hist().sum().value == 1
        except BaseException as problem:
            problems.append(problem)

    grower = threading.Thread(target=grow)
    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in (grower, *readers):
        thread.start()
    for thread in (grower, *readers):
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert not problems
