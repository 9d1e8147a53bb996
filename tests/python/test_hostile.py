"""Files that h5py was told to make wrong: wrong types, shapes, links and sizes end in an error, or change no answer."""

from __future__ import annotations

import multiprocessing.connection
import os
import pickle
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import hist
import hugehist
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "torture"))
import damage
import damage_bases

AXIS = "jets/pt/ref_axes/axis_0"
PLANE = "jets/pt/storage/values"


def replaced(name: str, **how: object) -> Callable[[h5py.File], None]:
    """Another dataset in the place of one."""

    def edit(f: h5py.File) -> None:
        del f[name]
        f.create_dataset(name, **how)

    return edit


def linked(name: str, link: object) -> Callable[[h5py.File], None]:
    def edit(f: h5py.File) -> None:
        del f[name]
        f[name] = f[link] if isinstance(link, str) else link

    return edit


def attribute(name: str, key: str, value: object) -> Callable[[h5py.File], None]:
    return lambda f: f[name].attrs.__setitem__(key, value)


def references(f: h5py.File) -> None:
    f["jets/pt/axes"][...] = [f["counts/ref_axes/axis_0"].ref] * 3


def dangling(f: h5py.File) -> None:
    f["spare"] = 1
    f["jets/pt/axes"][0] = f["spare"].ref
    del f["spare"]


def virtual(f: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=f[PLANE].shape, dtype="f8", maxshape=f[PLANE].maxshape)
    layout[...] = h5py.VirtualSource("other.h5", "x", shape=f[PLANE].shape)
    del f[PLANE]
    f.create_virtual_dataset(PLANE, layout)


def circle(f: h5py.File) -> None:
    f["jets/again"] = f["jets"]
    f["jets/root"] = f["/"]


def deep(f: h5py.File) -> None:
    group = f
    for _ in range(500):
        group = group.create_group("g")
    f.copy("mean", group, "mean")


EDITS: dict[str, Callable[[h5py.File], None]] = {
    "labels that are numbers": replaced(f"{AXIS}/categories", data=np.arange(3)),
    "labels of another length": replaced(f"{AXIS}/categories", data=np.array([b"data", b"ttbar"])),
    "labels that are no UTF-8": replaced(f"{AXIS}/categories", data=np.array([b"\xff\xfe", b"\x80", b"c"])),
    "labels of two dimensions": replaced(f"{AXIS}/categories", data=np.full((3, 2), b"a")),
    "labels that are one value": replaced(f"{AXIS}/categories", data=b"a"),
    "labels without any": replaced(f"{AXIS}/categories", data=h5py.Empty("S8")),
    "10^12 labels": replaced(f"{AXIS}/categories", shape=(10**12,), dtype="S16", chunks=(1024,)),
    "labels of a gigabyte": replaced(f"{AXIS}/categories", shape=(3,), dtype="S1000000000"),
    "variable-length labels": replaced(f"{AXIS}/categories", data=["data", "x", "y"], dtype=h5py.string_dtype()),
    "10^12 edges": replaced("jets/pt/ref_axes/axis_2/edges", shape=(10**12,), dtype="f8", chunks=(1024,)),
    "edges of NaN": replaced("jets/pt/ref_axes/axis_2/edges", data=[0, np.nan, 1, 2.0]),
    "a compound as edges": replaced("jets/pt/ref_axes/axis_2/edges", data=np.zeros(4, "f8,i4")),
    "a plane of integers": replaced(PLANE, shape=(3, 2, 5), dtype="i2", chunks=(1, 1, 5)),
    "a plane of other extents": replaced(PLANE, shape=(3, 2, 6), dtype="f8", chunks=(1, 1, 5)),
    "a plane of 2^60 bins": replaced(PLANE, shape=(2**30, 2**30, 5), dtype="f8", chunks=(1, 1, 5)),
    "a plane of one dimension": replaced(PLANE, shape=(30,), dtype="f8"),
    "a plane without a shape": replaced(PLANE, data=h5py.Empty("f8")),
    "a plane in other files": virtual,
    "a plane behind a soft link": linked(PLANE, h5py.SoftLink("/counts/storage/values")),
    "a plane behind an external link": linked(PLANE, h5py.ExternalLink("/etc/passwd", "/x")),
    "a soft link that leads to itself": linked("jets/pt/storage", h5py.SoftLink("/jets/pt/storage")),
    "a storage that is a dataset": replaced("jets/pt/storage", data=[1.0]),
    "another histogram's axis": linked(AXIS, "counts/ref_axes/axis_0"),
    "another histogram's plane": linked(PLANE, "counts/storage/values"),
    "references to another histogram": references,
    "a reference to what is gone": dangling,
    "no axes": replaced("jets/pt/axes", shape=(0,), dtype=h5py.ref_dtype),
    "100 axes": replaced("jets/pt/axes", shape=(100,), dtype=h5py.ref_dtype),
    "axes that are numbers": replaced("jets/pt/axes", data=[1, 2, 3]),
    "a circle of groups": circle,
    "groups 500 deep": deep,
    "the root as a histogram": attribute("/", "uhi_schema", 1),
    "a schema that is a text": attribute("jets/pt", "uhi_schema", "one"),
    "a schema that is a list": attribute("jets/pt", "uhi_schema", [1, 1]),
    "a storage type that is a number": attribute("jets/pt/storage", "type", 5),
    "an axis type of 60 kB": attribute(AXIS, "type", "x" * 60000),
    "a negative number of bins": attribute("counts/ref_axes/axis_1", "bins", -5),
    "2^62 bins": attribute("counts/ref_axes/axis_1", "bins", 2**62),
    "chunks of no length": attribute("jets/pt/hugehist", "chunk_shape", np.zeros(3, "u8")),
    "chunks of 2^63": attribute("jets/pt/hugehist", "chunk_shape", np.full(3, 2**63, "u8")),
    "chunks of 40 dimensions": attribute("jets/pt/hugehist", "chunk_shape", np.ones(40, "u8")),
    "a ledger of 2^60 bytes": attribute("hugehist", "ledger_bytes", np.uint64(2**60)),
    "a ledger of text": replaced("hugehist/ledger", data=[b"a"]),
    "counters that are text": replaced("hugehist/counter_values", data=[b"a", b"b"]),
    "a private group that is a dataset": replaced("hugehist", data=[1]),
    "checksums that are a dataset": replaced("hugehist/attribute_checksums", data=[1]),
    "a roll-up of other axes": attribute("jets/pt/hugehist/rollups/0", "uhi_schema", 7),
    "a roll-up that keeps axis 2^40": attribute("jets/pt/hugehist/rollups/0/hugehist", "kept_axes", [0, 2**40]),
    "roll-ups that are their histogram": linked("jets/pt/hugehist/rollups/0", "jets/pt"),
}


