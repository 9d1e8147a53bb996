"""uhi's own conformance tests on a histogram in a file or in several, with uhi's tags and with boost-histogram's."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import boost_histogram as bh
import hugehist
import numpy as np
import pytest
import uhi.tag

indexing = pytest.importorskip("uhi.testing.indexing", reason="uhi is older than its conformance tests")


class OnDisk:
    """uhi's tests make their histogram in a class method: it goes into a file that lives as long as the class."""

    folder: ClassVar[tempfile.TemporaryDirectory[str]]
    file: ClassVar[hugehist.File]
    names: ClassVar[Any]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        cls.file = hugehist.File(Path(cls.folder.name) / "file.h5", "w", memory="64 MiB", threads=1)
        cls.names = map(str, itertools.count())
        super().setUpClass()  # type: ignore[misc]

    @classmethod
    def tearDownClass(cls) -> None:
        cls.file.close()
        cls.folder.cleanup()

    @classmethod
    def make_histogram(cls) -> hugehist.Histogram:
        name = next(cls.names)
        cls.file[name] = cls.get_uhi()  # type: ignore[attr-defined]
        cls.file.commit()
        return cls.file[name]


class TestIndexing1D(OnDisk, indexing.Indexing1D):  # type: ignore[misc]
    tag = uhi.tag


class TestIndexing2D(OnDisk, indexing.Indexing2D):  # type: ignore[misc]
    tag = uhi.tag


class TestIndexing3D(OnDisk, indexing.Indexing3D):  # type: ignore[misc]
    tag = uhi.tag


class TestIndexing1DBoost(TestIndexing1D):
    tag = bh.tag


class TestIndexing2DBoost(TestIndexing2D):
    tag = bh.tag


class TestIndexing3DBoost(TestIndexing3D):
    tag = bh.tag


class InFiles(OnDisk):
    """Each bin is in one of `count` files, which are open as one; setting bins is refused there."""

    count: ClassVar[int]

    def __init_subclass__(cls) -> None:
        for name in dir(cls):
            if name.startswith("test_setting"):
                setattr(cls, name, None)

    @classmethod
    def make_histogram(cls) -> hugehist.Histogram:
        name = next(cls.names)
        paths = [Path(cls.folder.name) / f"{name}-{i}.h5" for i in range(cls.count)]
        for i, path in enumerate(paths):
            uhi = cls.get_uhi()  # type: ignore[attr-defined]
            values = np.array(uhi["storage"]["values"])
            values.flat[np.arange(values.size) % cls.count != i] = 0
            uhi["storage"]["values"] = values
            with hugehist.File(path, "w") as file:
                file["h"] = uhi
        return hugehist.File(paths, memory="64 MiB", threads=1)["h"]


class InOneFile(InFiles):
    count = 1


class InTwoFiles(InFiles):
    count = 2


class TestJoined1D(InTwoFiles, TestIndexing1D): ...


class TestJoined2D(InTwoFiles, TestIndexing2D): ...


class TestJoined3D(InTwoFiles, TestIndexing3D): ...


class TestJoined3DBoost(InTwoFiles, TestIndexing3DBoost): ...


class TestJoinedOne3D(InOneFile, TestIndexing3D): ...
