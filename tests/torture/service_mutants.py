"""Breaks each rule of service_rules.py, one at a time, and looks whether the suite that is to notice does.

Each mutant runs in a copy of the Python package and the tests under build/mutants-service, with the core that is
installed. Ends with status 1 where a mutant survives or does not fit the source any more.
usage: service_mutants.py [--only NAME] [--list]
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import hugehist._core
from mutating import report, wanted_of
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
    """What catches it; nothing where it survives."""
    file = tree / mutant.file
    text = file.read_text()
    file.write_text(mutant.changed(text))
    try:
        how = run_suite(mutant.suite)
    finally:
        file.write_text(text)
    return f"{mutant.suite}{'' if how == 'tests' else f', by {how}'}" if how else ""


def main() -> int:
    wanted = wanted_of(MUTANTS, root, __doc__)
    copy_tree()
    for suite in sorted({one.suite for one in wanted}):
        if how := run_suite(suite):
            sys.exit(f"{suite} fails without a mutant ({how}):\n{(tree / 'output').read_text()[-3000:]}")
    return report(wanted, try_mutant)


if __name__ == "__main__":
    sys.exit(main())