def edited(whole: Path, what: str) -> Path:
    return whole.with_name(f"{list(EDITS).index(what)}.h5")


def edit_all(whole: Path) -> None:
    for what, edit in EDITS.items():
        edited(whole, what).write_bytes(whole.read_bytes())
        with h5py.File(edited(whole, what), "r+") as f:
            edit(f)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "whole.h5"
    damage_bases.make_file(path)
    # In an interpreter of its own: after a thousand other tests h5py (3.16, HDF5 2.0) did not end with 500 groups.
    subprocess.run([sys.executable, __file__, path], check=True, timeout=300)
    return path


def outcome_in_child(path: Path, whole: Path) -> str:
    """In a process of its own, with little memory, since it might take all there is."""

    def work(answer: multiprocessing.connection.Connection) -> None:
        content = path.read_bytes()
        case = damage.Case(damage_bases.Base("edited", content, [damage_bases.answers(whole)]), content, b"", "")
        if "HUGEHIST_SANITIZED" not in os.environ:  # sanitizers take address space by the terabyte
            resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        answer.send(damage.outcome(case, path))

    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=work, args=(sending,))
    child.start()
    sending.close()
    child.join(60)
    if child.is_alive():
        child.kill()
        return "hangs"
    return str(receiving.recv()) if receiving.poll() else f"dies of {child.exitcode}"


@pytest.mark.parametrize("what", EDITS)
def test_edited_files(whole: Path, what: str) -> None:
    outcome = outcome_in_child(edited(whole, what), whole)
    harmless = ("a circle of groups", "a reference to what is gone")
    assert outcome.startswith("refused") or (outcome == "unchanged" and what in harmless), outcome


def test_a_delta_that_announces_much_is_refused() -> None:
    """Zeros, which take next to nothing in compact form."""
    x = hist.axis.Regular(6_000_000, 0, 1, name="x")
    content = hugehist.Delta.from_uhi(hist.Hist(x, storage=hist.storage.Weight()).fill([0.5])).to_bytes()
    assert len(content) < 10_000
    for limit in (1, 50_000_000, "64 MiB"):
        with pytest.raises(hugehist.Error, match=r"announces that it takes \d+ bytes of memory, and max_memory allows"):
            hugehist.Delta.from_bytes(content, max_memory=limit)
    most = 300 * 2**20
    for allowed in (most, "300 MiB", None):
        assert hugehist.Delta.from_bytes(content, max_memory=allowed).nbytes == 2 * 8 * x.extent
    assert hugehist.Delta.from_bytes(content).nbytes < most
    assert pickle.loads(pickle.dumps(hugehist.Delta.from_bytes(content))).nbytes < most
    with pytest.raises(ValueError, match="max_memory=-1"):
        hugehist.Delta.from_bytes(content, max_memory=-1)
    with pytest.raises(TypeError, match="max_memory= is a number of bytes"):
        hugehist.Delta.from_bytes(content, max_memory=0.5)  # type: ignore[arg-type]


if __name__ == "__main__":
    edit_all(Path(sys.argv[1]))
