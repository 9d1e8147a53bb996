"""A segment of the log: a file that is written from front to end, and read again after a restart.

docs/format-log.md has the bytes. Only the last segment may end in what a crash left of a record: a segment is durable
as a whole before there is another one.
"""

from __future__ import annotations

import errno
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core import CorruptionError, FormatError
from .records import (
    HEADER_BYTES,
    MAX_JSON,
    PREAMBLE_BYTES,
    RECORD,
    Bytes,
    Header,
    Preamble,
    decode_header,
    decode_preamble,
)

PIECE = 1 << 22  # bytes that are read at once


@dataclass(frozen=True)
class Place:
    """Where a record's content is."""

    segment: int
    offset: int
    size: int
    checksum: int  # of the JSON and the content
    seed: int  # CRC-32 of the JSON


@dataclass
class Segment:
    number: int
    path: Path
    descriptor: int
    salt: bytes
    end: int = PREAMBLE_BYTES
    durable: int = PREAMBLE_BYTES
    needed: int = 0  # records that somebody may still ask for

    def remove(self) -> None:
        """Without telling the disk: where the file comes back after a crash, nobody needs what it has."""
        os.close(self.descriptor)
        self.durable = self.end  # for who waits for that
        self.path.unlink(missing_ok=True)


def segments_in(directory: Path) -> list[Path]:
    """In the order in which they were written."""
    return sorted(path for path in directory.glob("*.segment") if path.stem.isdecimal())


def create_segment(directory: Path, number: int, uuid: bytes) -> Segment:
    """A new one, durably; OSError leaves nothing behind."""
    path = directory / f"{number:08}.segment"
    salt = os.urandom(8)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write(descriptor, [Preamble(number, salt, uuid).encode()], 0)
        os.fdatasync(descriptor)
        sync_directory(directory)
    except BaseException:
        os.close(descriptor)
        path.unlink()
        raise
    return Segment(number, path, descriptor, salt)


def open_segment(path: Path, uuid: bytes, is_last: bool) -> Segment | None:
    """None where a crash came before its first record; it is removed then. Raises CorruptionError and FormatError."""
    number = int(path.stem)
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        preamble = _preamble(path, uuid, read(descriptor, PREAMBLE_BYTES, 0))
        if preamble is not None:
            return Segment(number, path, descriptor, preamble.salt)
        if not is_last or os.fstat(descriptor).st_size > PREAMBLE_BYTES:
            raise _damage(path, 0)
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    path.unlink()
    sync_directory(path.parent)  # or it might come back, and not be the last one
    return None


def _preamble(path: Path, uuid: bytes, content: bytes) -> Preamble | None:
    try:
        preamble = decode_preamble(content)
    except ValueError as problem:
        raise FormatError(f"'{path}': {problem}") from None
    if preamble is not None and (preamble.uuid != uuid or preamble.number != int(path.stem)):
        raise FormatError(
            f"'{path}' is the log of another file than the one beside it: move '{path.parent}' to that file, or away"
        )
    return preamble


def records(segment: Segment, is_last: bool) -> Iterator[tuple[dict[str, Any], Place]]:
    """All whole records; afterwards they are durable, and the segment ends with them.

    Raises CorruptionError for damage to what was durable.
    """
    size = os.fstat(segment.descriptor).st_size
    while (found := _record_at(segment, segment.end, size)) is not None:
        what, place, header = found
        segment.durable = max(segment.durable, header.durable)
        segment.end = place.offset + place.size
        yield what, place
    if segment.end < size:
        if not is_last or any(header.durable > segment.end for header in _later_headers(segment, size)):
            raise _damage(segment.path, segment.end)
        os.ftruncate(segment.descriptor, segment.end)
    if is_last:
        _write_again(segment)
    os.fdatasync(segment.descriptor)
    segment.durable = segment.end


def _record_at(segment: Segment, offset: int, size: int) -> tuple[dict[str, Any], Place, Header] | None:
    header = decode_header(segment.salt, read(segment.descriptor, HEADER_BYTES, offset))
    if header is None or offset + header.record_bytes > size or header.text_bytes > MAX_JSON:
        return None
    text = read(segment.descriptor, header.text_bytes, offset + HEADER_BYTES)
    seed = checksum = zlib.crc32(text)
    begin = offset + HEADER_BYTES + header.text_bytes
    end = offset + header.record_bytes
    for at in range(begin, end, PIECE):
        checksum = zlib.crc32(read(segment.descriptor, min(PIECE, end - at), at), checksum)
    if checksum != header.checksum:
        return None
    return json.loads(text), Place(segment.number, begin, header.content_bytes, checksum, seed), header


def _later_headers(segment: Segment, size: int) -> Iterator[Header]:
    """Of records behind the end, whole or not: a header has its own checksum, and the segment's salt in it."""
    for at in range(segment.end, size, PIECE):
        piece = read(segment.descriptor, PIECE + HEADER_BYTES, at)
        found = piece.find(RECORD)
        while 0 <= found < PIECE:
            header = decode_header(segment.salt, memoryview(piece)[found : found + HEADER_BYTES])
            if header is not None:
                yield header
            found = piece.find(RECORD, found + 1)


def _write_again(segment: Segment) -> None:
    """What may be in memory alone: after a sync that failed, the next one says that all is well and writes nothing."""
    for at in range(segment.durable, segment.end, PIECE):
        piece = read(segment.descriptor, min(PIECE, segment.end - at), at)
        write(segment.descriptor, [piece], at)


def _damage(path: Path, offset: int) -> CorruptionError:
    return CorruptionError(
        f"the log segment '{path}' is damaged at byte {offset}, in what was acknowledged: restore it from a copy, or "
        "move the log away to go on without what it has"
    )


def write(descriptor: int, pieces: list[Bytes], offset: int) -> None:
    """All of it; OSError where that does not go."""
    left = [memoryview(piece) for piece in pieces if len(piece)]
    while left:
        done = os.pwritev(descriptor, left, offset)
        if done == 0:
            raise OSError(errno.EIO, "nothing could be written")
        offset += done
        while left and done >= len(left[0]):
            done -= len(left[0])
            left.pop(0)
        if left and done:
            left[0] = left[0][done:]


def read(descriptor: int, size: int, offset: int) -> bytes:
    """Less than `size` bytes at the end of the file only: one call gives 2 GiB at most."""
    content = os.pread(descriptor, size, offset)
    while 0 < len(content) < size:
        more = os.pread(descriptor, size - len(content), offset + len(content))
        if not more:
            break
        content += more
    return content


def sync_directory(path: Path) -> None:
    """That files are there, or gone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
