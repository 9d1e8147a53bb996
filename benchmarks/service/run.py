"""hugehist's service beside other ways to add up histograms of many processes. Needs Linux; docs: benchmarks/README.md.

run.py throughput [--smoke] [--repeats N] [--peers …]      deltas of 64 MB from two writers to one process
run.py job [--smoke] [--sizes 1 8 80] [--ways …]           a coffea job: memory against the histogram's size
run.py plot                                                draws the pictures of what is there anew
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import job_runs
import plots
import throughput_runs
from hugehist.benchmark import metadata
from job.ways import WAYS
from throughput.peers import PEERS

PACKAGES = ("coffea", "dask", "distributed", "grpcio", "hist", "histserv", "numpy", "pyarrow", "uproot")


def save(directory: Path, part: str, smoke: bool, content: dict[str, Any]) -> None:
    where = metadata.collect(directory) | {"smoke": smoke}
    where["packages"] |= {package: metadata.version(package) for package in PACKAGES}
    text = json.dumps({"metadata": where} | content, indent=1, ensure_ascii=False)
    (directory / f"{part}.json").write_text(text + "\n", encoding="utf-8")


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that nothing is left running
    directory: Path = options.output / ("smoke" if options.smoke else "")
    directory.mkdir(parents=True, exist_ok=True)
    # what the processes below import: this directory, and hugehist as it is here
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    good = True
    if options.part != "plot":
        good = options.run(options, directory, partial(save, directory, options.part, options.smoke))
    for path in plots.draw(directory):
        print(path)
    return 0 if good else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    output = Path(__file__).parents[1] / "results" / "service"
    parser.add_argument("--output", type=Path, default=output, help="directory for results (default: %(default)s)")
    parts = parser.add_subparsers(dest="part", required=True)

    throughput = parts.add_parser("throughput")
    throughput.set_defaults(run=throughput_runs.run)
    throughput.add_argument("--smoke", action="store_true", help="tiny deltas, one repeat")
    throughput.add_argument("--repeats", type=int, default=5)
    throughput.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    throughput.add_argument("--deltas", type=int, default=40)
    throughput.add_argument("--in-flight", type=int, default=2, help="deltas of a writer that wait for acknowledgement")

    job = parts.add_parser("job")
    job.set_defaults(run=job_runs.run)
    job.add_argument("--smoke", action="store_true", help="tiny histograms")
    job.add_argument("--sizes", type=float, nargs="+", default=[0.25, 0.5, 1, 2, 8, 80], help="GiB, dense")
    job.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    job.add_argument("--worker-limit", type=float, default=3.5, help="GB; Dask ends a worker beyond 95 % of it")
    job.add_argument("--limit", type=float, default=6, help="GiB for the client, and for a server")
    job.add_argument("--timeout", type=float, default=600, help="seconds for a job")

    parts.add_parser("plot").set_defaults(smoke=False)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
