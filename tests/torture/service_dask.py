"""The service under Dask and coffea while workers, accumulators and tasks fail, many times; bins must be exact.

usage: service_dask.py [--exceptions N] [--worker-kills N] [--accumulator-kills N] [--pairs N] [--samples DIR]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "python"))

import hugehist
import service_jobs as jobs
from coffea.processor import DaskExecutor, Runner
from coffea.util import coffea_console
from hugehist.service import Accumulator, Receipt
from samples import SAMPLES, Schema, fetch, whole_file

PIECE = 100
CACHE = Path(__file__).parents[2] / ".cache" / "nanoaod"


@contextmanager
def accumulator(client: Any) -> Iterator[tuple[Accumulator, Path]]:
    """With a folder for what goes wrong."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "faults"
        folder.mkdir()
        with Accumulator(Path(scratch) / "file.h5", client=client) as own:
            yield own, folder


def exceptions(client: Any, count: int, samples: Path) -> str:
    """In 5 % of chunks of real events, after parts of them were sent; the chunks are run again by Dask."""
    files = fetch(samples)
    with tempfile.TemporaryDirectory() as scratch, accumulator(client) as (own, folder):
        for name, path in files.items():
            jobs.skim(path, Path(scratch) / f"{name}.root")
        paths = {name: Path(scratch) / f"{name}.root" for name in files}
        events = {sample.name: whole_file(sample, paths[sample.name]) for sample in SAMPLES}
        jobs.create_counts(own.sink())
        done = Receipt()
        faults = jobs.Faults(folder, one_in=20)
        rounds = 0
        while faults.count < count:  # each round another run, which counts by itself
            rounds += 1
            sink = own.sink(run=str(rounds), memory=0)
            job = jobs.Counting(sink, jobs.Faults(folder, one_in=20, salt=str(rounds)))
            runner = Runner(DaskExecutor(client=client, status=False), chunksize=1, schema=Schema)
            done += runner({name: [str(path)] for name, path in paths.items()}, job, treename="Events")
        chunks = sum(map(len, events.values())) * rounds
        assert (done.committed, done.already) == (chunks, 0)
        own.flush()
        with hugehist.File(own.paths[0]) as file:
            for name, whole in jobs.expected_counts(events).items():
                jobs.assert_same(file[name].to_hist(), sum([whole] * (rounds - 1), whole))
        return f"{faults.count} exceptions in {chunks} chunks of real events"


def killed_in_tasks(client: Any, count: int) -> str:
    """Of workers: before the commit, and after its acknowledgement."""
    with accumulator(client) as (own, folder):
        jobs.create_numbers(own.sink())
        work = jobs.pieces(2 * count * 10 * PIECE, PIECE)
        kills = {str(start): ("filled", "acknowledged")[i % 2] for i, (start, _) in enumerate(work[5::10])}
        faults = jobs.Faults(folder, kills=kills)
        tasks = [client.submit(jobs.fill_numbers, own.sink(), *piece, faults) for piece in work]
        total = sum(client.gather(tasks), Receipt())
        assert faults.count == 2 * count
        assert total.committed + total.already == len(work)
        jobs.check_numbers(own, work[-1][1])
        return (
            f"{count} workers killed before a commit, {count} after it: {own.status()['already']} attempts came again"
        )


def killed_with_results(client: Any, count: int) -> str:
    """Of workers that have results, which Dask has to compute again."""
    with accumulator(client) as (own, _):
        jobs.create_numbers(own.sink())
        work = jobs.pieces(100 * PIECE, PIECE)
        tasks = [client.submit(jobs.fill_numbers, own.sink(), *piece) for piece in work]
        lost = sum(jobs.kill_after_results(client, tasks) for _ in range(count))
        total = sum(client.gather(tasks), Receipt())
        assert total.committed + total.already == len(work)
        jobs.check_numbers(own, work[-1][1])
        return f"{count} workers killed with {lost} results"


def killed_accumulator(client: Any, count: int) -> str:
    with accumulator(client) as (own, _):
        jobs.create_numbers(own.sink())
        kills = jobs.Killing(own, count, every=0.5)
        kills.start()
        total, stop = Receipt(), 0
        while kills.is_alive():
            work = jobs.pieces(stop + 50 * PIECE, PIECE, begin=stop)
            tasks = [client.submit(jobs.fill_numbers, own.sink(), *piece) for piece in work]
            total += sum(client.gather(tasks), Receipt())
            stop = work[-1][1]
        assert kills.done == count
        assert total.committed + total.already == stop // PIECE
        jobs.check_numbers(own, stop)
        return (
            f"{count} kills of the accumulator in {stop // PIECE} attempts, {total.already} of which came again; "
            f"away for {kills.longest:.1f} s at most"
        )


def pairs(client: Any, count: int) -> str:
    """The same piece on two workers at once."""
    with accumulator(client) as (own, _):
        jobs.create_numbers(own.sink())
        work = jobs.pieces(count * PIECE, PIECE)
        workers = list(client.run(int))
        tasks = [
            client.submit(jobs.fill_numbers, own.sink(), *piece, workers=[worker], pure=False)
            for piece in work
            for worker in workers[:2]
        ]
        total = sum(client.gather(tasks), Receipt())
        assert (total.committed, total.already) == (count, count)
        jobs.check_numbers(own, work[-1][1])
        return f"{count} pairs: {total.committed} commits"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--exceptions", type=int, default=50)
    options.add_argument("--worker-kills", type=int, default=20)
    options.add_argument("--accumulator-kills", type=int, default=100)
    options.add_argument("--pairs", type=int, default=1000)
    options.add_argument("--samples", type=Path, default=CACHE)
    asked = options.parse_args()
    coffea_console.quiet = True
    tests: list[tuple[int, Callable[[Any, int], str]]] = [
        (asked.exceptions, lambda client, count: exceptions(client, count, asked.samples)),
        (asked.worker_kills, killed_in_tasks),
        (asked.worker_kills, killed_with_results),
        (asked.accumulator_kills, killed_accumulator),
        (asked.pairs, pairs),
    ]
    for count, test in tests:
        if count:
            begin = time.monotonic()
            with jobs.dask_client() as client:
                found = test(client, count)
            print(f"{found}: exact ({time.monotonic() - begin:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
