"""Show what an accumulator does, until Ctrl-C: of a FILE that is served on this machine, or at an ADDRESS.

For an address, the environment variable HUGEHIST_TOKEN has the token.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("accumulator", metavar="FILE_OR_ADDRESS")
    parser.add_argument("--json", action="store_true", help="once, as JSON")
    parser.add_argument("--once", action="store_true", help="once, for people; so it is where no terminal is")
    parser.add_argument("--interval", type=float, default=1.0, metavar="SECONDS", help="1 by default")
    parser.add_argument("--tls", type=Path, metavar="DIR", help="with the certificates of `hugehist certificates`")


def run(options: argparse.Namespace) -> int:
    from ..optional import needed

    needed("pyarrow.flight", "`hugehist status`", "service")
    from ..service import Sink, connect
    from ..service.credentials import Certificates

    tls = None if options.tls is None else Certificates.load(options.tls).of_client()
    token = os.environ.get("HUGEHIST_TOKEN", "")

    def reach() -> Sink:
        return connect(options.accumulator, token, tls=tls, patience=0)

    if options.json:
        print(json.dumps(reach().status()))
        return 0
    needed("rich", "`hugehist status` without --json", "service")
    from ..service.watching import show, watch

    if options.once or not sys.stdout.isatty():
        show(reach().status())
    else:
        watch(reach, options.interval)
    return 0
