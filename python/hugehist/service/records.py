"""The bytes of the log: segments and their records; docs/format-log.md describes them.

A record says what was done in JSON, and a part carries a delta's compact form behind that. Its header tells how much of
the log was durable when it was written, so that a record that is not whole is known for what it is: the end of a log
that was cut off by a crash, or damage.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any

Bytes = bytes | bytearray | memoryview

MAGIC = b"\x89HHLOG\r\n"
VERSION = 1
PREAMBLE = struct.Struct("<8sIQ8s16s")  # magic, version, number of the segment, salt, uuid of the file
PREAMBLE_BYTES = PREAMBLE.size + 4  # and CRC-32 of it

RECORD = b"HHRC"
HEADER = struct.Struct("<4sIQQI")  # magic, bytes of the JSON, bytes behind it, durable before it, CRC-32 of both
HEADER_BYTES = HEADER.size + 4  # and CRC-32 of salt and header
MAX_JSON = 1 << 26
_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True)
class Preamble:
    number: int
    salt: bytes
    uuid: bytes

    def encode(self) -> bytes:
        head = PREAMBLE.pack(MAGIC, VERSION, self.number, self.salt, self.uuid)
        return head + struct.pack("<I", zlib.crc32(head))


def decode_preamble(content: bytes) -> Preamble | None:
    """None where it was cut off or is damaged; ValueError for a version that is not known here."""
    if len(content) < PREAMBLE_BYTES:
        return None
    head = content[: PREAMBLE.size]
    magic, version, number, salt, uuid = PREAMBLE.unpack(head)
    if magic != MAGIC or struct.pack("<I", zlib.crc32(head)) != content[PREAMBLE.size : PREAMBLE_BYTES]:
        return None
    if version != VERSION:
        raise ValueError(f"version {version} of the log's format is newer than this library")
    return Preamble(number, salt, uuid)


@dataclass(frozen=True)
class Record:
    """What is to be written, with its checksums."""

    text: bytes
    content: Bytes
    seed: int  # CRC-32 of the text
    checksum: int  # of text and content

    @classmethod
    def of(cls, what: dict[str, Any], content: Bytes) -> Record:
        text = _to_json(what).encode()
        seed = zlib.crc32(text)
        return cls(text, content, seed, zlib.crc32(content, seed) if len(content) else seed)

    def pieces(self, salt: bytes, durable: int) -> list[Bytes]:
        """To be written one after another; `durable` is a position in the same segment."""
        head = HEADER.pack(RECORD, len(self.text), len(self.content), durable, self.checksum)
        return [head, struct.pack("<I", zlib.crc32(salt + head)), self.text, self.content]


@dataclass(frozen=True)
class Header:
    text_bytes: int
    content_bytes: int
    durable: int
    checksum: int

    @property
    def record_bytes(self) -> int:
        return HEADER_BYTES + self.text_bytes + self.content_bytes


def decode_header(salt: bytes, content: Bytes) -> Header | None:
    """None where it is no header of this segment."""
    if len(content) < HEADER_BYTES:
        return None
    head = bytes(content[: HEADER.size])
    magic, text, rest, durable, checksum = HEADER.unpack(head)
    if magic != RECORD or struct.pack("<I", zlib.crc32(salt + head)) != bytes(content[HEADER.size : HEADER_BYTES]):
        return None
    return Header(text, rest, durable, checksum)
