"""The cases by the name that `--only` takes, in the order in which they are reported.

Each runs in a fresh process, times the peer's own work only, tells the recorder its phase, and checks the result.
"""

from __future__ import annotations

from ..peers import COLUMN_FILLS, MANY_CHUNKS, MERGES, STORES, VARIATION_FILLS, some
from . import filling, growing, merging, reading
from .setup import Case, Setup

__all__ = ["CASES", "Case", "Setup"]

IN_MEMORY = dict.fromkeys(("numpy", "hist", "hist-chunked"), "in memory: there is no file")
COPIES = "copies the whole histogram for each category: minutes, and gigabytes"
NO_COMMIT = "writes through, and has no commit"

FEW = ("hugehist", "hist-chunked", "h5py-zstd", "zarr", "blosc2")
GZIP = {"h5py-gzip": "the same as h5py-zstd: no chunk is written"}
SLOW = dict.fromkeys(("zarr", "blosc2"), "milliseconds each: a minute and more")


def _without(*names: str) -> dict[str, str]:
    return {name: reference for name, reference in STORES.items() if name not in names}


def _open(count: int, names: tuple[str, ...], left_out: dict[str, str]) -> Case:
    return Case(
        f"open a file of {count} chunks, and read one",
        some(MANY_CHUNKS, names),
        reading.opening(count),
        IN_MEMORY | {"h5py-gzip": "the same as h5py-zstd: one small chunk is decoded"} | left_out,
    )


def _grow(count: int, names: tuple[str, ...], left_out: dict[str, str]) -> Case:
    return Case(f"add {count} categories one by one", some(STORES, names), growing.grow(count), left_out)


def _memory(datasets: int) -> Case:
    others = "the scan is of memory against what is kept in memory"
    return Case(
        f"peak memory, {datasets} datasets",
        some(STORES, ("hugehist", "numpy", "hist", "hist-chunked", "h5py-zstd")),
        growing.memory(datasets),
        dict.fromkeys(("h5py-gzip", "zarr", "blosc2"), others),
    )


MINUTES = {"zarr": "a file for each chunk: minutes to make", "blosc2": "minutes to make"}

CASES = {
    "merge": Case("a job's deltas, dataset after dataset, and close", MERGES, merging.merge),
    "merge-cold": Case("the same deltas, the datasets in turn", STORES, merging.merge_cold),
    "merge-committed": Case(
        "the same deltas as merge, a commit after each",
        some(STORES, ("hugehist", "h5py-zstd", "h5py-gzip")),
        merging.merge_committed,
        IN_MEMORY | dict.fromkeys(("zarr", "blosc2"), NO_COMMIT),
    ),
    "merge-sparse": Case("20 events into each of some chunks, and commit", STORES, merging.merge_sparse),
    "project": Case("values and variances onto each axis", STORES, reading.project),
    "slice": Case("one (dataset, category, systematic)", STORES, reading.slice_rows),
    "fill-152x300": Case("152 weights an event, 300 events a call", VARIATION_FILLS, filling.variations(300)),
    "fill-152x3000": Case("152 weights an event, 3000 events a call", VARIATION_FILLS, filling.variations(3000)),
    "fill-152x30000": Case("152 weights an event, 30000 events a call", VARIATION_FILLS, filling.variations(30_000)),
    "fill-one": Case(
        "one weight an entry, four kinds of axis",
        COLUMN_FILLS,
        filling.one_weight,
        {"hist-chunked": "takes one label a call, and its other axes are hist's"},
    ),
    "grow-100": _grow(100, tuple(STORES), {}),
    "grow-1000": _grow(1000, FEW, {"numpy": COPIES, "hist": COPIES} | GZIP),
    "grow-10000": _grow(
        10_000, ("hugehist", "hist-chunked", "h5py-zstd"), {"numpy": COPIES, "hist": COPIES} | GZIP | SLOW
    ),
    "grow-100000": _grow(
        100_000,
        ("hugehist",),
        {"numpy": COPIES, "hist": COPIES, "hist-chunked": "looks each label up in a list: minutes"}
        | GZIP
        | SLOW
        | {"h5py-zstd": "as for 10000 categories, ten times as long"},
    ),
    "open-10000": _open(10_000, ("hugehist", "h5py-zstd", "zarr", "blosc2"), {}),
    "open-100000": _open(100_000, ("hugehist", "h5py-zstd"), MINUTES),
    "open-1000000": _open(1_000_000, ("hugehist",), MINUTES | {"h5py-zstd": "minutes to make"}),
    "commit": Case(
        "commits, beside plain writes of as many bytes",
        some(STORES, ("hugehist", "h5py-zstd", "h5py-gzip")),
        merging.commit,
        IN_MEMORY | dict.fromkeys(("zarr", "blosc2"), NO_COMMIT),
    ),
    **{f"memory-{datasets}": _memory(datasets) for datasets in (2, 4, 8, 16)},
}
