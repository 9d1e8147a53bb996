"""The log of an accumulator: what it has acknowledged, or was sent, and what is not in its file yet.

A directory beside the file, `<file>.log`, with segments that are written from front to end. Records are appended by any
thread; `sync` makes all that was appended before durable, once for all threads that wait. A segment is removed when
nobody needs any of its records. Whoever has the file open for writing owns the log.

After a failed sync nobody knows what is durable: the log takes nothing more, and must be opened again.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._core import CorruptionError, Error, LockedError
from .errors import BusyError
from .records import MAX_JSON, PREAMBLE_BYTES, Bytes, Record
from .segments import Place, Segment, create_segment, open_segment, read, records, segments_in, sync_directory, write

if TYPE_CHECKING:
    from ..file import File

SEGMENT_BYTES = 256 << 20


def log_of(path: str | os.PathLike[str]) -> Path:
    """The place of the log that belongs to a file."""
    return Path(f"{os.fspath(path)}.log")


def uuid_of(file: File) -> bytes:
    """What a log knows its file by."""
    return uuid.UUID(str(file.uuid)).bytes


class Log:
    """An open log. Any thread may call it."""

    def __init__(self, path: Path, file_uuid: bytes, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Raises LockedError where somebody else has it."""
        self.path = path
        self._uuid = file_uuid
        self._segment_bytes = segment_bytes
        self._segments: dict[int, Segment] = {}
        self._current: Segment | None = None
        self._next_number = 1
        self._lock = threading.Condition()
        self._syncing = False
        self._is_read = False
        self._failure: BaseException | None = None
        self._guard = take_log(path)
        sync_directory(path)  # what was removed before must not come back among new segments
        sync_directory(path.parent)

    # --- what is there ------------------------------------------------------------------------------------

    def recover(self) -> Iterator[tuple[dict[str, Any], Place]]:
        """All whole records, in the order in which they were written. To be called once, before anything else.

        What a crash cut off at the end is cut off here, too; when all are read, they are durable. Raises
        CorruptionError for damage to what was durable, FormatError for the log of another file or of a newer version.
        """
        paths = segments_in(self.path)
        for path in paths:
            is_last = path == paths[-1]
            segment = open_segment(path, self._uuid, is_last)
            if segment is not None:
                segment.needed = 1  # while they are read
                self._segments[segment.number] = segment
                self._next_number = segment.number + 1
                yield from records(segment, is_last)
        self._is_read = True
        with self._lock:
            for segment in list(self._segments.values()):
                self._let_go(segment)

    # --- writing ------------------------------------------------------------------------------------------

    def append(self, what: dict[str, Any], content: Bytes = b"") -> Place:
        """Writes a record, which is needed until `release`.

        Where that fails (OSError; ValueError for too much to say), the log is as before.
        """
        record = Record.of(what, content)
        if len(record.text) > MAX_JSON:
            raise ValueError(f"an attempt has {len(record.text) >> 20} MiB of ids and counters: do it in several")
        with self._lock:
            segment = self._segment_for_next()
            pieces = record.pieces(segment.salt, segment.durable)
            try:
                write(segment.descriptor, pieces, segment.end)
            except BaseException:
                self._cut(segment)
                raise
            segment.needed += 1
            segment.end += sum(len(piece) for piece in pieces)
            return Place(segment.number, segment.end - len(content), len(content), record.checksum, record.seed)

    def _segment_for_next(self) -> Segment:
        while self._syncing and self._is_full():
            self._lock.wait()
        self.check()
        full = self._current
        if full is not None and not self._is_full():
            return full
        if full is not None:
            self._sync_now(full)
        self._current = create_segment(self.path, self._next_number, self._uuid)
        self._segments[self._next_number] = self._current
        self._next_number += 1
        if full is not None and full.needed == 0:
            self._remove(full)
        return self._current

    def _is_full(self) -> bool:
        return self._current is not None and self._current.end >= self._segment_bytes

    def _cut(self, segment: Segment) -> None:
        try:
            os.ftruncate(segment.descriptor, segment.end)
        except OSError as problem:
            self._fail(problem)
            raise

    def sync(self) -> None:
        """Returns when all that was appended before the call is durable."""
        with self._lock:
            segment = self._current
            if segment is None:
                return
            end = segment.end
            while segment.durable < end:
                self.check()
                if self._syncing:
                    self._lock.wait()
                else:
                    self._sync_for_all(segment)

    def _sync_for_all(self, segment: Segment) -> None:
        """With the lock open meanwhile, so that more is appended and waits for the next one."""
        upto = segment.end
        self._syncing = True
        try:
            self._lock.release()
            try:
                os.fdatasync(segment.descriptor)
            finally:
                self._lock.acquire()
            segment.durable = max(segment.durable, upto)
        except OSError as problem:
            self._failure = problem
        finally:
            self._syncing = False
            self._lock.notify_all()

    def _sync_now(self, segment: Segment) -> None:
        try:
            os.fdatasync(segment.descriptor)
        except OSError as problem:
            self._fail(problem)
            self.check()
        segment.durable = segment.end

    def _fail(self, problem: BaseException) -> None:
        self._failure = problem
        self._lock.notify_all()

    @property
    def failure(self) -> BaseException | None:
        """Why it takes nothing more."""
        return self._failure

    def check(self) -> None:
        """Raises BusyError where it takes nothing more."""
        if self._failure is not None:
            raise BusyError(
                f"the log '{self.path}' could not be made durable ({self._failure}): nobody knows what is on the disk, "
                "so it must be opened again"
            )

    # --- reading and letting go ---------------------------------------------------------------------------

    def read(self, place: Place) -> bytes:
        """The content of a record that is needed. Raises CorruptionError where it is not what was written."""
        with self._lock:
            segment = self._segments[place.segment]
        content = read(segment.descriptor, place.size, place.offset)
        if len(content) != place.size or zlib.crc32(content, place.seed) != place.checksum:
            raise CorruptionError(f"the log segment '{segment.path}' is damaged at byte {place.offset}")
        return content

    def need(self, place: Place) -> None:
        """Of a record that was found by `recover`."""
        with self._lock:
            self._segments[place.segment].needed += 1

    def release(self, places: list[Place]) -> None:
        """Nobody needs these records any more."""
        with self._lock:
            for place in places:
                self._let_go(self._segments[place.segment])

    def _let_go(self, segment: Segment) -> None:
        segment.needed -= 1
        if segment.needed == 0 and segment is not self._current:
            self._remove(segment)

    def trim(self) -> None:
        """Removes the current segment as well, where nobody needs anything of it. Raises BusyError as `sync` does."""
        with self._lock:
            current = self._current
            if current is None or self._syncing or self._failure is not None:
                return
            if current.needed == 0 and current.end > PREAMBLE_BYTES:
                if current.durable < current.end:
                    self._sync_now(current)  # or it might come back, torn, beside the next one
                self._current = None
                self._remove(current)

    def _remove(self, segment: Segment) -> None:
        del self._segments[segment.number]
        segment.remove()
        self._lock.notify_all()

    @property
    def nbytes(self) -> int:
        """Of all segments."""
        with self._lock:
            return sum(segment.end for segment in self._segments.values())

    def close(self) -> None:
        """Removes the log where nobody needs anything of it, and all of it was read."""
        with self._lock:
            if self._guard < 0:
                return
            is_needed = (
                not self._is_read
                or self._failure is not None
                or any(segment.needed for segment in self._segments.values())
            )
            self._failure = self._failure or Error("it is closed")
            self._lock.notify_all()
            self._current = None
            for segment in self._segments.values():
                os.close(segment.descriptor)
            self._segments.clear()
            if not is_needed:
                remove_log(self.path)
            os.close(self._guard)
            self._guard = -1


def remove_log(path: Path) -> None:
    """To be called by who holds its lock. What others have put there stays."""
    for segment in segments_in(path):
        segment.unlink()
    (path / "lock").unlink(missing_ok=True)
    with suppress(OSError):
        path.rmdir()


def take_log(path: Path) -> int:
    """Makes the directory where there is none, and locks it: a descriptor, to be closed.

    Raises LockedError where somebody else has it, for longer than a look takes.
    """
    end = time.monotonic() + 1
    while True:
        with suppress(FileExistsError):
            path.mkdir()
        try:
            guard = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue  # whoever had it has just removed it
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(guard), os.stat(path / "lock")):  # noqa: PTH116
                return guard
        except FileNotFoundError:
            pass
        except OSError:
            if time.monotonic() > end:
                os.close(guard)
                raise LockedError(f"the log '{path}' is in use by another accumulator: stop it first") from None
            time.sleep(0.02)
        os.close(guard)
