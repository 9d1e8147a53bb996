"""HDF5's metadata with bytes changed and the checksum made right again: what an attacker does, and no disk."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

MASK = 0xFFFFFFFF


class Block(NamedTuple):
    """A part of the file that ends with the checksum of what is before."""

    begin: int
    end: int


def lookup3(data: bytes) -> int:
    """Bob Jenkins's hash, as HDF5 takes it for its metadata."""

    def rotated(x: int, k: int) -> int:
        return (x << k | x >> (32 - k)) & MASK

    a = b = c = 0xDEADBEEF + len(data) & MASK
    full = max(len(data) - 1, 0) // 12 * 12
    for at in range(0, full, 12):
        a = a + int.from_bytes(data[at : at + 4], "little") & MASK
        b = b + int.from_bytes(data[at + 4 : at + 8], "little") & MASK
        c = c + int.from_bytes(data[at + 8 : at + 12], "little") & MASK
        for k in (4, 6, 8, 16, 19, 4):
            a, b, c = b, c + b & MASK, (a - c & MASK) ^ rotated(c, k)
    rest = data[full:]
    if not rest:
        return c
    a = a + int.from_bytes(rest[:4], "little") & MASK
    b = b + int.from_bytes(rest[4:8], "little") & MASK
    c = c + int.from_bytes(rest[8:], "little") & MASK
    c = (c ^ b) - rotated(b, 14) & MASK
    a = (a ^ c) - rotated(c, 11) & MASK
    b = (b ^ a) - rotated(a, 25) & MASK
    c = (c ^ b) - rotated(b, 16) & MASK
    a = (a ^ c) - rotated(c, 4) & MASK
    b = (b ^ a) - rotated(a, 14) & MASK
    return (c ^ b) - rotated(b, 24) & MASK


#: Of headers of heaps, trees and arrays: their lengths, and those of their nodes, are found by trying.
SIGNATURES = (b"FRHP", b"BTHD", b"BTLF", b"BTIN", b"EAHD", b"EAIB", b"EASB", b"EADB", b"FAHD", b"FADB")
LENGTHS = (*range(12, 400), 512, 1024, 2048)


def is_summed(data: bytes, begin: int, end: int) -> bool:
    return end <= len(data) and lookup3(data[begin : end - 4]) == int.from_bytes(data[end - 4 : end], "little")


def object_header(data: bytes, begin: int) -> Iterator[Block]:
    """The header and its continuations."""
    flags = data[begin + 5]
    at = begin + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    end = at + width + int.from_bytes(data[at : at + width], "little") + 4
    at += width
    if is_summed(data, begin, end):
        yield Block(begin, end)
        yield from continuations(data, at, end - 4, 4 + (2 if flags & 4 else 0))


def continuations(data: bytes, at: int, end: int, prefix: int) -> Iterator[Block]:
    while at + prefix <= end:
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 3], "little")
        at += prefix
        if kind == 0x10:
            begin, length = (int.from_bytes(data[at + i : at + i + 8], "little") for i in (0, 8))
            if is_summed(data, begin, begin + length):
                yield Block(begin, begin + length)
                yield from continuations(data, begin + 4, begin + length - 4, prefix)
        at += size


def find_blocks(data: bytes) -> list[Block]:
    """All that the file has, without those that nobody refers to any more being told from others."""
    blocks = [Block(0, 48)] if is_summed(data, 0, 48) else []
    at = data.find(b"OHDR")
    while at >= 0:
        blocks += object_header(data, at)
        at = data.find(b"OHDR", at + 4)
    for signature in SIGNATURES:
        at = data.find(signature)
        while at >= 0:
            found = next((length for length in LENGTHS if is_summed(data, at, at + length)), None)
            if found:
                blocks.append(Block(at, at + found))
            at = data.find(signature, at + 4)
    return sorted(set(blocks))


INTERESTING = (b"\x00", b"\x01", b"\x7f", b"\x80", b"\xff", b"\xff" * 2, b"\xff" * 4, b"\xff" * 8, b"\x00" * 8)


def forge(data: bytearray, blocks: list[Block], rng: random.Random) -> str:
    """Changes a few bytes of one block or two."""
    told = []
    for begin, end in rng.sample(blocks, rng.choice([1, 1, 1, 2])):
        for _ in range(rng.choice([1, 1, 2, 4])):
            new = rng.choice([rng.randbytes(1), rng.choice(INTERESTING), rng.randbytes(rng.randint(1, 8))])
            at = rng.randrange(begin + 4, max(begin + 5, end - 4 - len(new)))
            if rng.random() < 0.3:
                new = bytes([data[at] ^ 1 << rng.randrange(8)])
            data[at : at + len(new)] = new
            told.append(f"{new.hex()} at {at}")
        data[end - 4 : end] = lookup3(bytes(data[begin : end - 4])).to_bytes(4, "little")
    return "forged: " + ", ".join(told)
