"""Files as a whole: checking, what can be had of damaged ones, and giving back space that is not used."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import SupportsIndex

from . import _core
from .damage import Damage, Findings, findings_from
from .progress import Progress, part_of, reporting
from .resources import parse_size, size_text, thread_count

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]


class Verification(Findings):
    """What `verify` found: `ok`, and `damaged`, a list."""


class Salvage(Findings):
    """What `salvage` saved: `chunks` and `bytes` are in the new file, and `lost` is not."""

    @property
    def lost(self) -> list[Damage]:
        """What the damaged file did not give."""
        return self.damaged

    def summary(self) -> str:
        """One line."""
        saved = f"{self.chunks} chunks, {size_text(self.bytes)} saved"
        return f"all of it ({saved})" if self.ok else f"{self._count()} lost ({saved})"


@dataclass(frozen=True)
class Repacking:
    """What `repack` did: bytes of the file `before` and `after`."""

    before: int
    after: int


def verify(
    path: PathLike,
    *,
    rollups: bool = False,
    memory: SupportsIndex | str = "512 MiB",
    threads: SupportsIndex = 0,
    progress: Progress = False,
) -> Verification:
    """Reads and checks all of a file, also of one that does not open; `report.ok` says whether it is whole.

    Each damaged chunk is named by its labels. `rollups=True` sums everything anew, too, and compares. Raises
    FormatError where the file holds nothing that could be read. Beside a writer it checks the last commit.
    """
    with reporting(progress, f"checking {os.fsdecode(path)}") as tell:
        found = _core.verify(os.fsencode(path), rollups, parse_size(memory), thread_count(threads), part_of(tell, 0, 1))
    return findings_from(found, Verification)


def salvage(
    damaged: PathLike,
    new: PathLike,
    *,
    memory: SupportsIndex | str = "512 MiB",
    threads: SupportsIndex = 0,
    progress: Progress = False,
) -> Salvage:
    """Writes all that is sound in a damaged file to a new one; `report.lost` names the rest.

    Chunks that are lost are empty in the new file, and roll-ups of their histogram are summed anew. Raises
    FileExistsError where `new` exists.
    """
    with reporting(progress, f"salvaging {os.fsdecode(damaged)}") as tell:
        paths = os.fsencode(damaged), os.fsencode(new)
        found = _core.salvage(*paths, parse_size(memory), thread_count(threads), part_of(tell, 0, 1))
    return findings_from(found, Salvage)


def repack(
    path: PathLike,
    *,
    memory: SupportsIndex | str = "512 MiB",
    threads: SupportsIndex = 0,
    progress: Progress = False,
) -> Repacking:
    """Writes a file anew without the space that it does not use, and puts it in the place of the old one.

    A kill at any moment leaves the old file or the new one. It needs room for both. Readers keep the old one until they
    refresh. Raises LockedError while it is being written, or where a reader keeps its last commits in the journal;
    CorruptionError where it is damaged; Error where it holds what is not of hugehist.
    """
    with reporting(progress, f"repacking {os.fsdecode(path)}") as tell:
        sizes = _core.repack(os.fsencode(path), parse_size(memory), thread_count(threads), part_of(tell, 0, 1))
    return Repacking(*sizes)
