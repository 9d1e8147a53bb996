"""The events: ROOT files, one for each dataset, and what a processor makes of a chunk of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import uproot

from .shape import CHUNK, CHUNKS, SYSTEMATICS, VARYING, Shape

Array = npt.NDArray[np.float64]

TREE = "Events"
KEPT = 1 / 8  # of the events, by each category


def write_files(directory: Path, shape: Shape) -> dict[str, dict[str, Any]]:
    """Writes what is not there yet; returns coffea's fileset."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = {dataset: directory / f"{dataset}.root" for dataset in shape.dataset_labels}
    for seed, path in enumerate(paths.values()):
        if not path.exists():
            _write(path, np.random.default_rng(seed))
    return {dataset: {"files": {str(path): TREE}} for dataset, path in paths.items()}


def _write(path: Path, random: np.random.Generator) -> None:
    count = CHUNK * CHUNKS
    concentration, centre = random.uniform(5.0, 70.0), random.uniform(0.15, 0.85)
    score = random.beta(centre * concentration, (1 - centre) * concentration, count)
    partial = path.with_suffix(".part")
    with uproot.recreate(partial) as file:
        file.mktree(TREE, {"score": "f8", "weight": "f8"})
        file[TREE].extend({"score": score, "weight": random.lognormal(0.0, 0.3, count)})
    partial.rename(path)


@dataclass(frozen=True)
class Batch:
    """A chunk of events of one dataset."""

    dataset: str
    id: tuple[str, int, int]  # file, entries from and up to
    score: Array
    weights: Array  # (events, systematic)
    keep: npt.NDArray[np.bool_]  # (category, event)

    def of_categories(self) -> Iterator[tuple[Array, Array]]:
        """Scores and weights of each category's events."""
        for mask in self.keep:
            yield self.score[mask], self.weights[mask]

    def sums(self) -> Array:
        """Sum of all weights, and of their squares, over all categories."""
        times = self.keep.sum(axis=0)
        return np.array([times @ self.weights.sum(axis=1), times @ (self.weights**2).sum(axis=1)])


def batch(events: Any, categories: int) -> Batch:
    """The same for the same entries, whoever asks."""
    what = events.metadata
    random = np.random.default_rng([int(what["dataset"][-3:]), what["entrystart"]])
    score, nominal = np.asarray(events.score), np.asarray(events.weight)
    varying = nominal[:, None] * (1 + 0.1 * random.standard_normal((len(score), VARYING)))
    weights = np.repeat(nominal[:, None], SYSTEMATICS, axis=1)
    weights[:, 1 + random.choice(SYSTEMATICS - 1, VARYING, replace=False)] = varying
    keep = random.random((categories, len(score)), dtype=np.float32) < KEPT
    return Batch(what["dataset"], (str(what["fileuuid"]), what["entrystart"], what["entrystop"]), score, weights, keep)
