"""What the journal costs: the case `merge-committed` with it, and without, in turn. Prints JSON.

Without it the bytes of the journal are thrown away before the system sees them; every sync, and all else, stays, so
that the file is as good as HDF5's own at a crash. Needs a C++ compiler. usage: run.py [--repeats N] [--smoke]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

here = Path(__file__).parent


def merge(scratch: Path, preloaded: Path | None, smoke: bool) -> dict[str, float]:
    """Seconds, and bytes written over bytes of the file."""
    result = scratch / "result.json"
    command = [sys.executable, "-m", "hugehist.benchmark.worker", "--case", "merge-committed"]
    command += ["--peer", "hugehist", "--path", str(scratch / "h.h5"), "--result", str(result)] + ["--smoke"] * smoke
    subprocess.run(command, check=True, env=os.environ | ({"LD_PRELOAD": str(preloaded)} if preloaded else {}))
    outcome = json.loads(result.read_text())
    (scratch / "h.h5").unlink()
    return {
        "seconds": outcome["metrics"]["merge, committed"]["seconds"],
        "amplification": outcome["notes"]["amplification"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        library = scratch / "no_journal.so"
        compiler = os.environ.get("CXX", "c++")
        source = here / "no_journal.cpp"
        subprocess.run([compiler, "-std=c++20", "-O2", "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
        ways = {"journal": None, "no journal": library}
        runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(arguments.repeats):
            for way, preloaded in ways.items():
                runs[way].append(merge(scratch, preloaded, arguments.smoke))
    report = {
        way: {key: round(statistics.median(run[key] for run in of), 4) for key in of[0]} for way, of in runs.items()
    }
    ratios = [off["seconds"] / on["seconds"] for on, off in zip(runs["journal"], runs["no journal"], strict=True)]
    print(json.dumps(report | {"speed with the journal over speed without": round(statistics.median(ratios), 3)}))


if __name__ == "__main__":
    main()
