"""The way of a call to an accumulator: over Flight, or, in a forked process, through a relay.

gRPC does not survive a fork: a child whose parent had a connection would wait for ever in its first call, whatever its
time limit. Such a child starts a fresh process, which makes the calls for it (`Relay`).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.flight as flight

from .errors import BusyError, RefusedError, ServiceError
from .records import Bytes
from .wire import SCHEMA, SLICE_BYTES, pack, result_of

# An accumulator that is started again is back within a second or two; without, gRPC waits for up to two minutes.
_RECONNECT = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 2000)]
CALL_SECONDS = 120.0  # for an answer to one call; waiting for room comes back earlier


class Channel(Protocol):
    """Raises BusyError where another try may do better, RefusedError, and what the accumulator raised."""

    def call(self, name: str, what: Any, content: Sequence[Bytes] = ()) -> Any: ...
    def put(self, what: Mapping[str, Any], content: Bytes) -> None: ...


class FlightChannel:
    """A connection of this process. Any thread."""

    def __init__(self, address: str, token: str, tls: Mapping[str, str]) -> None:
        names = {"root": "tls_root_certs", "certificate": "cert_chain", "key": "private_key"}
        self._address = address
        certificates = {names[name]: pem.encode() for name, pem in tls.items()}
        self._client = flight.connect(address, generic_options=_RECONNECT, **certificates)
        self._options = flight.FlightCallOptions(
            timeout=CALL_SECONDS, headers=[(b"authorization", f"Bearer {token}".encode())]
        )

    def call(self, name: str, what: Any, content: Sequence[Bytes] = ()) -> Any:
        """A call with JSON and bytes; its answer."""
        try:
            action = flight.Action(name, pa.py_buffer(pack(what, content)))
            [answer] = self._client.do_action(action, self._options)
        except (flight.FlightError, pa.ArrowException) as problem:
            raise self._translated(problem) from problem
        return result_of(answer.body.to_pybytes())

    def put(self, what: Mapping[str, Any], content: Bytes) -> None:
        """A part, once the accumulator says that it may come."""
        buffer = pa.py_buffer(content)
        command = json.dumps({**what, "bytes": buffer.size}).encode()
        try:
            writer, answers = self._client.do_put(flight.FlightDescriptor.for_command(command), SCHEMA, self._options)
            with writer:
                self._answer(answers)
                for begin in range(0, buffer.size, SLICE_BYTES):
                    size = min(SLICE_BYTES, buffer.size - begin)
                    column = pa.Array.from_buffers(pa.uint8(), size, [None, buffer.slice(begin, size)])
                    writer.write_batch(pa.RecordBatch.from_arrays([column], schema=SCHEMA))
                writer.done_writing()
                self._answer(answers)
        except (flight.FlightError, pa.ArrowException) as problem:
            raise self._translated(problem) from problem

    def _answer(self, answers: Any) -> None:
        answer = answers.read()
        if answer is None:
            raise BusyError(f"the accumulator at {self._address} ended the call without an answer")
        result_of(answer.to_pybytes())

    def _translated(self, problem: Exception) -> ServiceError:
        said = str(problem).partition(". gRPC client debug context")[0]
        if isinstance(problem, flight.FlightUnauthenticatedError | flight.FlightUnauthorizedError):
            return RefusedError(f"the accumulator at {self._address} refused the call: {said}")
        return BusyError(f"no answer from the accumulator at {self._address}: {said}")


class _Channels:
    """Those of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: dict[Any, Channel] = {}
        self._left: list[Channel] = []  # of the parent: even to take them down would wait for ever
        self._used_grpc = False
        self._is_forked = False

    def get(self, address: str, token: str, tls: Mapping[str, str]) -> Channel:
        key = address, token, tuple(sorted(tls.items()))
        with self._lock:
            if key not in self._channels:
                self._channels[key] = self._make(address, token, tls)
            return self._channels[key]

    def _make(self, address: str, token: str, tls: Mapping[str, str]) -> Channel:
        if self._is_forked:
            from .relay import Relay

            return Relay(address, token, tls)
        self._used_grpc = True
        return FlightChannel(address, token, tls)

    def in_child(self) -> None:
        self._lock = threading.Lock()
        self._left += self._channels.values()
        self._channels = {}
        self._is_forked = self._is_forked or self._used_grpc


_channels = _Channels()
os.register_at_fork(after_in_child=_channels.in_child)


def channel_to(address: str, token: str, tls: Mapping[str, str]) -> Channel:
    """The one of this process; made where it is the first time."""
    return _channels.get(address, token, tls)
