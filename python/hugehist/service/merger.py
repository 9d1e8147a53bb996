"""Merges what was acknowledged into the file, in the order of the log, behind the back of those who send.

An attempt is merged, its counters are added and its ids go into the ledger; the file is committed after some of them.
Where anything fails, the file goes back to its last commit, and what was merged since is merged again, from the log. So
a full disk is waited for, and nothing counts twice.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._core import CorruptionError, Error, FormatError, OverlapError
from ..delta import DeltaReader
from ..file import File
from .errors import BusyError, ServiceError
from .ids import ID
from .log import Log
from .segments import Place
from .tally import Tally

COMMIT_BYTES = 1 << 30  # encoded, that wait for a commit of the file
IDLE_SECONDS = 0.5  # after the last merge, until what was merged is committed
NICE = 10  # of the threads that merge
LONGEST_PAUSE = 30.0  # between tries
ATTEMPT_BYTES = 16 << 10  # that an attempt counts for beside its parts: it takes memory, and time after a restart


class Part(NamedTuple):
    """A delta for one histogram, in the log."""

    histogram: str
    place: Place


@dataclass(frozen=True)
class Committed:
    """An attempt that counts."""

    ids: list[ID]
    parts: list[Part]
    counters: dict[tuple[str, ...], float]
    records: list[Place]  # of the decision

    @property
    def nbytes(self) -> int:
        """Of its parts, in the log."""
        return sum(part.place.size for part in self.parts)

    @property
    def places(self) -> list[Place]:
        return [*self.records, *(part.place for part in self.parts)]


class Merger:
    """A thread that merges, and the file that it merges into."""

    def __init__(
        self,
        open_file: Callable[[], File],
        log_of: Callable[[File], Log],
        tally: Tally,
        *,
        log_limit: int,
        commit_seconds: float,
    ) -> None:
        self._open_file = open_file
        self._file = _behind(open_file)
        try:
            _identify(self._file)
            self.log = log_of(self._file)
        except BaseException:
            self._file.close()
            raise
        self._tally = tally
        self._log_limit = log_limit
        self._reader = DeltaReader()
        self._commit_seconds = commit_seconds
        self._merging = threading.RLock()  # held while the file is between two attempts; taken before `_lock`
        self._lock = threading.Condition()
        # Guarded by `_lock`:
        self._waiting: deque[Committed] = deque()
        self._unsettled: list[Committed] = []  # merged, and not in a commit of the file
        self._lag_bytes = 0  # of both
        self._flushing = 0
        self._stopping = False
        self._pause = 0.0
        self._trouble: BaseException | None = None  # that may pass, since the last commit
        self._steps = 0  # begun
        self._failed_step = 0  # the last of them that failed
        self._failure: BaseException | None = None  # for good
        self._last_merge = self._last_commit = time.monotonic()
        self._file_stats = self._file.stats()
        self._bytes_committed = 0
        self._thread = threading.Thread(target=self._run, name="hugehist-merge", daemon=True)

    def start(self) -> None:
        """To be called once."""
        self._thread.start()

    # --- what waits ----------------------------------------------------------------------------------------

    def put(self, committed: Committed) -> None:
        """To be merged after all that was put before."""
        with self._lock:
            self._waiting.append(committed)
            self._lag_bytes += committed.nbytes
            self._lock.notify_all()

    def wait_for_room(self, timeout: float) -> bool:
        """Until less waits than the limit."""
        with self._lock:
            return self._lock.wait_for(
                lambda: self._lag() < self._log_limit or self._failure is not None, max(timeout, 0)
            )

    def _lag(self) -> int:
        return self._lag_bytes + ATTEMPT_BYTES * (len(self._waiting) + len(self._unsettled))

    # --- the thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        _step_back()
        while self._wait_for_work():
            is_last = self._stopping
            try:
                self._step()
            except BaseException as problem:
                self._go_back(problem, is_last)

    def _wait_for_work(self) -> bool:
        """False at the end."""
        with self._lock:
            self._lock.wait_for(lambda: self._stopping or self._flushing > 0, self._pause)
            while self._failure is None:
                if self._waiting or self._wants_commit():
                    return True
                if self._stopping:
                    return False
                self._lock.wait(IDLE_SECONDS)
            return False

    def _wants_commit(self) -> bool:
        if not self._unsettled:
            return False
        now = time.monotonic()
        is_wanted = self._flushing or self._stopping or now - self._last_merge >= IDLE_SECONDS
        return (
            (not self._waiting and bool(is_wanted))
            or self._trouble is not None  # the first attempt shows whether it has passed
            or now - self._last_commit >= self._commit_seconds
            or self._lag() > self._log_limit // 2
            or self._file_stats["bytes_written"] - self._bytes_committed > COMMIT_BYTES
        )

    def _step(self) -> None:
        with self._merging:
            with self._lock:
                self._steps += 1
            self._reopen()
            with self._lock:
                following = self._waiting[0] if self._waiting else None
            if following is not None:
                self._merge(following)
            with self._lock:
                self._file_stats = self._file.stats()
                is_due = self._wants_commit()
            if is_due:
                self.settle()

    def _reopen(self) -> None:
        """After an error, which closed the file."""
        if self._file.closed:
            self._file = self._open_file()
            self._bytes_committed = 0

    def _merge(self, attempt: Committed) -> None:
        if not all(id in self._file.ledger for id in attempt.ids):  # else a commit that failed is in all the same
            for part in attempt.parts:
                delta = self._reader.read(self.log.read(part.place), max_memory=None)
                self._file[part.histogram].merge(delta)
                del delta  # the next one takes its memory
            for key, value in attempt.counters.items():
                self._file.counters.add(key, value)
            for id in attempt.ids:
                self._file.ledger.add(id)
        self._tally.add("merged")
        with self._lock:
            self._waiting.popleft()
            self._unsettled.append(attempt)
            self._last_merge = time.monotonic()

    def settle(self) -> None:
        """A commit of the file; what it has is let go of in the log. To be called while paused."""
        self._file.commit()
        self._tally.add("file_commits")
        with self._lock:
            settled, self._unsettled = self._unsettled, []
            self._lag_bytes -= sum(attempt.nbytes for attempt in settled)
            self._last_commit = time.monotonic()
            self._trouble, self._pause = None, 0.0
            self._file_stats = self._file.stats()
            self._bytes_committed = self._file_stats["bytes_written"]
            is_idle = not self._waiting
            self._lock.notify_all()
        self.log.release([place for attempt in settled for place in attempt.places])
        if is_idle:
            self.log.trim()

    def _go_back(self, problem: BaseException, is_last: bool) -> None:
        """What does not pass by itself ends the merging, and so does the last try before the end."""
        self.give_up(problem)
        with self._lock:
            if is_last or not _may_pass(problem):
                self._failure = problem
                self._lock.notify_all()

    def give_up(self, problem: BaseException) -> None:
        """Goes back to the last commit of the file; what was merged since waits again."""
        with self._merging:
            with suppress(Exception):
                self._file.__exit__(type(problem), problem, None)
            with self._lock:
                self._tally.add("merged", -len(self._unsettled))
                self._waiting.extendleft(reversed(self._unsettled))
                self._unsettled.clear()
                self._last_commit = time.monotonic()
                self._trouble = problem
                self._failed_step = self._steps
                self._pause = min(max(2 * self._pause, 1.0), LONGEST_PAUSE)
                self._lock.notify_all()

    def abandon(self) -> None:
        """Before `start`: closes the file as it was."""
        self._file.close()

    # --- for others ----------------------------------------------------------------------------------------

    @contextmanager
    def paused(self) -> Iterator[File]:
        """The file, between two attempts. Raises BusyError where it cannot be used now."""
        with self._merging:
            if self._stopping:
                raise BusyError("the accumulator is closing its file")
            try:
                self._reopen()
            except (Error, OSError) as problem:
                raise BusyError(f"the accumulator cannot open its file now: {problem}") from None
            yield self._file

    @property
    def state(self) -> str:
        with self._lock:
            if self._failure is not None:
                return f"failed: {self._failure}"
            return "ready" if self._trouble is None else f"tries again: {self._trouble}"

    def check(self) -> None:
        """Raises ServiceError where nothing more can be merged."""
        if self._failure is not None:
            raise ServiceError(
                f"the accumulator cannot go on: {self._failure}. What it acknowledged is in '{self.log.path}': mend "
                "the cause and start it again"
            )

    def status(self) -> dict[str, Any]:
        with self._lock:
            return {
                "lag_attempts": len(self._waiting) + len(self._unsettled),
                "lag_bytes": self._lag_bytes,
                "since_file_commit_seconds": time.monotonic() - self._last_commit,
                "file_stats": dict(self._file_stats),
            }

    def flush(self, timeout: float | None) -> bool:
        """Until nothing waits and the file is committed. Raises ServiceError where that is not to be had now."""
        with self._lock:
            before = self._steps
            self._flushing += 1
            self._lock.notify_all()
            try:
                self._lock.wait_for(
                    lambda: self._is_settled() or self._failed_step > before or self._failure is not None, timeout
                )
                if not self._is_settled() and (self._failed_step > before or self._failure is not None):
                    raise ServiceError(f"not all is merged: {self._trouble}")
                return self._is_settled()
            finally:
                self._flushing -= 1

    def _is_settled(self) -> bool:
        return not self._waiting and not self._unsettled

    def stop(self) -> None:
        """Merges what waits, commits, and closes the file. Raises ServiceError where not all could be merged."""
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        with self._merging:
            if not self._file.closed:
                self._file.close()
        if not self._is_settled():
            self.check()
            raise ServiceError(f"not all is merged; the rest is in '{self.log.path}'")


def _identify(file: File) -> None:
    """Has a file of another program get its uuid, by a commit that changes nothing else."""
    if file.uuid is None:
        file.attrs["hugehist.log"] = True
        del file.attrs["hugehist.log"]
        file.commit()


def _step_back() -> None:
    """Of this thread, and those that it will start: who waits for an acknowledgement comes first."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICE)


def _behind(open_file: Callable[[], File]) -> File:
    """The file, opened in a thread that stepped back, so that its own threads do."""

    def step_back_and_open() -> File:
        _step_back()
        return open_file()

    with ThreadPoolExecutor(1) as aside:
        return aside.submit(step_back_and_open).result()


def _may_pass(problem: BaseException) -> bool:
    """A full disk, a lack of memory, a sync that failed: nothing is lost, and the next try may do better."""
    if isinstance(problem, CorruptionError | FormatError | OverlapError):
        return False
    return isinstance(problem, OSError | MemoryError | Error)
