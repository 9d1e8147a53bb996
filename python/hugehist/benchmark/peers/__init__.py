"""The peers by name. A peer's module is imported only in the process that measures it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

STORES = {
    "hugehist": ".hugehist_file:HugehistFile",
    "numpy": ".numpy_memory:NumpyMemory",
    "hist": ".hist_memory:HistMemory",
    "hist-chunked": ".hist_chunked:ChunkedHistMemory",
    "h5py-zstd": ".h5py_file:H5pyZstd",
    "h5py-gzip": ".h5py_file:H5pyGzip",
    "zarr": ".zarr_store:ZarrStore",
    "blosc2": ".blosc2_array:Blosc2Array",
}
# the same file, other forms of delta: see hugehist_file.py
MERGES = STORES | {
    "hugehist-buffer": ".hugehist_file:FromBuffer",
    "hugehist-hist": ".hugehist_file:FromHist",
}
VARIATION_FILLS = {
    "hugehist": ".hugehist_fill:HugehistFill",
    "hugehist-threads": ".hugehist_fill:AllThreads",
    "hist": ".hist_memory:HistFill",
    "hist-chunked": ".hist_chunked:ChunkedHistFill",
}
COLUMN_FILLS = {
    "hugehist": ".hugehist_fill:HugehistFill",
    "hugehist-threads": ".hugehist_fill:AllThreads",
    "boost-histogram": ".boost_histogram_memory:BoostHistogramFill",
    "hist": ".hist_memory:HistFill",
}
# a chunk for each (dataset, category), however small
MANY_CHUNKS = STORES | {"hugehist": ".hugehist_file:ChunkForEach"}

NAMES = tuple(MERGES | VARIATION_FILLS | COLUMN_FILLS)

PACKAGES = (
    "hugehist",
    "numpy",
    "hist",
    "boost-histogram",
    "uhi",
    "h5py",
    "hdf5plugin",
    "zarr",
    "numcodecs",
    "blosc2",
    "psutil",
)


def some(peers: dict[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name: peers[name] for name in names}


def load(reference: str) -> Any:
    """The peer class behind ".module:name"."""
    module, name = reference.split(":")
    return getattr(importlib.import_module(module, __name__), name)
