"""Several changes of a file in one commit, or none of them."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from . import _core
from .joined import JoinedFile
from .merge_id import MergeID

if TYPE_CHECKING:
    from .file import File


class Transaction:
    """What `with file.transaction() as t:` is; see `File.transaction`."""

    def __init__(self, file: File, id: MergeID | None) -> None:
        self._file = file
        self._id = id
        self._core: _core.Transaction | None = None
        self._already = False

    @property
    def already(self) -> bool:
        """Whether the id was in the ledger at the beginning: then nothing is left to do, and nothing done is kept."""
        return self._already

    def __enter__(self) -> Transaction:
        if self._core is not None:
            raise _core.Error("this transaction is under way: make another one by file.transaction()")
        core = self._file._core
        if isinstance(core, JoinedFile):
            core.refuse()
        self._core = _core.Transaction(core, self._id)
        self._already = self._core.already
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        core, self._core = self._core, None
        assert core is not None
        kept = False
        try:
            if kind is None:
                core.commit()
                kept = not self._already
            else:
                core.roll_back()
        finally:
            self._file._ended(kept)

    def __del__(self) -> None:
        if self._core is None:
            return
        with suppress(_core.Error):  # the file was closed meanwhile
            self._core.roll_back()
            self._file._ended(False)
