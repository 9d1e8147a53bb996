"""Breaks each rule that durability rests on, one at a time, and looks which suite notices (the rules: rules.py).

Each mutant is built in a copy of the tree under build/mutants, which stays there so that the next one compiles no more
than it changes. The suite that is to catch it runs, then the others until one fails; one that takes much longer than
without a mutant is ended, and the table says so. Ends with status 1 where a mutant survives or does not fit the source
any more. usage: mutants.py [--only NAME] [--list]
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from mutating import report, wanted_of
from rules import MUTANTS, Mutant

root = Path(__file__).parents[2]
tree = root / "build/mutants"
build = tree / "build/venv"  # where the paths are as in every other build, so that ccache knows the objects
output = build / "output"
cmake = "/usr/bin/cmake" if Path("/usr/bin/cmake").is_file() else "cmake"  # as in the Makefile
SUITES = [  # what takes seconds last
    "test_space_tail",
    "test_file_locks",
    "test_free_extents",
    "test_file_space",
    "test_checksum",
    "test_driver",
    "test_journal",
    "test_ledger",
    "test_store",
    "test_survey",
    "test_transaction",
    "test_file",
    "test_codec",
    "test_hdf5_store",
    "test_space",
    "test_crash",
    "test_failing_io",
]


def copy_tree() -> None:
    """Brings the copy up to date; what is the same keeps its time, so that it is not compiled again."""
    wanted = [root / "CMakeLists.txt", root / "tests/CMakeLists.txt", *(root / "tests/cpp").glob("*.hpp")]
    wanted += [*(root / "tests/cpp").glob("support*.cpp"), root / "tests/cpp/main.cpp"]
    wanted += [root / f"tests/cpp/{suite}.cpp" for suite in SUITES]
    for folder in ("cmake", "include", "src"):
        wanted += [path for path in (root / folder).rglob("*") if path.is_file()]
    copies = {tree / path.relative_to(root): path for path in wanted}
    for copy in [*(tree / "src").rglob("*"), *(tree / "include").rglob("*"), *(tree / "tests").rglob("*")]:
        if copy.is_file() and copy not in copies:
            copy.unlink()
    for copy, path in copies.items():
        if copy.is_file() and copy.read_bytes() == path.read_bytes():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def compile_tests() -> str:
    """Of the copy. What the compiler says where it fails, else nothing."""
    done = subprocess.run(
        [cmake, "--build", build, "--target", "hugehist_tests", "--parallel", "2"], capture_output=True, text=True
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def configure() -> None:
    options = ["-G", "Ninja", "-Wno-dev", "-DCMAKE_BUILD_TYPE=Release", "-DHUGEHIST_BUILD_BENCHMARKS=OFF"]
    subprocess.run([cmake, "-S", tree, "-B", build, *options], check=True, stdout=subprocess.DEVNULL)


def run_suite(suite: str, patience: float | None) -> str:
    """How it fails: "tests", "a signal" or "a timeout"; nothing where it passes."""
    command = [build / "tests/hugehist_tests", "--filenames-as-tags", "--warn", "NoTests", "--abort", f"[#{suite}]"]
    in_memory = {"TMPDIR": "/dev/shm"} if Path("/dev/shm").is_dir() else {}
    with output.open("w") as to:
        running = subprocess.Popen(
            command, stdout=to, stderr=subprocess.STDOUT, env=os.environ | in_memory, start_new_session=True
        )
        try:
            status = running.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            return "a timeout"
    return "" if status == 0 else "a signal" if status < 0 else "tests"


def measure() -> dict[str, float]:
    """Seconds of each suite without a mutant. Ends the program where one fails."""
    if problem := compile_tests():
        sys.exit(f"the tests do not compile:\n{problem}")
    seconds = {}
    for suite in SUITES:
        begun = time.monotonic()
        if how := run_suite(suite, None):
            sys.exit(f"{suite} fails without a mutant ({how}):\n{output.read_text()[-3000:]}")
        seconds[suite] = time.monotonic() - begun
    return seconds


def try_mutant(mutant: Mutant, seconds: dict[str, float]) -> str:
    """Which suite catches it, and how; nothing where it survives."""
    file = tree / mutant.file
    text = file.read_text()
    file.write_text(mutant.changed(text))
    try:
        if problem := compile_tests():
            sys.exit(f"mutant '{mutant.name}' does not compile:\n{problem}")
        for suite in [mutant.suite, *(other for other in SUITES if other != mutant.suite)]:
            how = run_suite(suite, 20 * seconds[suite] + 30)
            if how:
                return suite if how == "tests" else f"{suite}, by {how}"
        return ""
    finally:
        file.write_text(text)


def main() -> int:
    wanted = wanted_of(MUTANTS, root, __doc__)
    copy_tree()
    configure()
    seconds = measure()
    print(f"without a mutant all suites pass, in {sum(seconds.values()):.0f} s\n")
    return report(wanted, lambda mutant: try_mutant(mutant, seconds))


if __name__ == "__main__":
    sys.exit(main())
