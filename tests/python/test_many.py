"""Several projections in one pass: what each is alone, with each chunk decoded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trusted import analysis_axes, planes

NAMES = ("dataset", "category", "systematic", "x")
PARTS: list[Any] = [
    lambda h: h,
    lambda h: h[{"dataset": "tt"}],
    lambda h: h[{"category": ["sr", "cr"], "x": slice(2, 7)}],
    lambda h: h.scale("dataset", {"tt": 0.5, "zz": 2}),
    lambda h: h.group("dataset", {"all": ["tt", "zz"]}) * 3,
]


def fill(h: Any, seed: int = 1, events: int = 200) -> None:
    rng = np.random.default_rng(seed)
    for dataset in ("tt", "zz", "wz"):
        h.fill(
            dataset=dataset,
            category=rng.choice(["sr", "cr", "vr"], events),
            systematic=["nominal", "up"],
            **{h.axes[-1].name: rng.random(events)},
            weight=rng.normal(size=(events, 2)),
        )


def analysis(file: hugehist.File, observable: str = "x", seed: int = 1) -> Any:
    *outer, _ = analysis_axes()
    h = file.create(observable, *outer, hist.axis.Regular(10, 0, 1, name=observable), storage="weight")
    fill(h, seed)
    return h


def identical(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if not hasattr(expected, "axes"):
        assert found == expected
        return
    assert found.axes == expected.axes
    assert found.name == expected.name
    assert found.storage_type is expected.storage_type
    for mine, theirs in zip(planes(found), planes(expected), strict=True):
        assert mine.tobytes() == theirs.tobytes()


@given(
    wanted=st.lists(st.lists(st.sampled_from(NAMES), unique=True), max_size=5),
    part=st.sampled_from(PARTS),
    threads=st.sampled_from([1, 2, 3]),
    flow=st.booleans(),
)
def test_it_is_the_single_projections(wanted: Any, part: Any, threads: int, flow: bool) -> None:
    with hugehist.File.in_memory(memory="16 MiB", threads=threads) as file:
        view = part(analysis(file))
        kept = [[name for name in which if name in view.axes.name] for which in wanted]
        found = view.project_many(kept, flow=flow)
        for mine, which in zip(found, kept, strict=True):
            single = view.project(*which, flow=flow)
            identical(mine, single.to_hist() if hasattr(single, "to_hist") else single)


def test_each_chunk_is_decoded_once(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        analysis(file)
    with hugehist.File(path) as file:
        chunks = file["x"].stats()["stored_chunks"]
        found = file["x"].project_many([*NAMES, ("dataset", "x")])
        assert file.stats()["chunks_read"] == chunks
        assert [each.ndim for each in found] == [1, 1, 1, 1, 2]
        file["x"][{"dataset": "tt"}].project_many(["x", "systematic"])
        assert file.stats()["chunks_read"] == chunks + chunks // 3


def test_over_several_histograms(path: Path) -> None:
    with hugehist.File(path, "w") as file:
        for i, name in enumerate(("pt", "mass")):
            analysis(file, name, i)
        file.commit()
    with hugehist.File(path) as file:
        views = [file["pt"].project("pt"), file["mass"][{"dataset": "tt"}], file["pt"].scale("dataset", {"tt": 2})]
        before = file.stats()["chunks_read"]
        found = file.project_many(views)
        assert (
            file.stats()["chunks_read"] - before
            == sum(h.stats()["stored_chunks"] for h in (file["pt"], file["mass"]))
            - 2 * file["mass"].stats()["stored_chunks"] // 3
        )
        for mine, view in zip(found, views, strict=True):
            identical(mine, view.to_hist())

        by_name = file.project_many({name: ("dataset", name) for name in file})
        assert list(by_name) == ["mass", "pt"]
        for name, mine in by_name.items():
            identical(mine, file[name].project("dataset", name).to_hist())

        mixed = file.project_many({"pt": ["pt", ("dataset",)], "mine": views[1], "mass": "mass"})
        identical(mixed["pt"][1], file["pt"].project("dataset").to_hist())
        identical(mixed["mine"], views[1].to_hist())
        identical(mixed["mass"], file["mass"].project("mass").to_hist())


def test_means_and_counts(memory: hugehist.File) -> None:
    for storage in ("int64", "mean", "weightedmean"):
        h = memory.create(storage, *analysis_axes(), storage=storage)
        rng = np.random.default_rng(2)
        sample = {} if storage == "int64" else {"sample": rng.normal(size=300)}
        h.fill("tt", rng.choice(["a", "b"], 300), "nominal", rng.random(300), **sample)
        for mine, which in zip(h.project_many(NAMES), NAMES, strict=True):
            identical(mine, h.project(which).to_hist())


def test_progress_goes_up_to_one(path: Path) -> None:
    told: list[float] = []
    with hugehist.File(path, "w") as file:
        analysis(file, "pt")
        analysis(file, "mass")
        file.commit()
        file.progress = told.append
        file.project_many({name: ["dataset", name] for name in file})
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_nothing_and_nonsense(memory: hugehist.File) -> None:
    h = analysis(memory)
    assert h.project_many([]) == memory.project_many([]) == []
    assert memory.project_many({}) == {}
    for wrong in ("x", {"x": 1}, 3):
        with pytest.raises(TypeError, match="project_many takes"):
            h.project_many(wrong)
    for nonsense in ("x", 3, [3], ["x"]):
        with pytest.raises(TypeError, match="project_many takes"):
            memory.project_many(nonsense)
    with pytest.raises(KeyError, match="axis"):
        h.project_many(["x", "y"])
    with pytest.raises(ValueError, match="twice"):
        h.project_many([("x", "x")])
    with pytest.raises(KeyError, match="no histogram"):
        memory.project_many({"y": "x"})
    with hugehist.File.in_memory() as other, pytest.raises(ValueError, match="another file"):
        other.project_many([h])
