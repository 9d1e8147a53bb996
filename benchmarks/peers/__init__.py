"""The peers by name. A peer's module is imported only in the process that measures it."""

from __future__ import annotations

import importlib
from typing import Any

STORES = {
    "hugehist": "benchmarks.peers.hugehist_file:HugehistFile",
    "numpy": "benchmarks.peers.numpy_memory:NumpyMemory",
    "hist": "benchmarks.peers.hist_memory:HistMemory",
    "h5py-zstd": "benchmarks.peers.h5py_file:H5pyZstd",
    "h5py-gzip": "benchmarks.peers.h5py_file:H5pyGzip",
    "zarr": "benchmarks.peers.zarr_store:ZarrStore",
    "blosc2": "benchmarks.peers.blosc2_array:Blosc2Array",
}
# the same file, other forms of delta: see hugehist_file.py
MERGES = STORES | {
    "hugehist-buffer": "benchmarks.peers.hugehist_file:FromBuffer",
    "hugehist-hist": "benchmarks.peers.hugehist_file:FromHist",
}
VARIATION_FILLS = {
    "hugehist": "benchmarks.peers.hugehist_fill:HugehistFill",
    "hugehist-threads": "benchmarks.peers.hugehist_fill:AllThreads",
    "hist": "benchmarks.peers.hist_memory:HistFill",
}
COLUMN_FILLS = {
    "hugehist": "benchmarks.peers.hugehist_fill:HugehistFill",
    "hugehist-threads": "benchmarks.peers.hugehist_fill:AllThreads",
    "boost-histogram": "benchmarks.peers.boost_histogram_memory:BoostHistogramFill",
    "hist": "benchmarks.peers.hist_memory:HistFill",
}

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
)


def load(reference: str) -> Any:
    """The peer class behind "module:name"."""
    module, name = reference.split(":")
    return getattr(importlib.import_module(module), name)
