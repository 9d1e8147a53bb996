"""`python -m hugehist.benchmark`: the command line. benchmarks/README.md in the repository says what is measured."""

from __future__ import annotations

import argparse
import sys

from . import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m hugehist.benchmark", description="hugehist beside its peers")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("run", help="measure", description=run.__doc__)
    run.arguments(command)
    command.set_defaults(main=run.main)
    arguments = parser.parse_args()
    return int(arguments.main(arguments))


if __name__ == "__main__":
    sys.exit(main())
