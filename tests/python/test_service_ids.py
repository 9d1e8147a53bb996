"""What an attempt has processed, whatever form it comes in."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hugehist.service.ids import distinct, from_wire, ids_from_wire, ids_of, parts_of, shown, to_wire

METADATA = {
    "dataset": "tt",
    "filename": "root://f.root",
    "treename": "Events",
    "entrystart": 100,
    "entrystop": 200,
    "fileuuid": "12345678-1234-5678-1234-567812345678",
}
SOURCE = "tt/12345678-1234-5678-1234-567812345678:Events"


def test_ids_as_they_are() -> None:
    assert ids_of("work", "") == ["work"]
    assert ids_of("work", "v2/") == ["v2/work"]
    assert ids_of(("f.root:Events", 0, 10), "v2/") == [("v2/f.root:Events", 0, 10)]
    assert ids_of(("f", np.int64(3), np.uint8(5)), "") == [("f", 3, 5)]
    assert ids_of([("f", 0, 10), "t"], "r/") == [("r/f", 0, 10), "r/t"]


def test_no_entries_are_work_too() -> None:
    assert ids_of(("f", 5, 5), "r/") == ["r/f:5"]
    assert ids_of(("f", 5, 5), "") != ids_of(("f", 6, 6), "")


def test_what_coffea_has() -> None:
    wanted = [(SOURCE, 100, 200)]
    assert ids_of(METADATA, "") == wanted
    assert ids_of(SimpleNamespace(metadata=METADATA), "") == wanted
    item = SimpleNamespace(**METADATA | {"fileuuid": uuid.UUID(METADATA["fileuuid"]).bytes}, usermeta={})
    assert ids_of(item, "") == wanted, "a work item has the bytes of the uuid"
    assert ids_of(METADATA | {"entrystart": np.int64(100)}, "r/") == [(f"r/{SOURCE}", 100, 200)]
    for none in ("", b"", None):
        assert ids_of(METADATA | {"fileuuid": none}, "") == [("tt/root://f.root:Events", 100, 200)]


def test_work_items_of_coffea() -> None:
    executor = pytest.importorskip("coffea.processor.executor")
    item = executor.WorkItem("tt", "root://f.root", "Events", 100, 200, uuid.UUID(METADATA["fileuuid"]).bytes, {})
    assert ids_of(item, "") == [(SOURCE, 100, 200)]
    parts = parts_of(item, [(SOURCE, 120, 130), (SOURCE, 150, 200)])
    assert [(part.entrystart, part.entrystop, part.fileuuid) for part in parts] == [
        (120, 130, item.fileuuid),
        (150, 200, item.fileuuid),
    ]


@pytest.mark.parametrize(
    ("work", "kind", "words"),
    [
        ([], ValueError, "is empty"),
        ("", ValueError, "'' is empty"),
        (("", 0, 1), ValueError, "is empty"),
        (("f", 10, 5), ValueError, "0 <= start <= stop"),
        (("f", -1, 5), ValueError, "0 <= start <= stop"),
        (("f", 0, 1 << 63), ValueError, "below 2"),
        (b"bytes", TypeError, "attempt"),
        ((b"f", 0, 1), TypeError, "text, not bytes"),
        (("f", 0.5, 1), TypeError, "two integers"),
        (("f", 0), TypeError, "not"),
        (7, TypeError, "not of int without 'filename'"),
        (None, TypeError, "not of NoneType"),
        ({"dataset": "tt"}, TypeError, "without 'filename'"),
        ([["t"]], TypeError, "not of list"),
    ],
)
def test_what_is_no_work(work: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        ids_of(work, "")
    with pytest.raises((TypeError, ValueError)):
        ids_of(["t", work], "")


def test_the_wire() -> None:
    ids: list[Any] = [("f", 0, 10), "t", ("f", 10, 12), ("g", 5, 7)]
    assert to_wire(ids) == [["f", 0, 10], "t", ["f", 10, 12], ["g", 5, 7]]
    assert from_wire(to_wire(ids)) == ids
    assert ids_from_wire(["t", "t"]) == ["t", "t"]


@pytest.mark.parametrize(
    "ids",
    [
        [],
        ["t", "t"],
        [["f", 0, 10], ["f", 9, 12]],
        [["f", 0, 10], ["g", 0, 1], ["f", 3, 4]],
        [[]],
        [["f", 0]],
        [["f", 0, 1, 2]],
        [["f", "0", 1]],
        [[["f"], 0, 1]],
        [None],
        [{}],
        [1.5],
        [""],
        [["", 0, 1]],
        [["f", -1, 1]],
        [["f", 0, 1 << 64]],
    ],
)
def test_the_wire_with_what_is_no_id(ids: list[Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        from_wire(ids)


def test_distinct() -> None:
    ids: list[Any] = [("f", 5, 9), ("f", 0, 5), ("g", 0, 9), "f"]
    assert distinct(ids) == ids
    with pytest.raises(ValueError, match="from 8 on"):
        distinct([("f", 8, 12), ("f", 5, 9)])


def test_parts() -> None:
    assert parts_of("t", []) == []
    assert parts_of("t", ["t"]) == ["t"]
    assert parts_of(("f", 0, 10), [("r/f", 2, 3), ("r/f", 5, 10)]) == [("f", 2, 3), ("f", 5, 10)]
    assert parts_of(("f", 5, 5), ["f:5"]) == [("f", 5, 5)]
    assert parts_of(METADATA, [(SOURCE, 150, 200)]) == [METADATA | {"entrystart": 150}]
    assert parts_of(METADATA, []) == []
    events = SimpleNamespace(metadata=METADATA)
    assert parts_of(events, [(SOURCE, 150, 200)]) == [events], "events cannot be cut"
    assert parts_of(events, []) == []


def test_shown() -> None:
    assert shown(["t", ("f", 0, 10)]) == "'t', [0, 10) of 'f'"
    assert shown([f"{n}" for n in range(10)]) == "'0', '1', '2' and 7 more"
