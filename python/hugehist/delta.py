"""Deltas, what one merge adds, and the buffers that they come from: both live without a file."""

from __future__ import annotations

import operator
import sys
from collections.abc import Sequence
from typing import Any, SupportsIndex

import boost_histogram as bh
import hist

from . import _core
from .axes import STORAGES, axes_to_uhi, axis_from_uhi, named_tuple, refuse_numeric_growth, storage_name
from .columns import axis_infos, fill_columns
from .resources import parse_size, size_text, thread_count
from .uhi import delta_of

DeltaCore = _core.Delta
BufferCore = _core.FillBuffer


def memory_limit(max_memory: SupportsIndex | str | None) -> int:
    return sys.maxsize if max_memory is None else min(parse_size(max_memory, "max_memory"), sys.maxsize)


def _unpickled(content: bytes) -> Delta:
    """Whoever made the pickle was trusted to run code."""
    return Delta.from_bytes(content, max_memory=None)


def shard_of(labels: Sequence[str | int], shards: SupportsIndex) -> int:
    """The shard, of so many, where `Delta.split` puts what is under these labels, one for each axis that it splits by.

    The same in all versions: XXH64 of the labels, joined by U+001F, modulo `shards`. An overflow bin counts as "".
    """
    if isinstance(labels, str | bytes):
        raise TypeError(f"shard_of takes a list of labels, not {labels!r}")
    texts = [label if isinstance(label, str) else str(operator.index(label)) for label in labels]
    return _core.shard_of(texts, _count(shards, "shards"))


def _count(number: SupportsIndex, name: str) -> int:
    count = operator.index(number)
    if count < 1:
        raise ValueError(f"{name}={count} have no place for anything: give 1 at least")
    return count


class Held:
    """What deltas and buffers say of themselves."""

    _core: DeltaCore | BufferCore

    @property
    def axes(self) -> hist.axis.NamedAxesTuple:
        """hist's axes, with the labels that are in."""
        return named_tuple(axis_from_uhi(axis) for axis in self._core.axes)

    @property
    def storage_type(self) -> type[bh.storage.Storage]:
        """boost-histogram's storage."""
        return STORAGES[self._core.storage]

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._core.nbytes

    @property
    def empty(self) -> bool:
        """True where there is no content to add; there may be labels."""
        return self._core.empty

    def __repr__(self) -> str:
        axes = ", ".join(repr(axis) for axis in self.axes)
        return f"{type(self).__name__}({axes}, {size_text(self.nbytes)})"


class Delta(Held):
    """What one merge adds to a histogram, under labels. Made by a buffer, from bytes, or of a histogram."""

    _core: DeltaCore

    def __init__(self, core: DeltaCore) -> None:
        self._core = core

    @staticmethod
    def from_uhi(histogram: Any) -> Delta:
        """A delta of any histogram in memory, which must stay as it is while the delta lives: only means are copied."""
        return Delta(delta_of(histogram))

    _from_uhi_ = from_uhi

    @staticmethod
    def from_bytes(
        content: bytes | bytearray | memoryview, *, max_memory: SupportsIndex | str | None = "2 GiB"
    ) -> Delta:
        """The delta of `to_bytes`. Raises CorruptionError or FormatError for other bytes.

        Bytes can announce 65,536 times their length. Where reading them would take more than `max_memory` (bytes, or a
        text as "512 MiB"; None: no limit), it raises hugehist.Error before any of it is taken.
        """
        return Delta(_core.Delta.from_bytes(content, memory_limit(max_memory)))

    def to_bytes(self) -> bytes:
        """The compact form, compressed and under a checksum, for the network."""
        return self._core.to_bytes()

    def split(self, axes: Sequence[str | int] | str | int, parts: SupportsIndex) -> list[Delta]:
        """The content by shards: a delta for each of `parts`, which together are this one.

        `axes` are category axes by name or number. What is under the labels (a, b) there is in the part
        `shard_of((a, b), parts)`. A part has the labels that its content uses, and the first those that nothing uses,
        each in the order they have here. Dense cells are shared, not copied. Raises KeyError for an axis that is not
        there, ValueError for one without labels, none, one twice, and for fewer parts than one.
        """
        by = [axes] if isinstance(axes, str) or not isinstance(axes, Sequence) else list(axes)
        return [Delta(part) for part in self._core.split(by, _count(parts, "parts"))]

    def pieces(self, max_bytes: SupportsIndex | str) -> list[Delta]:
        """The same content, in the same order, in deltas of at most `max_bytes` (bytes, or a text as "64 MiB") each.

        These are `nbytes` of the delta that `from_bytes` reads. What cannot be cut, all variations under one tuple of
        labels, is a piece by itself where it is larger. Labels as for `split`; nothing is copied.
        """
        size = min(parse_size(max_bytes, "max_bytes"), sys.maxsize)
        return [Delta(piece) for piece in self._core.pieces(size)]

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.to_bytes(),)


class DeltaReader:
    """Reads deltas one after another, each in the memory of the one before where that is gone. One thread at a time."""

    def __init__(self) -> None:
        self._core = _core.DeltaReader()

    def read(
        self, content: bytes | bytearray | memoryview, *, max_memory: SupportsIndex | str | None = "2 GiB"
    ) -> Delta:
        """As `Delta.from_bytes`."""
        return Delta(self._core.read(content, memory_limit(max_memory)))


class Buffer(Held):
    """Histograms in memory that are filled as one in a file is, and become a delta."""

    _core: BufferCore

    def __init__(self, *axes: Any, storage: Any = "double") -> None:
        refuse_numeric_growth(axes)
        self._adopt(_core.FillBuffer(axes_to_uhi(axes), storage_name(storage)))

    @classmethod
    def of_core(cls, core: BufferCore) -> Buffer:
        """Over the axes of a buffer of the core."""
        self = cls.__new__(cls)
        self._adopt(core)
        return self

    def _adopt(self, core: BufferCore) -> None:
        self._core = core
        self._infos = axis_infos(core.axes)

    def fill(
        self,
        *args: Any,
        weight: Any = None,
        sample: Any = None,
        threads: int | None = None,
        allow_nan: bool = False,
        **named: Any,
    ) -> Buffer:
        """As `Histogram.fill`, with one thread unless `threads` says more."""
        columns, weights, samples = fill_columns(self._infos, args, named, weight, sample)
        self._core.fill(columns, weights, samples, allow_nan, thread_count(threads) or 1)
        return self

    def delta(self) -> Delta:
        """All that was filled so far; the buffer is empty afterwards and can be filled again."""
        return Delta(self._core.take())
