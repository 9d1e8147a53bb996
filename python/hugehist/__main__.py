"""The command line: `hugehist COMMAND`, or `python -m hugehist COMMAND`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import Error
from .commands import certificates, merge, repack, salvage, serve, status, verify

COMMANDS = (merge, verify, salvage, repack, serve, status, certificates)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 where all is well, 1 where something is damaged, 2 where the command could not be done."""
    parser = argparse.ArgumentParser(prog=_name(), description="Files of histograms.")
    parsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        about = (command.__doc__ or "").strip()
        name = command.__name__.rpartition(".")[2]
        own = parsers.add_parser(name, help=about.splitlines()[0], description=about)
        own.add_argument("--memory", default="512 MiB", help="how much to use, %(default)s by default")
        own.add_argument("--quiet", action="store_true", help="no bar while it works")
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except (Error, OSError, ValueError, ImportError) as problem:
        print(f"hugehist: {problem}", file=sys.stderr)
        return 2


def _name() -> str:
    return "python -m hugehist" if Path(sys.argv[0]).name == "__main__.py" else "hugehist"


if __name__ == "__main__":
    sys.exit(main())
