"""repack: the same content in fewer bytes, and the old file or the new one at each moment."""

from __future__ import annotations

import os
import resource
import signal
import stat
import time
from pathlib import Path
from typing import Any

import h5py
import hist
import hugehist
import numpy as np
import pytest
from hugehist.__main__ import main


@pytest.fixture
def gappy(path: Path) -> Path:
    """A file that was rewritten, and from which another program deleted a histogram; we would close the gap."""
    rng = np.random.default_rng(3)
    axes = hist.axis.StrCategory([], growth=True, name="c"), hist.axis.Regular(2000, 0, 1, name="x")
    with hugehist.File(path, "w") as f:
        gone = f.create("gone", *axes)
        for label in "abcdefgh":
            gone.fill(label, rng.random(20000), weight=rng.random(20000))
        f.create("kept/h", *axes, storage="weighted", rollups=["c"])
        f.attrs["lumi"] = 59.7
        f.counters["n"] = 5
    for round in range(5):
        with hugehist.File(path, "r+") as f:
            labels = [f"label {i}" for i in range(round + 1)]
            f["kept/h"].fill(rng.choice(labels, 20000), rng.random(20000), weight=rng.random(20000))
            f["kept/h"].merge(f["kept/h"].to_hist(), id=f"merge {round}")
    with h5py.File(path, "r+") as f:
        del f["gone"]
    return path


def content(path: Path) -> Any:
    with hugehist.File(path) as f:
        histograms = {name: (h.to_hist(), h.rollups, h.check_rollups()) for name, h in f.items()}
        return histograms, dict(f.attrs), dict(f.counters), list(f.ledger)


def uuid_of(path: Path) -> str:
    with h5py.File(path) as f:
        return f["hugehist"].attrs["uuid"].decode()


