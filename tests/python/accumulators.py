"""Accumulators for tests: parts to send, what a file holds, and a kill that needs no process."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
from hugehist.service.engine import Engine
from hugehist.service.ids import ID
from hugehist.service.specification import Specification, specify
from hugehist.service.transport import Piece

BINS = 4
MEMORY = "64 MiB"
_copies = itertools.count()


def axes(labels: list[str] | None = None) -> tuple[Any, ...]:
    return (
        hist.axis.StrCategory(labels or [], growth=True, name="dataset"),
        hist.axis.Integer(0, BINS, flow=False, name="x"),
    )


SPECIFICATION: Specification = specify(axes(), "double", {}, {})


def content(label: str = "tt", x: int = 0, value: float = 1.0) -> bytes:
    """A delta with one bin."""
    h: hist.Hist[Any] = hist.Hist(*axes([label]))
    h.view()[0, x] = value
    return hugehist.Delta.from_uhi(h).to_bytes()


def piece(number: int = 0, name: str = "h", **what: Any) -> Piece:
    return Piece(number, name, content(**what))


@contextmanager
def accumulator(path: Path, **options: Any) -> Iterator[Engine]:
    """With a histogram "h"."""
    with Engine(path, **{"memory": MEMORY, "threads": 1, "patience": 0.2} | options) as engine:
        engine.create("h", SPECIFICATION)
        yield engine


def work(engine: Engine, attempt: str, *ids: ID, counters: Mapping[tuple[str, ...], float] = {}, **what: Any) -> bool:
    """An attempt with one part."""
    return engine.commit(attempt, [1], list(ids), dict(counters), [piece(**what)])


def killed(engine: Engine, to: Path) -> Path:
    """Its file and log as a kill leaves them now, in a directory of their own."""
    path = Path(engine.path)
    directory = to / f"killed {next(_copies)}"
    with engine._merger.paused():
        shutil.copytree(path.parent, directory, ignore=shutil.ignore_patterns("killed *"))
    return directory / path.name


def bins(path: Path, name: str = "h") -> dict[str, list[float]]:
    """Of each dataset."""
    with hugehist.File(path) as file:
        h = file[name]
        return dict(zip(list(h.axes["dataset"]), np.asarray(h.values()).tolist(), strict=True))


def ledger(path: Path) -> list[Any]:
    with hugehist.File(path) as file:
        return list(file.ledger)


def counters(path: Path) -> dict[Any, float]:
    with hugehist.File(path) as file:
        return dict(file.counters)


def log_of(path: Path) -> Path:
    return Path(f"{path}.log")
