"""Join files to one: histograms by name, their categories by label.

Shards of one run are joined whole. The target must not exist, unless --force is given.
"""

from __future__ import annotations

import argparse

from ..merge_files import merge
from . import progress_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target")
    parser.add_argument("sources", nargs="+", metavar="source")
    parser.add_argument("--force", action="store_true", help="replace the target where it exists")
    parser.add_argument(
        "--attributes",
        choices=("error", "first"),
        default="error",
        help="where attributes of files differ: an error (the default), or take the first",
    )
    parser.add_argument(
        "--ledger",
        choices=("error", "ignore"),
        default="error",
        help="where a merge is in the ledgers of two files: an error (the default), or join them all the same",
    )
    parser.add_argument("--partial", action="store_true", help="shards of a run may be missing")


def run(options: argparse.Namespace) -> int:
    done = merge(
        options.sources,
        options.target,
        force=options.force,
        attributes=options.attributes,
        ledger=options.ledger,
        partial=options.partial,
        memory=options.memory,
        progress=progress_of(options),
    )
    files, histograms = len(options.sources), done.histograms
    print(
        f"{options.target}: {histograms} histogram{'s' * (histograms != 1)} of {files} file{'s' * (files != 1)} "
        f"({done.copied} chunks copied, {done.merged} added up)"
    )
    return 0
