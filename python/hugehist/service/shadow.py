"""What an accumulator knows without asking its file, which may be busy: histograms without content, and all ids.

The ids are those of the file's ledger and those that the log has and the file does not yet. Not synchronised, but for
`check` and what describes histograms.
"""

from __future__ import annotations

from collections.abc import Sequence

from .._core import Error, OverlapError
from ..file import File
from ..histogram import Histogram
from .ids import ID, shown
from .records import Bytes
from .specification import Specification, create_as, specification_of
from .transport import CounterSums


class Shadow:
    def __init__(self) -> None:
        self._file = File.in_memory(memory="8 MiB", threads=1)
        self._specifications: dict[str, Specification] = {}
        self._closed: dict[str, str] = {}  # why histograms take nothing

    def take_over(self, file: File) -> None:
        """Histograms and ids of the file."""
        for name in file:
            self.add(name, file[name])
        for id in file.ledger:
            self._file.ledger.add(id)

    def add(self, name: str, histogram: Histogram) -> None:
        """One more histogram; of another program maybe, which can only be read."""
        try:
            histogram.check(histogram.buffer().delta())
        except (ValueError, Error) as problem:
            self._closed[name] = str(problem)
        specification = specification_of(histogram)
        create_as(self._file, name, specification)
        self._specifications[name] = specification

    # --- histograms ----------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        return sorted(self._specifications)

    def describe(self, name: str) -> Specification:
        """Raises KeyError with the names there are."""
        if name not in self._specifications:
            raise KeyError(f"there is no histogram '{name}': there are {self.names()}")
        return self._specifications[name]

    def __contains__(self, name: str) -> bool:
        return name in self._specifications

    def check(self, name: str, content: Bytes, max_memory: int) -> int:
        """Raises what reading and merging the delta would raise, of so much memory at most; how much it takes."""
        self.describe(name)
        if name in self._closed:
            raise ValueError(self._closed[name])
        return self._file[name].check(content, max_memory=max_memory)

    def check_counters(self, sums: CounterSums) -> None:
        """Raises what adding them to those of the file would raise."""
        for key, value in sums.items():
            self._file.counters.add(key, value)

    # --- ids -----------------------------------------------------------------------------------------------

    def has(self, id: ID) -> bool:
        """Whether all of it is in."""
        return id in self._file.ledger

    def is_in(self, ids: Sequence[ID]) -> bool:
        """Whether all are; OverlapError where only a part is."""
        missing = [entry for each in self.missing(ids) for entry in each]
        if missing and missing != list(ids):
            raise OverlapError(
                f"an attempt at {shown(ids)} overlaps what is in already: of it {shown(missing)} is missing, and the "
                "rest would count twice. Do the work that is missing by itself: sink.missing([...]) gives it"
            )
        return not missing

    def decide(self, ids: Sequence[ID]) -> None:
        """They are in from now on. REQUIRES: none of them is"""
        for id in ids:
            self._file.ledger.add(id)

    def missing(self, ids: Sequence[ID]) -> list[list[ID]]:
        """Of each id what is not in: of an interval the entries that are not."""
        return [self._missing(id) for id in ids]

    def _missing(self, id: ID) -> list[ID]:
        if isinstance(id, str):
            return [] if id in self._file.ledger else [id]
        return [(str(source), start, stop) for source, start, stop in self._file.ledger.missing(*id)]
