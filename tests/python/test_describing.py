"""repr, notebooks and completions: what they say, and that no chunk is read for them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from hugehist.describing import axis_text, chunks_touched
from hugehist.resources import size_text
from trusted import AXES, category

REGULAR = hist.axis.Regular(50, 0, 1, name="x")


@pytest.fixture
def large(path: Path) -> Path:
    """200 chunks for 200 labels."""
    with hugehist.File(path, "w") as file:
        h = file.create("dir/large", category("d"), REGULAR, storage="weight", chunks=[1, 52])
        for i in range(200):
            h.fill(d=f"d{i:03}", x=[0.25, 0.75])
    return path


def words(html: str) -> str:
    """The text of a document that is well formed."""
    found: list[str] = []
    opened: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

        def handle_startendtag(self, tag: str, attrs: Any) -> None:
            pass

        def handle_data(self, data: str) -> None:
            found.append(data)

    parser = Parser()
    parser.feed(html)
    parser.close()
    assert opened == []
    return " ".join(found)


def test_repr_of_a_histogram(large: Path) -> None:
    with hugehist.File(large) as file:
        text = repr(file["dir/large"])
    assert re.fullmatch(
        r"Histogram\('dir/large',\n"
        r"  StrCategory\(\['d000', 'd001', 'd002', \.\.\., 'd199'\], growth=True, name='d'\),  # 200 labels\n"
        r"  Regular\(50, 0, 1, name='x'\),\n"
        r"  storage=Weight\(\)\)  # 162\.5 KiB dense, [\d.]+ KiB on disk in 200 chunks",
        text,
    ), text


def test_repr_of_a_view(large: Path) -> None:
    with hugehist.File(large) as file:
        assert repr(file["dir/large"].project("x")) == (
            "View(of histogram 'dir/large',\n  Regular(50, 0, 1, name='x'),\n  storage=Weight())  # 832 B dense"
        )


def test_repr_before_a_commit(memory: hugehist.File) -> None:
    h = memory.create("h", REGULAR).fill([0.5])
    assert repr(h).endswith("storage=Double())  # 416 B dense, no chunk committed")
    memory.commit()
    assert re.search(r"\d B in memory in 1 chunks$", repr(h))


@pytest.mark.parametrize("axis", AXES, ids=str)
def test_axes_are_one_line_each(axis: Any) -> None:
    assert axis_text(axis).count("\n") == 0
    assert axis_text(axis).startswith(type(axis).__name__)


def test_many_edges_and_labels_are_cut() -> None:
    edges = axis_text(hist.axis.Variable(np.sqrt(np.arange(500)), name="v"))
    assert "..." in edges
    assert len(edges) < 160
    assert "\n" not in edges
    assert axis_text(hist.axis.IntCategory(range(100, 120), name="run")) == (
        "IntCategory([100, 101, 102, ..., 119], name='run'),  # 20 labels"
    )


def test_sizes_as_people_say_them() -> None:
    sizes = (0, 1023, 1536, 89053446963, 5 << 40)
    assert [size_text(size) for size in sizes] == ["0 B", "1023 B", "1.5 KiB", "82.94 GiB", "5 TiB"]


def test_chunks_touched() -> None:
    every, some, none = np.zeros(100, np.int32), np.full(100, -1, np.int32), np.full(100, -1, np.int32)
    some[[0, 9, 10, 99]] = 0
    assert chunks_touched([every, some], [7, 10]) == 15 * 3
    assert chunks_touched([every, none], [7, 10]) == 0


def test_a_large_answer_is_not_drawn(large: Path) -> None:
    with hugehist.File(large) as file:
        h = file["dir/large"]
        before = file.stats()
        for what in (h, h.project("x"), h.project("d"), h[["d001", "d002"], ...].project("x", "d")[::2j, :]):
            repr(what), what.axes, what.shape, what.size, dir(what), what._ipython_key_completions_()
        for what in (h, h.project("x"), h.project("d")):  # these take all 200 chunks
            html = what._repr_html_()
            assert "<svg" not in html
            assert "<table" in html
            assert "KiB dense" in words(html) or "832 B dense" in words(html)
        with pytest.raises(KeyError):
            h["dx", :]
        assert file.stats() == before
        html = h["d007", :]._repr_html_()
        assert "<svg" in html
        assert "Regular(50" in words(html)
        assert file.stats()["chunks_read"] == before["chunks_read"] + 1


def test_names_are_escaped(memory: hugehist.File) -> None:
    axes = hist.axis.StrCategory(["<script>alert(1)</script>"], name="<b>"), REGULAR, hist.axis.Integer(0, 3)
    html = memory.create("<i>h</i>", *axes)._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html.replace("<b>Histogram</b>", "")
    assert "<i>h</i>" in words(html)


@pytest.mark.parametrize("axis", AXES, ids=str)
def test_any_axis_is_shown(memory: hugehist.File, axis: Any) -> None:
    h = memory.create("h", axis)
    words(h._repr_html_())
    h.merge(hist.Hist(axis, storage="double"))
    words(h._repr_html_())
    words(h[..., :]._repr_html_())


def test_what_is_gone_is_said(memory: hugehist.File) -> None:
    h = memory.create("h", REGULAR)
    view = h[:]
    memory.close()
    for what in (h, view):
        assert "closed" in what._repr_html_()


def test_completions(memory: hugehist.File) -> None:
    h = memory.create("dir/h", category("c"), REGULAR).fill(["b", "a"], [0.1, 0.2])
    assert memory._ipython_key_completions_() == ["dir/h"]
    assert h._ipython_key_completions_() == ["b", "a"]
    assert h[..., sum]._ipython_key_completions_() == ["b", "a"]
    assert h.project("x")._ipython_key_completions_() == []
    assert {"plot", "to_root", "to_xarray", "project"} <= set(dir(h))


def test_what_was_filled_waits(large: Path) -> None:
    """Axes know its labels at once, in the bins that they will have, but no chunk is read or merged for that."""
    with hugehist.File(large, "r+") as file:
        h = file["dir/large"]
        h.fill(d=["d100", "new", "d000", "newer"], x=[0.1] * 4)
        before = file.stats()
        assert list(h.axes["d"])[-3:] == ["d199", "new", "newer"]
        assert "202 labels" in repr(h)
        assert h["new", :].axes == h["d000", :].axes
        assert (h.shape, h._ipython_key_completions_()[-1]) == ((202, 50), "newer")
        assert file.stats() == before
        h.merge(hist.Hist(hist.axis.StrCategory(["last"], name="d", overflow=False), REGULAR, storage="weight"))
        assert list(h.axes["d"])[-3:] == ["new", "newer", "last"]
        np.testing.assert_array_equal(h[:, sum].values()[[0, 100, 200, 201, 202]], [3, 3, 1, 1, 0])
        file.discard()
        assert list(file["dir/large"].axes["d"])[-1] == "d199"


def test_sizes_follow_commits(large: Path) -> None:
    with hugehist.File(large, "r+") as file:
        h = file["dir/large"]
        first = h.stats()
        assert h.stats() == first
        h.fill(d="one more", x=[0.5])
        assert h.stats()["stored_chunks"] == 200  # as of the last commit
        file.commit()
        assert h.stats()["stored_chunks"] == 201
        assert h.stats()["stored_bytes"] > first["stored_bytes"]
        assert "in 201 chunks" in repr(h)
