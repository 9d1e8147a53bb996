"""A histogram that is filled here and kept elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hist

from ..axes import axis_from_uhi, named_tuple
from ..histogram import Histogram, name_histogram
from .attempt import Attempt, running
from .errors import ServiceError

if TYPE_CHECKING:
    from .sink import Sink


class VirtualHistogram:
    """A histogram of an accumulator, with the `fill` of one in a file. It holds no content, and pickles by its name.

    What is filled belongs to an attempt: the one it was got from, or the one of its sink that this thread is in.
    """

    def __init__(self, sink: Sink, name: str, attempt: Attempt | None = None) -> None:
        self._sink = sink
        self._attempt = attempt
        self.name = name

    @property
    def axes(self) -> hist.axis.NamedAxesTuple:
        """hist's axes; growing ones without labels."""
        return named_tuple(axis_from_uhi(axis) for axis in self._sink.describe(self.name)["axes"])

    def fill(
        self,
        *args: Any,
        weight: Any = None,
        sample: Any = None,
        threads: int | None = None,
        allow_nan: bool = False,
        **named: Any,
    ) -> VirtualHistogram:
        """As `Histogram.fill`: one column for each axis, by position or by name; on an error nothing was added."""
        attempt = self._running()
        buffer = attempt.buffer(self.name)
        try:
            buffer.fill(*args, weight=weight, sample=sample, threads=threads, allow_nan=allow_nan, **named)
        except (TypeError, ValueError, KeyError) as problem:
            name_histogram(problem, f"histogram '{self.name}'")
            raise
        attempt.make_room()
        return self

    def merge(self, other: Any) -> None:
        """Adds a delta, or any histogram in memory, matching labels."""
        self._running().merge(self.name, other)

    def __iadd__(self, other: Any) -> VirtualHistogram:
        self.merge(other)
        return self

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and hasattr(Histogram, name):
            raise AttributeError(
                f"histogram '{self.name}' is filled here and kept elsewhere, so it has no {name}: read it with "
                "hugehist.File(…), where what was committed is after sink.flush()"
            )
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def _running(self) -> Attempt:
        attempt = self._attempt or (running.get() or {}).get(self._sink.key)
        if attempt is None:
            raise ServiceError(
                f"histogram '{self.name}' is filled within an attempt, so that the work counts once: "
                "with sink.attempt(events): …"
            )
        return attempt

    def __reduce__(self) -> tuple[Any, ...]:
        return VirtualHistogram, (self._sink, self.name)

    def __repr__(self) -> str:
        return f"<VirtualHistogram '{self.name}' of {self._sink!r}>"
