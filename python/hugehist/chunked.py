"""hist's ChunkedHist, taken chunk by chunk: its dense form may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .axes import axes_to_uhi, storage_name
from .cells import PLANES, dtype_of, planes_of
from .uhi import Content

DENSE_BYTES = 64 << 20  # up to here the labels' whole product is made, and merged at once


def contents_of_chunked(histogram: Any, single: bool) -> Iterator[Content]:
    """All of it in one content where that is small, or `single`; else one content for each chunk."""
    kind = storage_name(histogram.storage_type)
    labels = [list(spec.known_keys) for spec in histogram.chunk_axes]
    size = int(np.prod([max(len(known), 1) for known in labels])) * max(
        (chunk.nbytes for chunk in histogram.chunks.values()), default=0
    )
    if single or size <= DENSE_BYTES:
        yield _content(histogram, kind, labels, dict(histogram.chunks))
        return
    for key, chunk in histogram.chunks.items():
        yield _content(histogram, kind, [[part] for part in key], {key: chunk})


def _content(histogram: Any, kind: str, labels: list[list[Any]], chunks: dict[Any, Any]) -> Content:
    axes = axes_to_uhi(histogram.axes, strict=False)
    positions = [spec.index for spec in histogram.chunk_axes]
    for position, known in zip(positions, labels, strict=True):
        axes[position]["categories"] = known
    outer = [len(axes[i]["categories"]) + int(axes[i]["flow"]) for i in positions]
    inner = histogram.dense_axes
    planes = [np.zeros([*outer, *(axis.extent for axis in inner)], dtype_of(kind)) for _ in PLANES[kind]]
    places = [{label: i for i, label in enumerate(known)} for known in labels]
    for key, chunk in chunks.items():
        at = tuple(place[part] for place, part in zip(places, key, strict=True))
        for plane, part in zip(planes, planes_of(kind, chunk), strict=True):
            plane[at] = part
    order = [positions.index(i) if i in positions else None for i in range(len(axes))]
    rest = iter(range(len(positions), len(axes)))
    transposed = [next(rest) if place is None else place for place in order]
    return Content(axes, kind, [plane.transpose(transposed) for plane in planes])
