"""Several files open as one: every read is that of one file that has all of it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_random_selections import NAMES, STEPS, STORAGES, compare, named
from trusted import AXES, category, is_labelled, planes, random_model

#: More labels than a file has, of each type.
LABELS = {hist.axis.StrCategory: ["b", "ä€", "a", "zz", "ab"], hist.axis.IntCategory: [3, 1, -7, 12]}


# --- the model: parts, and their sum in boost-histogram ---------------------------------------------------------


def with_labels(axis: Any, labels: Sequence[Any]) -> Any:
    made = type(axis)(labels, growth=axis.traits.growth, overflow=axis.traits.overflow, name=axis.name)
    assert made.traits == axis.traits
    return made


@st.composite
def axes_of_file(draw: st.DrawFn, axes: Sequence[Any]) -> list[Any]:
    """Labels of growing axes: some, in any order. Those of others in any order."""
    result = []
    for axis in axes:
        if is_labelled(axis):
            pool = LABELS[type(axis)] if axis.traits.growth else list(axis)
            labels = draw(st.permutations(pool))
            axis = with_labels(axis, labels[: draw(st.integers(0, len(pool)))] if axis.traits.growth else labels)
        result.append(axis)
    return result


def emptied(model: Any, seed: int) -> Any:
    """About half of the bins have nothing."""
    view = model.view(flow=True)
    empty = np.random.default_rng(seed).random(view.shape) < 0.5
    for name in view.dtype.names or (None,):
        (view[name] if name else view)[empty] = 0
    return model


def together(parts: Sequence[Any]) -> Any:
    """The sum; labels as they appear."""
    axes = []
    for each in zip(*(part.axes for part in parts), strict=True):
        union = dict.fromkeys(label for axis in each for label in (axis if is_labelled(axis) else ()))
        axes.append(with_labels(each[0], list(union)) if is_labelled(each[0]) else each[0])
    total = reduce(add, (spread(part, axes) for part in parts))
    total._variance_known = all(part._variance_known for part in parts)  # boost-histogram says no of every sum
    return total


def spread(part: Any, axes: Sequence[Any]) -> Any:
    """The same content on axes with more labels."""
    whole = hist.Hist(*axes, storage=part.storage_type())
    whole.view(flow=True)[np.ix_(*map(places, part.axes, axes))] = part.view(flow=True)
    return whole


def places(axis: Any, whole: Any) -> Any:
    if not is_labelled(axis):
        return np.arange(axis.extent)
    return np.array([whole.index(label) for label in axis] + [len(whole)] * axis.traits.overflow, int)


def write(folder: Path, parts: Sequence[Any], rollups: Sequence[Any] = ()) -> list[Path]:
    """A file for each; one without a part has no such histogram."""
    paths = [folder / f"{i}.h5" for i in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        with hugehist.File(path, "w", memory="8 MiB", threads=1) as file:
            file.attrs["number"] = 1
            if part is not None:
                file.create("h", *part.axes, storage=part.storage_type(), rollups=rollups)
                file["h"] += part
    return paths


@given(
    data=st.data(),
    axes=st.lists(st.sampled_from([*AXES, *AXES[-3:], *AXES[-3:]]), min_size=1, max_size=3),
    storage=STORAGES,
    count=st.integers(1, 4),
    steps=STEPS,
)
def test_selections(data: st.DataObject, axes: list[Any], storage: str, count: int, steps: list[str]) -> None:
    axes = [named(axis, name) for axis, name in zip(axes, NAMES, strict=False)]
    parts: list[Any] = [
        emptied(random_model(data.draw(axes_of_file(axes)), storage, seed), seed) for seed in range(count)
    ]
    if storage == "double":
        parts[-1]._variance_known = data.draw(st.booleans())
    model = together(parts)
    rollups = [(axis.name,) for axis in axes if len(axes) > 1 and data.draw(st.booleans())]
    with tempfile.TemporaryDirectory() as folder:
        absent = data.draw(st.sets(st.integers(0, count), max_size=2))  # files without the histogram
        for place in sorted(absent):
            parts.insert(place, None)
        paths = write(Path(folder), parts, rollups)
        with hugehist.File(paths, memory="64 MiB", threads=1) as file:
            compare(data, file["h"], model, storage, steps)


# --- content ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["int64", "double", "weight", "mean", "weightedmean"])
def test_what_one_file_has_alone_is_the_same_to_the_last_bit(tmp_path: Path, storage: str) -> None:
    rng = np.random.default_rng(1)
    paths = [tmp_path / f"{i}.h5" for i in range(3)]
    for i, path in enumerate(paths):
        with hugehist.File(path, "w") as file:
            h = file.create("h", category("d"), category("c"), hist.axis.Regular(9, 0, 1, name="x"), storage=storage)
            for j in range(3):
                columns: dict[str, Any] = {"sample": rng.normal(50, 9, 100)} if "mean" in storage else {}
                if storage in ("double", "weight", "weightedmean"):
                    columns["weight"] = rng.normal(1, 0.5, 100)
                h.fill(d=f"d{(i + 2 * j) % 5}", c=f"c{i}", x=rng.random(100), **columns)
    with hugehist.File(paths) as file:
        for i, path in enumerate(paths):
            with hugehist.File(path) as alone:
                theirs = alone["h"][:, f"c{i}", :]
                mine = file["h"][{"d": list(theirs.axes[0]), "c": f"c{i}"}]
                for ours, expected in zip(planes(mine), planes(theirs), strict=True):
                    assert ours.tobytes() == expected.tobytes()


@pytest.mark.parametrize("storage", ["mean", "weighted_mean"])
def test_means_are_combined_as_by_the_core(tmp_path: Path, storage: str) -> None:
    """Empty cells, weights of both signs, one entry, sums of weights that cancel: planes as a merge makes them."""
    cases = [(0, 0, 0), (1, 1, 0), (3, 3, 0.5), (2, 1.5, 2.25), (-1, 1.5, 0.75), (0.5, 0.75, -3), (-2, 1.5, 0.25)]
    cases += [(0, 1.5, 0)] * (storage == "weighted_mean")
    cells = np.array([(w, s, w and 3.0 + i, v) for i, (w, s, v) in enumerate(cases)])
    pairs = np.stack(np.broadcast_arrays(cells[:, None], 2 * cells[None, :] * [1, 2, 1, 1]))
    names = ["sum_of_weights", "sum_of_weights_squared", "values", "variances"]
    if storage == "mean":
        names = ["counts", *names[2:]]
        pairs = pairs[..., [0, 2, 3]]
    axes = [{"type": "regular", "lower": 0, "upper": 1, "underflow": False, "overflow": False, "circular": False}]
    axes = [axes[0] | {"bins": n} for n in pairs.shape[1:3]]
    parts = [
        {
            "uhi_schema": 1,
            "axes": axes,
            "storage": {"type": storage} | dict(zip(names, np.moveaxis(part, -1, 0), strict=True)),
        }
        for part in pairs
    ]
    for i, part in enumerate(parts):
        with hugehist.File(tmp_path / f"{i}.h5", "w") as file:
            file["h"] = part
    with hugehist.File.in_memory() as merged, hugehist.File([tmp_path / "0.h5", tmp_path / "1.h5"]) as file:
        merged["h"] = parts[0]
        merged["h"] += parts[1]
        for mine, theirs in zip(file["h"]._planes(True), merged["h"]._planes(True), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-14)
