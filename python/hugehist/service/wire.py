"""What goes over the network: calls with JSON, parts as bytes behind it. Nothing is unpickled.

A call is a Flight action of that name. Its body, and the one answer, are the length of the JSON (four bytes, little
endian), the JSON, and bytes. A part that is larger than what goes with a commit is put: its descriptor's command is the
JSON, the accumulator says when it may come, and it comes in record batches of one column of bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

import pyarrow as pa

from .._core import CorruptionError, Error, FormatError, LockedError, OverlapError
from .errors import AttemptLostError, BusyError, RefusedError, ServiceError
from .records import Bytes
from .said import parse, refuse
from .transport import Piece

SCHEMA = pa.schema([("bytes", pa.uint8())])
SLICE_BYTES = 1 << 20
MAX_JSON = 1 << 24
_to_json = json.JSONEncoder(separators=(",", ":")).encode
MAX_MESSAGE = 10_000  # characters of an error

_ERRORS: dict[str, type[Exception]] = {
    each.__name__: each
    for each in (
        AttemptLostError,
        BusyError,
        RefusedError,
        ServiceError,
        OverlapError,
        CorruptionError,
        FormatError,
        LockedError,
        Error,
        KeyError,
        IndexError,
        ValueError,
        TypeError,
        MemoryError,
        OSError,
    )
}


def pack(what: Any, content: Sequence[Bytes] = ()) -> bytes:
    text = _to_json(what).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, *content])


def unpack(body: Bytes) -> tuple[Any, memoryview]:
    """The JSON and what is behind it. Raises RefusedError for anything else."""
    view = memoryview(body)
    size = int.from_bytes(view[:4], "little")
    if len(view) < 4 or size > min(len(view) - 4, MAX_JSON):
        raise refuse("its length does not fit")
    return parse(view[4 : 4 + size]), view[4 + size :]


def pack_pieces(pieces: Sequence[Piece]) -> tuple[list[Any], list[Bytes]]:
    """What is said of them in JSON, and their bytes."""
    return [[each.number, each.histogram, len(each.content)] for each in pieces], [each.content for each in pieces]


def pack_error(problem: BaseException) -> bytes:
    kind = next((each.__name__ for each in type(problem).__mro__ if each.__name__ in _ERRORS), "ServiceError")
    said = problem.args[0] if isinstance(problem, KeyError) and problem.args else problem
    return pack({"error": kind, "message": str(said)[:MAX_MESSAGE] or type(problem).__name__})


def result_of(body: Bytes) -> Any:
    """What was answered. Raises what the accumulator raised."""
    answer, _ = unpack(body)
    if "error" in answer:
        raise_error(answer["error"], answer["message"])
    return answer["ok"]


def raise_error(kind: str, message: str) -> NoReturn:
    raise _ERRORS.get(kind, ServiceError)(message)
