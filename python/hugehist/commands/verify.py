"""Check a file, and name what is damaged in it.

The exit status is 0 where it is whole, and 1 where it is not.
"""

from __future__ import annotations

import argparse

from ..integrity import verify
from . import progress_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file")
    parser.add_argument("--rollups", action="store_true", help="also sum everything anew and compare the roll-ups")


def run(options: argparse.Namespace) -> int:
    found = verify(options.file, rollups=options.rollups, memory=options.memory, progress=progress_of(options))
    for damage in found.damaged:
        print(damage)
    if found.omitted:
        print(f"… and {found.omitted} more")
    print(f"{options.file}: {found.summary()}")
    return 0 if found.ok else 1
