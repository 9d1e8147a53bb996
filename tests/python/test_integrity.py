"""Damage is found: by checksums over all that has a meaning, ours or those of HDF5's filters."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import h5py
import hist
import hugehist
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "torture"))
import damage
import damage_bases


@pytest.mark.parametrize(("what", "count"), [("file", 1000), ("journal", 300), ("delta", 1000)])
def test_what_is_damaged_is_refused_or_unchanged(what: str, count: int) -> None:
    bad: list[str] = []
    outcomes = damage.run(count, seed=20, report=bad.append, what=what)
    assert not bad
    assert sum(outcomes.values()) == count
    assert outcomes["refused: CorruptionError"] > count // 20
    assert outcomes["unchanged"] > (0 if what == "delta" else count // 5)
    assert (outcomes[damage.EARLIER] > 10) == (what == "journal")


def test_forged_files_are_made_as_they_should(tmp_path: Path) -> None:
    """HDF5 finds its checksums right, so that what follows is not just the refusal of a wrong sum."""
    cases = damage.Cases(tmp_path, 5, forged=True)
    assert len(cases.blocks) > 200
    path, reasons = tmp_path / "forged.h5", []
    for number in range(30):
        path.write_bytes(cases.make_case(number).content)
        try:
            h5py.File(path).close()
            reasons.append("")
        except OSError as problem:
            reasons.append(str(problem))
    assert not any("checksum" in reason for reason in reasons)
    assert reasons.count("") > 10


def test_wrong_answers_are_noticed(tmp_path: Path) -> None:
    """The tool itself: what it is to find, done on purpose."""
    path = tmp_path / "file.h5"
    base = damage_bases.file_base(tmp_path, "counts")
    assert damage.outcome(damage.Case(base, base.content, b"", ""), path) == "unchanged"
    with hugehist.File(path, "r+") as f:
        f["counts"].fill([3], [0.5])
    changed = damage.Case(base, path.read_bytes(), b"", "")
    assert damage.outcome(changed, path) == "WRONG: other content of ['counts']"


def test_lost_commits_are_noticed(tmp_path: Path) -> None:
    base = damage_bases.journal_base(tmp_path, "unapplied")
    assert [group.number - base.groups[0].number for group in base.groups] == [0, 1, 2, 3]
    path, last = tmp_path / "file.h5", base.groups[-1]
    assert damage.outcome(damage.Case(base, base.content, base.journal, ""), path) == "unchanged"
    without = damage.Case(base, base.content, base.journal[: last.begin], "")
    assert damage.outcome(without, path) == damage.EARLIER
    # The same answer where nothing is wrong with the journal:
    assert damage.judge(without._replace(journal=base.journal), base.states[-2]).startswith("WRONG: 1 commits are lost")
    # Of two groups that are not whole the first cannot have been torn.
    data = bytearray(base.journal)
    for group in base.groups[-2:]:
        data[group.end - 20] ^= 1
    torn = damage.Case(base, base.content, bytes(data), "")
    assert damage.outcome(torn, path) == "refused: FormatError"
    assert damage.judge(torn, base.states[-3]).startswith("WRONG: 2 commits are lost")


def test_crashes_and_hangs_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def misbehave(case: damage.Case, path: Path) -> str:
        number = len(case.content) % 3
        if number == 0:
            damage.os.kill(damage.os.getpid(), damage.signal.SIGKILL)
        if number == 1:
            damage.time.sleep(60)
        return "unchanged"

    def make_case(cases: damage.Cases, number: int) -> damage.Case:
        return damage.Case(cases.bases[0], bytes(number), b"", f"case {number}")

    monkeypatch.setattr(damage, "outcome", misbehave)
    monkeypatch.setattr(damage, "PATIENCE", 1)
    monkeypatch.setattr(damage.Cases, "make_case", make_case)
    bad: list[str] = []
    outcomes = damage.run(6, seed=1, report=bad.append, what="delta")
    assert outcomes == Counter({"unchanged": 2, "WRONG: dies of -9": 2, "WRONG: hangs": 2})
    assert len(bad) == 4


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_h5py_checks_chunks_too(path: Path, compression: str | None) -> None:
    values = np.random.default_rng(1).random(500)
    with hugehist.File(path, "w") as f:
        h = f.create("h", hist.axis.Regular(500, 0, 1, flow=False), compression=compression)
        h[...] = values
    with h5py.File(path) as f:
        plane = f["h/storage/values"]
        assert np.array_equal(plane[:], values)
        place = plane.id.get_chunk_info(0)
    whole = path.read_bytes()
    rng = np.random.default_rng(2)
    for bit in rng.integers(0, 8 * place.size, 200):
        data = bytearray(whole)
        data[place.byte_offset + bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        with hugehist.File(path) as f, pytest.raises(hugehist.CorruptionError, match="'h': chunk \\(0\\) of 'values'"):
            f["h"].values()
        with h5py.File(path) as f, pytest.raises(OSError, match="filter"):
            f["h/storage/values"][:]


def test_each_part_of_a_schema_is_checked(path: Path) -> None:
    """What HDF5 checks too is changed by h5py here, as a program would that does not know better."""

    def make() -> None:
        with hugehist.File(path, "w") as f:
            f.create("h", hist.axis.StrCategory([], growth=True, name="c"), hist.axis.Regular(3, 0, 1, label="x [cm]"),
                     label="title", expected=[10, 0]).fill("a", [0.5])  # fmt: skip
            f.attrs["lumi"] = 59.7

    edits = {
        "h/metadata": ("label", "other"),
        "h/ref_axes/axis_0/metadata": ("name", "d"),
        "h/ref_axes/axis_1/metadata": ("label", "x [mm]"),
        "h/ref_axes/axis_1": ("upper", 2.0),
        "h/hugehist": ("expected", np.array([11, 0], "u8")),
        "/": ("lumi", 60.0),
    }
    edits_of_own = {"variations_axis": np.uint64(1), "level": 3, "codec": "gzip", "variance_known": np.bool_(False)}
    for group, (key, value) in [*edits.items(), *(("h/hugehist", item) for item in edits_of_own.items())]:
        make()
        with h5py.File(path, "r+") as f:
            assert key in f[group].attrs
            f[group].attrs[key] = value
        with pytest.raises(hugehist.CorruptionError):
            hugehist.File(path)


def test_attributes_of_other_programs_are_welcome(path: Path) -> None:
    with hugehist.File(path, "w") as f:
        f.attrs["ours"] = "text"
    with h5py.File(path, "r+") as f:
        f.attrs["theirs"] = 5
    with hugehist.File(path, "r+") as f:
        assert dict(f.attrs) == {"ours": "text", "theirs": 5}
        f.attrs["theirs"] = 6
        del f.attrs["ours"]
    with hugehist.File(path) as f:
        assert dict(f.attrs) == {"theirs": 6}
    with h5py.File(path, "r+") as f:
        f.attrs["theirs"] = 7
    with pytest.raises(hugehist.CorruptionError, match="'theirs'"):
        hugehist.File(path)
