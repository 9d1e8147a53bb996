"""Runs the fuzzers, built by clang with sanitizers: `cmake --preset fuzz && cmake --build --preset fuzz`.

    python tests/torture/fuzz.py [--seconds 300] [--targets delta file …]

What is found is left in build/fuzz/found, where `fuzz_<target> <input>` repeats it; then the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build/fuzz/tests/fuzz"
FOUND = ROOT / "build/fuzz/found"

#: Inputs are at most so long: a file has arenas of 64 KiB.
LENGTHS = {"delta": 1 << 14, "file": 1 << 17, "journal": 1 << 15, "decoders": 1 << 12}

#: HDF5 leaks what a damaged file stopped it from freeing, and reads past damaged names (docs/security.md).
OPTIONS = f"detect_leaks=0:suppressions={ROOT / '.ci/asan.supp'}"


def run(target: str, seconds: int) -> bool:
    FOUND.mkdir(parents=True, exist_ok=True)
    command = [
        BUILD / f"fuzz_{target}",
        f"-max_total_time={seconds}",
        f"-max_len={LENGTHS[target]}",
        f"-artifact_prefix={FOUND}/{target}-",
        *("-len_control=0", "-timeout=30", "-rss_limit_mb=4096", "-print_final_stats=1"),
    ]
    settings = {"ASAN_OPTIONS": OPTIONS, "UBSAN_OPTIONS": "print_stacktrace=1"}
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, errors="replace")
    number = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    coverage = re.findall(r"cov: (\d+)", done.stderr)
    print(f"{target}: {number[1] if number else '?'} inputs, {coverage[-1] if coverage else '?'} edges, ", end="")
    print("nothing found" if done.returncode == 0 else f"FAILED, see {FOUND}\n{done.stderr[-5000:]}", flush=True)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("--targets", nargs="+", choices=LENGTHS, default=list(LENGTHS))
    options = parser.parse_args()
    passed = [run(target, options.seconds) for target in options.targets]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
