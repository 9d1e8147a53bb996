"""The peers by name. A peer's module is imported only in the process that measures it."""

from __future__ import annotations

import importlib
from typing import Any

STORES = {
    "hugehist": "hugehist.benchmark.peers.hugehist_file:HugehistFile",
    "numpy": "hugehist.benchmark.peers.numpy_memory:NumpyMemory",
    "hist": "hugehist.benchmark.peers.hist_memory:HistMemory",
    "h5py-zstd": "hugehist.benchmark.peers.h5py_file:H5pyZstd",
    "h5py-gzip": "hugehist.benchmark.peers.h5py_file:H5pyGzip",
    "zarr": "hugehist.benchmark.peers.zarr_store:ZarrStore",
    "blosc2": "hugehist.benchmark.peers.blosc2_array:Blosc2Array",
}
# the same file, other forms of delta: see hugehist_file.py
MERGES = STORES | {
    "hugehist-buffer": "hugehist.benchmark.peers.hugehist_file:FromBuffer",
    "hugehist-hist": "hugehist.benchmark.peers.hugehist_file:FromHist",
}
VARIATION_FILLS = {
    "hugehist": "hugehist.benchmark.peers.hugehist_fill:HugehistFill",
    "hugehist-threads": "hugehist.benchmark.peers.hugehist_fill:AllThreads",
    "hist": "hugehist.benchmark.peers.hist_memory:HistFill",
}
COLUMN_FILLS = {
    "hugehist": "hugehist.benchmark.peers.hugehist_fill:HugehistFill",
    "hugehist-threads": "hugehist.benchmark.peers.hugehist_fill:AllThreads",
    "boost-histogram": "hugehist.benchmark.peers.boost_histogram_memory:BoostHistogramFill",
    "hist": "hugehist.benchmark.peers.hist_memory:HistFill",
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
