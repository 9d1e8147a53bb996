"""`run`: measures hugehist beside its peers, prints the table and writes the results."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from . import check, harness, metadata, plot, report, summary
from .cases import cases
from .peers import COLUMN_FILLS, MERGES, VARIATION_FILLS
from .workload import FULL, SMOKE

RESULTS = Path("benchmark-results")


def arguments(parser: argparse.ArgumentParser) -> None:
    known_peers = list(MERGES | VARIATION_FILLS | COLUMN_FILLS)
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, one repeat: shows that everything works")
    parser.add_argument("--only", metavar="CASE", action="append", help="cases whose name begins so; may be repeated")
    parser.add_argument("--peers", nargs="+", choices=known_peers, default=known_peers, metavar="PEER")
    parser.add_argument("--repeats", type=int, help="processes for each peer and case (default: 5, smoke 1)")
    parser.add_argument("--dir", type=Path, help="where the peers put their files (default: the system's temporary)")
    parser.add_argument("--output", type=Path, help=f"the results, .json; the plot goes beside (default: in {RESULTS})")


def main(args: argparse.Namespace) -> int:
    work = SMOKE if args.smoke else FULL
    chosen = cases(work, smoke=args.smoke)
    if args.only:
        chosen = {name: case for name, case in chosen.items() if name.startswith(tuple(args.only))}
        if not chosen:
            sys.exit(f"no case begins with {' or '.join(args.only)}; there are {', '.join(cases(work, smoke=True))}")
    complete = not (args.smoke or args.only)
    output = args.output or RESULTS / ("summary.json" if complete else "smoke.json" if args.smoke else "partial.json")

    meta = metadata.collect(args.dir or Path(tempfile.gettempdir()))
    measured = check.measure(work, args.dir)
    print(check.text(measured), flush=True)
    start = time.monotonic()
    runs = harness.run_all(chosen, args.peers, args.repeats or (1 if args.smoke else 5), args.dir, smoke=args.smoke)
    meta |= {"seconds": round(time.monotonic() - start, 1), "load_at_end": os.getloadavg()[0], "smoke": args.smoke}

    metrics = summary.summarize(runs)
    print(report.table(metrics))
    output.parent.mkdir(parents=True, exist_ok=True)
    document = {"metadata": meta, "workload": measured, "metrics": metrics, "runs": [run.as_json() for run in runs]}
    output.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\nresults: {os.path.relpath(output)}")
    picture = output.with_suffix(".png")
    if plot.plot(metrics, meta, picture):
        print(f"plot:    {os.path.relpath(picture)}")
    failed = [run for run in runs if run.outcome is None]
    for run in failed:
        print(f"FAILED: {run.case}, {run.peer}: {run.error.splitlines()[-1]}", file=sys.stderr)
    return 1 if failed else 0
