"""Histograms larger than memory, kept in an HDF5 file.

with hugehist.File("analysis.h5", "a") as f:
    h = f.create("dnn", axes..., storage=hist.storage.Weight())
    h.fill(dataset="ttbar", score=score, weight=weights)
"""

from importlib.metadata import PackageNotFoundError, version

from . import service
from ._core import CorruptionError, Error, FormatError, LockedError, OverlapError
from .delta import Buffer, Delta
from .file import File
from .histogram import Histogram
from .integrity import repack, salvage, verify
from .labels import variations
from .merge_files import merge
from .view import View

try:
    __version__ = version("hugehist")
except PackageNotFoundError:  # run from a build tree
    __version__ = "0+unknown"

__all__ = [
    "Buffer",
    "CorruptionError",
    "Delta",
    "Error",
    "File",
    "FormatError",
    "Histogram",
    "LockedError",
    "OverlapError",
    "View",
    "__version__",
    "merge",
    "repack",
    "salvage",
    "service",
    "variations",
    "verify",
]
