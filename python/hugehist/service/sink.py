"""Where work goes: the accumulator as a task sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex

import boost_histogram as bh

from .._core import FillBuffer
from ..delta import Buffer, Delta, shard_of
from ..resources import parse_size
from .attempt import Attempt
from .ids import ids_of, parts_of
from .specification import Specification, specify
from .transport import Transport
from .virtual import VirtualHistogram


class Sink:
    """Takes the work of tasks, each piece of it once.

    with sink.attempt((source, start, stop)) as a:
        a["dnn"].fill(dataset="ttbar", score=score, weight=weights)
        a.counters["sumw", "ttbar"] += weights.sum()

    Made by `open` in this process, or by `connect` and `Accumulator.sink`; those pickle, and are sent to workers.
    Threads may share one.
    """

    def __init__(self, transport: Transport, *, run: str = "", memory: SupportsIndex | str = "256 MiB") -> None:
        """`run` is a tag: the same work under another tag counts again. `memory` is what an attempt may hold."""
        if not isinstance(run, str):
            raise TypeError(f"run= is the tag of a run, a str, not {run!r}")
        self.transport = transport
        self.run = run
        self.memory = parse_size(memory)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.transport, self.run, self.memory)

    @property
    def key(self) -> Any:
        """Equal for copies that came to this process by pickling."""
        return self.transport, self.run

    # --- histograms ----------------------------------------------------------------------------------------

    def create(
        self,
        name: str,
        *axes: Any,
        storage: Any = None,
        label: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> VirtualHistogram:
        """Makes a histogram in the accumulator's file, with the arguments of `File.create`.

        One that is there already stays, and must have the same axes and the same storage (ValueError).
        """
        if storage is None and axes and isinstance(axes[-1], str | bh.storage.Storage):
            axes, storage = axes[:-1], axes[-1]
        wanted = specify(axes, storage, {"label": label} | dict(metadata or {}), options)
        self.transport.create(name, wanted)
        return VirtualHistogram(self, name)

    def __getitem__(self, name: str) -> VirtualHistogram:
        """A histogram, to be filled within attempts. KeyError with the names there are."""
        self.describe(name)
        return VirtualHistogram(self, name)

    def names(self) -> list[str]:
        """The names of all histograms."""
        return self.transport.names()

    def describe(self, name: str) -> Specification:
        """Axes and storage, as JSON has them."""
        return self.transport.describe(name)

    def buffer(self, name: str) -> Buffer:
        """An empty buffer over the axes of a histogram."""
        found = self.describe(name)
        return Buffer.of_core(FillBuffer(found["axes"], found["storage"]))

    def shares(self, name: str, delta: Delta) -> list[Delta | None]:
        """What each accumulator gets of a delta: by its dataset and category, the first two category axes.

        The last category axis, of systematics, stays together where there is another. None: nothing.
        """
        shards = self.transport.shards
        if shards == 1:
            return [delta]
        axes = self.describe(name)["axes"]
        categories = [position for position, axis in enumerate(axes) if str(axis["type"]).startswith("category")]
        if not categories:
            home = shard_of([name], shards)
            return [delta if shard == home else None for shard in range(shards)]
        parts = delta.split(categories[:-1][:2] or categories, shards)
        return [None if part.empty and not _names_labels(part) else part for part in parts]

    # --- work ----------------------------------------------------------------------------------------------

    def attempt(self, work: Any) -> Attempt:
        """A try to do some work, as a context manager: what is filled in it counts once, or not at all.

        `work` is coffea's events, their metadata or a work item; an id, as (source, start, stop) for the entries of a
        source, or a str; or a list of these, which count together. Work that is in already adds nothing.
        """
        return Attempt(self, ids_of(work, self._prefix))

    def missing(self, expected: Sequence[Any]) -> list[Any]:
        """What of these pieces of work is not in, in order: work items and ids, of the entries that are missing."""
        pieces = [piece for work in expected for piece in (work if isinstance(work, list) else [work])]
        ids = ids_of(pieces, self._prefix) if pieces else []
        absent = self.transport.missing(ids)
        return [part for piece, each in zip(pieces, absent, strict=True) for part in parts_of(piece, each)]

    def checkpointer(self, output: Any = None) -> Any:
        """For `Runner(checkpointer=…)` of coffea: chunks that are in are skipped before their file is opened.

        `output` makes what the processor returns of a `Receipt`; None where it returns the receipt alone.
        """
        from .coffea import Checkpointer

        return Checkpointer(self, output)

    @property
    def _prefix(self) -> str:
        return f"{self.run}/" if self.run else ""

    def __enter__(self) -> Sink:
        """For the form alone: a sink into an accumulator elsewhere has nothing to close."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing."""

    def flush(self) -> None:
        """Returns when all that was committed is in the file, where readers see it."""
        self.transport.flush()

    def status(self) -> dict[str, Any]:
        """What the accumulator has done and holds; the same keys at any time, sizes in bytes."""
        return self.transport.status()


def _unpickled(transport: Transport, run: str, memory: int) -> Sink:
    return Sink(transport, run=run, memory=memory)


def _names_labels(delta: Delta) -> bool:
    """A label that was named exists, also without content."""
    return any(axis.traits.growth and len(axis) for axis in delta.axes)
