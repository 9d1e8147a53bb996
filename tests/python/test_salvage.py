"""verify names what is damaged, salvage saves the rest, and the command line says both."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import hist
import hugehist
import numpy as np
import pytest
import uhi.io.hdf5
from hugehist.__main__ import main

DATASETS = ["data", "ttbar", "wjets"]


@pytest.fixture
def whole(path: Path) -> Path:
    """dnn: a chunk for each dataset, and a roll-up; counts: one chunk."""
    rng = np.random.default_rng(1)
    with hugehist.File(path, "w") as f:
        h = f.create(
            "dir/dnn",
            hist.axis.StrCategory([], growth=True, name="dataset"),
            hist.axis.StrCategory([], growth=True, name="systematic"),
            hist.axis.Regular(10, 0, 1, name="x"),
            storage=hist.storage.Weight(),
            rollups=["x"],
            chunks=[1, 4, 12],
        )
        for dataset in DATASETS:
            h.fill(dataset=dataset, systematic=["nominal", "up"], x=rng.random(100), weight=rng.random((100, 2)))
        f.create("counts", hist.axis.Integer(0, 5, name="n"), storage="int64").fill(rng.integers(0, 5, 50))
        f.attrs["lumi"] = 59.7
        f.counters["events"] = 150
        h.merge(h.to_hist(), id="once")
    return path


def place(path: Path, dataset: str, number: int = 0) -> int:
    """Where a chunk's bytes begin."""
    with h5py.File(path) as f:
        return int(f[dataset].id.get_chunk_info(number).byte_offset)


def flip(path: Path, *places: int) -> None:
    data = bytearray(path.read_bytes())
    for at in places:
        data[at] ^= 0x10
    path.write_bytes(data)


def content(path: Path) -> dict[str, Any]:
    with hugehist.File(path) as f:
        return {name: h.to_hist() for name, h in f.items()}


def test_a_whole_file(whole: Path) -> None:
    found = hugehist.verify(whole, rollups=True)
    assert found.ok
    assert found.damaged == []
    assert found.chunks == 3 * 2 + 2 + 1
    assert repr(found).startswith("<Verification: ok (9 chunks, ")
    with hugehist.File(whole) as f:
        assert f.verify(rollups=True) == found
    new = whole.with_name("new.h5")
    saved = hugehist.salvage(whole, new)
    assert saved.ok
    assert saved.chunks == 9
    assert content(new) == content(whole)
    with hugehist.File(new) as f:
        assert dict(f.attrs) == {"lumi": 59.7}
        assert f.counters["events"] == 150
        assert list(f.ledger) == ["once"]
        assert f["dir/dnn"].rollups == [("x",)]
        assert f["dir/dnn"].check_rollups() == []


def test_uncommitted_chunks_are_checked_too(path: Path) -> None:
    with hugehist.File(path, "w", memory="8 MiB") as f:
        h = f.create("h", hist.axis.IntCategory([], growth=True), hist.axis.Regular(100_000, 0, 1), compression=None)
        f.commit()
        before = f.verify().chunks
        for run in range(30):
            h.merge(hist.Hist(hist.axis.IntCategory([run]), h.axes[1], data=np.ones((1, 100_000))))
        assert f.verify().ok
        assert f.verify().chunks > before


