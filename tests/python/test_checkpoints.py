"""A random workload, followed at each commit and close by plain h5py with hdf5plugin.

The file by itself, whatever a journal beside it has, is a whole commit: the last one, unless somebody reads an older.
"""

from __future__ import annotations

import copy
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from trusted import category

h5py = pytest.importorskip("h5py")
pytest.importorskip("hdf5plugin")
uhi_hdf5 = pytest.importorskip("uhi.io.hdf5")

Models = dict[str, "hist.Hist[Any]"]
STORAGES = ["double", "weight", "int64"]
COMPRESSIONS = ["zstd", "gzip", None]


def cells(model: hist.Hist[Any]) -> dict[tuple[Any, ...], Any]:
    """By labels, also those that no event had."""
    view: Any = model.view(flow=True)
    labels = [list(axis) for axis in model.axes[:-1]]
    found = {}
    for index in np.ndindex(*map(len, labels)):
        found[tuple(axis[i] for axis, i in zip(labels, index, strict=True))] = view[index].tolist()
    return found


def plainly(file: Any) -> tuple[int, dict[str, Any], list[Any]]:
    """The number of the commit that an h5py file is at, its histograms, and its counters."""
    content = {}
    for name, group in file.items():
        if name != "hugehist":
            content[name] = cells(hist.Hist(uhi_hdf5.read(group)))
    own = file["hugehist"]
    counted = own["counter_values"][...].tolist() if "counter_values" in own else []
    return int(own["stamp"][0]), content, counted


def open_plainly(path: Path) -> Any:
    with h5py.File(path) as file:
        return plainly(file)


@pytest.fixture(scope="module")
def other_program() -> Iterator[ProcessPoolExecutor]:
    """Within one process, HDF5 hands out again what it has open already."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


class Workload:
    """Histograms with one or two growing axes, and a model of each."""

    def __init__(self, path: Path, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.path, self.storage, self.compression = path, STORAGES[seed % 3], COMPRESSIONS[seed // 3 % 3]
        self.file = hugehist.File(path, "w", memory="8 MiB", threads=2)
        self.models: Models = {}
        self.made = self.merged = self.changes = 0
        self.commits: dict[int, tuple[dict[str, Any], list[Any]]] = {}

    def change(self) -> None:
        self.changes += 1
        self.file.counters["changes"] = self.changes
        steps = [self.create, self.merge, self.merge, self.merge, self.grow, self.overwrite, self.remove]
        step = steps[self.rng.integers(len(steps))] if self.models else self.create
        step()

    def pick(self) -> str:
        return sorted(self.models)[self.rng.integers(len(self.models))]

    def create(self) -> None:
        axes = [category("dataset"), category("systematic")][: 1 + self.made % 2]
        model = hist.Hist(*axes, hist.axis.Regular(50, 0, 1, name="x"), storage=self.storage)
        name, self.made = f"h{self.made}", self.made + 1
        self.file.create(name, *model.axes, storage=model.storage, compression=self.compression)
        self.models[name] = model
        self.merge()

    def labels(self, count: int) -> Any:
        return self.rng.choice([f"label {i}" for i in range(6)], count)

    def merge(self) -> None:
        name, events = self.pick(), int(self.rng.integers(1, 400))
        part = self.models[name].copy().reset()
        columns: dict[str, Any] = {axis.name: self.labels(events) for axis in part.axes[:-1]}
        part.fill(**columns, x=self.rng.random(events))
        assert self.file[name].merge(part, id=f"merge {self.merged}")
        self.models[name] = self.models[name] + part
        self.merged += 1

    def grow(self) -> None:
        name = self.pick()
        known = self.models[name].axes
        axis = self.rng.integers(len(known) - 1)
        label = str(self.labels(1)[0])
        self.file[name].grow(known[axis].name, [label])
        grown = [category(one.name, [label] if i == axis else []) for i, one in enumerate(known[:-1])]
        self.models[name] = self.models[name] + hist.Hist(*grown, known[-1], storage=self.storage)

    def overwrite(self) -> None:
        name = self.pick()
        model = self.models[name]
        if any(len(axis) == 0 for axis in model.axes):
            return
        shape = (50,) if self.storage != "weight" else (50, 2)
        value = self.rng.integers(0, 1000, shape)
        where: Any = (*(hist.loc(str(self.rng.choice(list(axis)))) for axis in model.axes[:-1]), slice(None))
        self.file[name][where] = value
        model[where] = value

    def remove(self) -> None:
        name = self.pick()
        del self.file[name]
        del self.models[name]

    def state(self) -> tuple[dict[str, Any], list[Any]]:
        content = {name: cells(model) for name, model in self.models.items()}
        return copy.deepcopy((content, [float(self.changes)]))


@pytest.mark.parametrize("seed", range(9))
def test_the_file_is_at_a_commit(path: Path, seed: int, other_program: ProcessPoolExecutor) -> None:
    work = Workload(path, seed)
    rng = work.rng
    last = behind = 0
    readers: list[hugehist.File] = []  # which keep older commits
    plain, seen = None, None  # an h5py file that stays open, and what it holds

    def look() -> int:
        number, *content = other_program.submit(open_plainly, path).result()
        assert tuple(content) == work.commits[number]
        assert number == last or readers or plain
        return int(number != last)

    def close() -> None:
        """It may move chunks, in a commit of its own."""
        nonlocal last
        work.file.close()
        with hugehist.File(path) as file:  # which sees the journal, if there is one
            assert file.counters["changes"] == work.changes
        work.commits[last + 1] = work.commits[last]
        if other_program.submit(open_plainly, path).result()[0] == last + 1:
            last += 1

    for _ in range(20):
        for _ in range(rng.integers(1, 4)):
            work.change()
        work.file.commit()
        last += 1
        work.commits[last] = work.state()
        behind += look()
        if plain and rng.integers(2) == 0:
            assert plainly(plain) == seen
            plain.close()
            plain = None
        elif not plain and rng.integers(4) == 0:
            plain = h5py.File(path)
            seen = plainly(plain)
        if rng.integers(3) == 0:
            readers.append(hugehist.File(path))
        elif readers and rng.integers(2) == 0:
            readers.pop(rng.integers(len(readers))).close()
        if rng.integers(5) == 0:
            close()
            behind += look()
            work.file = hugehist.File(path, "r+", memory="8 MiB", threads=2)
    for reader in readers:
        reader.close()
    readers.clear()
    if plain:
        assert plainly(plain) == seen
        plain.close()
        plain = None
    close()
    assert look() == 0
    assert behind > 0
    assert not path.with_name(path.name + ".journal").exists()
