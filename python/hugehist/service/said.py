"""What a call says, field by field: who has the token may be any program, of any version.

All raise RefusedError for what is not there or is something else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from .errors import RefusedError
from .ids import ID, from_wire, ids_from_wire
from .records import Bytes
from .specification import Specification
from .transport import CounterSums, Piece

MAX_NUMBER = 1 << 31
MAX_TEXT = 1 << 10  # of the key of an attempt

_KINDS = {str: "text", int: "a number", bool: "true or false", list: "a list", dict: "an object"}


def refuse(what: str) -> RefusedError:
    return RefusedError(f"the call is not what it should be: {what}. Is the caller of another version?")


def parse(text: Bytes) -> Any:
    """JSON."""
    try:
        return json.loads(str(text, "utf-8"))
    except (ValueError, RecursionError) as problem:
        raise refuse(f"its JSON is none ({problem})") from None


class Said:
    """The JSON of a call, and the bytes behind it."""

    def __init__(self, what: Any, content: memoryview) -> None:
        if not isinstance(what, dict):
            raise refuse("it has no fields")
        self._what = what
        self._content = content

    def _get(self, name: str, kind: type) -> Any:
        return _checked(self._what.get(name), kind, f"'{name}'")

    def text(self, name: str) -> str:
        return _text(self._what.get(name), f"'{name}'")

    def attempt(self) -> str:
        key = self.text("attempt")
        if not 0 < len(key) <= MAX_TEXT:
            raise refuse(f"the key of an attempt has {len(key)} characters")
        return key

    def number(self, name: str, most: int = MAX_NUMBER) -> int:
        return _number(self._what.get(name), f"'{name}'", most)

    def flag(self, name: str) -> bool:
        return bool(self._get(name, bool))

    def ids(self) -> list[ID]:
        """Any number of them. Raises TypeError or ValueError for what is no id."""
        return ids_from_wire(_entries(self._get("ids", list)))

    def work(self) -> list[ID]:
        """Of an attempt; see `from_wire`."""
        return from_wire(_entries(self._get("ids", list)))

    def parts(self) -> list[int]:
        """How many there are, of each accumulator."""
        counts = [_number(count, "a number of parts") for count in self._get("parts", list)]
        if not counts:
            raise refuse("'parts' is empty")
        return counts

    def counters(self) -> CounterSums:
        sums: CounterSums = {}
        for entry in self._get("counters", list):
            key, value = _row(entry, 2, "a counter")
            parts = _checked(key, list, "a counter's key")
            sums[tuple(_text(part, "a counter's key") for part in parts)] = _float(value, "a counter")
        return sums

    def pieces(self) -> list[Piece]:
        """Those that came with it."""
        pieces = []
        content = self._content
        for entry in self._get("last", list):
            number, histogram, size = _row(entry, 3, "a part")
            size = _number(size, "the size of a part", len(content))
            name = _text(histogram, "the histogram of a part")
            pieces.append(Piece(_number(number, "the number of a part"), name, content[:size]))
            content = content[size:]
        return pieces

    def specification(self) -> Specification:
        found = self._get("specification", dict)
        for name, kind in (("axes", list), ("storage", str), ("metadata", dict), ("options", dict)):
            _checked(found.get(name), kind, f"'{name}' of a histogram")
        for axis in found["axes"]:
            _checked(axis, dict, "an axis")
        return dict(found)


def _checked(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        raise refuse(f"{what} is not {_KINDS[kind]}")
    return value


def _text(value: Any, what: str) -> str:
    text: str = _checked(value, str, what)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise refuse(f"{what} is no text of Unicode") from None
    return text


def _number(value: Any, what: str, most: int = MAX_NUMBER) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise refuse(f"{what} is no number from 0 to {most}")
    return value


def _float(value: Any, what: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (isinstance(value, int) and abs(value) > sys.float_info.max):
        raise refuse(f"{what} is no number")
    return float(value)


def _row(value: Any, size: int, what: str) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) != size:
        raise refuse(f"{what} has not {size} fields")
    return value


def _entries(ids: list[Any]) -> list[Any]:
    """Texts, and (source, start, stop)."""
    for id in ids:
        if isinstance(id, list):
            source, start, stop = _row(id, 3, "an id")
            if any(isinstance(each, bool) or not isinstance(each, int) for each in (start, stop)):
                raise refuse("the entries of an id are no numbers")
            _text(source, "the source of an id")
        else:
            _text(id, "an id")
    return ids
