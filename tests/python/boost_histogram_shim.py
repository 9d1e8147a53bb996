"""A pytest plugin under which boost-histogram's own tests get histograms that hugehist keeps in files.

In the modules under test the name `bh` becomes boost-histogram with another `Histogram`: a proxy of a histogram
on disk. The proxy forwards everything; it adds what hugehist leaves out on purpose: `view()` that writes through
(the copy is written back at the next access), and in-place operators.
"""

from __future__ import annotations

import operator
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import boost_histogram as bh
import hugehist
import numpy as np
import pytest

_FOLDER = tempfile.TemporaryDirectory()
_FILES: list[hugehist.File] = []


class Histogram:
    def __init__(self, *axes: Any, storage: Any = None, metadata: Any = None) -> None:
        file = hugehist.File(Path(_FOLDER.name) / f"{len(_FILES)}.h5", "w", memory="8 MiB", threads=1)
        _FILES.append(file)
        self._shown: Any = file.create("h", *axes, storage=storage or bh.storage.Double())
        self._viewed: list[tuple[Any, Any, bool]] = []
        if metadata is not None:
            self.metadata = metadata

    @classmethod
    def of(cls, result: Any) -> Any:
        """A proxy of what is a histogram; all else as it is."""
        if not isinstance(result, hugehist.View | bh.Histogram):
            return result
        self = cls.__new__(cls)
        self._shown, self._viewed = result, []
        return self

    def now(self) -> Any:
        """The histogram, with what was written into its views."""
        viewed, self._viewed = self._viewed, []
        for view, before, flow in viewed:
            if not np.array_equal(np.asarray(view), before):
                whole = self._shown.view(flow=True).copy()
                first = [int(axis.traits.underflow) for axis in self._shown.axes]
                inner = tuple(slice(i, i + n) for i, n in zip(first, self._shown.shape, strict=True))
                whole[() if flow else inner] = view
                self._shown[...] = whole
        return self._shown

    def view(self, flow: bool = False) -> Any:
        view = self.now().view(flow=flow).copy()
        self._viewed.append((view, np.asarray(view).copy(), flow))
        return view

    def fill(self, *args: Any, **options: Any) -> Histogram:
        self.now().fill(*args, **options)
        return self

    @property
    def axes(self) -> Any:
        """boost-histogram's, where hugehist gives hist's, which have a name and a label."""
        axes = self.now().to_boost().axes
        for axis in axes:
            axis.__dict__.clear()
        return axes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.now(), name)

    def __getitem__(self, index: Any) -> Any:
        return self.of(self.now()[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.now()[index] = plain(value)

    def __eq__(self, other: object) -> bool:
        return bool(self.now() == plain(other))

    __hash__ = None  # type: ignore[assignment]

    def __array__(self, *args: Any, **options: Any) -> Any:
        return np.asarray(self.now(), *args, **options)


def plain(value: Any) -> Any:
    return value.now() if isinstance(value, Histogram) else value


def _forwarded(name: str) -> Any:
    def method(self: Histogram, other: Any) -> Any:
        return self.of(getattr(operator, name)(self.now(), plain(other)))

    return method


def _in_place(name: str) -> Any:
    def method(self: Histogram, other: Any) -> Histogram:
        result = getattr(operator, name)(self.now(), plain(other))
        if isinstance(self._shown, hugehist.Histogram):
            self._shown[...] = result
        else:
            self._shown = result
        return self

    return method


for _name in ("add", "sub", "mul", "truediv"):
    setattr(Histogram, f"__{_name}__", _forwarded(_name))
    setattr(Histogram, f"__i{_name}__", _in_place(_name))


class _BoostHistogram(ModuleType):
    Histogram = Histogram

    def __getattr__(self, name: str) -> Any:
        return getattr(bh, name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.module.bh = _BoostHistogram("boost_histogram")  # type: ignore[attr-defined]


def pytest_sessionfinish() -> None:
    for file in _FILES:
        file.close()
    _FOLDER.cleanup()
