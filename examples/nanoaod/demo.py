"""hugehist in one command: real CMS NanoAOD through coffea, then a histogram larger than memory.

python examples/nanoaod/demo.py --size 8GiB --memory 512MiB
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import analysis
import plots
import report
from memory import parse_size
from samples import SAMPLES, DemoError, fetch

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "nanoaod"
SMOKE = ("1GiB", "64MiB")


def main() -> int:
    options = _options()
    options.output.mkdir(parents=True, exist_ok=True)
    try:
        paths = _find(options.samples) if options.samples else fetch(CACHE)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    report.heading("Part 1: real CMS events, through coffea, into a file")
    ok = analysis.run(paths, options.output)
    report.heading("Part 2: a histogram larger than memory")
    ok = large(options) and ok
    report.say("[bold green]All checks passed.[/]" if ok else "[bold red]A check failed; see above.[/]")
    return 0 if ok else 1


def large(options: argparse.Namespace) -> bool:
    """Run large.py in a process of its own, then report and draw what it measured."""
    for line in (
        "The same simulated events, repeated under new dataset names: smeared, reseeded, with random",
        "weights on top, in regions that keep events at random, and with 33 more systematics made up to",
        "reach 152. It shows the sizes and the speed of an analysis, not its physics.",
    ):
        report.say(line)
    report.console.print()
    command = [sys.executable, str(HERE / "large.py"), "--events", str(options.output / "events.npz")]
    command += ["--size", str(options.size), "--memory", str(options.memory), "--output", str(options.output)]
    done = subprocess.run([*command, *(["--keep"] if options.keep else [])], check=False)
    if done.returncode != 0:
        return False
    found = json.loads((options.output / "large.json").read_text())
    ok = report.show_large(found)
    plots.memory_over_time(found, options.output / "memory.png")
    report.say(f"Memory over time: {report.shown(options.output / 'memory.png')}")
    return ok


def _find(folder: Path) -> dict[str, Path]:
    missing = [s.filename for s in SAMPLES if not (folder / s.filename).exists()]
    if missing:
        raise DemoError(f"{folder} lacks {', '.join(missing)}")
    return {sample.name: folder / sample.filename for sample in SAMPLES}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=parse_size, default="8GiB", help="dense size of the large histogram")
    parser.add_argument("--memory", type=parse_size, default="512MiB", help="hugehist's memory budget for it")
    parser.add_argument("--smoke", action="store_true", help=f"small: {SMOKE[0]} with a budget of {SMOKE[1]}")
    parser.add_argument("--samples", type=Path, help="directory with the four NanoAOD files, instead of pip")
    parser.add_argument("--output", type=Path, default=HERE / "output", help="where files and figures go")
    parser.add_argument("--keep", action="store_true", help="keep the large file")
    options = parser.parse_args()
    if options.smoke:
        options.size, options.memory = map(parse_size, SMOKE)
    return options


if __name__ == "__main__":
    sys.exit(main())
