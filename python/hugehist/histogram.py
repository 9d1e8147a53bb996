"""A histogram in a file: fill it, merge into it, read parts of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, SupportsIndex

from . import _core
from .axes import find_name
from .columns import axis_infos, fill_columns
from .delta import Buffer, Delta, memory_limit
from .home import Home
from .joined_histogram import JoinedHistogram
from .labels import labels_of
from .merge_id import MergeID, merge_id
from .progress import part_of, reporting
from .readable import Readable, Source
from .resources import size_text, thread_count
from .rollups import Rollups
from .selection import Selection
from .steps import Step
from .uhi import deltas_of
from .view import View


class Histogram(Rollups, Readable):
    """A handle to a histogram in a file. The histogram itself is never held in memory.

    It reads like a histogram of hist or boost-histogram; indexing and projecting give lazy views.
    """

    def __init__(self, core: _core.Histogram | JoinedHistogram, home: Home) -> None:
        super().__init__(Source(core, home))
        self._core = core
        self._infos = axis_infos(core.axes()[1])

    @classmethod
    def _from_uhi_(cls, uhi: Mapping[str, Any]) -> Histogram:
        """Of the UHI serialization form: in a file in memory, which lives as long as a handle to it does."""
        from .file import File

        file = File.in_memory()
        name = str((uhi.get("metadata") or {}).get("name") or "histogram")
        file[name] = uhi
        return file[name]

    def fill(
        self,
        *args: Any,
        weight: Any = None,
        sample: Any = None,
        threads: int | None = None,
        allow_nan: bool = False,
        **named: Any,
    ) -> Histogram:
        """Adds events: one column for each axis, by position or by name; reads see them at once.

        Columns of numeric axes are arrays of shape (events,). On a category axis a str is one label for all
        events, an array or a list has one for each event, a dict of label → mask puts an event into many;
        columns that are dictionary-encoded (pandas, Arrow, awkward, `(labels, codes)`) are taken as codes.
        With `weight`, an observable or a mask of shape (events, k), one category axis takes a list of k labels,
        or `hugehist.variations`. Means take the `sample` that they average, of shape (events,) or (events, k).
        NaN weights and samples are refused unless `allow_nan`. On an error nothing was added.
        """
        try:
            columns, weights, samples = fill_columns(self._infos, args, named, weight, sample)
            self._core.fill(columns, weights, samples, allow_nan, thread_count(threads))
        except (TypeError, ValueError, KeyError) as problem:
            name_histogram(problem, self._owner)
            raise
        return self

    def merge(self, other: Any, id: MergeID | None = None) -> bool:
        """Adds a delta or any histogram, matching labels; growing category axes get those that are new.

        True if it was merged; False where the id is in the file's ledger already, whatever histogram of the file it was
        merged into, and then nothing happens. An id is a str, bytes, or what was processed: (source, start, stop), the
        entries from start up to stop of a file or tree. Raises OverlapError where some of these are in and others
        are not.
        """
        id = None if id is None else merge_id(id)
        if isinstance(other, Delta):
            parts = iter([(1.0, other._core)])
        else:
            # A view of this histogram would change while its parts are merged.
            single = id is not None or (isinstance(other, View) and self._holds(other))
            parts = deltas_of(other, single)
        merged, done = True, 0.0
        with reporting(self._source.home.progress, f"merging into {self._source.owner}") as tell:
            for share, delta in parts:
                merged = self._core.merge(delta, id, part_of(tell, done, share))
                done += share
        return merged

    def check(
        self, delta: Delta | bytes | bytearray | memoryview, *, max_memory: SupportsIndex | str | None = "2 GiB"
    ) -> int:
        """Raises what `merge` would raise for a delta that does not fit, and changes nothing: for who merges it later.

        Bytes of `to_bytes` are read as by `Delta.from_bytes`, which raises for others, but in the memory of a part of
        them. Returns the bytes that the delta takes in memory.

        ValueError for another storage, other axes, a label that a fixed axis lacks, entries in an overflow bin that
        there is none of, or too many labels; Error where the file or the histogram is read only.
        """
        if isinstance(delta, bytes | bytearray | memoryview):
            return self._core.check_bytes(delta, memory_limit(max_memory))
        if not isinstance(delta, Delta):
            raise TypeError(f"check takes a hugehist.Delta, not {type(delta).__name__}: Delta.from_uhi makes one")
        self._core.check(delta._core)
        return delta.nbytes

    def _holds(self, other: Readable) -> bool:
        return other._source.home is self._source.home and other.name == self.name

    def __iadd__(self, other: Any) -> Histogram:
        self.merge(other)
        return self

    def _refuse_in_place(self, other: Any) -> NoReturn:
        raise TypeError(
            f"{self._owner} would be rewritten in its file: h * x, h / x and h - x are views or copies, "
            "and h[...] = writes one of them"
        )

    __imul__ = __itruediv__ = __isub__ = _refuse_in_place

    def buffer(self) -> Buffer:
        """An empty buffer over the same axes, to fill elsewhere; its `delta()` can be merged here."""
        return Buffer.of_core(self._core.buffer())

    def grow(self, axis: str | int, labels: Iterable[str | int]) -> None:
        """Adds labels to a growing category axis; those that are there stay."""
        # not by the axes themselves: they come with all their labels, and labels may be added one by one
        info = self._infos[find_name([info.name for info in self._infos], axis, self._source.owner)]
        if isinstance(labels, str | bytes):
            raise TypeError(f"grow takes a list of labels for {info.owner}, not one label")
        if not info.is_category or not info.name:
            raise ValueError(f"{self._source.owner}: {info.owner} is no category axis with a name")
        self._core.grow(info.name, labels_of(labels, info.kind == "category_int", info.owner))

    def stats(self) -> dict[str, Any]:
        """Dense size, bytes and chunks of the last commit, chunk shape."""
        return self._core.stats()

    def _what(self) -> str:
        return repr(self.name)

    def _sizes(self) -> str:
        stats = self.stats()
        place = "on disk" if self._source.home.origin else "in memory"
        stored = f"{size_text(stats['stored_bytes'])} {place} in {stats['stored_chunks']} chunks"
        return f"{size_text(stats['dense_bytes'])} dense, {stored if stats['stored_chunks'] else 'no chunk committed'}"

    def _selection(self) -> Selection:
        return Selection.whole(self._source.axes()[1])

    def _view(self, step: Step) -> View:
        return View(self._source, (step,))


def name_histogram(problem: Exception, owner: str) -> None:
    """Fills often stand in a loop over many histograms, and their errors speak of axes."""
    message = str(problem.args[0]) if problem.args else ""
    if owner not in message:
        problem.args = (f"{owner}: {message}", *problem.args[1:])
