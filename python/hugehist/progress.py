"""Progress of long reads and merges: a bar of tqdm, or whatever the user's function makes of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .optional import needed

#: What the core and the parts of a merge tell: (done, to do).
Report = Callable[[int, int], object]
Progress = bool | Callable[[float], object]
_DELAY = 0.5  # seconds; what takes less needs no bar


def checked(progress: Progress) -> Progress:
    """Whether it can be shown is found out before anything long begins."""
    if not isinstance(progress, bool) and not callable(progress):
        raise TypeError(f"progress= is True, False or a function of the fraction done, not {progress!r}")
    if progress is True:
        _tqdm()
    return progress


@contextmanager
def reporting(progress: Progress, what: str) -> Iterator[Callable[[float], object] | None]:
    """Takes the fraction that is done, from 0 to 1; None where nobody wants to know."""
    if callable(progress):
        yield progress
    elif progress and _is_seen():
        layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
        with _tqdm()(total=1.0, desc=what, leave=False, delay=_DELAY, bar_format=layout) as bar:
            yield lambda fraction: bar.update(fraction - bar.n)
    else:
        yield None


def part_of(tell: Callable[[float], object] | None, start: float, share: float) -> Report | None:
    """For a part that is `share` of the whole and begins when `start` of it is done."""
    if tell is None:
        return None
    return lambda done, todo: tell(start + share * (done / todo if todo else 1.0))


def turn_of(report: Report | None, number: int, count: int) -> Report | None:
    """For one of `count` parts that come one after another, and are taken to be equally long."""
    if report is None:
        return None
    return lambda done, todo: report(number * max(todo, 1) + done, count * max(todo, 1))


def _tqdm() -> Any:
    return needed("tqdm.auto", "progress=True", "progress").tqdm


def _is_seen() -> bool:
    """On a terminal or in a notebook; a log file wants no bars."""
    if "ipykernel" in sys.modules:
        from IPython import get_ipython

        shell = get_ipython()
        if shell is not None and "IPKernelApp" in shell.config:
            return True
    return sys.stderr is not None and sys.stderr.isatty()
