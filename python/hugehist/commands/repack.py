"""Give back the space that a file does not use: it is written anew and put in its own place."""

from __future__ import annotations

import argparse

from ..integrity import repack
from ..resources import size_text
from . import progress_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file")


def run(options: argparse.Namespace) -> int:
    done = repack(options.file, memory=options.memory, progress=progress_of(options))
    print(f"{options.file}: {size_text(done.before)} before, {size_text(done.after)} after")
    return 0
