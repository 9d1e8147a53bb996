"""A view in a file of its own, in the HDF5 layout of the UHI serialization: written part by part, by h5py and uhi."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .cells import PLANES, Array
from .comparing import windows
from .optional import needed

PART_BINS = 1 << 17  # read at a time, and written as one chunk
#: What the planes are written as: floating point, integer.
_TYPES = {"float64": (np.float64, np.int64), "float32": (np.float32, np.int32)}


def export(source: Any, path: Path, name: str, dtype: str) -> None:
    """`source` is a Readable. On an error the file is as it was before."""
    if dtype not in _TYPES:
        raise ValueError(f"dtype={dtype!r} is none of 'float64' and 'float32'")
    if "\0" in name or "\0" in str(path):
        raise ValueError(f"neither the name {name!r} nor the path {str(path)!r} can hold a null character")
    h5py, hdf5 = (needed(module, "export()", "export") for module in ("h5py", "uhi.io.hdf5"))
    selection = source._selection()
    structure = source._structure(selection)
    existed = path.exists()
    try:
        with h5py.File(path, "a") as file:
            if name in file:
                raise ValueError(f"there is '{name}' in '{path}' already: give another name")
            try:
                _write(source, selection, structure, file.create_group(name), hdf5, dtype)
            except BaseException:
                del file[name]
                raise
    except BaseException:
        if not existed:
            path.unlink(missing_ok=True)
        raise


def _write(source: Any, selection: Any, structure: dict[str, Any], group: Any, hdf5: Any, dtype: str) -> None:
    kind = structure["storage"]["type"]
    hdf5.write(group, structure)
    floating, integer = _TYPES[dtype]
    options: dict[str, Any] = {"shape": selection.shape, "dtype": integer if kind == "int" else floating}
    parts = list(windows(selection.shape, PART_BINS))
    if 0 not in selection.shape:
        chunk = tuple(part.stop - part.start for part in parts[0])  # all others lie on the grid of the first
        options |= {"chunks": chunk, "compression": "gzip", "shuffle": True}
    planes = [group["storage"].create_dataset(plane, **options) for plane in PLANES[kind]]
    for part in parts:
        _, contents = source._read_now(lambda _, part=part: selection.window(part))
        for plane, content in zip(planes, contents, strict=True):
            if np.any(content):  # what is not written takes no space and reads as 0
                plane[part] = _converted(content, plane.dtype, source._owner)


def _converted(part: Array, dtype: Any, owner: str) -> Array:
    with np.errstate(over="ignore"):
        result = part.astype(dtype)
    if dtype.kind == "i":
        lost = not np.array_equal(result, part)
    else:
        lost = not np.array_equal(np.isinf(result), np.isinf(part))
    if lost:
        raise ValueError(f"{owner} has numbers that are too large for {dtype}: export as dtype='float64'")
    return result
