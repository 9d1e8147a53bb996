"""Means: fills, merges and reads of Mean and WeightedMean storage, beside boost-histogram in memory."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trusted import category, same, same_content

STORAGES = ["mean", "weighted_mean"]
AXES = category("c"), hist.axis.Regular(3, 0, 1, name="x")


def storage_of(kind: str) -> Any:
    return hist.storage.Mean() if kind == "mean" else hist.storage.WeightedMean()


def close(mine: Any, theirs: Any) -> None:
    same_content(mine, theirs, rtol=1e-10, atol=1e-10)


def same_number(mine: Any, theirs: Any) -> None:
    """Two accumulators."""
    same(mine, theirs, rtol=1e-9, atol=1e-9)


def events(kind: str, n: int, rng: np.random.Generator, negative: bool = False) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "c": list(rng.choice(["a", "b", "d"], n)),
        "x": rng.uniform(-0.2, 1.2, n),
        "sample": rng.normal(5, 2, n),
    }
    if kind == "weighted_mean":
        # No sum of these is 0, where boost-histogram has NaN.
        columns["weight"] = rng.choice([1.0, 0.3, -1 / np.pi if negative else np.sqrt(2)], n)
    return columns


def model_of(kind: str, columns: dict[str, Any]) -> hist.Hist[Any]:
    model = hist.Hist(*AXES, storage=storage_of(kind))
    return model.fill(**columns) if len(columns["x"]) else model


WAYS = ["fill", "hist", "uhi", "delta", "bytes", "view", "boost"]


def add(h: hugehist.Histogram, way: str, kind: str, columns: dict[str, Any]) -> None:
    part = model_of(kind, columns)
    if way == "fill":
        h.fill(**columns)
    elif way in ("delta", "bytes"):
        delta = h.buffer().fill(**columns).delta()
        h.merge(hugehist.Delta.from_bytes(delta.to_bytes()) if way == "bytes" else delta)
    elif way == "view":
        with hugehist.File.in_memory(memory="8 MiB") as other:
            other["p"] = part
            h += other["p"][...]
    else:
        h += {"hist": part, "uhi": part._to_uhi_(), "boost": bh.Histogram(part)}[way]


@given(
    kind=st.sampled_from(STORAGES),
    parts=st.lists(st.tuples(st.integers(0, 12), st.sampled_from(WAYS), st.booleans()), min_size=1, max_size=6),
    negative=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_merges_are_the_sum_of_the_parts(kind: str, parts: list[Any], negative: bool, seed: int) -> None:
    """Few events a bin, so that counts of 0 and 1 are common; the file is written and read in between."""
    rng = np.random.default_rng(seed)
    image = io.BytesIO()
    model = model_of(kind, events(kind, 0, rng))
    file = hugehist.File(image, "w", memory="8 MiB", threads=2)
    file.create("h", *AXES, storage=storage_of(kind))
    for n, way, reopen in parts:
        columns = events(kind, n, rng, negative)
        add(file["h"], way, kind, columns)
        model = model + model_of(kind, columns)
        if reopen:
            file.close()
            file = hugehist.File(image, "r+", memory="8 MiB", threads=2)
    h = file["h"]
    assert set(h.axes["c"]) == set(model.axes["c"])
    close(h, model)
    for name in ("c", "x"):
        close(h.project(name), model.project(name))
    close(h[{"x": slice(0, 3, hist.rebin(3))}], model[{"x": slice(0, 3, hist.rebin(3))}])
    same_number(h.sum(flow=True), model.sum(flow=True))
    file.close()


@pytest.mark.parametrize("kind", STORAGES)
def test_the_plottable_protocol_is_boost_histograms(memory: hugehist.File, kind: str) -> None:
    rng = np.random.default_rng(3)
    model = model_of(kind, events(kind, 14, rng))
    memory["h"] = model
    h = memory["h"]
    assert h.kind == bh.Kind.MEAN == model.kind
    assert h.storage_type is model.storage_type
    for flow in (False, True):
        for method in ("values", "variances", "counts"):
            np.testing.assert_allclose(getattr(h, method)(flow=flow), getattr(model, method)(flow=flow), rtol=1e-12)
    assert np.isnan(h.variances(flow=True)[model.counts(flow=True) == 1]).all()
    view = h.view()
    assert type(view) is type(model.view())
    assert not view.flags.writeable
    same_number(h["a", 1], model[bh.loc("a"), 1])
    close(h.to_hist(), model)
    close(hist.Hist(h.to_boost()), model)
    close(hist.Hist(bh.Histogram(h)), model)
    np.testing.assert_allclose(hist.Hist(h).values(flow=True), model.values(flow=True), rtol=1e-12)
    assert h.to_hist() == h.to_hist()


@pytest.mark.parametrize("kind", STORAGES)
def test_scaling_is_boost_histograms_product(memory: hugehist.File, kind: str) -> None:
    """The samples are scaled, not the weights."""
    model = model_of(kind, events(kind, 40, np.random.default_rng(4)))
    memory["h"] = model
    close(memory["h"].scale("c", -2.5), model * -2.5)
    close((memory["h"] * 3).project("x"), (model * 3).project("x"))
    by_label = memory["h"].scale("c", {"a": 2.0, "b": 0.5}).project("x")
    parts = [model[bh.loc(label), :] * factor for label, factor in (("a", 2.0), ("b", 0.5), ("d", 1.0))]
    close(by_label, parts[0] + parts[1] + parts[2])


@pytest.mark.parametrize("kind", STORAGES)
def test_groups_are_combined(memory: hugehist.File, kind: str) -> None:
    """Of bins, where boost-histogram adds means up, and of labels."""
    model = model_of(kind, events(kind, 40, np.random.default_rng(14)))
    memory["h"] = model
    h = memory["h"].project("x")[{"x": hist.rebin(groups=[1, 2])}]
    for i, part in enumerate((slice(0, 1, sum), slice(1, 3, sum))):
        same_number(h[i], model.project("x")[part])
    for flow_bin in (hist.underflow, hist.overflow):
        same_number(h[flow_bin], model.project("x")[flow_bin])
    both = memory["h"].group("c", {"ab": ["a", "b"]})["ab", :]
    close(both, model[bh.loc("a"), :] + model[bh.loc("b"), :])


@pytest.mark.parametrize("kind", STORAGES)
@pytest.mark.parametrize("wide", ["weight", "sample", "both", "x"])
def test_many_variations_at_once(memory: hugehist.File, kind: str, wide: str) -> None:
    rng = np.random.default_rng(5)
    n, labels = 500, ["nominal", "up", "down"]
    x = rng.uniform(-0.2, 1.2, (n, 3) if wide == "x" else n)
    sample = rng.normal(0, 1, (n, 3) if wide in ("sample", "both") else n)
    weight = rng.integers(1, 4, (n, 3) if wide in ("weight", "both") else n).astype(np.float64)
    for count in (n, 4):  # many events make a dense block, few stay a list
        memory[f"h{count}"] = hist.Hist(*AXES, storage=storage_of(kind))
        h = memory[f"h{count}"].fill(c=labels, x=x[:count], sample=sample[:count], weight=weight[:count])
        model = hist.Hist(*AXES, storage=storage_of(kind))
        for i, label in enumerate(labels):
            columns = {"x": x, "sample": sample, "weight": weight}
            one = {key: value[:count, i] if value.ndim == 2 else value[:count] for key, value in columns.items()}
            model.fill(c=[label] * count, **one)
        close(h, model)


@pytest.mark.parametrize("kind", STORAGES)
def test_masks_and_labels(memory: hugehist.File, kind: str) -> None:
    rng = np.random.default_rng(6)
    n = 200
    masks = {"a": rng.random(n) < 0.5, "b": rng.random(n) < 0.1}
    x, sample = rng.random(n), rng.random(n).astype(np.float32)
    h = memory.create("h", *AXES, storage=storage_of(kind)).fill(c=masks, x=x, sample=sample)
    model = hist.Hist(*AXES, storage=storage_of(kind))
    for label, mask in masks.items():
        model.fill(c=[label] * int(mask.sum()), x=x[mask], sample=sample[mask])
    close(h, model)


@pytest.mark.parametrize("kind", STORAGES)
def test_numbers_of_threads_agree_to_the_last_bit(kind: str) -> None:
    rng = np.random.default_rng(7)
    columns = events(kind, 20_000, rng)
    answers = []
    for threads in (1, 2, 5):
        with hugehist.File.in_memory(memory="16 MiB", threads=threads) as file:
            h = file.create("h", *AXES, storage=storage_of(kind), chunks=[1, 2])
            for part in range(0, 20_000, 4000):
                h.fill(**{key: value[part : part + 4000] for key, value in columns.items()})
            answers.append((h.view(flow=True), h.project("x").view(flow=True)))
    for other in answers[1:]:
        for mine, theirs in zip(answers[0], other, strict=True):
            assert mine.tobytes() == theirs.tobytes()


def test_weights_that_cancel_leave_no_nan(memory: hugehist.File) -> None:
    h = memory.create("h", hist.axis.Regular(2, 0, 1, name="x"), storage="weighted_mean")
    h.fill(x=[0.1, 0.1], sample=[1.0, 2.0], weight=[1.0, -1.0])
    h.fill(x=[0.1], sample=[3.0], weight=[0.0])
    assert h[0].sum_of_weights == 0
    assert h[0].sum_of_weights_squared == 2
    assert h.values().tolist() == [0, 0]
    h.fill(x=[0.1, 0.1], sample=[3.0, 5.0])
    assert h[0].value == 4
    assert not np.isnan(h.project("x").values(flow=True)).any()


def test_weights_of_mean_storage_count(memory: hugehist.File) -> None:
    """As in boost-histogram."""
    h = memory.create("h", hist.axis.Regular(2, 0, 1, name="x"), storage="mean")
    model = hist.Hist(*h.axes, storage=hist.storage.Mean())
    columns = {"x": [0.1, 0.2, 0.7], "sample": [1.0, 2.0, 3.0], "weight": [2.0, 0.5, 1.0]}
    h.fill(**columns)
    close(h, model.fill(**columns))
    assert h.counts().tolist() == [2.5, 1]


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "none": ({}, TypeError, "sample"),
    "length": ({"sample": [1.0, 2.0]}, ValueError, "sample has 2 events"),
    "NaN": ({"sample": [1.0, np.nan, 2.0]}, ValueError, "sample of event 1 is NaN"),
    "infinity": ({"sample": [1.0, 1.0, np.inf]}, ValueError, "sample of event 2 is infinite"),
    "scalar NaN": ({"sample": np.nan}, ValueError, "sample is NaN"),
    "weight": ({"sample": 1.0, "weight": [1.0, np.inf, 1.0]}, ValueError, "weight of event 1 is infinite"),
    "text": ({"sample": ["a", "b", "c"]}, TypeError, "sample"),
    "columns": ({"sample": np.ones((3, 2))}, ValueError, "sample"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("kind", STORAGES)
def test_bad_samples_are_refused(memory: hugehist.File, kind: str, name: str) -> None:
    arguments, problem, words = BAD[name]
    h = memory.create("h", *AXES, storage=kind)
    with pytest.raises(problem, match=words):
        h.fill(c="a", x=[0.1, 0.2, 0.3], **arguments)
    assert list(h.axes["c"]) == []
    assert h.fill(c="a", x=[0.1, 0.2], sample=7.0).sum().value == 7


def test_nan_samples_come_in_when_they_are_asked_for(memory: hugehist.File) -> None:
    h = memory.create("h", *AXES, storage="mean").fill(c="a", x=[0.1, 0.9], sample=[np.nan, 1.0], allow_nan=True)
    assert np.isnan(h["a", 0].value)
    assert h["a", 2].value == 1


@pytest.mark.parametrize("storage", ["int64", "double", "weight"])
def test_other_storages_take_no_sample(memory: hugehist.File, storage: str) -> None:
    h = memory.create("h", *AXES, storage=storage)
    with pytest.raises(TypeError, match="takes no sample"):
        h.fill(c="a", x=[0.1], sample=[1.0])
    assert h.sum() == hist.Hist(*AXES, storage=storage).sum()


@pytest.mark.parametrize("name", ["AtomicInt64", "Unlimited"])
def test_storages_of_boost_histogram_alone(memory: hugehist.File, name: str) -> None:
    storage = getattr(bh.storage, name)()
    kept = {"AtomicInt64": bh.storage.Int64, "Unlimited": bh.storage.Double}[name]
    given = bh.Histogram(bh.axis.Regular(4, 0, 1), storage=storage).fill([0.1, 0.1, 0.9, 2])
    memory["h"] = given
    h = memory.create("g", bh.axis.Regular(4, 0, 1), storage=storage)
    h += given
    h.merge(given._to_uhi_())
    assert memory["h"].storage_type is h.storage_type is kept
    np.testing.assert_array_equal(memory["h"].values(flow=True), given.values(flow=True))
    np.testing.assert_array_equal(h.values(flow=True), 2 * given.values(flow=True))


# --- files of others ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STORAGES)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_uhi_files_both_ways(path: Path, kind: str, dtype: str) -> None:
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("hdf5plugin")
    uhi_hdf5 = pytest.importorskip("uhi.io.hdf5")
    model = model_of(kind, events(kind, 15, np.random.default_rng(8)))
    uhi = model._to_uhi_()
    assert np.isnan(uhi["storage"]["variances"]).any()
    uhi["storage"] = {k: v if k == "type" else v.astype(dtype) for k, v in uhi["storage"].items()}
    with h5py.File(path, "w") as file:
        uhi_hdf5.write(file.create_group("theirs"), uhi)
    with hugehist.File(path) as file, hugehist.File(path.with_suffix(".out"), "w") as ours:
        tolerance = 1e-5 if dtype == "f4" else 1e-12
        same_content(file["theirs"], model, rtol=tolerance, atol=tolerance)
        ours["h"] = file["theirs"]
        same_content(ours["h"], file["theirs"], rtol=1e-14)
    with h5py.File(path.with_suffix(".out")) as file:
        read = uhi_hdf5.read(file["h"])
        planes = {name: plane[()] for name, plane in file["h/storage"].items()}
    assert all(plane.dtype == np.float64 for plane in planes.values())
    counts = model.counts(flow=True)[[list(model.axes["c"]).index(label) for label in read["axes"][0]["categories"]]]
    assert (counts <= 1).any()
    assert (planes["variances"][counts <= 1] == 0).all()
    back = hist.Hist(read)
    np.testing.assert_allclose(back.values(flow=True), planes["values"], rtol=1e-14)
    np.testing.assert_allclose(back.counts(flow=True), counts, rtol=1e-6)
    if dtype == "f8":  # four bytes round some effective counts of 1 up
        np.testing.assert_array_equal(np.isnan(back.variances(flow=True)), counts <= 1)


@pytest.mark.parametrize("kind", STORAGES)
def test_undefined_variances_of_others_are_zero(memory: hugehist.File, kind: str) -> None:
    """Empty bins and single entries, with whatever stands there; an overflow bin of labels that holds nothing."""
    weights = {"counts": [1.0, 0.0, 3.0]}
    if kind == "weighted_mean":
        weights = {"sum_of_weights": [0.5, 0.0, 3.0], "sum_of_weights_squared": [0.25, 0.0, 3.0]}
    for junk in (np.nan, np.inf, -np.inf):
        storage = {"type": kind, "values": [2.0, 0.0, 4.0], "variances": [junk, junk, 1.5]} | weights
        axis = {"type": "regular", "lower": 0, "upper": 3, "bins": 3}
        axis |= {"underflow": False, "overflow": False, "circular": False}
        name = f"h{junk}"
        memory[name] = {"uhi_schema": 1, "axes": [axis], "storage": storage}
        h = memory[name]
        assert h._to_uhi_()["storage"]["variances"].tolist() == [0, 0, 1.5]
        h += h.to_hist()
        assert np.isfinite(h._to_uhi_()["storage"]["variances"]).all()
        assert np.isfinite(h.view().tolist()).all()


@pytest.mark.parametrize("kind", STORAGES)
def test_a_copy_is_exact(memory: hugehist.File, kind: str) -> None:
    memory["h"] = model_of(kind, events(kind, 1000, np.random.default_rng(9)))
    memory["copy"] = memory["h"]
    for mine, theirs in zip(
        memory["copy"]._to_uhi_()["storage"].values(), memory["h"]._to_uhi_()["storage"].values(), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("kind", STORAGES)
def test_a_large_offset_keeps_the_spread(memory: hugehist.File, kind: str) -> None:
    """Sums of squares would lose it: 1e8 with a spread of 1, in a thousand parts."""
    rng = np.random.default_rng(10)
    h = memory.create("h", hist.axis.Integer(0, 1000, name="x"), storage=kind)
    sample = 1e8 + rng.normal(0, 1, 100_000)
    h.fill(x=rng.integers(0, 1000, 100_000), sample=sample)
    total = h.sum(flow=True)
    assert total.variance == pytest.approx(np.var(sample, ddof=1), rel=1e-7)
    assert total.value == pytest.approx(np.mean(sample), rel=1e-14)


@pytest.mark.parametrize("kind", STORAGES)
def test_bins_are_set(memory: hugehist.File, kind: str) -> None:
    """A view, or an array of the planes, as boost-histogram takes them."""
    rng = np.random.default_rng(11)
    model, other = (model_of(kind, events(kind, 60, rng)) for _ in range(2))
    memory["h"] = model
    h = memory["h"]
    h["a", 0:2] = other[bh.loc("a"), 0:2].view()
    model[bh.loc("a"), 0:2] = other[bh.loc("a"), 0:2].view()
    cells = np.array([5.0, 2.0, 1.5] if kind == "mean" else [5.0, 9.0, 2.0, 1.5])
    h["b", :] = np.tile(cells, (3, 1))
    model[bh.loc("b"), :] = np.tile(cells, (3, 1))
    close(h, model)
    h += other
    close(h, model + other)


@pytest.mark.parametrize("kind", STORAGES)
def test_other_forms_hold_means(memory: hugehist.File, kind: str) -> None:
    uhi_json = pytest.importorskip("uhi.io.json")
    memory["h"] = model_of(kind, events(kind, 20, np.random.default_rng(12)))
    text = json.dumps(memory["h"], default=uhi_json.default)
    memory["json"] = json.loads(text, object_hook=uhi_json.object_hook)
    assert memory["json"] == memory["h"]
    pytest.importorskip("xarray")
    memory["xarray"] = memory["h"].to_xarray(flow=True)
    assert memory["xarray"] == memory["h"]
