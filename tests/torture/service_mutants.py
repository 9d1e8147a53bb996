"""Breaks each rule of service_rules.py, one at a time, and looks whether the suite that is to notice does.

Each mutant runs in a copy of the Python package and the tests under build/mutants-service, with the core that is
installed. Ends with status 1 where a mutant survives or does not fit the source any more.
usage: service_mutants.py [--only NAME] [--list]
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import hugehist._core
from rules import Mutant
from service_rules import MUTANTS

root = Path(__file__).parents[2]
tree = root / "build/mutants-service"
PATIENCE = 300
STATES = 3000  # after power cuts


def copy_tree() -> None:
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(root / "python/hugehist", tree / "python/hugehist", ignore=shutil.ignore_patterns("_core*.so"))
    for name in ("python", "cases", "torture"):
        shutil.copytree(root / "tests" / name, tree / "tests" / name)
    shutil.copyfile(root / "pyproject.toml", tree / "pyproject.toml")
    core = Path(hugehist._core.__file__)
    (tree / "python/hugehist" / core.name).symlink_to(core.resolve())


def run_suite(suite: str) -> str:
    """How it fails; nothing where it passes."""
    path = os.pathsep.join([str(tree / "python"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HUGEHIST_CRASH_STATES": str(STATES),
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", f"tests/python/{suite}.py"]
    with (tree / "output").open("w") as output:
        running = subprocess.Popen(
            command, cwd=tree, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            status = running.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            return "a timeout"
    return {0: "", 1: "tests"}.get(status, f"status {status}")


def try_mutant(mutant: Mutant) -> str:
    file = tree / mutant.file
    text = file.read_text()
    file.write_text(mutant.changed(text))
    try:
        return run_suite(mutant.suite)
    finally:
        file.write_text(text)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", metavar="NAME", action="append", help="this mutant; can be repeated")
    options.add_argument("--list", action="store_true", help="say which there are")
    asked = options.parse_args()
    misfits = [one.name for one in MUTANTS if not one.fits((root / one.file).read_text())]
    if misfits:
        print(f"not found exactly once in the source: {', '.join(misfits)}")
        return 1
    if asked.list:
        for mutant in MUTANTS:
            print(f"{mutant.name}: {mutant.rule} ({mutant.file})")
        return 0
    wanted = [one for one in MUTANTS if not asked.only or one.name in asked.only]
    copy_tree()
    for suite in sorted({one.suite for one in wanted}):
        if how := run_suite(suite):
            sys.exit(f"{suite} fails without a mutant ({how}):\n{(tree / 'output').read_text()[-3000:]}")
    print("| mutant | rule | caught by | s |\n| --- | --- | --- | ---: |", flush=True)
    survivors = []
    for mutant in wanted:
        begun = time.monotonic()
        how = try_mutant(mutant)
        if not how:
            survivors.append(mutant.name)
        caught = f"{mutant.suite}{'' if how == 'tests' else f', by {how}'}" if how else "**nothing**"
        print(f"| {mutant.name} | {mutant.rule} | {caught} | {time.monotonic() - begun:.0f} |", flush=True)
    if survivors:
        print(f"\nsurvived: {', '.join(survivors)}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
