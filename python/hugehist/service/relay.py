"""A process that makes the calls of a forked one; see `channel`.

Requests and answers go through a pipe, each as its length (eight bytes, little endian) and what `wire.pack` makes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

from .errors import BusyError
from .process import environment_of_children
from .records import Bytes
from .wire import pack, pack_error, result_of, unpack


class Relay:
    """A channel through a process of its own, which ends with this one. One call at a time; any thread."""

    def __init__(self, address: str, token: str, tls: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._access = {"address": address, "token": token, "tls": dict(tls)}
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, name: str, what: Any, content: Sequence[Bytes] = ()) -> Any:
        return self._request({"call": name, "what": what}, content)

    def put(self, what: Mapping[str, Any], content: Bytes) -> None:
        self._request({"put": what}, [content])

    def _request(self, what: dict[str, Any], content: Sequence[Bytes]) -> Any:
        request = pack(what, content)
        with self._lock:
            try:
                answer = self._ask(request)
            except (OSError, EOFError) as problem:
                self._end()
                raise BusyError(f"the process that calls {self._access['address']} has ended: {problem}") from None
            except BaseException:  # interrupted: the next call would take the answer to this one for its own
                self._end()
                raise
        return result_of(answer)

    def _ask(self, request: bytes) -> bytes:
        if self._process is None:
            command = [sys.executable, "-m", "hugehist.service.relay"]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment_of_children(),
                start_new_session=True,  # Ctrl-C is for whoever calls
            )
            result_of(self._send(pack(self._access)))
        return self._send(request)

    def _send(self, request: bytes) -> bytes:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _write(self._process.stdin, request)
        return _read(self._process.stdout)

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __del__(self) -> None:
        if os.getpid() == self._owner:  # a forked child has the pipes, too
            self._end()


def _write(to: IO[bytes], message: bytes) -> None:
    to.write(len(message).to_bytes(8, "little"))
    to.write(message)
    to.flush()


def _read(source: IO[bytes]) -> bytes:
    size = source.read(8)
    message = source.read(int.from_bytes(size, "little")) if len(size) == 8 else b""
    if len(size) < 8 or len(message) < int.from_bytes(size, "little"):
        raise EOFError("its answer was cut off")
    return message


def main() -> None:
    """Makes the calls that come by standard input, until that ends."""
    from .channel import FlightChannel

    source, to = sys.stdin.buffer, sys.stdout.buffer
    channel: FlightChannel | None = None
    while True:
        try:
            what, content = unpack(_read(source))
        except EOFError:
            return
        try:
            answer: Any = None
            if channel is None:
                channel = FlightChannel(**what)
            elif "put" in what:
                channel.put(what["put"], content)
            else:
                answer = channel.call(what["call"], what["what"], [content])
            _write(to, pack({"ok": answer}))
        except Exception as problem:
            _write(to, pack_error(problem))


if __name__ == "__main__":
    main()
