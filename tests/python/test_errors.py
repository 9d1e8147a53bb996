"""Bad input: the right exception, a message that names what is wrong, and nothing changed."""

from __future__ import annotations

import errno
import io
import resource
from pathlib import Path
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from trusted import analysis_axes, category

X = np.array([0.1, 0.2, 0.3])
GOOD: dict[str, Any] = {"dataset": "a", "category": "b", "systematic": "c", "x": X}

BAD_FILLS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "unknown axis": ({"y": X}, KeyError, "'y'"),
    "unknown axis, as hist": ({"y": X}, ValueError, "'y'"),
    "missing axis": ({"x": None}, TypeError, "'x'"),
    "lengths": ({"x": X, "dataset": ["a", "b"]}, ValueError, "3"),
    "weight length": ({"weight": np.ones(2)}, ValueError, "weight"),
    "text for numbers": ({"x": ["a", "b", "c"]}, TypeError, "'x'"),
    "str for numbers": ({"x": "a"}, TypeError, "'x'"),
    "complex": ({"x": X * 1j}, TypeError, "'x'"),
    "objects": ({"x": np.array([1, None, 2])}, TypeError, "'x'"),
    "ragged": ({"x": [[1.0], [1.0, 2.0], []]}, ValueError, "'x'"),
    "masked": ({"x": np.ma.masked_array(X, [True, False, False])}, ValueError, "'x'"),
    "three dimensions": ({"x": np.ones((3, 1, 1))}, ValueError, "'x'"),
    "int on a string axis": ({"dataset": 3}, TypeError, "'dataset'"),
    "ints on a string axis": ({"dataset": [1, 2, 3]}, TypeError, "'dataset'"),
    "int array on a string axis": ({"dataset": np.array([1, 2, 3])}, TypeError, "'dataset'"),
    "mixed labels": ({"dataset": ["a", 1, "b"]}, TypeError, "'dataset'"),
    "None for a label": ({"dataset": None}, TypeError, "'dataset'"),
    "bytes that are no UTF-8": ({"dataset": np.array([b"\xff", b"a", b"b"])}, ValueError, "'dataset'"),
    "label too long": ({"dataset": "a" * 2000}, ValueError, "'dataset'.*1024"),
    "NUL in a label": ({"dataset": "a\0b"}, ValueError, "NUL"),
    "code -1": ({"dataset": (["a"], np.array([0, -1, 0]))}, ValueError, "'dataset': event 1"),
    "code too large": ({"dataset": (["a"], np.array([0, 0, 1]))}, ValueError, "'dataset': event 2"),
    "codes that are no integers": ({"dataset": (["a"], np.array([0.0, 0.0, 0.0]))}, TypeError, "'dataset'"),
    "mask of numbers": ({"category": {"b": np.ones(3)}}, TypeError, "'category'"),
    "mask length": ({"category": {"b": np.ones(2, bool)}}, ValueError, "category"),
    "NaN weight": ({"weight": [1.0, np.nan, 1.0]}, ValueError, "NaN"),
    "wide weight, no labels": ({"weight": np.ones((3, 2))}, ValueError, "2"),
    "wide weight, other labels": ({"weight": np.ones((3, 2)), "systematic": ["a", "b", "c"]}, ValueError, "2"),
    "wide arrays of two widths": (
        {"weight": np.ones((3, 2)), "systematic": ["a", "b"], "x": np.ones((3, 4))},
        ValueError,
        "4",
    ),
    "labels that repeat": ({"weight": np.ones((3, 2)), "systematic": ["a", "a"]}, ValueError, "a"),
    "two variations": (
        {"systematic": hugehist.variations(["a"]), "dataset": hugehist.variations(["b"])},
        ValueError,
        "'dataset' and axis 'systematic'",
    ),
    "negative threads": ({"threads": -1}, ValueError, "threads"),
    "weight as text": ({"weight": "1"}, TypeError, "weight"),
    "huge integer weights": ({"weight": np.array([2**53 + 1] * 3)}, ValueError, "2\\^53"),
}


