"""A histogram of 253 x 366 x 152 x 400 weighted bins, 83 GiB in memory: filled, committed and projected onto each axis.

Events of each (dataset, category) carry 152 weights, of which a quarter really vary. Every number of every projection
is checked. The file takes about 5 GB, and is removed at the end.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hist
import numpy as np
import numpy.typing as npt

import hugehist

from . import memory

Array = npt.NDArray[np.float64]

AXES = ("dataset", "category", "systematic", "dnn_score_max")
SYSTEMATICS, BINS = 152, 400
SAMPLES = 16  # of events, which the (dataset, category) pairs share in turn, each scaled by a factor of its own


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--datasets", type=int, default=253)
    parser.add_argument("--categories", type=int, default=366)
    parser.add_argument("--events", type=int, default=350, help="of each (dataset, category)")
    parser.add_argument("--memory", default="1 GiB", help="the file's budget")
    parser.add_argument("--dir", type=Path, help="where the file goes (default: the system's temporary)")
    parser.add_argument("--output", type=Path, help="the numbers as JSON")


@dataclass(frozen=True)
class Sample:
    """Events with their weights, and what they make of an empty (systematic, bin) block."""

    score: Array
    weights: Array  # (events, systematics)
    values: Array  # (systematics, bins with flow)
    variances: Array


def sample(events: int, rng: np.random.Generator) -> Sample:
    score = rng.beta(1.6, 2.2, events)
    varying = rng.choice(SYSTEMATICS - 1, SYSTEMATICS // 4, replace=False) + 1
    weights = np.repeat(rng.lognormal(0, 0.3, events)[:, None], SYSTEMATICS, axis=1)
    weights[:, varying] *= 1 + 0.1 * rng.standard_normal((events, len(varying)))
    bins = 1 + (score * BINS).astype(np.intp)
    values, variances = np.zeros((2, SYSTEMATICS, BINS + 2))
    for i, column in enumerate(weights.T):
        values[i] = np.bincount(bins, column, BINS + 2)
        variances[i] = np.bincount(bins, column**2, BINS + 2)
    return Sample(score, weights, values, variances)


def expected(samples: list[Sample], scale: Array, power: int, plane: str) -> list[Array]:
    """The four projections of a plane, from the content of the samples."""
    blocks = [getattr(one, plane) for one in samples]
    used = np.arange(scale.size).reshape(scale.shape) % len(samples)
    weights = scale**power
    pairs = weights * np.array([block.sum() for block in blocks])[used]
    content = sum(block * weights[used == i].sum() for i, block in enumerate(blocks))
    assert isinstance(content, np.ndarray)
    return [pairs.sum(axis=1), pairs.sum(axis=0), content.sum(axis=1), content.sum(axis=0)]


def main(given: argparse.Namespace) -> int:
    rng = np.random.default_rng(253)
    samples = [sample(given.events, rng) for _ in range(SAMPLES)]
    scale = rng.uniform(0.5, 2, (given.datasets, given.categories))
    names = [[f"{axis}_{i:03d}" for i in range(n)] for axis, n in zip(AXES, scale.shape, strict=False)]
    systematics = ["nominal", *(f"variation_{i:03d}" for i in range(1, SYSTEMATICS))]
    dense = scale.size * SYSTEMATICS * (BINS + 2) * 16
    filled = float(np.mean([(one.values != 0).mean() for one in samples]))
    print(f"{dense / 2**30:.2f} GiB dense, {100 * filled:.0f} % of the bins filled, budget {given.memory}", flush=True)
    result: dict[str, Any] = {"dense_bytes": dense, "filled": filled, "memory": given.memory}

    with tempfile.TemporaryDirectory(prefix="hugehist-talk-", dir=given.dir) as directory:
        path = Path(directory) / "talk.h5"
        memory.reset_peak()
        before, start = memory.resident(), time.perf_counter()
        with hugehist.File(path, "w", memory=given.memory) as file:
            h = file.create("h", *(hist.axis.StrCategory([], growth=True, name=axis) for axis in AXES[:3]),
                            hist.axis.Regular(BINS, 0, 1, name=AXES[3]), storage="weight")  # fmt: skip
            for d, dataset in enumerate(names[0]):
                for c, category in enumerate(names[1]):
                    events = samples[(d * scale.shape[1] + c) % SAMPLES]
                    h.fill(dataset=dataset, category=category, systematic=systematics, dnn_score_max=events.score,
                           weight=events.weights * scale[d, c])  # fmt: skip
        seconds = time.perf_counter() - start
        result["fill"] = {
            "seconds": seconds,
            "bytes_per_second": dense / seconds,
            "entries": scale.size * given.events * SYSTEMATICS,
        }
        result["file_bytes"] = path.stat().st_size
        print(f"filled and closed: {seconds:.1f} s, {dense / seconds / 1e9:.2f} GB/s of bins, "
              f"{result['file_bytes'] / 1e9:.2f} GB on disk", flush=True)  # fmt: skip

        values, variances = expected(samples, scale, 1, "values"), expected(samples, scale, 2, "variances")
        with hugehist.File(path, memory=given.memory) as file:
            for i, axis in enumerate(AXES):
                start = time.perf_counter()
                projection = file["h"].project(axis).to_hist()
                seconds = time.perf_counter() - start
                for found, wanted in (
                    (projection.values(flow=True), values[i]),
                    (projection.variances(flow=True), variances[i]),
                ):
                    np.testing.assert_allclose(found, wanted, rtol=1e-9, err_msg=axis)
                result[f"project {axis}"] = {"seconds": seconds, "bytes_per_second": dense / seconds}
                print(f"projected onto {axis}: {seconds:.2f} s, {dense / seconds / 1e9:.1f} GB/s", flush=True)
        result["peak_rss"], result["peak_rss_above_start"] = memory.peak(), memory.peak() - before
    above = result["peak_rss_above_start"] / 2**20
    print(f"peak memory: {result['peak_rss'] / 2**20:.0f} MiB, {above:.0f} above the start")
    if given.output is not None:
        given.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0
