"""The analysis of examples/nanoaod as a service: Dask's workers process events, an accumulator owns the file.

python examples/coffea/demo.py
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "nanoaod"))  # workers of a LocalCluster have it, too

import hugehist
import report
from analysis_processor import Analysis
from check import Reference, compare
from coffea.processor import DaskExecutor, Runner
from coffea.util import coffea_console
from distributed import Client, LocalCluster
from hugehist.service import Accumulator
from hugehist.service.watching import show
from processor import book, event_sums
from samples import SAMPLES, DemoError, Schema, fetch, whole_file
from selection import HISTOGRAMS, fills

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "nanoaod"
EVENTS_A_CHUNK = 50
WORKERS = 2

coffea_console.quiet = True  # its progress bars, for a few seconds of work


def main() -> int:
    options = _options()
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "analysis.h5"
    for left in (path, path.with_name("analysis.h5.journal")):
        left.unlink(missing_ok=True)
    shutil.rmtree(path.with_name("analysis.h5.log"), ignore_errors=True)  # of a run that was killed
    try:
        paths = fetch(options.samples or CACHE)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        run(client, path, {name: [str(file)] for name, file in paths.items()})
    return 0 if check(path, paths) else 1


def run(client: Client, path: Path, fileset: Mapping[str, list[str]]) -> None:
    """The job, and the same job once more, which finds nothing to do."""
    with Accumulator(path, client=client) as accumulator:
        sink = accumulator.sink()
        book(sink)
        runner = Runner(
            DaskExecutor(client=client, status=False),
            chunksize=EVENTS_A_CHUNK,
            schema=Schema,
            checkpointer=sink.checkpointer(),  # chunks that are in are not read again
        )
        for title in ("DaskExecutor: the workers send, the accumulator merges", "The same job once more"):
            begin = time.perf_counter()
            receipt = runner(fileset, Analysis(sink), treename="Events")
            report.heading(title)
            report.say(f"{receipt} in {time.perf_counter() - begin:.1f} s")
        sink.flush()
        show(accumulator.status())


def check(path: Path, paths: Mapping[str, Path]) -> bool:
    """Every bin against plain hist, and the counters against sums over whole files."""
    events = {sample.name: whole_file(sample, paths[sample.name]) for sample in SAMPLES}
    calls = [call for each in events.values() for call in fills(each)]
    report.heading(f"Every bin of {report.shown(path)}, and of plain hist")
    with hugehist.File(path) as file:
        outcomes = {name: compare(file[name].to_hist(), Reference(name, calls)) for name in HISTOGRAMS}
        ok = report.show_checks(outcomes)
        counted = {(key, name): number for name, each in events.items() for key, number in event_sums(each).items()}
        off = [key for key, number in counted.items() if abs(file.counters[key] - number) > 1e-12 * abs(number)]
    report.say(f"Counters that differ: {off or 'none'}")
    return ok and not off


def _options() -> Any:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--samples", type=Path, help="a directory with the four NanoAOD files")
    options.add_argument("--output", type=Path, default=HERE / "output")
    return options.parse_args()


if __name__ == "__main__":
    sys.exit(main())
