"""Deltas by shards and in pieces: together they are the delta, whatever it holds."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from hugehist.delta import shard_of
from hypothesis import given
from hypothesis import strategies as st
from trusted import AXES, category, is_labelled, planes, random_model, same_content

STORAGES = ["int64", "double", "weight", "mean", "weightedmean"]
LABELS: dict[str, list[Any]] = {
    "dataset": ["a", "b", "ttH_ä", "d"],
    "run": [1, -7, 2**31 - 1],
    "known": ["a", "b", "?"],
}
ANALYSIS: list[Any] = [
    category("dataset"),
    hist.axis.IntCategory([], growth=True, name="run"),
    hist.axis.StrCategory(["a", "b"], name="known"),  # with an overflow bin
    hist.axis.Regular(5, 0, 1, name="x"),
]

Made = tuple[hugehist.Delta, hist.Hist[Any]]


@st.composite
def filled(draw: st.DrawFn) -> Made:
    """Blocks of few events and of many, with one bin for an event or for each weight; and the trusted histogram."""
    axes = draw(st.permutations(ANALYSIS))
    model = hist.Hist(*axes, storage=draw(st.sampled_from(STORAGES)))
    buffer = hugehist.Buffer(*axes, storage=model.storage_type)
    for span, seed in draw(st.lists(st.tuples(st.sampled_from(["dataset", "run"]), st.integers(0, 2**32)))):
        rng = np.random.default_rng(seed)
        at = {name: labels[int(rng.integers(len(labels)))] for name, labels in LABELS.items()}
        variations = list(rng.permutation(LABELS[span]))[: int(rng.integers(1, 4))]
        shape = int(rng.integers(1, 40)), len(variations)
        x = rng.uniform(-0.2, 1.2, (shape[0], len(variations) if rng.integers(2) else 1))
        numbers = {"weight": rng.integers(1, 5, shape) / 1.0}
        if model.kind is bh.Kind.MEAN:
            numbers["sample"] = rng.integers(-8, 9, shape) / 4
        if model.storage_type not in (bh.storage.Int64, bh.storage.Mean):
            numbers["weight"] /= 4
        buffer.fill(**(at | {span: hugehist.variations(variations)}), x=x, **numbers)
        for i, label in enumerate(variations):
            row = {name: values[:, i] for name, values in numbers.items()}
            model.fill(**(at | {span: label}), x=np.broadcast_to(x, shape)[:, i], **row)
    return buffer.delta(), model


@st.composite
def of_a_histogram(draw: st.DrawFn) -> Made:
    """Dense blocks, whose rows are along the last category axis."""
    categories = [axis for axis in AXES if is_labelled(axis)]
    axes = draw(st.lists(st.sampled_from(categories), min_size=1, max_size=2))
    axes = draw(st.permutations([*axes, *draw(st.lists(st.sampled_from(AXES[:16]), max_size=2))]))
    model = random_model(axes, draw(st.sampled_from(STORAGES)), draw(st.integers(0, 99)))
    return hugehist.Delta.from_uhi(model), model


def merged(deltas: Iterable[hugehist.Delta], like: hist.Hist[Any]) -> hugehist.Histogram:
    axes = [type(axis)([], growth=True, name=axis.name) if axis.traits.growth else axis for axis in like.axes]
    h = hugehist.File.in_memory(memory="8 MiB", threads=1).create("h", *axes, storage=like.storage_type)
    for delta in deltas:
        h.merge(delta)
    return h


def sent(deltas: Iterable[hugehist.Delta]) -> list[hugehist.Delta]:
    return [hugehist.Delta.from_bytes(delta.to_bytes()) for delta in deltas]


def labels_of(delta: hugehist.Delta) -> list[list[Any]]:
    return [list(axis) for axis in delta.axes if is_labelled(axis)]


def check_sum(parts: list[hugehist.Delta], delta: hugehist.Delta, model: hist.Hist[Any]) -> None:
    whole = merged([delta], model).to_hist()
    if model.kind is bh.Kind.MEAN:
        same_content(whole, model, rtol=1e-12, atol=1e-12)
    else:
        same_content(whole, model)
    for each in (parts, sent(parts)):
        same_content(merged(each, model).to_hist(), whole)
    for axis, labels in enumerate(labels_of(delta)):
        of_parts = [labels_of(part)[axis] for part in parts]
        assert {label for some in of_parts for label in some} == set(labels)
        for some in of_parts:
            assert some == [label for label in labels if label in set(some)]


@given(filled() | of_a_histogram(), st.data())
def test_parts_are_the_delta_by_shards(made: Made, data: st.DataObject) -> None:
    delta, model = made
    positions = [i for i, axis in enumerate(model.axes) if is_labelled(axis)]
    by = data.draw(st.lists(st.sampled_from(positions), min_size=1, unique=True))
    count = data.draw(st.integers(1, 5))
    parts = delta.split(by, count)
    assert len(parts) == count
    check_sum(parts, delta, model)
    for index, part in enumerate(parts):
        content = merged([part], model).to_hist()
        others = tuple(i for i in range(model.ndim) if i not in by)
        used = sum(np.any(plane != 0, axis=others) for plane in planes(content)).transpose(np.argsort(np.argsort(by)))
        texts = [[*content.axes[i], *[""] * content.axes[i].traits.overflow] for i in by]
        for bins in itertools.product(*(range(len(some)) for some in texts)):
            if used[bins]:
                assert shard_of([some[bin] for some, bin in zip(texts, bins, strict=True)], count) == index


@given(filled() | of_a_histogram(), st.integers(0, 3000))
def test_pieces_are_the_delta_in_its_order(made: Made, max_bytes: int) -> None:
    delta, model = made
    pieces = delta.pieces(max_bytes)
    check_sum(pieces, delta, model)
    size = hugehist.Delta.from_bytes(delta.to_bytes()).nbytes
    sizes = [piece.nbytes for piece in sent(pieces)]
    assert sum(sizes) == size
    if size <= max_bytes or delta.empty:
        assert len(pieces) == 1
    for piece, bytes_of_it in zip(pieces, sizes, strict=True):
        assert bytes_of_it <= max_bytes or len(piece.pieces(0)) == 1
    for first, second in itertools.pairwise(sizes):  # none that the one before it had room for
        assert first + second > max_bytes


def test_labels_without_content_are_in_the_first() -> None:
    buffer = hugehist.Buffer(category("dataset"), category("s"), hist.axis.Regular(4, 0, 1, name="x"))
    buffer.fill(dataset=[], s="named", x=[])
    for dataset in ("a", "b", "c"):
        buffer.fill(dataset=dataset, s=["n", "u"], x=[0.5], weight=np.ones((1, 2)))
    delta = buffer.delta()
    first, *others = delta.pieces(0)
    assert labels_of(first) == [["a"], ["named", "n", "u"]]
    assert [labels_of(each) for each in others] == [[["b"], ["n", "u"]], [["c"], ["n", "u"]]]
    for index, part in enumerate(delta.split("dataset", 3)):
        datasets = [label for label in "abc" if shard_of([label], 3) == index]
        assert labels_of(part) == [datasets, ["named"] * (index == 0) + ["n", "u"] * bool(datasets)]
    none = np.array([], bool)
    empty = hugehist.Buffer(category("dataset")).fill(dataset={"a": none, "b": none}).delta()
    assert [labels_of(each) for each in empty.pieces("1 MiB")] == [[["a", "b"]]]
    assert [labels_of(each) for each in empty.split([0], 2)] == [[["a", "b"]], [[]]]


def test_the_hash_stays_what_it_is() -> None:
    every = 2**64 - 1  # the whole hash, as xxhsum -H64 has it
    assert shard_of(["a"], every) == 0xD24EC4F1A98C6E5B
    assert shard_of([""], every) == 0xEF46DB3751D8E999
    assert shard_of(["ttbar", "sr"], every) == 0x19BE9CA135ABA112
    assert shard_of([-12, "é"], every) == 2475680852355692224
    assert shard_of((np.int64(-12), "é"), every) == 2475680852355692224
    assert shard_of(["ttbar", "sr"], 4) == 2
    assert shard_of(["anything"], 1) == 0


def test_what_cannot_be_split() -> None:
    delta = hugehist.Buffer(category("dataset"), hist.axis.Regular(4, 0, 1, name="x")).delta()
    for axes, error, message in (
        (["y"], KeyError, "'dataset', 'x'"),
        ([2], KeyError, "2 axes"),
        (["x"], ValueError, "no labels"),
        (["dataset", 0], ValueError, "twice"),
        ([], ValueError, "one category axis"),
    ):
        with pytest.raises(error, match=message):
            delta.split(axes, 2)
    for count in (0, -1):
        with pytest.raises(ValueError, match="at least"):
            delta.split("dataset", count)
        with pytest.raises(ValueError, match="at least"):
            shard_of(["a"], count)
    with pytest.raises(TypeError, match="list of labels"):
        shard_of("ab", 2)
    with pytest.raises(TypeError):
        shard_of([0.5], 2)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="max_bytes"):
        delta.pieces(-1)
