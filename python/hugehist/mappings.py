"""What a file keeps beside its histograms, within the same commits: attributes, counters, the ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from .axes import metadata_value
from .cells import EXACT
from .merge_id import MergeID, merge_id

if TYPE_CHECKING:
    from .joined import JoinedFile

CounterKey = str | tuple[str, ...]


@dataclass(frozen=True)
class Differing:
    """In the place of an attribute's value, where files that are open as one do not agree: their values, by path."""

    values: Mapping[str, Any]

    def __repr__(self) -> str:
        return "<differs>"


class Attributes(MutableMapping[str, Any]):
    """Attributes of the file: bool, int, float or str under a name."""

    def __init__(self, core: _core.File | JoinedFile) -> None:
        self._core = core

    def __getitem__(self, key: str) -> Any:
        value = self._core.attributes()[key]
        if isinstance(value, Differing):
            each = ", ".join(f"{one!r} in '{path}'" for path, one in value.values.items())
            raise ValueError(f"the files do not agree on attribute {key!r}: it is {each}")
        return value

    def __contains__(self, key: object) -> bool:
        return key in self._core.attributes()

    def __setitem__(self, key: str, value: Any) -> None:
        self._core.set_attribute(key, metadata_value(value, f"attribute {key!r}"))

    def __delitem__(self, key: str) -> None:
        self._core.remove_attribute(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._core.attributes())

    def __len__(self) -> int:
        return len(self._core.attributes())

    def __repr__(self) -> str:
        return f"Attributes({self._core.attributes()!r})"


class Counters(MutableMapping[CounterKey, float]):
    """Sums under a key of one or more parts; one that does not exist reads as 0, as in collections.Counter."""

    def __init__(self, core: _core.File | JoinedFile) -> None:
        self._core = core

    def __getitem__(self, key: CounterKey) -> float:
        value = self._core.counter(counter_parts(key))
        return 0.0 if value is None else value

    def __setitem__(self, key: CounterKey, value: float) -> None:
        self._core.set_counter(counter_parts(key), counter_number(value, key))

    def __delitem__(self, key: CounterKey) -> None:
        self._core.remove_counter(counter_parts(key))

    def __contains__(self, key: object) -> bool:
        try:
            return self._core.counter(counter_parts(key)) is not None
        except TypeError:
            return False

    def add(self, key: CounterKey, value: float) -> None:
        """`counters[key] += value` as one step, for use from several threads."""
        self._core.add_to_counter(counter_parts(key), counter_number(value, key))

    def __iter__(self) -> Iterator[CounterKey]:
        return iter([key[0] if len(key) == 1 else key for key in self._core.counters()])

    def __len__(self) -> int:
        return len(self._core.counters())

    def __repr__(self) -> str:
        return f"Counters({dict(self)!r})"


class Ledger(Collection[MergeID]):
    """Ids of the merges that are in the file: texts as they came, then intervals (source, start, stop).

    Intervals that adjoin are one, and one is in where all of its entries are.
    """

    def __init__(self, core: _core.File | JoinedFile) -> None:
        self._core = core

    def __contains__(self, id: object) -> bool:
        try:
            return self._core.merged(merge_id(id))
        except (TypeError, ValueError):
            return False  # it cannot be an id

    def add(self, id: MergeID) -> bool:
        """Puts an id in, committed and discarded with the changes since the last commit: for what is merged in parts.

        True if it was new, False where all of it is in. Raises OverlapError where a part of an interval is in, Error
        where the file is open for reading. `File.transaction` keeps an id and the changes that belong to it together.
        """
        return self._core.add_to_ledger(merge_id(id))

    def missing(self, source: str | bytes, start: int, stop: int) -> list[tuple[str | bytes, int, int]]:
        """What of these entries is not in: a list of intervals, empty where all are."""
        return self._core.missing(merge_id((source, start, stop)))

    def __iter__(self) -> Iterator[MergeID]:
        return iter(self._core.merge_ids())

    def __len__(self) -> int:
        return len(self._core.merge_ids())

    def __repr__(self) -> str:
        return f"Ledger({len(self)} ids)"


def counter_number(value: Any, key: CounterKey) -> float:
    """A counter's value as float64; integers that it cannot hold are refused."""
    if isinstance(value, str | bytes):
        raise TypeError(f"counter {key!r}: a counter is a number, not {value!r}")
    if isinstance(value, int | np.integer) and abs(int(value)) > EXACT:
        raise ValueError(f"counter {key!r}: {value} is beyond 2^53 and not exact as float64: give a float")
    return float(value)


def counter_parts(key: Any) -> tuple[str, ...]:
    parts = key if isinstance(key, tuple) else (key,)
    if not all(isinstance(part, str) for part in parts):
        raise TypeError(f"a counter's key is a str or a tuple of str, not {key!r}")
    return parts
