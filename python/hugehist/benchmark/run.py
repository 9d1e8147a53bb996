"""Measures hugehist beside its peers, prints the table and writes a directory of results.

Each peer's case runs in a fresh process, several times, under a recorder that samples it ten times a second.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from . import check, harness, metadata, report
from .cases import CASES
from .jobs import CPP, CaseJob, ExecutableJob, Job
from .peers import NAMES
from .recorder import INTERVAL
from .results import ResultsDirectory
from .workload import FULL, SMOKE

OUTPUT = Path("benchmark-results")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--list", action="store_true", help="list the cases and their peers, and run nothing")
    parser.add_argument(
        "--only", metavar="CASE", action="append", help="this case, or all whose names begin so; may be repeated"
    )
    parser.add_argument("--peers", nargs="+", choices=NAMES, default=NAMES, metavar="PEER", help=", ".join(NAMES))
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, one repeat: shows that everything works")
    parser.add_argument("--repeats", type=whole_number, help="processes for each peer and case (default: 5, smoke 1)")
    parser.add_argument("--cold", action="store_true", help="put files out of the page cache before they are read")
    parser.add_argument(
        "--executable",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="a C++ benchmark as build/venv/benchmarks/bench_merge; may be repeated; other cases only with --only",
    )
    parser.add_argument("--filter", default="", help="for --executable: a pattern for its benchmarks' names")
    parser.add_argument(
        "--rate",
        type=rate,
        default=1 / INTERVAL,
        metavar="HZ",
        help="samples a second; 0 for none (default: %(default)g)",
    )
    parser.add_argument("--dir", type=Path, help="where the peers put their files (default: the system's temporary)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="directory of the results (default: %(default)s)")


def whole_number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def rate(text: str) -> float:
    hertz = float(text)
    if not 0 <= hertz <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 100")
    return hertz


def chosen_jobs(args: argparse.Namespace) -> list[Job]:
    chosen = set()
    for wanted in args.only or ([] if args.executable else [""]):
        found = {wanted} & CASES.keys() or {name for name in CASES if name.startswith(wanted)}
        if not found:
            sys.exit(f"no case begins with {wanted}; there are {', '.join(CASES)}")
        chosen |= found
    jobs: list[Job] = [
        CaseJob(name, peer, args.smoke, args.cold)
        for name, case in CASES.items()
        if name in chosen
        for peer in case.peers
        if peer in args.peers
    ]
    for path in args.executable:
        if not os.access(path, os.X_OK) or path.is_dir():
            sys.exit(f"{path} cannot be run: `make bench` or cmake --build … --target hugehist_benchmarks builds it")
        jobs.append(ExecutableJob(path.name, CPP, path.resolve(), args.filter))
    if not jobs:
        sys.exit(f"none of {', '.join(args.peers)} takes part in {' or '.join(args.only)}; --list says who does")
    return jobs


def listing() -> str:
    lines = []
    for name, case in CASES.items():
        lines += ["", f"{name}: {case.summary}", f"  {', '.join(case.peers)}"]
        lines += [f"  without {peer}: {reason}" for peer, reason in case.left_out.items()]
    return "\n".join(lines[1:])


def main(args: argparse.Namespace) -> int:
    if args.list:
        print(listing())
        return 0
    if args.output.suffix == ".json" or args.output.is_file():
        sys.exit(f"--output {args.output}: the results are a directory of several files")
    jobs = chosen_jobs(args)
    interval = 1 / args.rate if args.rate else 0.0
    repeats = args.repeats or (1 if args.smoke else 5)
    work = SMOKE if args.smoke else FULL
    described = metadata.collect(args.dir or Path(tempfile.gettempdir()))
    described |= {
        "workload": work.parameters,
        "seed": work.seed,
        "cache": "cold" if args.cold else "warm",
        "smoke": args.smoke,
    }
    if any(isinstance(job, CaseJob) and not job.case.startswith("fill") for job in jobs):
        described["workload"] = check.measure(work, args.dir)
        print(check.text(described["workload"]), flush=True)

    results = ResultsDirectory(args.output, described, interval)
    start = time.monotonic()
    try:
        for run in harness.run_all(jobs, repeats, args.dir, interval):
            results.add(run)
    finally:  # also of a run that was interrupted
        ended = {"seconds": round(time.monotonic() - start, 1), "load_at_end": os.getloadavg()[0]}
        metrics = results.finish(ended)
    print(report.table(metrics, {name: case.left_out for name, case in CASES.items()}))
    print(f"\nresults: {os.path.relpath(args.output)}")
    failed = [run for run in results.runs if run.outcome is None]
    for run in failed:
        print(f"FAILED: {run.job.case}, {run.job.peer}: {run.error.splitlines()[-1]}", file=sys.stderr)
    return 1 if failed else 0
