"""Many events from few: real ones repeated under new dataset names, smeared and reseeded.

What is real: each event's HT, leading muon and weights, with all PDF, scale and parton-shower
variations of its file. What is not, and is said so in the output: the dataset names; the smearing of the
score and of the weights; the regions, which keep events at random; and the 33 efficiency variations
that bring the systematics to 152, each acting on one slice of the score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SYSTEMATICS = 152
REGIONS = 366
BINS = 400
CELL = 16  # bytes: a value and a variance
BLOCK = SYSTEMATICS * (BINS + 2) * CELL  # one (dataset, region), under- and overflow included
KEPT = 1 / 8  # of the events, by each region
CALL = 1024  # events in a call of fill
CALLS = 4  # for each dataset
SHAPES = {"muon_pt_up": 1.002, "muon_pt_down": 0.998}


@dataclass(frozen=True)
class Source:
    """The real events of one file."""

    name: str
    ht: Array
    muon_pt: Array
    labels: list[str]
    weight: Array  # (events, labels)


@dataclass(frozen=True)
class Batch:
    """The events of one call of fill."""

    masks: dict[str, NDArray[np.bool_]]
    labels: list[str]
    score: Array
    weight: Array  # (events, labels)
    shifted: Array  # the score with the muon scale shifted: (events, 2)


@dataclass(frozen=True)
class Shape:
    """How many datasets and regions make up a dense size."""

    datasets: int
    regions: int

    @classmethod
    def of(cls, size: int) -> Shape:
        regions = max(1, min(REGIONS, size // (3 * BLOCK)))
        return cls(max(3, round(size / (regions * BLOCK))), regions)

    @property
    def dense(self) -> int:
        return self.datasets * self.regions * BLOCK


def region_names(count: int) -> list[str]:
    return [f"region_{i:03d}" for i in range(count)]


def batches(source: Source, regions: list[str], seed: int) -> Iterator[Batch]:
    """The events of one dataset, a call's worth at a time."""
    random = np.random.default_rng(seed)
    for _ in range(CALLS):
        pick = random.integers(len(source.ht), size=CALL)
        smear = random.lognormal(0, 0.45, CALL)
        soft = random.exponential(60, CALL)  # events without jets would all be at 0

        def score(scale: float, pick: NDArray[np.int64] = pick, smear: Array = smear, soft: Array = soft) -> Array:
            energy = (source.ht[pick] + source.muon_pt[pick] * scale + soft) * smear
            return np.asarray(energy / (energy + 350))

        nominal = score(1)
        weight = source.weight[pick] * random.lognormal(0, 0.1, (CALL, 1))
        keep = random.random((len(regions), CALL), dtype=np.float32) < KEPT
        efficiency = _efficiencies(nominal, SYSTEMATICS - len(SHAPES) - MOST_LABELS)
        yield Batch(
            dict(zip(regions, keep, strict=True)),
            source.labels + [f"eff_{i:02d}" for i in range(efficiency.shape[1])],
            nominal,
            np.concatenate([weight, weight[:, :1] * efficiency], axis=1),
            np.stack([score(scale) for scale in SHAPES.values()], axis=1),
        )


MOST_LABELS = 117  # weights in the richest file: nominal, 103 PDF, 9 scale, 4 parton shower


def _efficiencies(score: Array, count: int) -> Array:
    """Factors of shape (events, count): 1.02 in one slice of the score, 1 elsewhere."""
    slices = np.minimum((score * count).astype(np.int64), count - 1)
    return np.where(slices[:, None] == np.arange(count), 1.02, 1.0)


def save(sources: list[Source], path: Path) -> None:
    """Write the events for the process that runs the large part."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for source in sources:
        arrays[f"{source.name}/ht"] = source.ht
        arrays[f"{source.name}/muon_pt"] = source.muon_pt
        arrays[f"{source.name}/labels"] = np.array(source.labels)
        arrays[f"{source.name}/weight"] = source.weight
    np.savez(path, **arrays)  # type: ignore[arg-type]


def load(path: Path) -> list[Source]:
    with np.load(path) as file:
        names = dict.fromkeys(key.split("/")[0] for key in file.files)
        return [
            Source(
                name,
                file[f"{name}/ht"],
                file[f"{name}/muon_pt"],
                [str(label) for label in file[f"{name}/labels"]],
                file[f"{name}/weight"],
            )
            for name in names
        ]
