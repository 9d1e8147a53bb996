"""A file beside which an accumulator left its log: whoever opens it by itself loses nothing unawares."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import hugehist
import pytest
from accumulators import SPECIFICATION, accumulator, axes, killed, log_of, piece, work
from hugehist.service import UnmergedWarning
from hugehist.service.engine import Engine


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A file that lacks two of three attempts."""
    (tmp_path / "before").mkdir()
    with accumulator(tmp_path / "before/file.h5") as engine:
        work(engine, "a", ("f", 0, 10))
        engine.flush()
        with engine._merger.paused():
            work(engine, "b", ("f", 10, 20), counters={("n",): 1})
            work(engine, "c", "t")
            engine.stage("d", piece(0))
            return killed(engine, tmp_path)


@pytest.fixture
def at_work(path: Path) -> Iterator[Engine]:
    """An accumulator that has acknowledged what its file lacks, and will merge it."""
    with accumulator(path) as engine, engine._merger.paused():
        work(engine, "a", "t")
        yield engine


def sum_of(path: Path, mode: str) -> float:
    with hugehist.File(path, mode) as file:
        return float(file["h"].sum())


def test_reading_warns(left: Path) -> None:
    before = sorted((each.name, each.read_bytes()) for each in log_of(left).iterdir())
    with pytest.warns(UnmergedWarning, match=r"lacks 2 attempts .*: open the file for writing once") as caught:
        assert sum_of(left, "r") == 1
    assert caught[0].filename == __file__
    assert str(log_of(left)) in str(caught[0].message)
    assert sorted((each.name, each.read_bytes()) for each in log_of(left).iterdir()) == before, "it only looks"


def test_reading_it_with_others_warns(left: Path, tmp_path: Path) -> None:
    """Each file by its own ledger: another one has the ids of what both share."""
    other = tmp_path / "other.h5"
    with hugehist.File(other, "w") as file:
        file.ledger.add("t")
        file.ledger.add(("f", 10, 20))
    with pytest.warns(UnmergedWarning, match="lacks 2 attempts") as caught:
        hugehist.File([other, left]).close()
    assert caught[0].filename == __file__


def test_joining_it_warns(left: Path, tmp_path: Path) -> None:
    with pytest.warns(UnmergedWarning, match="lacks 2 attempts"):
        hugehist.merge([left], tmp_path / "joined.h5")