def test_a_damaged_chunk_is_named_and_the_others_are_saved(whole: Path) -> None:
    before = content(whole)
    with h5py.File(whole) as f:
        chunks = [f["dir/dnn/storage/variances"].id.get_chunk_info(i) for i in range(3)]
    (damaged,) = [chunk for chunk in chunks if chunk.chunk_offset[0] == 1]  # of ttbar
    flip(whole, damaged.byte_offset + damaged.size // 2)

    with hugehist.File(whole) as f:
        with pytest.raises(hugehist.CorruptionError, match="'dir/dnn'"):
            f["dir/dnn"].view(flow=True)
        assert f["dir/dnn"]["data", ...].to_hist() == before["dir/dnn"]["data", ...]
        found = f.verify()
    assert found == hugehist.verify(whole, rollups=True)
    (damage,) = found.damaged
    assert not found.ok
    assert (damage.histogram, damage.part, damage.plane) == ("dir/dnn", "chunk", "variances")
    assert damage.labels == (("ttbar",), ("nominal", "up"), range(-1, 11))
    assert str(damage).startswith("histogram 'dir/dnn', dataset 'ttbar', systematic 'nominal', 'up', x bins -1 to 10")
    assert str(damage) in repr(found)

    new = whole.with_name("new.h5")
    saved = hugehist.salvage(whole, new)
    assert saved.lost == [damage]
    assert repr(saved).startswith("<Salvage: 1 lost")
    after = content(new)
    expected = before["dir/dnn"].copy()
    expected.view(flow=True).value[1] = expected.view(flow=True).variance[1] = 0
    assert after["dir/dnn"] == expected
    assert after["counts"] == before["counts"]
    with hugehist.File(new) as f:
        h = f["dir/dnn"]
        assert h.check_rollups() == []
        np.testing.assert_allclose(h.project("x").values(), expected.project("x").values())
        assert f.stats()["chunks_read"] < 6
    assert hugehist.verify(new, rollups=True).ok


@pytest.mark.parametrize(
    ("where", "lost", "reason"),
    [
        ("counts/axes", "counts", "checksum|leads to no axis"),
        ("dir/dnn/ref_axes/axis_1/categories", "dir/dnn", "labels"),
        ("hugehist/ledger", "", "ledger"),
        ("hugehist/counter_values", "", "counters"),
    ],
)
def test_other_damage_costs_only_what_it_hits(whole: Path, where: str, lost: str, reason: str) -> None:
    before = content(whole)
    with h5py.File(whole) as f:
        is_chunked = f[where].chunks is not None
        at = f[where].id.get_chunk_info(0).byte_offset if is_chunked else f[where].id.get_offset()
    flip(whole, at + 4)
    with pytest.raises(hugehist.CorruptionError):
        hugehist.File(whole)
    (damage,) = hugehist.verify(whole).damaged
    assert damage.histogram == lost
    assert any(word in damage.reason for word in reason.split("|"))

    new = whole.with_name("new.h5")
    assert hugehist.salvage(whole, new).lost == [damage]
    assert content(new) == {name: h for name, h in before.items() if name != lost}
    with hugehist.File(new) as f:
        assert dict(f.attrs) == {"lumi": 59.7}
        assert list(f.ledger) == ([] if reason == "ledger" else ["once"])
        assert dict(f.counters) == ({} if reason == "counters" else {"events": 150})


def test_a_damaged_attribute(whole: Path) -> None:
    with h5py.File(whole, "r+") as f:
        f.attrs["lumi"] = 60.0
        f.attrs["note"] = "by hand"
    new = whole.with_name("new.h5")
    (damage,) = hugehist.salvage(whole, new).lost
    assert "'lumi'" in damage.reason
    with hugehist.File(new) as f:
        assert dict(f.attrs) == {"note": "by hand"}


def test_damaged_rollups(whole: Path) -> None:
    """They follow from the histogram, so that nothing is lost."""
    before = content(whole)
    flip(whole, place(whole, "dir/dnn/hugehist/rollups/0/storage/values") + 3)
    (damage,) = hugehist.verify(whole).damaged
    assert (damage.histogram, damage.part) == ("dir/dnn", "chunk of its roll-up of x")
    new = whole.with_name("new.h5")
    assert len(hugehist.salvage(whole, new).lost) == 1
    assert content(new) == before
    with hugehist.File(new) as f:
        assert f["dir/dnn"].check_rollups() == []


def test_rollups_that_tell_something_else(whole: Path) -> None:
    with h5py.File(whole, "r+") as f:  # a chunk that is sound, of another time
        plane = f["dir/dnn/hugehist/rollups/0/storage/values"]
        mask, chunk = f["dir/dnn/hugehist/rollups/0/storage/variances"].id.read_direct_chunk((0,))
        plane.id.write_direct_chunk((0,), chunk, mask)
    assert hugehist.verify(whole).ok
    (damage,) = hugehist.verify(whole, rollups=True).damaged
    assert (damage.histogram, damage.part, damage.plane) == ("dir/dnn", "chunk of its roll-up of x", "values")
    assert "sums up to" in damage.reason


def test_truncated_files(whole: Path) -> None:
    """What was written last is missing: HDF5 alone refuses the whole file."""
    before, data = content(whole), whole.read_bytes()
    saved = 0
    for share in range(1, 20):
        whole.write_bytes(data[: len(data) * share // 20])
        with pytest.raises(hugehist.Error):
            hugehist.File(whole)
        new = whole.with_name("new.h5")
        new.unlink(missing_ok=True)
        try:
            found = hugehist.verify(whole)
        except hugehist.FormatError:
            continue
        assert any("its end is missing" in damage.reason for damage in found.damaged)
        report = hugehist.salvage(whole, new)
        assert not report.ok
        after = content(new)
        lost = {damage.histogram for damage in report.lost}
        for name, h in after.items():
            assert h == before[name] or name in lost
        saved += len(after)
    assert saved > 0


def test_histograms_of_others_are_saved_as_ours(whole: Path) -> None:
    theirs = hist.Hist.new.StrCat(["a", "b"], name="c").Reg(7, 0, 1, name="x").Weight()
    theirs.fill(c=["a", "b"], x=[0.1, 0.9], weight=[2, 3])
    with h5py.File(whole, "r+") as f:
        uhi.io.hdf5.write(f.create_group("theirs"), theirs)
        f["notes"] = np.arange(5)
    new = whole.with_name("new.h5")
    (lost,) = hugehist.salvage(whole, new).lost
    assert "'notes'" in lost.reason
    with hugehist.File(new, "r+") as f:
        assert f["theirs"].to_hist() == theirs
        f["theirs"].fill(c="a", x=[0.2], weight=1.0)
        assert f["theirs"].sum(flow=True).value == 6


def test_salvage_overwrites_nothing(whole: Path) -> None:
    new = whole.with_name("new.h5")
    new.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match=r"new\.h5"):
        hugehist.salvage(whole, new)
    assert new.read_bytes() == b"precious"
    with pytest.raises(FileNotFoundError):
        hugehist.salvage(whole.with_name("missing.h5"), whole.with_name("other.h5"))
    assert sorted(each.name for each in whole.parent.iterdir()) == [whole.name, new.name]


def test_beside_a_writer(whole: Path) -> None:
    """What counts is the last commit."""
    before, new = content(whole), whole.with_name("new.h5")
    with hugehist.File(whole, "r+") as f:
        f["counts"].fill([1])
        assert hugehist.verify(whole, rollups=True).ok
        assert hugehist.salvage(whole, new).ok
        assert content(new) == before
        f.commit()
        new.unlink()
        assert hugehist.verify(whole).ok
        assert hugehist.salvage(whole, new).ok
        assert content(new)["counts"].sum() == before["counts"].sum() + 1


def test_command_line(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, new = str(whole), str(whole.with_name("new.h5"))
    assert main(["verify", "--rollups", name]) == 0
    assert capsys.readouterr().out == f"{name}: ok (9 chunks, {hugehist.verify(whole).summary().split(', ')[1]}\n"
    flip(whole, place(whole, "counts/storage/values") + 5)
    assert main(["verify", name]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("histogram 'counts', n bins -1 to 5, plane 'values': ")
    assert "1 damaged" in shown
    assert main(["salvage", "--quiet", name, new]) == 1
    assert capsys.readouterr().out.startswith("lost: histogram 'counts', n bins -1 to 5")
    assert main(["verify", new]) == 0
    assert main(["salvage", name, new]) == 2
    assert "new.h5" in capsys.readouterr().err
    command = [sys.executable, "-m", "hugehist", "verify", "--memory", "64 MiB", new]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{new}: ok (8 chunks")
    with pytest.raises(SystemExit):
        main([])


def test_of_a_journal_that_lacks_a_commit_what_was_before_is_saved(path: Path, tmp_path: Path) -> None:
    journal = Path(f"{path}.journal")
    sums: list[float] = []
    with hugehist.File(path, "w") as f:
        h = f.create(
            "h", hist.axis.StrCategory([], growth=True, name="dataset"), hist.axis.Regular(100, 0, 1, name="x")
        )
        f.commit()
        with hugehist.File(path):  # a reader, so that the file itself stays at its commit
            for number in range(5):
                sums.append(float(h.sum()))
                h.fill(dataset=f"dataset {number}", x=np.linspace(0, 1, 50))
                f.commit()
            file, groups = path.read_bytes(), journal.read_bytes()
    begins = [at for at in range(0, len(groups), 4096) if groups[at:].startswith(b"HHJRNL")]
    assert len(begins) == 5
    damaged = tmp_path / "damaged.h5"
    found = set()
    for at in begins:
        damaged.write_bytes(file)
        Path(f"{damaged}.journal").write_bytes(groups)
        flip(Path(f"{damaged}.journal"), at + 100)
        saved = hugehist.salvage(damaged, tmp_path / f"saved{at}.h5")
        with hugehist.File(tmp_path / f"saved{at}.h5") as f:
            found.add(float(f["h"].sum()))
        if not saved.lost:
            with hugehist.File(damaged) as f:  # the last commit, which may be one that did not come to its end
                assert float(f["h"].sum()) == sums[-1]
            continue
        assert "journal is damaged" in str(saved.lost[0])
        with pytest.raises(hugehist.FormatError, match="salvage"):
            hugehist.File(damaged)
    assert found == set(sums)
