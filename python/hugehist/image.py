"""A binary file object, as io.BytesIO, that holds the image of an HDF5 file."""

from __future__ import annotations

import io
from typing import Any


class ImageFile:
    """Read once at opening; written as a whole at each commit."""

    def __init__(self, target: Any, mode: str | None) -> None:
        for method in ("read", "seek"):
            if not hasattr(target, method):
                raise TypeError(f"a file is a path or a binary file object, not a {type(target).__name__}")
        can_write = _allows(target, "writable") and hasattr(target, "truncate")
        self._target = target
        self._mode = mode or ("a" if can_write else "r")
        self.writable = self._mode != "r"
        if self.writable and not can_write:
            raise io.UnsupportedOperation(f"mode {self._mode!r}: the file object cannot be written")

    def read(self) -> bytes:
        """The image to begin with; empty for a new file."""
        if self._mode == "w":
            return b""
        self._target.seek(0)
        image = self._target.read()
        if not isinstance(image, bytes):
            raise TypeError(f"the file object gives {type(image).__name__}, not bytes: open it in binary mode")
        if image and self._mode in ("x", "w-"):
            raise FileExistsError(f"mode {self._mode!r}: the file object is not empty")
        if not image and self._mode in ("r", "r+"):
            raise FileNotFoundError(f"mode {self._mode!r}: the file object is empty")
        return image

    def write(self, image: bytes) -> None:
        self._target.seek(0)
        self._target.write(image)
        self._target.truncate(len(image))
        self._target.flush()


def _allows(target: Any, what: str) -> bool:
    """Whether the object says that it can; those that do not say can."""
    ask = getattr(target, what, None)
    return bool(ask()) if callable(ask) else True
