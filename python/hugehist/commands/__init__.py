"""The commands of `hugehist`, one module each: `add_arguments` and `run`."""

from __future__ import annotations

import argparse
import importlib.util

from ..progress import Progress


def progress_of(options: argparse.Namespace) -> Progress:
    """A bar where there is something to draw it with."""
    return not options.quiet and importlib.util.find_spec("tqdm") is not None
