"""A disk whose power may fail: notes what is done to the files of a directory, and makes what a power cut may leave.

What was written since a file's last sync is there by sectors, each of them or not, some torn; the file's length is any
of those it had since. An entry that was made or removed since the directory's last sync is there or not. A sync that
fails leaves what it should have written in memory alone, where the next one does not see it.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

SECTOR = 512


@dataclass
class Change:
    """Bytes at an offset, or (None) a new length."""

    offset: int
    content: bytes | None
    fate: str = "open"  # until a sync: "firm", or "lost from memory" where it failed


@dataclass
class Inode:
    durable: bytes = b""
    changes: list[Change] = field(default_factory=list)

    def sync(self, succeeds: bool) -> None:
        for change in self.changes:
            if change.fate == "open":
                change.fate = "firm" if succeeds or change.content is None else "lost"
        while self.changes and self.changes[0].fate == "firm":
            content = bytearray(self.durable)
            apply(content, self.changes.pop(0))
            self.durable = bytes(content)

    def after_cut(self, rng: random.Random) -> bytes:
        content = bytearray(self.durable)
        lengths = [len(content)]  # since the last change that is sure
        kept = rng.choice([0.0, 0.5, 0.9, 1.0])
        for change in self.changes:
            for piece in [change] if change.content is None or change.fate == "firm" else sectors(change):
                if change.fate == "firm" or rng.random() < kept:
                    apply(content, piece)
                elif piece.content is not None and rng.random() < 0.05:
                    apply(content, Change(piece.offset, piece.content[: rng.randrange(SECTOR)]))
            lengths = [len(content)] if change.fate == "firm" else [*lengths, len(content)]
        if rng.random() < 0.5:
            apply(content, Change(rng.choice(lengths), None))
        return bytes(content)


def apply(content: bytearray, change: Change) -> None:
    if change.content is None:
        del content[change.offset :]
    content.extend(bytes(max(0, change.offset - len(content))))
    if change.content is not None:
        content[change.offset : change.offset + len(change.content)] = change.content


def sectors(change: Change) -> Iterator[Change]:
    assert change.content is not None
    at = 0
    while at < len(change.content):
        size = SECTOR - (change.offset + at) % SECTOR
        yield Change(change.offset + at, change.content[at : at + size])
        at += size


@dataclass
class Directory:
    durable: dict[str, int | None] = field(default_factory=dict)  # None: a directory
    changes: list[tuple[str, int | None, bool]] = field(default_factory=list)  # name, inode, whether it is there

    def sync(self) -> None:
        self.durable, self.changes = self.entries(lambda: True), []

    def entries(self, is_kept: Callable[[], bool]) -> dict[str, int | None]:
        found = dict(self.durable)
        for name, inode, is_there in self.changes:
            if is_kept():
                if is_there:
                    found[name] = inode
                else:
                    found.pop(name, None)
        return found


class Disk:
    """Of all below `root`, which is empty; while `watched`. `cut` gives a state after a power cut at this moment."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.inodes: list[Inode] = []
        self.directories: dict[str, Directory] = {self.root: Directory()}
        self.paths: dict[str, int] = {}
        self.descriptors: dict[int, int | str] = {}  # of files by their inode, of directories by their path
        self.before: Callable[[], None] = lambda: None  # to be called before each change
        self.room: int | None = None  # bytes that may still be written
        self.fails_to_sync = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        names = ("open", "close", "pwritev", "ftruncate", "fdatasync", "fsync", "mkdir", "unlink", "rmdir")
        self._real = {name: getattr(os, name) for name in names}
        with mock.patch.multiple(os, **{name: getattr(self, f"_{name}") for name in names}):
            yield
        self.kill()

    def kill(self) -> None:
        """The process: its files are closed, and nothing else is done."""
        for descriptor in self.descriptors:
            self._real["close"](descriptor)
        self.descriptors.clear()

    def _below(self, path: Any) -> bool:
        return isinstance(path, str | Path) and f"{path}/".startswith(f"{self.root}/")

    def _open(self, path: Any, flags: int, *rest: Any, **named: Any) -> int:
        name = str(path)
        if self._below(path) and flags & os.O_CREAT and not Path(name).exists():
            self.before()
        descriptor: int = self._real["open"](path, flags, *rest, **named)
        if self._below(path):
            if flags & os.O_DIRECTORY:
                self.descriptors[descriptor] = name
                return descriptor
            if name not in self.paths:
                self.paths[name] = len(self.inodes)
                self.inodes.append(Inode())
                self._enter(name, self.paths[name], True)
            self.descriptors[descriptor] = self.paths[name]
        return descriptor

    def _close(self, descriptor: int) -> None:
        self.descriptors.pop(descriptor, None)
        self._real["close"](descriptor)

    def _enter(self, path: str, inode: int | None, is_there: bool) -> None:
        parent, _, name = path.rpartition("/")
        self.directories[parent].changes.append((name, inode, is_there))

    def _inode(self, descriptor: int) -> Inode | None:
        found = self.descriptors.get(descriptor)
        return self.inodes[found] if isinstance(found, int) else None

    def _pwritev(self, descriptor: int, pieces: list[Any], offset: int) -> int:
        inode = self._inode(descriptor)
        if inode is None:
            return int(self._real["pwritev"](descriptor, pieces, offset))
        content = b"".join(pieces)
        if self.room is not None:
            if self.room == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            content = content[: self.room]
            self.room -= len(content)
        self.before()
        inode.changes.append(Change(offset, content))
        return int(self._real["pwritev"](descriptor, [content], offset))

    def _ftruncate(self, descriptor: int, length: int) -> None:
        if inode := self._inode(descriptor):
            self.before()
            inode.changes.append(Change(length, None))
        self._real["ftruncate"](descriptor, length)

    def _fdatasync(self, descriptor: int) -> None:
        if inode := self._inode(descriptor):
            self.before()
            inode.sync(not self.fails_to_sync)
            if self.fails_to_sync:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _fsync(self, descriptor: int) -> None:
        found = self.descriptors.get(descriptor)
        if isinstance(found, str):
            self.before()
            self.directories[found].sync()

    def _mkdir(self, path: Any, *rest: Any, **named: Any) -> None:
        if self._below(path) and not Path(path).exists():
            self.before()
            self._enter(str(path), None, True)
            self.directories[str(path)] = Directory()
        self._real["mkdir"](path, *rest, **named)

    def _unlink(self, path: Any, *rest: Any, **named: Any) -> None:
        if self._below(path) and str(path) in self.paths:
            self.before()
            self._enter(str(path), self.paths.pop(str(path)), False)
        self._real["unlink"](path, *rest, **named)

    def _rmdir(self, path: Any, *rest: Any, **named: Any) -> None:
        self._real["rmdir"](path, *rest, **named)
        if self._below(path):
            self._enter(str(path), None, False)

    def cut(self, rng: random.Random, to: Path) -> None:
        """Makes the directory `to` as the disk may be after a power cut now."""
        self._restore(self.root, to, rng, rng.choice([0.0, 0.5, 1.0]))

    def _restore(self, path: str, to: Path, rng: random.Random, kept: float) -> None:
        self._really("mkdir", to)
        for name, inode in self.directories[path].entries(lambda: rng.random() < kept).items():
            if inode is None:
                self._restore(f"{path}/{name}", to / name, rng, kept)
                continue
            descriptor = self._really("open", to / name, os.O_WRONLY | os.O_CREAT, 0o600)
            os.write(descriptor, self.inodes[inode].after_cut(rng))
            self._really("close", descriptor)

    def _really(self, name: str, *args: Any) -> Any:
        return self._real[name](*args)