def test_joining_to_its_place_removes_the_log(left: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    hugehist.File(other, "w").close()
    hugehist.merge([other], left, force=True)
    assert not log_of(left).exists()


@pytest.mark.parametrize("mode", ["a", "r+"])
def test_writing_merges_first(left: Path, mode: str) -> None:
    with hugehist.File(left, mode, memory="8 MiB") as file:
        assert file["h"].sum() == 3
        assert file.counters["n"] == 1
        assert set(file.ledger) == {"t", ("f", 0, 20)}
        file.counters["n"] += 1
    assert not log_of(left).exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum_of(left, "r") == 3


def test_several_files(left: Path, tmp_path: Path) -> None:
    """Each is looked at by itself: shards have the same ids."""
    other = tmp_path / "other.h5"
    with accumulator(other) as engine:
        work(engine, "e", ("f", 0, 100), "t")
    paths = [other, left]
    with pytest.warns(UnmergedWarning, match="lacks 2 attempts") as caught, pytest.raises(hugehist.OverlapError):
        hugehist.merge(paths, tmp_path / "merged.h5")
    assert [(str(left) in str(each.message), each.filename) for each in caught] == [(True, __file__)]
    with pytest.warns(UnmergedWarning) as caught, hugehist.File(paths) as file:
        assert file["h"].sum() == 2
    assert [(str(left) in str(each.message), each.filename) for each in caught] == [(True, __file__)]


def test_bytes_and_relative_paths(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(left.parent)
    with pytest.warns(UnmergedWarning), hugehist.File(left.name):
        pass
    with hugehist.File(os.fsencode(left.name), "a") as file:
        assert file["h"].sum() == 3


def test_replacing_the_file_removes_the_log(left: Path) -> None:
    with hugehist.File(left, "w") as file:
        assert not log_of(left).exists()
        file.create("h", *axes())
    with accumulator(left) as engine:
        assert work(engine, "a", ("f", 0, 10))
    assert sum_of(left, "r") == 1


def test_a_file_that_cannot_be_replaced_keeps_its_log(left: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader = hugehist.File(left)
    with reader, pytest.raises(hugehist.LockedError):
        hugehist.File(left, "w")
    assert sum_of(left, "a") == 3


def test_an_accumulator_at_work(at_work: Engine) -> None:
    """Readers hear nothing, and writers wait for its end."""
    path = Path(at_work.path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum_of(path, "r") == 0
    for mode in ("a", "r+", "w"):
        with pytest.raises(hugehist.LockedError):
            hugehist.File(path, mode)


def test_an_accumulator_that_waits_for_room(at_work: Engine) -> None:
    """It has closed its file, and nobody may take that from it."""
    path = Path(at_work.path)
    at_work._merger._file.__exit__(OSError, OSError(), None)
    for mode in ("a", "r+", "w"):
        with pytest.raises(hugehist.LockedError, match="in use by another accumulator"):
            hugehist.File(path, mode)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum_of(path, "r") == 0
    at_work._merger._reopen()


def test_readers_keep_no_accumulator_out(left: Path) -> None:
    """They lock the log for a moment."""
    program = (
        f"import warnings; warnings.simplefilter('ignore'); import hugehist\nwhile True: hugehist.File({str(left)!r})"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    reader = subprocess.Popen([sys.executable, "-c", program], env=environment)
    try:
        for number in range(20):
            with accumulator(left) as engine:
                work(engine, f"{number}", f"n{number}")
                with engine._merger.paused():
                    pass
    finally:
        reader.kill()
        reader.wait()
    assert sum_of(left, "a") == 23


def test_a_log_of_which_the_file_has_all(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    with accumulator(tmp_path / "before/file.h5") as engine:
        engine.stage("held", piece(0))
        work(engine, "a", "t")
        engine.flush()
        copy = killed(engine, tmp_path)
    assert log_of(copy).exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum_of(copy, "r") == 1
        assert sum_of(copy, "a") == 1
    assert not log_of(copy).exists()


def test_a_log_whose_file_is_gone(left: Path) -> None:
    left.rename(left.with_name("away.h5"))
    with pytest.raises(FileNotFoundError):
        hugehist.File(left, "r")
    with pytest.raises(FileNotFoundError):
        hugehist.File(left, "r+")
    with pytest.raises(hugehist.FormatError, match="the log of a file that is gone"):
        hugehist.File(left, "a")
    assert not left.exists()
    left.with_name("away.h5").rename(left)
    assert sum_of(left, "a") == 3


def test_a_log_of_another_file(left: Path) -> None:
    left.unlink()
    with hugehist.File(left, "x") as file:
        file.create("h", *axes())
    with pytest.raises(hugehist.FormatError, match="the log of another file"):
        hugehist.File(left, "a")
    assert list(log_of(left).glob("*.segment"))


def test_a_damaged_log(left: Path) -> None:
    """It can be read all the same; writing says what to do."""
    segment = next(log_of(left).glob("*.segment"))
    content = bytearray(segment.read_bytes())
    content[200] ^= 1
    segment.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert sum_of(left, "r") == 1
    with pytest.raises(hugehist.CorruptionError, match="move the log away"):
        hugehist.File(left, "a")
    shutil.rmtree(log_of(left))
    assert sum_of(left, "a") == 1


def test_a_log_that_may_not_be_read(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refused(path: object, *rest: int, **named: int) -> int:
        if f"{path}".endswith("lock"):
            raise PermissionError
        return real(path, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refused)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum_of(left, "r") == 1


def test_something_else_of_that_name(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        file.create("h", *axes())
    log_of(path).write_text("of a job\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum_of(path, "r") == sum_of(path, "a") == 0
    with hugehist.File(path, "w"):
        pass
    assert log_of(path).read_text() == "of a job\n"
    with pytest.raises(OSError, match=r"file\.h5\.log"):
        Engine(path, memory="64 MiB")


def test_without_a_log_it_costs_a_look(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        file.create("h", *axes())
    with (
        mock.patch("hugehist.service.leftover.opening") as opening,
        mock.patch.object(os, "stat", wraps=os.stat) as stat,
    ):
        hugehist.File(path).close()
    assert not opening.called
    assert len([call for call in stat.mock_calls if "log" in str(call)]) <= 1
    assert SPECIFICATION["storage"] == "double"
