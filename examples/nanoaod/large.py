"""The large part, in a process of its own so that its memory is its own: fill, commit, read back, check.

python large.py --events events.npz --size 8GiB --memory 512MiB --output DIR
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hist
import hugehist
from kept import Kept
from memory import GIB, MIB, Sampler, parse_size, rss, show_size
from replicate import BINS, CALLS, SHAPES, SYSTEMATICS, Batch, Shape, batches, load, region_names
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

ALLOWANCE = 300 * MIB


@dataclass
class Result:
    """Bytes and seconds; written as JSON for the demo's report and its figure."""

    shape: tuple[int, ...]
    dense: int
    budget: int
    baseline: int
    file: int = 0
    written: int = 0
    peak: int = 0
    entries: int = 0
    make_seconds: float = 0.0
    fill_seconds: float = 0.0
    commit_seconds: float = 0.0
    read_seconds: float = 0.0
    filled: float = 0.0
    bins: int = 0
    slices: int = 0
    sums: int = 0
    worst: float = 0.0
    filled_at: float = 0.0
    times: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    steps: list[tuple[float, float, float]] = field(default_factory=list)

    @contextmanager
    def clock(self, name: str) -> Iterator[None]:
        """Add the time that a block takes to the field `name`."""
        begin = time.perf_counter()
        yield
        setattr(self, name, getattr(self, name) + time.perf_counter() - begin)

    limit: int = 0


def main() -> None:
    options = _options()
    shape, path = Shape.of(options.size), options.output / "large.h5"
    _need_room(shape, options.output)
    sources, regions = load(options.events), region_names(shape.regions)
    datasets = {f"{sources[i % len(sources)].name}_{i:03d}": sources[i % len(sources)] for i in range(shape.datasets)}
    kept = Kept(list(datasets), regions)
    result = Result((shape.datasets, shape.regions, SYSTEMATICS, BINS), shape.dense, options.memory, rss())
    result.limit = result.baseline + result.budget + ALLOWANCE

    with Sampler() as sampler, _progress() as progress:
        task = progress.add_task("", total=shape.datasets * CALLS + 2, file="", memory="")

        def step(what: str, advance: int = 0) -> None:
            """Show where we are; the file grows at its commits."""
            shown: Any = {"file": show_size(_size(path)), "memory": show_size(rss())}
            progress.update(task, advance=advance, description=what, **shown)

        with hugehist.File(path, "w", memory=options.memory) as file:
            h = _create(file)
            for seed, (dataset, source) in enumerate(datasets.items()):
                events = batches(source, regions, seed)
                for _ in range(CALLS):
                    with result.clock("make_seconds"):
                        batch = next(events)
                    with result.clock("fill_seconds"):
                        result.entries += _fill(h, dataset, batch)
                    with result.clock("make_seconds"):
                        kept.add(dataset, batch)
                    step(dataset, 1)
                result.steps.append((sampler.elapsed(), shape.dense * (seed + 1) / shape.datasets, _size(path)))
            step("commit")
            with result.clock("commit_seconds"):
                file.commit()
            result.written = file.stats()["bytes_written"]
        result.filled_at, result.file = sampler.elapsed(), _size(path)
        result.steps.append((sampler.elapsed(), shape.dense, result.file))
        step("read back", 1)
        _read_back(path, options.memory, kept, result)
        step("done", 1)

    result.peak, result.times, result.sizes = sampler.peak(), sampler.times, sampler.sizes
    (options.output / "large.json").write_text(json.dumps(dataclasses.asdict(result)))
    if not options.keep:
        path.unlink()


def _create(file: hugehist.File) -> Any:
    outer = [hist.axis.StrCategory([], growth=True, name=name) for name in ("dataset", "category", "systematic")]
    score = hist.axis.Regular(BINS, 0, 1, name="score", label="Score")
    return file.create("score", *outer, score, storage=hist.storage.Weight(), expected={"systematic": SYSTEMATICS})


def _fill(h: Any, dataset: str, batch: Batch) -> int:
    """Two calls: all weights of the events at once, then the shape variations with a score of their own."""
    at = {"dataset": dataset, "category": batch.masks}
    h.fill(**at, systematic=batch.labels, score=batch.score, weight=batch.weight)
    h.fill(**at, systematic=list(SHAPES), score=batch.shifted, weight=batch.weight[:, 0])
    passes = sum(int(mask.sum()) for mask in batch.masks.values())
    return passes * (len(batch.labels) + len(SHAPES))


def _read_back(path: Path, memory: int, kept: Kept, result: Result) -> None:
    with hugehist.File(path, memory=memory) as file:
        h = file["score"]
        with result.clock("read_seconds"):
            sums = h.project("dataset", "systematic").to_hist()  # visits the whole file
        outcome = kept.compare(lambda dataset, region: h[{"dataset": dataset, "category": region}].to_hist(), sums)
    result.bins, result.slices, result.sums = outcome.bins, outcome.slices, outcome.sums
    result.filled, result.worst = outcome.filled / outcome.bins, outcome.worst


def _size(path: Path) -> int:
    """The file and all beside it that belongs to it."""
    return sum(part.stat().st_size for part in path.parent.glob(path.name + "*"))


def _need_room(shape: Shape, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    need = 0.4 * shape.dense + 2 * GIB  # the file, and what waits for a commit
    if free < need:
        raise SystemExit(f"large: {folder} has {show_size(free)} free, and about {show_size(need)} may be needed")


def _progress() -> Progress:
    return Progress(
        TextColumn("  {task.description:<15}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f} %  file {task.fields[file]:>8}  memory {task.fields[memory]:>8} "),
        TimeElapsedColumn(),
        refresh_per_second=4,
        console=Console(width=100),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=Path, required=True, help="real events, as demo.py wrote them")
    parser.add_argument("--size", type=parse_size, default="8GiB", help="dense size of the histogram")
    parser.add_argument("--memory", type=parse_size, default="512MiB", help="hugehist's memory budget")
    parser.add_argument("--output", type=Path, required=True, help="directory for the file and the results")
    parser.add_argument("--keep", action="store_true", help="keep the large file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