@pytest.mark.parametrize("case", list(BAD_FILLS))
def test_bad_fill(memory: hugehist.File, case: str) -> None:
    h = memory.create("h", *analysis_axes(), storage="weight").fill(**GOOD)
    before = h.to_hist()
    change, kind, words = BAD_FILLS[case]
    columns = GOOD | change
    if case == "missing axis":
        del columns["x"]
    with pytest.raises(kind, match=words) as caught:
        h.fill(**columns)
    assert "histogram 'h'" in str(caught.value)
    assert h.to_hist() == before
    assert [list(axis) for axis in h.axes[:3]] == [["a"], ["b"], ["c"]]


def test_positional_mistakes(memory: hugehist.File) -> None:
    h = memory.create("h", hist.axis.Regular(2, 0, 1, name="x"), hist.axis.Regular(2, 0, 1))
    with pytest.raises(TypeError, match="axis 1"):
        h.fill(X)
    with pytest.raises(TypeError, match="twice"):
        h.fill(X, X, x=X)
    with pytest.raises(TypeError, match="3 columns for 2 axes"):
        h.fill(X, X, X)
    assert h.sum(flow=True) == 0


def test_labels_that_a_fixed_axis_lacks(memory: hugehist.File) -> None:
    flow = memory.create("flow", hist.axis.StrCategory(["a"], name="c"))
    flow.fill(c=["a", "b", "c"])
    assert flow.values(flow=True).tolist() == [1, 2]
    none = memory.create("none", hist.axis.StrCategory(["a"], name="c", overflow=False))
    with pytest.raises(KeyError, match="c"):
        none.fill(c=["a", "b"])
    assert none.sum(flow=True) == 0


def test_integer_axes_take_integers(memory: hugehist.File) -> None:
    h = memory.create("h", hist.axis.Integer(0, 5, name="n"), hist.axis.IntCategory([], growth=True, name="run"))
    with pytest.raises(TypeError, match="'n'"):
        h.fill(n=[1.0], run=3)
    with pytest.raises(TypeError, match="'run'"):
        h.fill(n=[1], run=3.0)
    with pytest.raises(TypeError, match="'run'"):
        h.fill(n=[1], run="3")
    with pytest.raises(TypeError, match="'run'"):
        h.fill(n=[1], run=[3.5])
    with pytest.raises(TypeError, match="'run'"):
        h.fill(n=[1], run=True)
    for run in (2**31, [2**31], np.array([-(2**40)]), np.array([2**63], "u8")):
        with pytest.raises(ValueError, match="32 bits"):
            h.fill(n=[1], run=run)
    assert h.sum(flow=True) == 0


def test_int_storage_takes_whole_numbers(memory: hugehist.File) -> None:
    h = memory.create("h", hist.axis.Regular(2, 0, 1, name="x"), storage=hist.storage.Int64)
    with pytest.raises(ValueError, match="whole"):
        h.fill(x=X, weight=[1, 0.5, 1])
    h.fill(x=X, weight=[1.0, 2.0, 3.0])
    assert h.sum() == 6


def test_nan_weights_when_asked_for(memory: hugehist.File) -> None:
    h = memory.create("h", hist.axis.Regular(2, 0, 1, name="x"), storage="double")
    h.fill(x=[0.1, 0.7], weight=[np.nan, 1], allow_nan=True)
    assert np.isnan(h.values()[0])
    assert h.values()[1] == 1


