"""hugehist beside what else keeps such histograms.

benchmarks/README.md in the repository says what is measured, and how.
"""

from __future__ import annotations

import argparse
import signal
import sys
from importlib import import_module
from importlib.util import find_spec

COMMANDS = {
    "run": "measure, print the table, write a directory of results",
    "compare": "two or more results side by side, with ratios",
    "plot": "pictures of a directory of results",
    "talk": "a histogram of 83 GiB, filled and projected (minutes, 5 GB of disk)",
}
# what the commands need besides hugehist's own requirements: the extra `bench`
NEEDED: dict[str, tuple[str, ...]] = {
    "run": ("psutil", "h5py", "hdf5plugin", "zarr", "blosc2"),
    "compare": (),
    "plot": ("matplotlib",),
    "talk": (),
}


def missing(command: str) -> list[str]:
    return [module for module in NEEDED[command] if find_spec(module) is None]


def parser(command: str | None) -> argparse.ArgumentParser:
    """With the options of `command` alone, so that the others' needs are not imported."""
    result = argparse.ArgumentParser(prog="python -m hugehist.benchmark", description=__doc__)
    commands = result.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        if name != command:
            commands.add_parser(name, help=text)
            continue
        module = import_module(f".{name}", __package__)
        one = commands.add_parser(name, help=text, description=module.__doc__)
        module.arguments(one)
        one.set_defaults(main=module.main)
    return result


def main(given: list[str] | None = None) -> int:
    given = sys.argv[1:] if given is None else given
    command = next((word for word in given if word in COMMANDS), None)
    if sys.platform != "linux":
        sys.exit("python -m hugehist.benchmark needs Linux, whose /proc the recorder reads")
    if command is not None and (absent := missing(command)):
        sys.exit(f"python -m hugehist.benchmark {command} needs {', '.join(absent)}: pip install 'hugehist[bench]'")
    arguments = parser(command).parse_args(given)
    # as by Ctrl-C: the measured process ends too, and its files go
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    return int(arguments.main(arguments))


if __name__ == "__main__":
    sys.exit(main())
