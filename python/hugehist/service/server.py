"""An accumulator for other processes: Arrow Flight in front of an engine.

Who calls must have the token (and, by TLS, a certificate of the accumulator's authority): without, a call ends before
any of its content is read. A part is read once its bytes have credit, for as long as its lease says.
"""

from __future__ import annotations

import hmac
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.flight as flight

from .engine import Engine
from .errors import BusyError, ServiceError
from .ids import to_wire
from .said import Said, parse, refuse
from .transport import Piece
from .wire import SCHEMA, pack, pack_error, unpack

__all__ = ["Server"]

PATIENCE_SECONDS = 20.0  # that a call waits for room; who calls may come again
LEASE_SECONDS = 60.0  # for a part to come, and a second for each of its megabytes
FLUSH_SECONDS = 10.0
MAX_LOGGED = 1000  # characters of an error

log = logging.getLogger("hugehist.service")


class _Guard(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    """Lets nobody in without the token. Strangers do not fill the log: it has one line a second of them."""

    def __init__(self, token: str, refused: Callable[[], None]) -> None:
        self._expected = f"Bearer {token}".encode()
        self._refused = refused
        self._next_line = 0.0

    def start_call(self, info: Any, headers: Mapping[str, list[Any]]) -> None:
        given = next(iter(headers.get("authorization", [])), "")
        given = given if isinstance(given, bytes) else given.encode()
        if not hmac.compare_digest(given, self._expected):
            self._refused()
            if time.monotonic() >= self._next_line:
                self._next_line = time.monotonic() + 1.0
                log.warning("refused", extra={"call": str(info.method)})
            raise flight.FlightUnauthenticatedError("this accumulator does not know the token of the caller")


class _Lease:
    """A part on its way: where its bytes go, and until when they may come."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.end = time.monotonic() + LEASE_SECONDS + size / 1e6
        self.is_over = False
        self.content = memoryview(b"")


class Server(flight.FlightServerBase):  # type: ignore[misc]
    """Listens from the moment it is made; `end` ends that. The engine is not closed with it."""

    def __init__(self, engine: Engine, location: str, token: str, **tls: Any) -> None:
        self._engine = engine
        self._leases: set[_Lease] = set()
        self._lock = threading.Lock()
        self._under_way = 0  # calls
        self._ended = threading.Event()
        self.stop_asked = threading.Event()
        self._calls: dict[str, Callable[[Said], Any]] = {
            "create": lambda said: engine.create(said.text("name"), said.specification()),
            "describe": lambda said: engine.describe(said.text("name")),
            "names": lambda _: engine.names(),
            "commit": lambda said: engine.commit(
                said.attempt(), said.parts(), said.work(), said.counters(), said.pieces(), said.flag("for_others")
            ),
            "prepare": lambda said: engine.prepare(said.attempt(), said.number("parts"), said.work(), said.pieces()),
            "decide": lambda said: engine.decide(said.attempt(), said.flag("counts")),
            "verdict": lambda said: engine.verdict(said.attempt(), said.flag("final")),
            "drop": lambda said: engine.drop(said.attempt()),
            "missing": lambda said: [to_wire(each) for each in engine.missing(said.ids())],
            "status": lambda _: engine.status(),
            "flush": lambda _: engine.flush(FLUSH_SECONDS),
            "stop": lambda _: self.stop_asked.set(),
        }
        guard = _Guard(token, lambda: engine.tally.add("refused"))
        try:
            super().__init__(location, middleware={"guard": guard}, **tls)
        except pa.ArrowException as problem:
            raise ServiceError(f"cannot listen at {location}: {problem}. Is the port taken?") from problem
        for task in (self._end_late, engine.sweep):
            threading.Thread(target=self._now_and_then, args=(task,), name="hugehist-sweep", daemon=True).start()

    # --- calls ---------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        with self._lock:
            self._under_way += 1

    def _finish(self) -> None:
        with self._lock:
            self._under_way -= 1

    def do_action(self, context: Any, action: flight.Action) -> list[pa.Buffer]:
        self._begin()
        try:
            return [pa.py_buffer(self._answer(action))]
        finally:
            self._finish()

    def _answer(self, action: flight.Action) -> bytes:
        try:
            if action.type not in self._calls:
                raise refuse(f"there is no {action.type[:100]!r}")
            return pack({"ok": self._calls[action.type](Said(*unpack(action.body)))})
        except BaseException as problem:
            return self._told(problem, action.type)

    def _told(self, problem: BaseException, call: str) -> bytes:
        """An error goes to who called; the log has those that are not of the caller's making."""
        is_theirs = isinstance(problem, ServiceError | ValueError | TypeError | KeyError)
        said = f"{type(problem).__name__}: {problem}"[:MAX_LOGGED]
        log.log(logging.INFO if is_theirs else logging.ERROR, "error", extra={"call": call[:100], "problem": said})
        return pack_error(problem)

    # --- parts ---------------------------------------------------------------------------------------------

    def do_put(self, context: Any, descriptor: flight.FlightDescriptor, reader: Any, writer: Any) -> None:
        self._begin()
        try:
            writer.write(pa.py_buffer(self._take_part(descriptor, reader, writer)))
        finally:
            self._finish()

    def _take_part(self, descriptor: flight.FlightDescriptor, reader: Any, writer: Any) -> bytes:
        try:
            said = Said(parse(descriptor.command or b""), memoryview(b""))
            attempt, number, name = said.attempt(), said.number("number"), said.text("histogram")
            if reader.schema != SCHEMA:
                raise refuse("a part comes in batches of one column of bytes")
            with self._lease(said.number("bytes", sys.maxsize)) as lease:
                writer.write(pa.py_buffer(pack({"ok": "go"})))
                self._engine.stage(attempt, Piece(number, name, self._receive(reader, lease)))
            return pack({"ok": True})
        except BaseException as problem:
            return self._told(problem, "put")

    def _receive(self, reader: Any, lease: _Lease) -> memoryview:
        came = 0
        for chunk in reader:
            if chunk.data is None:
                continue
            column = chunk.data.column(0)
            end = came + len(column)
            if end > lease.size:
                raise refuse(f"a part of {lease.size} bytes was announced, and more came")
            content = lease.content
            if lease.is_over:
                break
            if end > came:
                content[came:end] = memoryview(column.buffers()[1]).cast("B")[column.offset :][: end - came]
            came = end
        content = lease.content
        if lease.is_over:
            raise BusyError("the part came too slowly, and its credit was given to others: send it again")
        if came != lease.size:
            raise refuse(f"a part of {lease.size} bytes was announced, and {came} came")
        return content

    @contextmanager
    def _lease(self, size: int) -> Iterator[_Lease]:
        self._engine.admit(size, PATIENCE_SECONDS)
        lease = _Lease(size)
        try:
            lease.content = np.empty(size, np.uint8).data
            with self._lock:
                self._leases.add(lease)
            yield lease
        finally:
            self._end(lease)

    def _end(self, lease: _Lease) -> None:
        """Gives back its credit, once."""
        with self._lock:
            if lease.is_over:
                return
            lease.is_over = True
            lease.content = memoryview(b"")
            self._leases.discard(lease)
        self._engine.credits.give(lease.size)

    # --- now and then ---------------------------------------------------------------------------------------

    def _now_and_then(self, task: Callable[[], None]) -> None:
        while not self._ended.wait(1.0):
            try:
                task()
            except Exception as problem:  # the next time may do better
                log.error("error", extra={"problem": f"{type(problem).__name__}: {problem}"[:MAX_LOGGED]})

    def _end_late(self) -> None:
        """Of the slow ones."""
        now = time.monotonic()
        with self._lock:
            late = [lease for lease in self._leases if lease.end < now]
        for lease in late:
            log.warning("slow", extra={"bytes": lease.size})
            self._end(lease)

    def end(self, seconds: float) -> bool:
        """Takes no more calls, and returns when those that are under way have ended, or after so many seconds.

        False where a client keeps its connection open: nobody listens there any more.
        """
        shutting = threading.Thread(target=self.shutdown, daemon=True)
        shutting.start()
        shutting.join(min(seconds, 1.0))
        end = time.monotonic() + seconds - 1.0
        while shutting.is_alive() and self._under_way and time.monotonic() < end:
            shutting.join(0.1)
        if self._under_way:
            log.warning("cut off", extra={"calls": self._under_way})
        self._ended.set()
        return not shutting.is_alive()
