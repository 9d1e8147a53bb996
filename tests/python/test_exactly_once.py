"""Ids of merges that are intervals: each entry of a source counts once, in whatever parts it comes."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


def part(entries: range) -> hist.Hist[Any]:
    """One event in the bin of each entry."""
    made: hist.Hist[Any] = hist.Hist(hist.axis.Integer(0, 64, name="entry"), storage="int64")
    made.fill(np.array(entries))
    return made


@pytest.fixture
def h(file: hugehist.File) -> hugehist.Histogram:
    return file.create("h", hist.axis.Integer(0, 64, name="entry"), storage="int64")


def test_merged_or_there(h: hugehist.Histogram, file: hugehist.File) -> None:
    assert h.merge(part(range(10)), id=("f.root:Events", 0, 10)) is True
    assert h.merge(part(range(10)), id=("f.root:Events", 0, 10)) is False
    assert h.merge(part(range(2, 5)), id=("f.root:Events", 2, 5)) is False
    assert h.merge(part(range(10, 20)), id=("f.root:Events", np.int64(10), np.int32(20))) is True
    assert h.merge(part(range(20)), id=("f.root:Events", 0, 20)) is False
    assert h.merge(part(range(20, 30)), id=("g.root:Events", 0, 20)) is True
    np.testing.assert_array_equal(h.values(), [1] * 30 + [0] * 34)
    assert list(file.ledger) == [("f.root:Events", 0, 20), ("g.root:Events", 0, 20)]
    assert ("f.root:Events", 3, 11) in file.ledger
    assert ("f.root:Events", 3, 21) not in file.ledger
    assert ("f.root:Events", 3, 3) not in file.ledger
    assert ("f.root:Events", -1, 3) not in file.ledger
    assert ("f.root:Events", 3, 1 << 70) not in file.ledger
    assert ("f.root:Events", 3) not in file.ledger
    assert "f.root:Events" not in file.ledger
    assert len(file.ledger) == 2


def test_a_partial_overlap_is_refused(h: hugehist.Histogram, file: hugehist.File, path: Path) -> None:
    h.merge(part(range(10, 20)), id=("f.root", 10, 20))
    h.merge(part(range(30, 32)), id=("f.root", 30, 32))
    before = h.values()
    with pytest.raises(hugehist.OverlapError) as caught:
        h.merge(part(range(40)), id=("f.root", 0, 40))
    message = str(caught.value)
    for needed in (str(path), "'f.root'", "[0, 40)", "[10, 20), [30, 32)", "[0, 10), [20, 30), [32, 40)"):
        assert needed in message
    assert isinstance(caught.value, hugehist.Error)
    assert str(pickle.loads(pickle.dumps(caught.value))) == message
    np.testing.assert_array_equal(h.values(), before)
    assert file.ledger.missing("f.root", 0, 40) == [("f.root", 0, 10), ("f.root", 20, 30), ("f.root", 32, 40)]
    for source, start, stop in file.ledger.missing("f.root", 0, 40):
        assert h.merge(part(range(start, stop)), id=(source, start, stop))
    assert file.ledger.missing("f.root", 0, 40) == []
    np.testing.assert_array_equal(h.values(), [1] * 40 + [0] * 24)


@pytest.mark.parametrize("id", [("f", 3, 3), ("f", 4, 3), ("f", -1, 3), ("", 0, 3), ("f", 0, 1 << 70), "", b""])
def test_ids_without_meaning(h: hugehist.Histogram, id: Any) -> None:
    with pytest.raises(ValueError, match="id of a merge"):
        h.merge(part(range(3)), id=id)
    assert h.sum() == 0


@pytest.mark.parametrize("id", [3, ("f", 3), ("f", 0.5, 3), (3, 0, 3), ("f", 0, None), ["f", 0, 3]])
def test_ids_of_another_kind(h: hugehist.Histogram, id: Any) -> None:
    with pytest.raises(TypeError, match="source, start, stop"):
        h.merge(part(range(3)), id=id)
    assert h.sum() == 0


def test_an_id_counts_in_the_whole_file(h: hugehist.Histogram, file: hugehist.File) -> None:
    other = file.create("other", hist.axis.Integer(0, 64, name="entry"), storage="int64")
    assert h.merge(part(range(3)), id=("f", 0, 3))
    assert not other.merge(part(range(3)), id=("f", 0, 3))
    assert other.sum() == 0


def test_they_go_and_come_with_their_merges(h: hugehist.Histogram, file: hugehist.File, path: Path) -> None:
    h.merge(part(range(10)), id=("f", 0, 10))
    file.commit()
    h.merge(part(range(10, 20)), id=("f", 10, 20))
    file.discard()
    assert list(file.ledger) == [("f", 0, 10)]
    assert file["h"].merge(part(range(10, 20)), id=("f", 10, 20))
    with pytest.raises(ValueError, match="axis"):
        file["h"].merge(hist.Hist(hist.axis.Integer(0, 3, name="entry"), storage="int64"), id=("f", 20, 30))
    file.close()
    with hugehist.File(path) as again:
        assert list(again.ledger) == [("f", 0, 20)]
        assert again["h"].sum() == 20


def test_ids_are_put_in_by_themselves(h: hugehist.Histogram, file: hugehist.File, path: Path) -> None:
    assert file.ledger.add("text") is True
    assert file.ledger.add("text") is False
    assert file.ledger.add(("f", np.int64(0), 10)) is True
    assert file.ledger.add(("f", 3, 7)) is False
    assert not h.merge(part(range(10)), id=("f", 0, 10))
    with pytest.raises(hugehist.OverlapError, match="10, 12"):
        file.ledger.add(("f", 5, 12))
    file.commit()
    file.ledger.add(("f", 10, 12))
    file.discard()
    with pytest.raises(hugehist.OverlapError), file.transaction():  # noqa: PT012
        assert file.ledger.add(("f", 10, 12))
        file.ledger.add(("f", 5, 15))
    with file.transaction(id="all"):
        h.merge(part(range(10, 12)))
        assert file.ledger.add(("f", 10, 12))
    file.discard()
    with pytest.raises(ValueError, match="id of a merge"):
        file.ledger.add("")
    with pytest.raises(TypeError, match="source, start, stop"):
        file.ledger.add(("f", 3))  # type: ignore[arg-type]
    file.close()
    with hugehist.File(path) as again:
        assert list(again.ledger) == ["text", "all", ("f", 0, 12)]
        assert again["h"].sum() == 2
        with pytest.raises(hugehist.Error, match="reading only"):
            again.ledger.add("more")


attempts = st.tuples(st.integers(0, 40), st.integers(1, 12), st.sampled_from(["go on", "commit", "discard", "reopen"]))


@given(st.lists(attempts, max_size=25))
def test_each_entry_counts_once(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, str]]) -> None:
    path = tmp_path_factory.mktemp("once") / "f.h5"
    file = hugehist.File(path, "w", memory="8 MiB", threads=1)
    file.create("h", hist.axis.Integer(0, 64, name="entry"), storage="int64")
    file.commit()
    working: set[int] = set()
    committed: set[int] = set()
    for start, size, then in steps:
        entries = range(start, start + size)
        there = working.intersection(entries)
        try:
            merged: bool | None = file["h"].merge(part(entries), id=("f", start, start + size))
        except hugehist.OverlapError:
            merged = None
        assert merged == (False if len(there) == size else None if there else True)
        if merged:
            working.update(entries)
        if then == "commit":
            file.commit()
            committed = set(working)
        elif then == "discard":
            file.discard()
            working = set(committed)
        elif then == "reopen":
            file.close()
            committed = set(working)
            file = hugehist.File(path, "r+", memory="8 MiB", threads=1)
        assert {e for _, first, end in file.ledger for e in range(first, end)} == working  # type: ignore[misc]
        np.testing.assert_array_equal(file["h"].values(), [int(i in working) for i in range(64)])
    file.close()
