"""A file of histograms: a mapping of name to histogram, with commits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from types import TracebackType
from typing import Any, BinaryIO, SupportsIndex

import boost_histogram as bh

from . import _core
from .axes import UHIAxis, UnknownAxisError, axes_to_uhi, metadata_dict, refuse_numeric_growth, storage_name
from .damage import findings_from
from .histogram import Histogram
from .home import Home, Origin
from .image import ImageFile
from .integrity import Verification
from .joined import join
from .many import project_many
from .mappings import Attributes, Counters, Ledger
from .merge_id import MergeID, merge_id
from .opening import PathLike, open_core
from .progress import Progress, checked, part_of, reporting
from .resources import parse_size, thread_count
from .rollups import keeping
from .transaction import Transaction
from .uhi import described

MODES = ("r", "r+", "a", "w", "x", "w-")


class File(Mapping[str, Histogram]):
    """A file of histograms.

    `mode` is as in h5py: "r" (the default), "r+", "a", "w", "x". A binary file object, as io.BytesIO, takes the place
    of a path; then the default is "a" where it can be written, and each commit writes the whole image back into it.
    `memory` bounds buffers, caches and scratch together; `threads=0` takes one for each processor. Nothing reaches
    the disk before a commit; `close` commits, and an exception inside `with` discards. A commit comes by itself,
    before a fill or a merge, where more than `commit_bytes` wait, or `commit_seconds` after the last one; 0 for never.
    `progress=True` shows a bar for each read or merge that takes long (where there is a terminal or a notebook to show
    it), a function gets the fraction done; it can be set later as well.

    A list or tuple of paths opens these files as one, for reading: each histogram is the sum of those of its name,
    counters are added, and `memory` is for all together. Raises ValueError where shards of a run are missing, unless
    `partial`.
    """

    __hash__ = object.__hash__
    _minds_log = True

    def __init__(
        self,
        path: PathLike | BinaryIO | Sequence[PathLike],
        mode: str | None = None,
        *,
        memory: SupportsIndex | str = "512 MiB",
        threads: SupportsIndex = 0,
        commit_bytes: SupportsIndex | str = "1 GiB",
        commit_seconds: float = 60,
        progress: Progress = False,
        partial: bool = False,
    ) -> None:
        if mode is not None and mode not in MODES:
            raise ValueError(f"the mode {mode!r} is none of 'r', 'r+', 'a', 'w', 'x'")
        progress = checked(progress)
        budget = (
            parse_size(memory),
            thread_count(threads),
            parse_size(commit_bytes, "commit_bytes"),
            float(commit_seconds),
        )
        if isinstance(path, list | tuple):
            if mode not in (None, "r"):
                raise ValueError(f"a list of files is opened for reading: the mode is 'r', not {mode!r}")
            self._start(Home(join(path, *budget[:2], partial), Origin.of(path, *budget[:2]), progress))
            warn_where_unmerged(path)
            return
        if partial:
            raise ValueError("partial= is for a list of files")
        if isinstance(path, str | bytes | os.PathLike):
            log = log_beside(path) if self._minds_log else None
            with log.opening(path, mode or "r", *budget[:2]) if log else nullcontext():
                self._start(Home(open_core(path, mode or "r", budget), Origin.of([path], *budget[:2]), progress))
            if log and not self.writable:
                warn_where_unmerged([path])
        else:
            image = ImageFile(path, mode)
            self._start(Home(_core.File.from_image(image.read(), image.writable, *budget), None, progress), image)

    def _start(self, home: Home, image: ImageFile | None = None) -> None:
        core = home.core
        self._core = core
        self._home = home
        self._image = image
        self._handles: dict[str, Histogram] = {}  # asking for one again must not look at its axes again
        self.attrs = Attributes(core)
        self.counters = Counters(core)
        self.ledger = Ledger(core)

    @classmethod
    def in_memory(
        cls, *, memory: SupportsIndex | str = "512 MiB", threads: SupportsIndex = 0, progress: Progress = False
    ) -> File:
        """A file that lives in memory and is gone when it is closed."""
        self = cls.__new__(cls)
        self._start(Home(_core.File.in_memory(parse_size(memory), thread_count(threads)), None, checked(progress)))
        return self

    # --- histograms ---------------------------------------------------------------------------------------

    def create(
        self,
        name: str,
        *axes: Any,
        storage: Any = None,
        label: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        compression: str | None = "zstd",
        level: int | None = None,
        chunks: Sequence[int] | None = None,
        expected: Mapping[str, int] | Sequence[int] | None = None,
        variations: str = "",
        rollups: Sequence[str | int | Sequence[str | int]] = (),
    ) -> Histogram:
        """Creates a histogram from axes of hist or boost-histogram; a slash in the name makes groups.

        `storage` is an object, a class or a name: Double (the default), Int64, Weight, Mean or
        WeightedMean; AtomicInt64 is kept as Int64, Unlimited as Double. `label` is its title in plots, and
        `metadata` a dict of bool, int, float and str. `expected` says how many labels category axes will have, by
        axis name or one for each axis, and `variations` which of them is the systematic one (the last, if it does
        not say), so that chunks get a good shape; `chunks` sets the shape, in bins with flow bins. `compression`
        is "zstd", "gzip" (which plain HDF5 reads) or None, `level` its level. `rollups` are projections to be kept up
        to date, each a list of axes: see `Histogram.add_rollup`. Raises ValueError for a name that is
        there already or cannot be one, and for numeric axes that grow.
        """
        if storage is None and axes and isinstance(axes[-1], str | bh.storage.Storage):
            axes, storage = axes[:-1], axes[-1]
        kind = storage_name("double" if storage is None else storage)
        refuse_numeric_growth(axes)
        kept = metadata_dict({"label": label} | dict(metadata or {}), f"histogram '{name}'")
        uhi = axes_to_uhi(axes)
        options = {
            "compression": compression,
            "level": level,
            "chunks": list(chunks or ()),
            "expected": _expected(expected, uhi),
            "variations": variations,
            "rollups": keeping(rollups),
        }
        return self._create(name, uhi, kind, kept, options)

    def _create(
        self, name: str, axes: list[UHIAxis], storage: str, metadata: dict[str, Any], options: dict[str, Any]
    ) -> Histogram:
        if not isinstance(name, str):
            raise TypeError(f"the name of a histogram is a str, not {name!r}")
        core = self._core.create(name, axes, storage, metadata=metadata, **options)
        self._handles[name] = Histogram(core, self._home)
        return self._handles[name]

    def __getitem__(self, name: str) -> Histogram:
        if not isinstance(name, str):
            raise TypeError(f"the name of a histogram is a str, not {name!r}")
        if name not in self._handles or not self._core.is_open:
            self._handles[name] = Histogram(self._core.at(name), self._home)
        return self._handles[name]

    def __setitem__(self, name: str, histogram: Any) -> None:
        """A new histogram with the axes and the content of any UHI object."""
        if isinstance(histogram, Histogram) and histogram is self._handles.get(name):
            return  # the end of `f[name] += other`
        if name in self:
            raise ValueError(f"there is a histogram '{name}' already: add to it with +=, or delete it first")
        axes, storage, metadata = described(histogram)
        refuse_numeric_growth(axes)
        created = self._create(name, axes, storage, metadata, {})
        try:
            created.merge(histogram)
        except BaseException:
            del self[name]
            raise

    def __delitem__(self, name: str) -> None:
        self._core.remove(name)
        self._handles.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._core.contains(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._core.names())

    def __len__(self) -> int:
        return len(self._core.names())

    def __eq__(self, other: object) -> bool:
        return self is other

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def project_many(self, wanted: Any) -> Any:
        """Reads several views at once, in one pass over the chunks of each histogram: a hist.Hist for each.

        `wanted` is a list of histograms and views of this file; or a dict, whose values are such, or what to keep of
        the histogram that the key names: an axis, a tuple of axes, or a list of such tuples. A list comes back, or
        a dict with the same keys. Equal to `view.to_hist()` of each, to the last bit.
        """
        return project_many(self, wanted)

    # --- states -------------------------------------------------------------------------------------------

    def commit(self) -> None:
        """Makes all that was filled and merged one new state of the file."""
        self._core.commit()
        if self._image is not None:
            self._image.write(self._core.image())

    def flush(self) -> None:
        """`commit`, by h5py's name."""
        self.commit()

    def transaction(self, id: MergeID | None = None) -> Transaction:
        """Several changes in one commit, or none: `with file.transaction(): …`.

        Fills, merges, assignments, counters, attributes, histograms that are created and deleted: at the end of the
        block all are committed; after an exception, from the block or from the commit, all is as it was before it. To
        that end the block begins with a commit of what was filled and merged before. An `id`, as of
        `Histogram.merge`, is put into the ledger with the changes. Where it is there already, there is nothing to do:
        `if not t.already: …` skips the work, and what is done all the same is not kept.

        Other threads that use the file, for reading too, wait until the block ends; so a block must not wait for them.
        Raises Error for a transaction within a transaction, and for `commit`, `discard` and `close` in the block;
        OverlapError where the interval is in the ledger in part.
        """
        return Transaction(self, None if id is None else merge_id(id))

    def _ended(self, kept: bool) -> None:
        """What remains to be done after a transaction."""
        if not kept:
            self._handles.clear()  # as after discard()
        elif self._image is not None:
            self._image.write(self._core.image())

    def discard(self) -> None:
        """Forgets all since the last commit."""
        self._handles.clear()
        self._core.discard()

    def refresh(self) -> bool:
        """Moves a file that is open for reading on to the newest commit, and says whether there was a newer one.

        Until then the file shows the commit that was the last when it was opened, whatever its writer does. Histograms
        and views follow; those of a histogram that is gone, or another one of that name, raise KeyError.
        """
        moved = self._core.refresh()
        if moved:
            self._handles.clear()
        return moved

    def close(self) -> None:
        """Commits and closes. Closing again does nothing.

        A file that was written to, of which a fifth or more is free then and which nobody else has open, becomes
        shorter: chunks at its end move to free space before them, in a commit of its own that changes no content.
        """
        if not self._core.is_open:
            return
        if self._image is not None and self._core.writable:
            self.commit()
        self._core.close()
        self._handles.clear()

    def __enter__(self) -> File:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._core.abandon()
            self._handles.clear()

    @property
    def closed(self) -> bool:
        """Whether the file was closed; its content is refused then."""
        return not self._core.is_open

    @property
    def writable(self) -> bool:
        """Whether the file can be filled: opened in another mode than "r"."""
        return self._core.writable

    @property
    def path(self) -> str:
        """The path, or another name for what is no file on disk."""
        return self._core.path

    @property
    def uuid(self) -> str | None:
        """The random identity that a file gets when it is created, as "8-4-4-4-12" hexadecimal digits.

        Repacking keeps it, and copies of the file have it, too. None for a file in memory, for several that are open
        as one, and for one that another library wrote until hugehist has committed to it. Raises ValueError where the
        file is closed.
        """
        return self._core.uuid

    @property
    def progress(self) -> Progress:
        """Whether long reads and merges show how far they are: True, False, or a function of the fraction done."""
        return self._home.progress

    @progress.setter
    def progress(self, progress: Progress) -> None:
        self._home.progress = checked(progress)

    def stats(self) -> dict[str, int]:
        """Chunks and bytes read and written, cache hits, merges and commits since the file was opened."""
        return self._core.stats()

    def verify(self, *, rollups: bool = False) -> Verification:
        """Reads and checks all chunks that are stored; `report.ok` says whether all are sound, `report.damaged` which
        are not.

        The rest of the file was checked when it was opened. `rollups=True` also sums everything anew and compares.
        """
        with reporting(self.progress, f"checking {self.path}") as tell:
            return findings_from(self._core.verify(rollups, part_of(tell, 0.0, 1.0)), Verification)

    def __repr__(self) -> str:
        if self.closed:
            return f"<hugehist.File '{self.path}', closed>"
        mode = "r+" if self.writable else "r"
        count = "1 histogram" if len(self) == 1 else f"{len(self)} histograms"
        return f"<hugehist.File '{self.path}', mode {mode}, {count}>"


def log_beside(path: PathLike) -> Any:
    """Who knows what to do with the log of an accumulator that was killed; None where there is no such log."""
    if not os.path.isdir(f"{os.fsdecode(path)}.log"):  # noqa: PTH112
        return None
    from .service import leftover

    return leftover


def warn_where_unmerged(paths: Iterable[PathLike]) -> None:
    """To be called by who opens files for reading, for its own caller."""
    for path in paths:
        if log := log_beside(path):
            log.warn(os.fsdecode(path))


def _expected(expected: Mapping[str, int] | Sequence[int] | None, axes: Sequence[UHIAxis]) -> list[int]:
    """One number for each axis, 0 where unknown."""
    if expected is None:
        return []
    if not isinstance(expected, Mapping):
        return list(expected)
    names = [axis.get("metadata", {}).get("name", "") for axis in axes]
    for name in expected:
        if name not in names:
            raise UnknownAxisError(f"expected= names '{name}', but the axes are {names}")
    return [int(expected.get(name, 0)) for name in names]
