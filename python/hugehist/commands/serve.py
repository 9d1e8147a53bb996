"""Accumulate into a file what tasks of other processes fill, until SIGTERM or Ctrl-C.

How to reach it is written to FILE.service, for this user alone; hugehist.service.connect(FILE) takes it from there.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="opened, or made")
    parser.add_argument("--host", help="the address to listen on; by default only this user's processes here can call")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes one that is free")
    parser.add_argument("--socket", metavar="FILE", help="to listen on in place of an address; one is made by default")
    parser.add_argument("--tls", type=Path, metavar="DIR", help="with the certificates of `hugehist certificates`")
    parser.add_argument("--log", type=Path, metavar="FILE", help="one JSON object a line; standard error by default")
    parser.add_argument("--threads", type=int, default=0, help="0, the default, takes one for each processor")
    parser.add_argument("--log-limit", default="4 GiB", help="how much may wait to be merged")
    parser.add_argument("--commit-seconds", type=float, default=10, help="until readers see what was merged, at most")
    parser.add_argument("--attempt-seconds", type=float, default=3600, help="until a silent attempt is forgotten")
    parser.add_argument(
        "--shard",
        nargs=3,
        metavar=("SET", "NUMBER", "SHARDS"),
        help="the file is one of several that share the work of the set with that id",
    )
    parser.add_argument("--ledger", metavar="FILE", help="of the shard that decides; shard 0 decides itself")
    parser.add_argument("--until-end-of-input", action="store_true", help="stop when standard input ends, too")
    parser.epilog = "The environment variable HUGEHIST_TOKEN sets the token that callers must have."
    parser.set_defaults(memory="1 GiB")


def run(options: argparse.Namespace) -> int:
    from ..optional import needed

    needed("pyarrow.flight", "`hugehist serve`", "service")
    from ..service.serving import log, serve, set_up_log

    set_up_log(options.log)
    try:
        _serve(serve, options)
    except Exception as problem:
        log.error("failed", extra={"problem": str(problem)})  # whoever started this process reads it there
        raise
    return 0


def _serve(serve: Callable[..., None], options: argparse.Namespace) -> None:
    from ..service.credentials import Certificates

    serve(
        options.file,
        host=options.host,
        port=options.port,
        socket=options.socket,
        token=os.environ.pop("HUGEHIST_TOKEN", None),
        certificates=None if options.tls is None else Certificates.load(options.tls),
        ledger=options.ledger,
        marks=_marks(options.shard),
        until_end_of_input=options.until_end_of_input,
        memory=options.memory,
        threads=options.threads,
        log_limit=options.log_limit,
        commit_seconds=options.commit_seconds,
        attempt_seconds=options.attempt_seconds,
    )


def _marks(shard: list[str] | None) -> dict[str, str | int]:
    """What the file says of itself; `hugehist.File` and `hugehist merge` know by it what belongs together."""
    if shard is None:
        return {}
    return {"hugehist.run": shard[0], "hugehist.shard": int(shard[1]), "hugehist.shards": int(shard[2])}