@pytest.mark.parametrize(
    ("axes", "kind", "words"),
    [
        ([hist.axis.Regular(3, 0, 1, growth=True, name="x")], ValueError, "'x' grows"),
        ([hist.axis.Integer(0, 1, growth=True)], ValueError, "axis 0 grows"),
        ([hist.axis.Regular(2, 0, 1, name="x")] * 2, ValueError, "'x'"),
        ([], ValueError, "axis"),
        ([3], TypeError, "axis 0"),
        ([hist.axis.Regular(2, 0, 1, metadata=[1])], TypeError, "metadata"),
        ([hist.axis.Regular(2**31 - 4, 0, 1, name=str(i)) for i in range(3)], ValueError, "fit|more than"),
    ],
)
def test_axes_that_cannot_be_kept(memory: hugehist.File, axes: list[Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        memory.create("h", *axes)
    assert "h" not in memory


def test_storages_that_cannot_be_kept(memory: hugehist.File) -> None:
    for storage in ("multi_cell", "MultiCell", "count"):
        with pytest.raises(ValueError, match="cannot be kept"):
            memory.create("h", category("c"), storage=storage)
    with pytest.raises(TypeError, match="storage"):
        memory.create("h", category("c"), storage=3)
    assert len(memory) == 0


def test_names(memory: hugehist.File) -> None:
    memory.create("h", category("c"))
    with pytest.raises(ValueError, match="'h'"):
        memory.create("h", category("c"))
    with pytest.raises(ValueError, match="'h'"):
        memory["h"] = hist.Hist(category("c"))
    with pytest.raises(ValueError, match="name"):
        memory.create("", category("c"))
    with pytest.raises(TypeError, match="str"):
        memory.create(3, category("c"))  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="'h'"):
        memory["g"]
    with pytest.raises(KeyError):
        del memory["g"]
    assert memory.get("g") is None
    assert list(memory) == ["h"]


def test_chunks_and_compression(memory: hugehist.File) -> None:
    axes = category("c"), hist.axis.Regular(10, 0, 1, name="x")
    for options, kind in (
        ({"chunks": [1]}, ValueError),
        ({"chunks": [0, 12]}, ValueError),
        ({"compression": "lzma"}, ValueError),
        ({"level": 99}, ValueError),
        ({"variations": "x"}, KeyError),
        ({"expected": {"y": 3}}, KeyError),
        ({"expected": [1]}, ValueError),
    ):
        with pytest.raises(kind):
            memory.create("h", *axes, **options)  # type: ignore[arg-type]
    assert len(memory) == 0


# --- files -----------------------------------------------------------------------------------------------


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        hugehist.File(tmp_path / "none.h5")
    assert caught.value.errno == errno.ENOENT
    assert str(caught.value.filename).endswith("none.h5")
    with pytest.raises(FileNotFoundError):
        hugehist.File(tmp_path / "no directory" / "file.h5", "w")
    with pytest.raises(OSError, match=r"file|directory"):
        hugehist.File(tmp_path, "r")
    text = tmp_path / "text.h5"
    text.write_text("no HDF5 at all")
    for mode in ("r", "r+", "a"):
        with pytest.raises(hugehist.FormatError, match=r"text\.h5"):
            hugehist.File(text, mode)
    (tmp_path / "empty.h5").touch()
    with pytest.raises(hugehist.Error):
        hugehist.File(tmp_path / "empty.h5")


def test_truncated_file(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        file.create("h", *analysis_axes()).fill(**GOOD)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(hugehist.Error, match=r"file\.h5"):
        hugehist.File(path)


def test_exclusive_and_locked(path: Path) -> None:
    with hugehist.File(path, "x") as file:
        file.create("h", category("c"))
        for mode in ("r+", "a", "w"):
            with pytest.raises(hugehist.LockedError, match=r"file\.h5"):
                hugehist.File(path, mode)
    with pytest.raises(FileExistsError):
        hugehist.File(path, "x")


def test_modes_and_budgets(path: Path) -> None:
    with pytest.raises(ValueError, match="mode"):
        hugehist.File(path, "q")
    with pytest.raises(ValueError, match="memory"):
        hugehist.File(path, "w", memory="lots")
    with pytest.raises(ValueError, match="memory"):
        hugehist.File(path, "w", memory="10 kB")
    with pytest.raises(TypeError, match="memory"):
        hugehist.File(path, "w", memory=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threads"):
        hugehist.File(path, "w", threads=-1)
    with pytest.raises(ValueError, match="threads"):
        hugehist.File.in_memory(threads=-1)
    for threads, kind in ((-1, ValueError), (2**40, ValueError), (2.5, TypeError), ("two", TypeError)):
        with pytest.raises(kind, match="threads="):
            hugehist.Buffer(hist.axis.Regular(2, 0, 1, name="x")).fill(x=[0.5], threads=threads)
    assert not path.exists()


def test_read_only(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        file.create("h", *analysis_axes()).fill(**GOOD)
    with hugehist.File(path) as file:
        h = file["h"]
        with pytest.raises(hugehist.Error, match="reading"):
            h.fill(**GOOD)
        with pytest.raises(hugehist.Error, match="reading"):
            h += hist.Hist(*analysis_axes()).fill(**GOOD)
        with pytest.raises(hugehist.Error, match="reading"):
            file.create("g", category("c"))
        with pytest.raises(hugehist.Error, match="reading"):
            file.attrs["a"] = 1
        with pytest.raises(hugehist.Error, match="reading"):
            file.counters["a"] += 1
        with pytest.raises(hugehist.Error, match="reading"):
            del file["h"]
        assert h.sum() == 3


def test_closed(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        h = file.create("h", *analysis_axes())
        view = h[{"x": sum}]
    assert file.closed
    assert "closed" in repr(file)
    for use in (
        lambda: h.values(),
        lambda: h.fill(**GOOD),
        lambda: view.values(),
        lambda: file["h"],
        lambda: list(file),
        lambda: file.commit(),
        lambda: file.counters["a"],
        lambda: file.stats(),
    ):
        with pytest.raises(ValueError, match="closed"):
            use()
    assert "closed" in repr(h)
    assert "closed" in repr(view)
    file.close()


def test_removed_histogram(memory: hugehist.File) -> None:
    h = memory.create("h", category("c"))
    del memory["h"]
    for use in (lambda: h.values(), lambda: h.fill("a"), lambda: h.axes):
        with pytest.raises(KeyError, match="removed"):
            use()
    assert "removed" in repr(h)
    memory.create("h", category("c")).fill(["a"])
    assert memory["h"].sum() == 1
    with pytest.raises(TypeError, match="name of a histogram"):
        memory[3]  # type: ignore[index]


def test_counters_are_exact(memory: hugehist.File) -> None:
    memory.counters["n"] = 2**53
    for bad in (2**53 + 1, np.int64(-(2**53) - 1)):
        with pytest.raises(ValueError, match=r"'n'.*2\^53"):
            memory.counters["n"] = bad
        with pytest.raises(ValueError, match=r"'n'.*2\^53"):
            memory.counters.add("n", bad)
    with pytest.raises(TypeError, match="'n'"):
        memory.counters["n"] = "3"  # type: ignore[assignment]
    assert memory.counters["n"] == 2**53


@pytest.mark.parametrize("kinds", ["fm", "f"])
def test_no_space(path: Path, kinds: str) -> None:
    """A fill or merge that raises added nothing, so that it can be sent again when there is room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    rng = np.random.default_rng(1)
    expected: dict[str, float] = {}
    refused = []
    with hugehist.File(path, "w", memory="16 MiB", commit_bytes=0) as file:
        axes = category("c"), hist.axis.Regular(100_000, 0, 1, name="x")
        h = file.create("h", *axes, storage="weight")
        file.commit()
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
        try:
            for i in range(40):
                weight = rng.random(60_000)
                part = hist.Hist(*axes, storage="weight").fill(c=f"m{i}", x=rng.random(1000))
                for label, add in (
                    (f"f{i}", lambda w=weight, i=i: h.fill(c=f"f{i}", x=rng.random(60_000), weight=w)),
                    (f"m{i}", lambda p=part: h.merge(p)),
                ):
                    if label[0] not in kinds:
                        continue
                    try:
                        add()
                        expected[label] = weight.sum() if label[0] == "f" else 1000
                    except OSError:
                        refused.append(label)
            with pytest.raises(OSError, match="too large") as problem:
                file.commit()
            assert problem.value.errno == errno.EFBIG
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert {label[0] for label in refused} == set(kinds)
    with hugehist.File(path) as file:
        h = file["h"]
        assert set(h.axes["c"]) == set(expected)
        for label, total in expected.items():
            assert h[label, :].sum().value == pytest.approx(total)


def test_file_objects() -> None:
    with pytest.raises(TypeError, match="path"):
        hugehist.File(3)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="empty"):
        hugehist.File(io.BytesIO(), "r")
    with pytest.raises(hugehist.FormatError):
        hugehist.File(io.BytesIO(b"no HDF5"), "r")
    with pytest.raises(TypeError, match="bytes"):
        hugehist.File(io.StringIO("text"), "r")  # type: ignore[arg-type]


def test_merges_that_do_not_fit(memory: hugehist.File) -> None:
    axes = category("c"), hist.axis.Regular(4, 0, 1, name="x")
    h = memory.create("h", *axes, storage="weight").fill(c="a", x=X)
    before = h.to_hist()
    others: list[tuple[Any, str]] = [
        (hist.Hist(*axes, storage="double"), "storage"),
        (hist.Hist(axes[0], storage="weight"), "1 ax|2 axes|axes"),
        (hist.Hist(axes[0], hist.axis.Regular(5, 0, 1, name="x"), storage="weight"), "'x'"),
        (hist.Hist(axes[0], hist.axis.Regular(4, 0, 2, name="x"), storage="weight"), "'x'"),
        (hist.Hist(axes[0], hist.axis.Regular(4, 0, 1, name="x", flow=False), storage="weight"), "'x'"),
        (hist.Hist(axes[0], hist.axis.Regular(4, 0, 1, name="y"), storage="weight"), "'y'"),
        (hist.Hist(axes[0], hist.axis.Variable([0, 0.25, 0.5, 0.75, 1], name="x"), storage="weight"), "'x'"),
        (hist.Hist(hist.axis.IntCategory([1], name="c"), axes[1], storage="weight"), "'c'"),
    ]
    for other, words in others:
        with pytest.raises(ValueError, match=words):
            h += other
    for other in (3, [1, 2], None, np.ones(3)):
        with pytest.raises(TypeError, match="histogram"):
            h += other
    with pytest.raises(ValueError, match="storages differ"):
        h += hist.Hist(*axes, storage=hist.storage.Mean())
    with pytest.raises(ValueError, match="cannot be kept"):
        h += {"uhi_schema": 1, "axes": [], "storage": {"type": "multi_cell", "values": []}}
    fixed = memory.create("fixed", hist.axis.StrCategory(["a"], name="c", overflow=False))
    with pytest.raises(ValueError, match="'c'"):
        fixed += bh.Histogram(bh.axis.StrCategory(["a", "b"], overflow=False))
    with pytest.raises(TypeError, match="id"):
        h.merge(before, id=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="id"):
        h.merge(before, id="")
    assert h.to_hist() == before
    assert fixed.sum(flow=True) == 0


def test_damaged_delta(memory: hugehist.File) -> None:
    content = bytearray(hugehist.Delta.from_uhi(hist.Hist(category("c")).fill(["a", "b"])).to_bytes())
    for cut in (b"", bytes(content[:10]), bytes(content[:-1])):
        with pytest.raises(hugehist.Error):
            hugehist.Delta.from_bytes(cut)
    for i in range(0, len(content), 7):
        content[i] ^= 0x10
        with pytest.raises(hugehist.Error):
            hugehist.Delta.from_bytes(bytes(content))
        content[i] ^= 0x10
    assert not hugehist.Delta.from_bytes(content).empty
