"""What `Histogram.check` says of a delta's bytes is what reading and merging them says, in the memory of a part."""

from __future__ import annotations

from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from hugehist.delta import DeltaReader
from hypothesis import given
from hypothesis import strategies as st

BINS = hist.axis.Regular(300, 0, 1, name="x")


def growing(name: str) -> Any:
    return hist.axis.StrCategory([], growth=True, name=name)


def delta_of(storage: str, events: int, blocks: int) -> hugehist.Delta:
    """Few events in a block, sparse cells, or dense ones."""
    rng = np.random.default_rng(events)
    buffer = hugehist.Buffer(growing("c"), growing("s"), BINS, storage=storage)
    extra: dict[str, Any] = {"sample": rng.random((events, 4))} if "mean" in storage else {}
    weight = np.ones((events, 4)) if storage in ("int64", "mean") else rng.random((events, 4))
    for block in range(blocks):
        buffer.fill(c=f"c{block}", s=list("abcd"), x=rng.random(events), weight=weight, **extra)
    return buffer.delta()


DELTAS = {
    (storage, events): delta_of(storage, events, 3).to_bytes()
    for storage in ("int64", "double", "weight", "mean", "weighted_mean")
    for events in (2, 60, 3000)
}


@pytest.fixture(scope="module")
def file() -> Any:
    with hugehist.File.in_memory(memory="8 MiB", threads=1) as opened:
        for storage in ("int64", "double", "weight", "mean", "weighted_mean"):
            opened.create(storage, growing("c"), growing("s"), BINS, storage=storage)
        opened.create("fixed", hist.axis.StrCategory(["c0"], name="c"), growing("s"), BINS, storage="weight")
        yield opened


@pytest.mark.parametrize(("storage", "events"), DELTAS)
def test_what_fits(file: hugehist.File, storage: str, events: int) -> None:
    content = DELTAS[storage, events]
    delta = hugehist.Delta.from_bytes(content)
    for form in (content, bytearray(content), memoryview(content)):
        assert file[storage].check(form) == delta.nbytes
    assert file[storage].check(delta) == delta.nbytes
    assert file[storage].shape == (0, 0, 300)  # nothing has changed


@pytest.mark.parametrize(("storage", "events"), DELTAS)
def test_what_does_not_fit(file: hugehist.File, storage: str, events: int) -> None:
    for name in ("fixed", "double" if storage == "weight" else "weight"):
        with pytest.raises(ValueError) as of_delta:
            file[name].check(hugehist.Delta.from_bytes(DELTAS[storage, events]))
        with pytest.raises(ValueError) as of_bytes:
            file[name].check(DELTAS[storage, events])
        assert str(of_bytes.value) == str(of_delta.value)


@given(st.data())
def test_what_is_damaged(data: st.DataObject) -> None:
    """Refused as by `from_bytes`, whatever byte it is, and wherever it ends."""
    storage, events = data.draw(st.sampled_from(list(DELTAS)))
    content = bytearray(DELTAS[storage, events])
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[place:]
    with hugehist.File.in_memory(memory="8 MiB", threads=1) as opened:
        h = opened.create("h", growing("c"), growing("s"), BINS, storage=storage)
        with pytest.raises(hugehist.Error) as read:
            hugehist.Delta.from_bytes(content)
        with pytest.raises(type(read.value)) as checked:
            h.check(content)
    assert str(checked.value) == str(read.value)


def test_a_limit(file: hugehist.File) -> None:
    content = DELTAS["weight", 3000]
    with pytest.raises(hugehist.Error, match="max_memory allows 20000"):
        file["weight"].check(content, max_memory=20_000)
    assert file["weight"].check(content, max_memory=None) > 20_000
    with pytest.raises(TypeError, match="bytes"):
        file["weight"].check(memoryview(content)[::2])


def test_a_reader_uses_memory_again(file: hugehist.File) -> None:
    """A delta that is still held keeps its content; one that is gone leaves its memory to the next."""
    reader = DeltaReader()
    rng = np.random.default_rng(5)
    with hugehist.File.in_memory(memory="8 MiB", threads=1) as expected, hugehist.File.in_memory(threads=1) as found:
        for opened in (expected, found):
            opened.create("weight", growing("c"), growing("s"), BINS, storage="weight")
        kept: list[hugehist.Delta] = []
        for _ in range(30):
            content = DELTAS["weight", int(rng.choice([2, 60, 3000]))]
            delta = reader.read(content)
            if rng.random() < 0.3:
                kept.append(delta)
            else:
                found["weight"].merge(delta)
            del delta
            expected["weight"].merge(hugehist.Delta.from_bytes(content))
        for delta in kept:
            found["weight"].merge(delta)
        assert found["weight"].allclose(expected["weight"].to_hist())
    with pytest.raises(hugehist.Error):
        reader.read(b"no delta")
