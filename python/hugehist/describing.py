"""What a histogram looks like in a terminal and in a notebook.

No text reads a chunk. A notebook shows hist's picture where few chunks make it, and a table of the axes where it
would take more.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from html import escape
from math import prod
from typing import TYPE_CHECKING, Any

import boost_histogram as bh
import numpy as np
import numpy.typing as npt

from . import _core
from .axes import Axis, axis_name, is_category, storage_name
from .base import Base
from .cells import cell_bytes
from .resources import size_text

if TYPE_CHECKING:
    from .readable import Source

_MOST_LABELS = _MOST_EDGES = 8
#: A picture is drawn where no more than this must be read for it.
_PICTURE_CHUNKS = 64
_PICTURE_BYTES = 64 << 20
#: What a handle says whose file or histogram is gone.
_GONE = (KeyError, ValueError, OSError, _core.Error)


class Describing(Base):
    _source: Source

    @abstractmethod
    def _what(self) -> str:
        """What comes first in a repr."""

    def __repr__(self) -> str:
        name = type(self).__name__
        try:
            axes = "".join(f"\n  {axis_text(axis)}" for axis in self._selection().axes)
            return f"{name}({self._what()},{axes}\n  storage={self.storage_type()!r})  # {self._sizes()}"
        except _GONE as problem:
            return f"<{name} {self._what()}: {problem.args[0] if problem.args else problem}>"

    def _repr_html_(self) -> str:
        try:
            picture = self.to_hist()._repr_html_() if self._is_quickly_drawn() else None
            title = f"<b>{type(self).__name__}</b> {escape(self._what())}"
            footer = f"<div>{escape(f'{self.storage_type()!r}, {self._sizes()}')}</div>"
            return f"<div>{title}{picture or self._table()}{footer}</div>"
        except _GONE:
            return f"<pre>{escape(repr(self))}</pre>"

    def _ipython_key_completions_(self) -> list[Any]:
        """Labels that `h["` may go on with: those of the first axis."""
        first = next(iter(self._selection().axes), None)
        return list(first) if isinstance(first, bh.axis.StrCategory) else []

    def _sizes(self) -> str:
        """How large it is as an array."""
        return f"{size_text(prod(self._selection().shape) * cell_bytes(storage_name(self.storage_type)))} dense"

    def _is_quickly_drawn(self) -> bool:
        shape = self.shape
        drawn = (len(shape) == 1 and shape[0] <= 1000) or (len(shape) == 2 and max(shape) <= 200)
        if not drawn or 0 in shape:
            return False
        chunk = self._source.core.stats()["chunk_shape"]
        if chunk is None:  # nothing was merged yet
            return True
        chunks = chunks_touched([one.target for one in self._selection().maps], chunk)
        return (
            chunks <= _PICTURE_CHUNKS and chunks * prod(chunk) * cell_bytes(self._source.core.storage) <= _PICTURE_BYTES
        )

    def _table(self) -> str:
        rows = "".join(
            f"<tr><td>{i}</td><td>{escape(axis_name(axis))}</td><td>{len(axis)}</td>"
            f"<td style='text-align:left'>{escape(axis_text(axis).rstrip(','))}</td></tr>"
            for i, axis in enumerate(self._selection().axes)
        )
        head = "<tr><th></th><th>axis</th><th>bins</th><th></th></tr>"
        return f"<table>{head}{rows}</table>"


def axis_text(axis: Axis) -> str:
    """The axis as it says itself, in one line: of many labels or edges some."""
    with np.printoptions(threshold=_MOST_EDGES, edgeitems=3, linewidth=1000):
        text = f"{axis!r},"
    if not is_category(axis) or len(axis) <= _MOST_LABELS:
        return text
    labels = [repr(label) for label in axis]
    return text.replace(", ".join(labels), ", ".join([*labels[:3], "...", labels[-1]]), 1) + f"  # {len(labels)} labels"


def chunks_touched(targets: Sequence[npt.NDArray[np.int32]], chunk: Sequence[int]) -> int:
    """How many chunks a read visits, at most: `targets` says for each bin of an axis where it goes."""
    return prod(
        len(np.unique(np.flatnonzero(target >= 0) // length)) for target, length in zip(targets, chunk, strict=True)
    )
