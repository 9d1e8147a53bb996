"""`hugehist serve` as a child of this process: started, watched over, and stopped."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from .credentials import Access, access_file
from .errors import ServiceError

LONGEST_PAUSE = 30.0  # between tries to start it
CANNOT = 2  # the exit status of a command that cannot be done
TRIES = 5


def environment_of_children() -> dict[str, str]:
    """They find this package where this process did."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


class ServedFile:
    """A file and the process that serves it, which is started again when it dies, at the same address.

    It ends when its standard input does, so it does not outlive this process.
    """

    def __init__(self, path: Path, options: Sequence[str], listen: Sequence[str], token: str, log: Path) -> None:
        """To be followed by `wait`. `listen` are the options that say where: a socket, or a host, which gets a port."""
        self.path = path
        self.restarts = 0
        self._options = list(options)
        self._listen = list(listen)
        self._token = token
        self._log = log
        self._failure: str | None = None
        self._ending = threading.Event()
        self._starting = threading.Lock()
        self._process = self._start()
        self._watcher = threading.Thread(target=self._watch, name="hugehist-watch", daemon=True)
        self.address = ""

    def wait(self) -> None:
        """Returns when it listens. Raises ServiceError, with its last words, where it does not start."""
        while self._process.poll() is None:
            access = self._access()
            if access is not None:
                self.address = access.address
                if "--host" in self._listen:
                    self._listen += ["--port", self.address.rpartition(":")[2]]
                self._watcher.start()
                return
            time.sleep(0.02)
        raise ServiceError(f"the accumulator of '{self.path}' did not start{self._last_words()}")

    @property
    def pid(self) -> int:
        """Of the process that is at work now."""
        return self._process.pid

    def check(self) -> None:
        """Raises ServiceError where it is gone for good."""
        if self._failure is not None:
            raise ServiceError(f"the accumulator of '{self.path}' is gone: {self._failure}")

    def stop(self) -> None:
        """Lets it merge what it has acknowledged and end. ServiceError where it cannot: its log has the rest."""
        self._ending.set()
        with self._starting:
            assert self._process.stdin is not None
            self._process.stdin.close()
        status = self._process.wait()
        if self._watcher.ident is not None:
            self._watcher.join()
        if status != 0 and self._failure is None:
            self._failure = f"it ended with status {status}{self._last_words()}"
        self.check()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "hugehist", "serve", str(self.path), "--until-end-of-input"]
        command += [*self._listen, "--log", str(self._log), *self._options]
        environment = environment_of_children() | {"HUGEHIST_TOKEN": self._token}
        return subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True)

    def _access(self) -> Access | None:
        """What the process wrote when it listened; it removes that when it ends by itself."""
        with contextlib.suppress(ServiceError):
            access = Access.load(access_file(self.path))
            return access if access.pid == self._process.pid else None
        return None

    def _watch(self) -> None:
        """Starts it again whenever it died, until it says some times that it cannot."""
        failed = 0  # times in a row, soon and before it listened
        while True:
            begin = time.monotonic()
            status = self._process.wait()
            if self._ending.is_set():
                return
            lived = self._access() is not None or time.monotonic() - begin > LONGEST_PAUSE
            failed = 0 if lived else failed + 1
            if status == 0 or (status == CANNOT and failed > TRIES):
                self._failure = f"it ended with status {status}{self._last_words()}"
                return
            if self._ending.wait(min(0.05 * 2**failed, LONGEST_PAUSE)):
                return
            with self._starting:
                if self._ending.is_set():
                    return
                self.restarts += 1
                self._process = self._start()

    def _last_words(self) -> str:
        """The last line of its log, or the problem that it tells of, for messages."""
        try:
            lines = self._log.read_text(encoding="utf-8").splitlines()
        except OSError:
            return ""
        if not lines:
            return ""
        try:
            return f": {json.loads(lines[-1])['problem']}"
        except (ValueError, KeyError, TypeError):
            return f": {lines[-1]}"
