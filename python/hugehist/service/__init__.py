"""Accumulation as a service: tasks fill histograms that are kept elsewhere, and each piece of work counts once.

with hugehist.service.Accumulator("analysis.h5", client=client) as accumulator:  # a process of its own
    sink = accumulator.sink()  # goes to workers
    sink.create("dnn", axes..., storage=hist.storage.Weight())
    ...
        with sink.attempt(events) as a:
            a["dnn"].fill(dataset="ttbar", score=score, weight=weights)
        return a.receipt

Where all is in one process, `hugehist.service.open("analysis.h5")` gives the same without a server.
"""

from __future__ import annotations

import os
from typing import Any, SupportsIndex

from ..resources import parse_size
from .attempt import Attempt
from .errors import AttemptLostError, RefusedError, ServiceError
from .leftover import UnmergedWarning
from .local import LocalEngine, LocalSink
from .receipt import Receipt
from .sink import Sink
from .virtual import VirtualHistogram

__all__ = [
    "Accumulator",
    "Attempt",
    "AttemptLostError",
    "Receipt",
    "RefusedError",
    "ServiceError",
    "Sink",
    "UnmergedWarning",
    "VirtualHistogram",
    "connect",
    "open",
]


def open(
    path: str | os.PathLike[str], *, run: str = "", memory: SupportsIndex | str = "1 GiB", **options: Any
) -> LocalSink:
    """A sink into a file of this process, to be closed, or used as a context manager; threads may share it.

    `memory` is for file and attempts together, of which an attempt may hold a quarter. The other options are those of
    `hugehist serve`, and `patience`, the seconds that a task waits for room (300).
    """
    budget = parse_size(memory)
    engine = LocalEngine(path, memory=budget - budget // 4, **{"patience": 300} | options)
    try:
        return LocalSink(engine, run=run, memory=budget // 4)
    except BaseException:
        engine.close()
        raise


def connect(
    to: str | os.PathLike[str],
    token: str | None = None,
    *,
    tls: dict[str, str] | None = None,
    run: str = "",
    memory: SupportsIndex | str = "256 MiB",
    patience: float = 300,
) -> Sink:
    """A sink into an accumulator that is at work already.

    `to` is its file, beside which it says how it is reached, or its address, as "grpc://127.0.0.1:41233", with its
    token and, for "grpc+tls://", certificates: PEM texts under "root", "certificate" and "key". Raises ServiceError
    where nobody serves the file.
    """
    from .credentials import Access, access_file
    from .remote import Remote

    text = os.fspath(to)
    if "://" in text:
        if token is None:
            raise TypeError("connect(address) takes the token that the accumulator was started with, too")
        return Sink(Remote(text, token, tls, patience), run=run, memory=memory)
    access = Access.load(access_file(text))
    if access.has_ended:
        raise ServiceError(
            f"the accumulator of '{text}' was ended by force: start it again by `hugehist serve`, which goes on from "
            "its log"
        )
    return Sink(Remote(access.address, access.token, tls or access.tls, patience), run=run, memory=memory)


def __getattr__(name: str) -> Any:
    """`Accumulator` needs pyarrow, which a sink of this process does not."""
    if name == "Accumulator":
        from ..optional import needed

        needed("pyarrow.flight", "an accumulator in a process of its own", "service")
        from .accumulator import Accumulator

        return Accumulator
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
