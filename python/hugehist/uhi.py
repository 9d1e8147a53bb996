"""Histograms of other libraries as deltas: their memory is viewed where it can be, not copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boost_histogram as bh
import numpy as np

from . import _core
from .axes import UHIAxis, axes_to_uhi, metadata_dict, storage_name
from .cells import MEANS, PLANES, Array, array_of, cell_bytes, dtype_of, numbers_of, planes_of, without_undefined
from .labelled import from_xarray
from .readable import Readable
from .root import from_root

PART_BYTES = 64 << 20


@dataclass(frozen=True)
class Content:
    """A histogram in memory: axes as UHI dictionaries, an array with flow bins for each plane."""

    axes: list[UHIAxis]
    storage: str
    planes: list[Array]
    variance_known: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)

    def delta(self) -> _core.Delta:
        return _core.Delta.from_dense(self.axes, self.storage, self.planes, self.variance_known)


def content_of(histogram: Any) -> Content:
    """Any UHI object: of hist, boost-histogram, hugehist or uproot, the dictionary that uhi.io reads, or a Dataset."""
    if isinstance(histogram, Readable):
        return _of_readable(histogram)
    if isinstance(histogram, bh.Histogram):
        return _of_boost(histogram)
    if isinstance(histogram, Mapping) and "uhi_schema" in histogram:
        return _of_uhi(histogram)
    library = type(histogram).__module__.partition(".")[0]
    if library == "uproot" and hasattr(histogram, "to_boost"):
        return _of_boost(from_root(histogram))
    if library == "xarray":
        return _of_uhi(from_xarray(histogram))
    for method in ("_to_uhi_", "to_boost", "to_hist"):
        if hasattr(histogram, method):
            return content_of(getattr(histogram, method)())
    raise TypeError(f"{type(histogram).__name__} is no histogram: give one of hist or boost-histogram, or a UHI object")


def delta_of(histogram: Any) -> _core.Delta:
    return content_of(histogram).delta()


def described(histogram: Any) -> tuple[list[UHIAxis], str, dict[str, Any]]:
    """Axes, storage and metadata of any UHI object; content that is in a file is not read."""
    if isinstance(histogram, Readable):
        return axes_to_uhi(histogram.axes), storage_name(histogram.storage_type), histogram.metadata
    if _is_chunked(histogram):
        return axes_to_uhi(histogram.axes), storage_name(histogram.storage_type), {}
    content = content_of(histogram)
    return content.axes, content.storage, content.metadata


def deltas_of(histogram: Any, single: bool) -> Iterator[tuple[float, _core.Delta]]:
    """(share, delta) for deltas that make up the histogram; one only, where `single`.

    What is in a file or in chunks may be larger than memory, and comes in parts, each a share of the whole.
    """
    cells = 0  # all of them
    if _is_chunked(histogram):
        from .chunked import contents_of_chunked

        contents = contents_of_chunked(histogram, single)
        cells = sum(chunk.size for chunk in histogram.chunks.values())
    elif isinstance(histogram, Readable) and not single:
        contents = _parts_of_readable(histogram)
        cells = histogram.size
    else:
        contents = iter([content_of(histogram)])
    for content in contents:
        share = min(content.planes[0].size / cells, 1.0) if cells else 1.0
        yield share, content.delta()


def _is_chunked(histogram: Any) -> bool:
    """hist's ChunkedHist, which older versions of hist do not have."""
    return hasattr(histogram, "chunk_axes") and hasattr(histogram, "chunks")


def _parts_of_readable(source: Readable) -> Iterator[Content]:
    """The whole, or halves of an axis of labels until they are small."""
    axes = source._selection().axes
    split = [i for i, axis in enumerate(axes) if _is_label_axis(axis) and len(axis) > 1]
    if source.size * cell_bytes(storage_name(source.storage_type)) <= PART_BYTES or not split:
        yield _of_readable(source)
        return
    middle = len(axes[split[0]]) // 2
    for part in (slice(None, middle), slice(middle, None)):
        yield from _parts_of_readable(source[{split[0]: part}])


def _is_label_axis(axis: Any) -> bool:
    return isinstance(axis, bh.axis.StrCategory | bh.axis.IntCategory) and not axis.traits.overflow


def _of_readable(source: Readable) -> Content:
    selection, read = source._read_now()
    kind = storage_name(source.storage_type)
    planes = [np.ascontiguousarray(plane) for plane in read]
    known = source._variance_known(selection)
    return Content(axes_to_uhi(selection.axes), kind, planes, known, source.metadata)


def _of_boost(source: bh.Histogram[Any]) -> Content:
    kind = storage_name(source.storage_type)
    planes = planes_of(kind, source.view(flow=True))
    metadata = metadata_dict(source.__dict__, "the histogram", strict=False)
    known = bool(source.__dict__.get("_variance_known", True))
    return Content(axes_to_uhi(source.axes, strict=False), kind, planes, known, metadata)


def _of_uhi(uhi: Mapping[str, Any]) -> Content:
    """Raises ValueError for what is no UHI histogram of schema 1."""
    if uhi["uhi_schema"] != 1:
        raise ValueError(f"UHI schema {uhi['uhi_schema']} is newer than what this version knows (1)")
    if "index" in uhi["storage"]:  # the sparse form, of newer versions of uhi
        from uhi.io import from_sparse

        uhi = from_sparse(dict(uhi))
    axes, storage = [dict(axis) for axis in uhi["axes"]], dict(uhi["storage"])
    for axis in axes:
        axis["metadata"] = metadata_dict(axis.get("metadata") or {}, "an axis", strict=False)
    kind = storage["type"]
    if kind not in PLANES:
        raise ValueError(f"storage {kind!r} cannot be kept: use one of {', '.join(PLANES)}")
    planes = []
    for name in PLANES[kind]:
        if name not in storage:
            raise ValueError(f"the UHI histogram has no {name!r} in its storage")
        owner = f"the {name} of the UHI histogram"
        plane = array_of(storage[name], owner)
        if kind == "int" and plane.dtype.kind not in "iu" and plane.size:
            raise TypeError(f"{owner}, of int storage, are integers, not {plane.dtype}")
        planes.append(numbers_of(plane, dtype_of(kind), owner))
    if kind in MEANS:
        planes[-1] = without_undefined(planes)
    given = uhi.get("metadata") or {}
    metadata = metadata_dict(given, "the histogram", strict=False)
    return Content(axes, kind, planes, bool(given.get("_variance_known", True)), metadata)
