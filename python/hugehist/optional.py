"""Packages that one method or another needs, imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def needed(module: str, what: str, extra: str) -> Any:
    """The module; ImportError says what needs it and how to get it."""
    try:
        return import_module(module)
    except ImportError as problem:
        package = module.partition(".")[0]
        raise ImportError(
            f"{what} needs {package}: pip install {package}, or hugehist[{extra}] ({problem})", name=package
        ) from None
