"""The accumulator: it takes parts of attempts, decides which count, and merges them into its file.

    stage(part) … commit(ids) ─► log, synced: acknowledged ─► merged into chunks ─► commit of the file ─► log let go

The log is what makes an acknowledgement durable, at the price of writing the compressed part once; chunks are written
much later, for many attempts at once, together with the ids of these attempts. So a crash at any moment leaves the file
with whole attempts whose ids are in its ledger, and the log with those that are to be merged again.

Invariants: an id is in the shadow exactly if it is in the file's ledger or in a commit record of the log. Parts are
checked before they are staged, so that a commit never has to be taken back. The file is committed between attempts.

Any thread may call it. Nothing here knows of a network: `Sink` uses it as it is, or `Server` hands it to others.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, SupportsIndex

from .._core import Error
from ..file import File
from ..resources import parse_size, size_text
from .attempts import Ask, Attempts
from .credits import Credits
from .errors import BusyError, ServiceError
from .ids import ID, distinct
from .leftover import OwnFile
from .log import Log, log_of, uuid_of
from .merger import Merger, Part
from .shadow import Shadow
from .specification import Specification, check_same, create_as
from .tally import Tally
from .transport import PART_BYTES, CounterSums, Piece

LEAST_MEMORY = 16 << 20


class Engine:
    """An accumulator in this process. It owns the file until `close`."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        memory: SupportsIndex | str = "1 GiB",
        log_limit: SupportsIndex | str = "4 GiB",
        commit_seconds: float = 10,
        attempt_seconds: float = 3600,
        threads: SupportsIndex = 0,
        patience: float = 20,
        marks: Mapping[str, str | int] | None = None,
        ask: Ask | None = None,
    ) -> None:
        """Opens or makes the file, and takes up what its log has.

        `memory`: half of it is for the file's chunks, a quarter for parts that are decoded, a quarter is the credit of
        parts that are under way. Parts are held up while more than `log_limit` bytes wait to be merged: of parts, and
        16 KiB for each attempt; a commit waits for room up to `patience` seconds (BusyError). The file is committed
        `commit_seconds` after the last commit at the latest, and when nothing is left to merge. Parts of an attempt
        that is silent for `attempt_seconds` are dropped. `marks` are attributes that the file gets, or has already
        (else ValueError). `ask`: see `Attempts`.
        """
        budget = parse_size(memory)
        self.path = os.path.abspath(os.fspath(path))  # noqa: PTH100 - links stay
        if budget < LEAST_MEMORY:
            raise ValueError(
                f"the accumulator of '{self.path}' needs memory= of at least {size_text(LEAST_MEMORY)}, "
                f"not {size_text(budget)}"
            )
        self.max_part = max(budget // 4, 2 * PART_BYTES)
        self.credits = Credits(self.max_part)
        self.tally = Tally()
        self._checking = threading.BoundedSemaphore(2)  # each decodes a part, and writes it
        self._silent_seconds = attempt_seconds
        self._patience = patience
        self._ask = ask
        self._pid = os.getpid()
        self._closed = False
        self._shadow = Shadow()
        self._merger = Merger(
            lambda: OwnFile(self.path, "a", memory=budget // 2, threads=threads, commit_bytes=0, commit_seconds=0),
            lambda file: Log(log_of(self.path), uuid_of(file)),
            self.tally,
            log_limit=parse_size(log_limit, "log_limit"),
            commit_seconds=commit_seconds,
        )
        self._log = self._merger.log
        self._attempts = Attempts(self.path, self._log, self._shadow, self._merger, self.tally)
        try:
            with self._merger.paused() as file:
                _mark(file, marks or {})
                self._shadow.take_over(file)
            self._attempts.recover()
        except BaseException:
            self._merger.abandon()
            self._log.close()
            raise
        self._merger.start()

    @property
    def shards(self) -> int:
        """It is alone, or one of several that know nothing of each other."""
        return 1

    # --- histograms ----------------------------------------------------------------------------------------

    def create(self, name: str, specification: Specification) -> Specification:
        """Makes a histogram, durably. One that is there already must have the same axes and storage (ValueError)."""
        self._check()
        with self._merger.paused() as file:
            if name not in file:
                create_as(file, name, specification)
                try:
                    self._merger.settle()
                except BaseException as problem:
                    self._merger.give_up(problem)
                    if isinstance(problem, OSError):
                        raise BusyError(f"'{name}' cannot be made in '{self.path}' now: {problem}") from None
                    raise
            if name not in self._shadow:
                self._shadow.add(name, file[name])
        found = self._shadow.describe(name)
        check_same(name, specification, found)
        return found

    def describe(self, name: str) -> Specification:
        """Raises KeyError with the names there are."""
        self._check()
        return self._shadow.describe(name)

    def names(self) -> list[str]:
        """The names of all histograms."""
        self._check()
        return self._shadow.names()

    # --- attempts ------------------------------------------------------------------------------------------

    def admit(self, size: int, patience: float) -> None:
        """Waits until a part of that many bytes may come; to be followed by `credits.give`. ValueError for too many.

        Raises BusyError where that takes longer than `patience` seconds, and says why.
        """
        self._check()
        if not 0 <= size <= self.max_part:
            raise ValueError(
                f"a part of {size_text(size)} is more than the accumulator of '{self.path}' takes at once "
                f"({size_text(self.max_part)}): give it more memory"
            )
        end = time.monotonic() + patience
        self._wait_for_room(patience)
        if not self.credits.take(size, end - time.monotonic()):
            raise self._no_room(patience)

    def _wait_for_room(self, patience: float) -> None:
        if not self._merger.wait_for_room(patience):
            raise self._no_room(patience)
        self._check()

    def _no_room(self, patience: float) -> BusyError:
        return BusyError(f"the accumulator of '{self.path}' had no room for {patience:.0f} s: {self.state}")

    def stage(self, attempt: str, piece: Piece) -> None:
        """Takes a part of an attempt. One that is there already is not taken again.

        Raises what `Delta.from_bytes` and `Histogram.merge` raise for what does not fit; BusyError where the log finds
        no room on the disk.
        """
        self._check()
        self._take(attempt, piece)

    def _take_last(self, attempt: str, pieces: Sequence[Piece]) -> None:
        """Those that come with a commit."""
        if pieces:
            self._wait_for_room(self._patience)
        for piece in pieces:
            self._take(attempt, piece)

    def _take(self, attempt: str, piece: Piece) -> None:
        if self._attempts.has(attempt, piece.number):
            return
        what = {"attempt": attempt, "part": piece.number, "histogram": piece.histogram}
        with self._checking:
            dense_bytes = self._shadow.check(piece.histogram, piece.content, self.max_part)
            with _room():
                part = Part(piece.histogram, self._log.append(what, piece.content))
        if self._attempts.add(attempt, piece.number, part):
            self.tally.add("parts")
            self.tally.add("bytes", len(piece.content))
            self.tally.add("dense_bytes", dense_bytes)

    def commit(
        self,
        attempt: str,
        parts: Sequence[int],
        ids: Sequence[ID],
        counters: CounterSums,
        last: Sequence[Piece] = (),
        for_others: bool = False,
    ) -> bool:
        """Makes all parts of an attempt count, once and for ever. False where its ids were in already.

        `parts`: how many there are, of each accumulator; the first is this one. Returns when it is durable. Raises
        OverlapError where some of the entries are in and others are not; AttemptLostError where parts are missing. The
        parts are dropped then.
        """
        self._check()
        self._take_last(attempt, last)
        with _room():
            return self._attempts.commit(attempt, parts[0], distinct(ids), counters, for_others)

    def prepare(self, attempt: str, parts: int, ids: Sequence[ID], last: Sequence[Piece] = ()) -> None:
        """The first half of a commit that another accumulator decides: all parts are here, durably."""
        self._check()
        self._take_last(attempt, last)
        with _room():
            self._attempts.prepare(attempt, parts, distinct(ids))

    def decide(self, attempt: str, counts: bool) -> None:
        """The second half: what was decided."""
        self._check()
        with _room():
            self._attempts.decide(attempt, counts)

    def verdict(self, attempt: str, final: bool = True) -> bool | None:
        """For those that prepared it: whether an attempt counts, None where that is open; with `final` it is not."""
        self._check()
        with _room():
            return self._attempts.verdict(attempt, final)

    def drop(self, attempt: str) -> None:
        """Forgets the parts of an attempt that failed."""
        self._check()
        self._attempts.drop(attempt)

    def sweep(self) -> None:
        """Drops what is silent for too long, and asks what was decided; to be called now and then."""
        self._attempts.sweep(self._silent_seconds, self._ask)

    def missing(self, ids: Sequence[ID]) -> list[list[ID]]:
        """Of each id what is not in: of an interval the entries that are not. What is in is durable."""
        self._check()
        missing = self._shadow.missing(ids)
        if missing != [[id] for id in ids]:
            self._log.sync()
        return missing

    # --- state ---------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """ "ready", or what it waits for, or why it cannot go on."""
        if self._closed:
            return "closed"
        return "failed: its log must be opened again" if self.must_restart else self._merger.state

    @property
    def must_restart(self) -> bool:
        """Whether nobody knows what of the log is on the disk, so that it takes nothing more."""
        return not self._closed and self._log.failure is not None

    def status(self) -> dict[str, Any]:
        """Counts since it was opened, and what it holds now; sizes in bytes."""
        return {
            "file": self.path,
            "state": self.state,
            "histograms": len(self._shadow.names()),
            "running_attempts": len(self._attempts),
            **self.tally.counts(),
            **self._merger.status(),
            "log_bytes": self._log.nbytes,
            "credit_bytes": self.credits.free,
            "memory_bytes": self.tally.memory_bytes(),
            "file_bytes": _size(self.path),
            "journal_bytes": _size(f"{self.path}.journal"),
        }

    def flush(self, timeout: float | None = None) -> bool:
        """Returns when all that was acknowledged is merged, and the file committed; False where time was not enough."""
        self._check()
        with _room():
            self._attempts.settle(self._ask, final=False)
        return self._merger.flush(timeout)

    def _check(self) -> None:
        if self._closed:
            raise BusyError(f"the accumulator of '{self.path}' is closed")
        if os.getpid() != self._pid:
            raise ServiceError(
                f"the accumulator of '{self.path}' is in another process, which this one was forked from: use "
                "hugehist.service.Accumulator, whose sinks can be sent"
            )
        self._merger.check()
        self._log.check()

    def close(self) -> None:
        """Merges what was acknowledged, commits, and closes the file; attempts that are under way are dropped.

        Where it cannot (ServiceError), the log keeps what is not in the file. In a forked child it does nothing.
        """
        if self._closed or os.getpid() != self._pid:
            return
        self._closed = True
        try:
            with suppress(Error, OSError):  # the next one asks again
                self._attempts.settle(self._ask, final=True)
            self._merger.stop()
            self._attempts.drop_all()
        finally:
            self._log.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _size(path: str) -> int:
    """0 for what is not there."""
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except FileNotFoundError:
        return 0


def _mark(file: File, marks: Mapping[str, str | int]) -> None:
    for key, value in marks.items():
        if file.attrs.get(key, value) != value or (key not in file.attrs and len(file.ledger)):
            raise ValueError(
                f"'{file.path}' is another shard than it should be: {key} is {file.attrs.get(key)!r}, not {value!r}"
            )
    file.attrs.update(marks)
    file.commit()


@contextmanager
def _room() -> Iterator[None]:
    """The log is as before where the system had no room for more of it."""
    try:
        yield
    except OSError as problem:
        raise BusyError(f"the log cannot be written: {problem}") from None
