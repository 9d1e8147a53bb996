"""The process of an accumulator: an engine behind a server, until it is told to stop."""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import json
import logging
import os
import resource
import select
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from .attempts import Ask
from .credentials import Access, Certificates, access_file, checked_token, new_token
from .engine import Engine
from .errors import ServiceError
from .remote import Remote

log = logging.getLogger("hugehist.service")

REPORT_SECONDS = 10.0
GRACE_SECONDS = 10.0  # for calls that are under way at the end


class _Lines(logging.Formatter):
    """One JSON object a line: time, level, event and what belongs to it."""

    _usual = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

    def format(self, record: logging.LogRecord) -> str:
        own = {key: value for key, value in vars(record).items() if key not in self._usual}
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z"
        head = {"time": when, "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(head | own, default=str)


def set_up_log(to: Path | None) -> None:
    """To a file, or to standard error."""
    handler = logging.FileHandler(to, encoding="utf-8") if to else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(
    path: str | os.PathLike[str],
    *,
    host: str | None = None,
    port: int = 0,
    socket: str | os.PathLike[str] | None = None,
    token: str | None = None,
    certificates: Certificates | None = None,
    until_end_of_input: bool = False,
    ledger: str | os.PathLike[str] | None = None,
    **engine_options: Any,
) -> None:
    """Serves a file until SIGTERM or SIGINT, a call that says stop, or (where asked for) the end of standard input.

    Then it merges what it has acknowledged and closes the file. How to reach it is written to `<file>.service`, for
    this user alone. Without a host it listens on a socket in the file system, in a folder of this user alone. `ledger`
    is the file of the accumulator that decides, where several share the work. Raises ValueError for a host that others
    can reach without certificates.
    """
    if certificates is None and host is not None and not is_loopback(host):
        raise ValueError(
            f"{host} can be reached from other machines: give certificates (--tls DIR, which `hugehist certificates` "
            "makes), or leave the host out where all who call are on this one"
        )
    from .server import Server

    _allow_many_connections()
    _give_memory_back()
    token = checked_token(token or new_token())
    ask = None if ledger is None else _asking(ledger)
    tls = {} if certificates is None else certificates.of_server()
    with contextlib.ExitStack() as stack, Engine(path, ask=ask, **engine_options) as engine:
        if host is None:
            folder = None if socket else stack.enter_context(private_folder())
            location = f"grpc+unix://{socket or f'{folder}/socket'}"
        else:
            location = f"{'grpc+tls' if tls else 'grpc'}://{_bracketed(host)}:{port}"
        server = Server(engine, location, token, **tls)
        stop = server.stop_asked
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        if until_end_of_input:
            threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
        access = Access(
            location if host is None else _address(host, server.port, certificates),
            token,
            {} if certificates is None else certificates.of_client(),
            os.getpid(),
        )
        where = access_file(engine.path)
        try:
            access.save(where)
            log.info("serving", extra={"address": access.address, "file": engine.path, "pid": os.getpid()})
            _watch(engine, stop)
        finally:
            where.unlink(missing_ok=True)
            is_shut = server.end(GRACE_SECONDS)
            log.info("stopping", extra=_told(engine.status()))
    log.info("stopped", extra={"file": str(path)})
    if not is_shut:  # the interpreter would wait for those who do not close their connection
        os._exit(0)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _address(host: str, port: int, certificates: Certificates | None) -> str:
    """For callers, who check by TLS that it is who they called."""
    if certificates is None:
        return f"grpc://{_bracketed(host)}:{port}"
    return f"grpc+tls://{_bracketed(certificates.name_for(host))}:{port}"


def _allow_many_connections() -> None:
    """Each worker has one, and a shell often allows 1024 open files."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _give_memory_back() -> None:
    """glibc would keep what parts took and let go of, in heaps for many threads."""
    most_heaps, from_the_system = -8, -3  # M_ARENA_MAX, M_MMAP_THRESHOLD
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(most_heaps, 2)
        libc.mallopt(from_the_system, 1 << 20)


def private_folder() -> tempfile.TemporaryDirectory[str]:
    """Of this user alone, with a path that leaves room for a socket's name."""
    usual = tempfile.gettempdir()
    return tempfile.TemporaryDirectory(prefix="hugehist-", dir=usual if len(os.fsencode(usual)) < 60 else "/tmp")


def _asking(ledger: str | os.PathLike[str]) -> Ask:
    """Of the accumulator that serves that file, wherever it is by then."""

    def ask(attempt: str, final: bool) -> bool | None:
        try:
            access = Access.load(access_file(ledger))
            return Remote(access.address, access.token, access.tls).verdict(attempt, final)
        except ServiceError as problem:
            log.warning("ledger away", extra={"problem": str(problem)})
            return None

    return ask


def _wait_for_end(stop: threading.Event) -> None:
    """Of standard input, or of the parent: its forked children may hold the other end of the pipe open."""
    parent = os.getppid()
    while os.getppid() == parent:
        if select.select([sys.stdin], [], [], 1.0)[0] and not os.read(sys.stdin.fileno(), 4096):
            break
    stop.set()


def _watch(engine: Engine, stop: threading.Event) -> None:
    """Says how it goes, while something happens. Raises ServiceError where a new process must take over."""
    before: dict[str, Any] = {}
    next_report = time.monotonic() + REPORT_SECONDS
    while not stop.wait(1):
        if engine.must_restart:
            raise ServiceError(engine.state)
        if time.monotonic() < next_report:
            continue
        next_report += REPORT_SECONDS
        now = _told(engine.status())
        if {key: now[key] for key in ("commits", "merged", "state")} != before:
            before = {key: now[key] for key in ("commits", "merged", "state")}
            log.info("status", extra=now)


def _told(status: dict[str, Any]) -> dict[str, Any]:
    return {
        key: round(value, 3) if isinstance(value, float) else value
        for key, value in status.items()
        if key != "file_stats"
    }
