"""All of the long tests, one after the other. usage: run.py [--scale X] [--mutants]   (1: as docs/durability.md says)

Prints what each did and found; ends with status 1 when one failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

here = Path(__file__).parent
tests = here.parents[1] / "build/venv/tests/hugehist_tests"


def run(name: str, *command: str | Path, **environment: object) -> bool:
    print(f"=== {name}", flush=True)
    begun = time.monotonic()
    done = subprocess.run(
        [str(part) for part in command], env=os.environ | {key: str(value) for key, value in environment.items()}
    )
    print(
        f"=== {name}: {'passed' if done.returncode == 0 else 'FAILED'} in {time.monotonic() - begun:.0f} s", flush=True
    )
    return done.returncode == 0


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scale", type=float, default=1)
    options.add_argument("--mutants", action="store_true", help="break each rule of durability, too: mutants.py")
    asked = options.parse_args()
    scale = asked.scale

    def of(count: int) -> int:
        return max(1, round(count * scale))

    in_memory = {"TMPDIR": "/dev/shm"} if Path("/dev/shm").is_dir() else {}
    passed = [
        run("states after kills", tests, "A kill at any operation*", HUGEHIST_CRASH_STATES=of(200_000), **in_memory),
        run("states after power cuts", tests, "A power cut*", HUGEHIST_CRASH_STATES=of(1_000_000), **in_memory),
        run(
            "failing operations", tests, "[#test_failing_io]", "--filenames-as-tags", HUGEHIST_FAILING_WORKLOADS=of(12)
        ),
        run("kills", sys.executable, here / "kills.py", "--kills", str(of(10_000))),
        run("damage", sys.executable, here / "damage.py", "--count", str(of(1_000_000)), "--jobs", str(os.cpu_count())),
        run(
            "fuzzed inputs",
            tests,
            "[#test_fuzz]",
            "--filenames-as-tags",
            HUGEHIST_FUZZ_INPUTS=of(1_000_000),
            **in_memory,
        ),
    ]
    passed += [
        run(
            "power cuts of an accumulator's log",
            *(sys.executable, "-m", "pytest", "-q", here.parent / "python/test_service_power_cuts.py"),
            HUGEHIST_CRASH_STATES=of(100_000),
        ),
        run("kills of an accumulator", sys.executable, here / "service.py", "--kills", str(of(1000))),
        run("service over bad networks", sys.executable, here / "service_net.py", "--scale", str(scale)),
        run(
            "service under Dask",
            sys.executable,
            here / "service_dask.py",
            *("--exceptions", str(of(50)), "--worker-kills", str(of(20))),
            *("--accumulator-kills", str(of(100)), "--pairs", str(of(1000))),
        ),
    ]
    if asked.mutants:
        passed.append(run("mutants", sys.executable, here / "mutants.py"))
        passed.append(run("mutants of the service", sys.executable, here / "service_mutants.py"))
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
