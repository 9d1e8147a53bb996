"""Write all that is sound in a damaged file to a new one.

The exit status is 0 where nothing is lost, and 1 where something is, which is named.
"""

from __future__ import annotations

import argparse

from ..integrity import salvage
from . import progress_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("damaged")
    parser.add_argument("new", help="must not exist")


def run(options: argparse.Namespace) -> int:
    found = salvage(options.damaged, options.new, memory=options.memory, progress=progress_of(options))
    for damage in found.damaged:
        print(f"lost: {damage}")
    if found.omitted:
        print(f"… and {found.omitted} more")
    print(f"{options.new}: {found.summary()}")
    return 0 if found.ok else 1