def test_content_stays_and_space_goes(gappy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, uuid, size = content(gappy), uuid_of(gappy), gappy.stat().st_size
    with hugehist.File(gappy) as f:
        live = hugehist.verify(gappy).bytes
        assert f["kept/h"].rollups == [("c",)]
    gappy.chmod(0o640)
    done = hugehist.repack(gappy)
    assert done.before == size
    assert done.after == gappy.stat().st_size < 0.6 * size
    assert done.after < 1.1 * live + 100_000
    assert content(gappy) == before
    assert uuid_of(gappy) == uuid
    with hugehist.File(gappy) as f:
        assert f.uuid == uuid
    assert stat.S_IMODE(gappy.stat().st_mode) == 0o640
    assert hugehist.verify(gappy, rollups=True).ok
    assert [each.name for each in gappy.parent.iterdir()] == [gappy.name]
    with hugehist.File(gappy, "r+") as f:
        f["kept/h"].fill("label 1", [0.5])
        assert not f["kept/h"].merge(f["kept/h"].to_hist(), id="merge 3")
    assert main(["repack", str(gappy)]) == 0
    assert capsys.readouterr().out.startswith(f"{gappy}: ")
    # A file without gaps stays as large.
    again = hugehist.repack(gappy)
    assert again.before == again.after


def test_chunks_are_copied_as_they_are(gappy: Path) -> None:
    def chunks() -> set[bytes]:
        with h5py.File(gappy) as f:
            planes = [f[f"kept/h/storage/{name}"].id for name in ("values", "variances")]
            places = [(p, p.get_chunk_info(i).chunk_offset) for p in planes for i in range(p.get_num_chunks())]
            return {p.read_direct_chunk(offset)[1] for p, offset in places}

    before = chunks()
    hugehist.repack(gappy)
    assert chunks() == before
    assert len(before) > 1


def test_links_lead_to_the_new_file(gappy: Path) -> None:
    link = gappy.with_name("link.h5")
    link.symlink_to(gappy.name)
    before = content(gappy)
    hugehist.repack(link)
    assert link.is_symlink()
    assert content(gappy) == before
    gappy.with_name("other.h5").hardlink_to(gappy)
    with pytest.raises(hugehist.Error, match="2 names"):
        hugehist.repack(gappy)


def test_beside_others(gappy: Path) -> None:
    """Readers go on with what they read; a writer keeps the file."""
    before, size = content(gappy), gappy.stat().st_size
    with hugehist.File(gappy, "r+"), pytest.raises(hugehist.LockedError):
        hugehist.repack(gappy)
    total = before[0]["kept/h"][0].sum(flow=True).value
    with hugehist.File(gappy) as reader:
        hugehist.repack(gappy)
        assert gappy.stat().st_size < size
        with hugehist.File(gappy, "r+") as f:
            f["kept/h"].fill("label 1", [0.5])
        assert reader["kept/h"].sum(flow=True).value == pytest.approx(total, rel=1e-12)
        assert reader.refresh()
        assert reader["kept/h"].sum(flow=True).value == pytest.approx(total + 1, rel=1e-12)
        # A commit that is in the journal alone, because somebody reads the file.
        with hugehist.File(gappy, "r+") as f:
            f["kept/h"].fill("label 1", [0.5])
        with pytest.raises(hugehist.LockedError, match="read elsewhere"):
            hugehist.repack(gappy)
    hugehist.repack(gappy)
    with hugehist.File(gappy) as f:
        assert f["kept/h"].sum(flow=True).value == pytest.approx(total + 2, rel=1e-12)
    assert [each.name for each in gappy.parent.iterdir()] == [gappy.name]


def test_what_would_be_lost_is_refused(gappy: Path) -> None:
    before = gappy.read_bytes()
    with h5py.File(gappy) as f:
        chunk = f["kept/h/storage/values"].id.get_chunk_info(0)
    damaged = bytearray(before)
    damaged[chunk.byte_offset + chunk.size // 2] ^= 1
    gappy.write_bytes(damaged)
    with pytest.raises(hugehist.CorruptionError, match="salvage"):
        hugehist.repack(gappy)
    assert gappy.read_bytes() == damaged
    for name in ("notes", "kept/notes", "kept/h/notes"):
        gappy.write_bytes(before)
        with h5py.File(gappy, "r+") as f:
            f[name] = [1, 2, 3]
        with pytest.raises(hugehist.Error, match=f"'{name}'"):
            hugehist.repack(gappy)
        with h5py.File(gappy) as f:
            assert list(f[name]) == [1, 2, 3]
    assert [each.name for each in gappy.parent.iterdir()] == [gappy.name]


def test_without_room_nothing_changes(gappy: Path) -> None:
    before = gappy.read_bytes()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
            hugehist.repack(gappy)
        except OSError:
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert gappy.read_bytes() == before
    assert [each.name for each in gappy.parent.iterdir()] == [gappy.name]


def test_a_kill_leaves_one_of_them(gappy: Path) -> None:
    before, original = content(gappy), gappy.read_bytes()
    begin = time.monotonic()
    hugehist.repack(gappy)
    duration = time.monotonic() - begin
    sizes = set()
    for round in range(1000):
        gappy.write_bytes(original)
        child = os.fork()
        if child == 0:
            hugehist.repack(gappy)
            os._exit(0)
        time.sleep(duration * round / 30)
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        sizes.add(gappy.stat().st_size)
        assert content(gappy) == before
        rest = {each.name for each in gappy.parent.iterdir()} - {gappy.name}
        assert rest <= {gappy.name + ".hugehist-part", gappy.name + ".hugehist-part.journal"}
        if os.WIFEXITED(status):  # before the kill
            break
    assert round > 5
    assert len(sizes) == 2  # the old and the new
    hugehist.repack(gappy)  # what is left of others is in nobody's way
    assert content(gappy) == before
    assert [each.name for each in gappy.parent.iterdir()] == [gappy.name]


def test_missing_files_and_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        hugehist.repack(tmp_path / "missing.h5")
    other = tmp_path / "other.h5"
    other.write_bytes(b"something else")
    with pytest.raises(hugehist.FormatError):
        hugehist.repack(other)
    assert other.read_bytes() == b"something else"
