"""Make certificates for an accumulator that others reach over a network, and for those who call it.

DIR gets authority.pem, server.pem, server.key, client.pem and client.key, for this user alone; they are valid for 30
days. `hugehist serve --tls DIR` takes all; workers need the authority's and the client's.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=Path)
    parser.add_argument("hosts", metavar="HOST", nargs="+", help="a name or an address that callers know it by")


def run(options: argparse.Namespace) -> int:
    from ..service.credentials import Certificates

    Certificates.temporary(options.hosts).save(options.folder)
    print(f"certificates for {', '.join(options.hosts)} are in {options.folder}")
    return 0
