"""What the generator really makes: extents, bytes, filled bins, compressed size."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .peers.h5py_file import H5pyZstd
from .workload import Workload


def measure(work: Workload, directory: Path | None) -> dict[str, Any]:
    """Writes the final content once with h5py and zstd, dataset by dataset, and counts on the way."""
    filled, nominal, rows = 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="hugehist-bench-", dir=directory) as scratch:
        path = Path(scratch) / "content.h5"
        peer = H5pyZstd(work, path)
        peer.create(work.datasets, work.categories)
        for total in work.totals():
            peer.merge(total)
            values = total.planes.values
            filled += int(np.count_nonzero(values))
            nominal += int((values == values[:, :1]).all(axis=2).sum())
            rows += values.shape[0] * values.shape[1]
        peer.close()
        compressed = path.stat().st_size
    first = work.delta(0, 0).planes.values
    return {
        **work.parameters,
        "deltas": work.datasets * work.rounds,
        "delta_bytes": work.delta_bytes,
        "dense_bytes": work.datasets * work.delta_bytes,
        "filled_fraction": filled / (work.bins * rows),
        "filled_fraction_of_a_delta": float(np.count_nonzero(first) / (first.size / (work.bins + 2) * work.bins)),
        "rows_that_repeat_the_nominal": (nominal - rows // work.systematics) / rows,
        "compressed_bytes_h5py_zstd_3": compressed,
    }


def size_text(size: float) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def text(measured: dict[str, Any]) -> str:
    shape = " x ".join(str(measured[key]) for key in ("datasets", "categories", "systematics", "bins"))
    return (
        f"workload: {shape} bins and flow, weighted; seed {measured['seed']}\n"
        f"  {measured['deltas']} deltas of {size_text(measured['delta_bytes'])} onto a histogram of "
        f"{size_text(measured['dense_bytes'])}\n"
        f"  {measured['filled_fraction']:.1%} of bins filled "
        f"({measured['filled_fraction_of_a_delta']:.1%} in a delta), "
        f"{measured['rows_that_repeat_the_nominal']:.1%} of rows repeat the nominal\n"
        f"  {size_text(measured['compressed_bytes_h5py_zstd_3'])} as h5py with zstd at level 3 writes it"
    )
