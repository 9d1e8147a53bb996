"""The undamaged files, journals and deltas of damage.py, and what reading them gives."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import hist
import hugehist
import numpy as np

Answers = dict[str, Any]
SMALL: dict[str, Any] = {"memory": "16 MiB", "threads": 1}


class Group(NamedTuple):
    """One commit in a journal (src/store/hdf5/journal_group.hpp): where it is, and the first one needed with it."""

    number: int
    first: int
    begin: int
    end: int


@dataclass
class Base:
    """`states` is what reading gives after each commit; the last one is what it must give."""

    name: str
    content: bytes
    states: list[Answers]
    journal: bytes = b""
    groups: list[Group] = field(default_factory=list)


# --- files -----------------------------------------------------------------------------------------------------


def add_jets(f: hugehist.File) -> None:
    axes, rng = hist.axis, np.random.default_rng(7)
    h = f.create(
        "jets/pt",
        axes.StrCategory([], growth=True, name="dataset"),
        axes.StrCategory([], growth=True, name="systematic", label="größe"),
        axes.Variable([0, 1, 2.5, 7], name="x"),
        storage=hist.storage.Weight(),
        label="transverse momentum",
        rollups=[["dataset", "x"]],
    )
    for dataset in ("data", "ttbar", "a long name of a dataset"):
        h.fill(dataset=dataset, systematic=["nominal", "up"], x=rng.random(50) * 8, weight=rng.random((50, 2)))


def add_counts(f: hugehist.File) -> None:
    rng = np.random.default_rng(8)
    axes = hist.axis.IntCategory([], growth=True, name="run"), hist.axis.Regular(20, 0, 1)
    g = f.create("counts", *axes, storage="int64")
    for run in range(30):
        g.fill(np.full(10, run), rng.random(10))


def add_plain(f: hugehist.File) -> None:
    axes, rng = hist.axis, np.random.default_rng(9)
    for compression in ("gzip", None):
        n = f.create(
            f"plain/{compression}",
            axes.Regular(6, 1, 9, transform=axes.transform.log, name="x"),
            axes.Boolean(name="b"),
            axes.Integer(-2, 3, name="i", circular=True),
            compression=compression,
            metadata={"answer": 42, "ratio": 0.5, "yes": True},
        )
        n.fill(x=rng.random(200) * 9, b=rng.random(200) > 0.5, i=rng.integers(-3, 4, 200))


def add_mean(f: hugehist.File) -> None:
    rng = np.random.default_rng(10)
    m = f.create("mean", hist.axis.StrCategory(["a", "b"], name="c"), storage=hist.storage.WeightedMean())
    m.fill(c=["a", "b"] * 10, sample=rng.random(20), weight=rng.random(20))


def add_book(f: hugehist.File) -> None:
    """What belongs to no histogram."""
    g = f.create("empty", hist.axis.StrCategory([], growth=True), hist.axis.Regular(3, 0, 1))
    for i in range(60):  # more than fit into an object header
        f.attrs[f"key {i}"] = i
    f.attrs["long"] = "long " * 1000
    f.counters["sumw", "ttbar"] = 12.5
    f.counters["events"] = 3
    f.commit()
    addend = hist.Hist(hist.axis.StrCategory(["a"], growth=True), hist.axis.Regular(3, 0, 1))
    for merge_id in ("a merge", b"\xff\x00", ("a file", 0, 10), ("a file", 20, 30)):
        g.merge(addend, id=merge_id)


PARTS: dict[str, Callable[[hugehist.File], None]] = {
    "jets": add_jets,
    "counts": add_counts,
    "plain": add_plain,
    "mean": add_mean,
    "book": add_book,
}


def make_file(path: Path, *parts: str) -> None:
    """All that a file can hold, small; or parts of it, which are read sooner."""
    with hugehist.File(path, "w", **SMALL) as f:
        for part in parts or PARTS:
            PARTS[part](f)


def answers(path: Path) -> Answers:
    """Everything that reading a file gives."""
    result: Answers = {}
    with hugehist.File(path, **SMALL) as f:
        result["file"] = sorted(f.attrs.items()), sorted(f.counters.items(), key=repr), list(f.ledger)
        for name, h in f.items():
            parts = [repr(h.axes), repr([a.label for a in h.axes]), h.storage_type.__name__, h.label, repr(h.metadata)]
            for view in (h, *(h.project(*kept) for kept in h.rollups)):
                for values in (view.values(flow=True), view.variances(flow=True), view.counts(flow=True)):
                    parts.append("none" if values is None else hashlib.md5(values.tobytes()).hexdigest())
            result[name] = parts
    return result


def file_base(folder: Path, *parts: str) -> Base:
    path = folder / "base.h5"
    make_file(path, *parts)
    base = Base(" and ".join(parts) or "whole", path.read_bytes(), [answers(path)])
    path.unlink()
    return base


# --- journals --------------------------------------------------------------------------------------------------

COMMITS = 4


def commit_more(f: hugehist.File, number: int) -> None:
    """Another label, another merge in the ledger, more of what is there."""
    f["jets/pt"].merge(f["jets/pt"].to_hist(), id=f"merge {number}")
    f["jets/pt"].fill(dataset=f"dataset {number}", systematic=["nominal", "up"], x=[1, 2], weight=np.ones((2, 2)))
    f.attrs["last"] = number
    f.counters["merges"] = number
    f.commit()


def groups_of(journal: bytes) -> list[Group]:
    """In the order of commits."""
    groups, at = [], 0
    while at < len(journal):
        header = [int.from_bytes(journal[i : i + 8], "little") for i in range(at, at + 40, 8)]
        if journal[at : at + 8] == b"HHJRNL03":
            groups.append(Group(header[3], header[4], at, at + 16 + header[1]))
            at = (groups[-1].end + 4095) // 4096 * 4096
        else:
            at += 4096
    return sorted(groups)


def marked_superblock(group: bytes) -> tuple[int, bytes]:
    """Where it is, and its content while commits are applied: after that of before."""
    place, length = (int.from_bytes(group[i : i + 8], "little") for i in (48, 56))
    return place, group[64 + length + 8 : 64 + length + 8 + length]


def kill_writer(path: Path, commits: int) -> None:
    child = os.fork()
    if child == 0:
        try:
            f = hugehist.File(path, "r+", **SMALL)
            for number in range(1, commits + 1):
                commit_more(f, number)
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        raise RuntimeError("the writer failed before it was killed")


def journal_base(folder: Path, name: str) -> Base:
    """A writer was killed after some commits.

    "unapplied": a reader of the first state had kept all of them in the journal. "half applied": the same, and then
    the first write of applying them was done. "applied": nobody read, so that the file has all of them, too.
    """
    path, beside = folder / "base.h5", folder / "base.h5.journal"
    states = []
    for commits in range(COMMITS + 1):  # not all from one file: reading would be part of what is tested
        make_file(path, "jets")
        with hugehist.File(path, "r+", **SMALL) as f:
            for number in range(1, commits + 1):
                commit_more(f, number)
        states.append(answers(path))
    make_file(path, "jets")
    if name == "applied":
        kill_writer(path, COMMITS)
    else:
        with hugehist.File(path, **SMALL):
            kill_writer(path, COMMITS)
    journal = beside.read_bytes()
    content = bytearray(path.read_bytes())
    groups = groups_of(journal)
    if name == "half applied":
        place, mark = marked_superblock(journal[groups[-1].begin : groups[-1].end])
        content[place : place + len(mark)] = mark
        path.write_bytes(content)
    if answers(path) != states[-1]:
        raise RuntimeError(f"{name}: undamaged, it does not give the last commit")
    path.unlink()
    beside.unlink()
    return Base(name, bytes(content), states, journal, groups)


def may_give(base: Base, state: int, journal: bytes) -> bool:
    """Whether a journal that was damaged so may give that state: the last, or one before if nobody can tell.

    A commit that is not whole in the journal may be one that never came to its end, but only the last one.
    """
    last = base.groups[-1].number
    shift = last - (len(base.states) - 1)  # from the number of a state to that of its commit
    if state + shift == last:
        return True
    lost = [group for group in base.groups if group.number > state + shift]
    if any(journal[group.begin : group.end] == base.journal[group.begin : group.end] for group in lost):
        return False
    header = 40
    told = [group for group in lost if group.number > state + shift + 1]
    return not any(
        journal[group.begin : group.begin + header] == base.journal[group.begin : group.begin + header]
        for group in told
        if group.first < group.number
    )


# --- deltas ----------------------------------------------------------------------------------------------------


def delta_axes() -> tuple[Any, ...]:
    return hist.axis.StrCategory([], growth=True, name="dataset"), hist.axis.Regular(40, 0, 1, name="x")


def delta_base() -> Base:
    rng = np.random.default_rng(11)
    h = hist.Hist(*delta_axes(), storage=hist.storage.Weight())
    for dataset in ("data", "ttbar", "größe"):
        h.fill(dataset, rng.random(100), weight=rng.random(100))
    content = hugehist.Delta.from_uhi(h).to_bytes()
    return Base("delta", content, [delta_answers(content)])


def delta_answers(content: bytes) -> Answers:
    with hugehist.File.in_memory(**SMALL) as f:
        h = f.create("h", *delta_axes(), storage=hist.storage.Weight())
        h.merge(hugehist.Delta.from_bytes(content))
        return {"h": [repr(h.axes), h.values(flow=True).tobytes(), h.variances(flow=True).tobytes()]}
