"""What a histogram is made of, as it goes over the network: axes, storage, title, options. JSON, and no pickle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..axes import UHIAxis, axes_to_uhi, axis_from_uhi, metadata_dict, refuse_numeric_growth, storage_name
from ..file import File
from ..histogram import Histogram

Specification = dict[str, Any]

OPTIONS = ("compression", "level", "chunks", "expected", "variations", "rollups")


def specify(
    axes: Sequence[Any], storage: Any, metadata: Mapping[str, Any], options: Mapping[str, Any]
) -> Specification:
    """Of the arguments of `File.create`, which says what they may be."""
    refuse_numeric_growth(axes)
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise TypeError(f"create got the unknown options {unknown}: there are {', '.join(OPTIONS)}")
    return {
        "axes": plain(axes_to_uhi(axes)),
        "storage": storage_name("double" if storage is None else storage),
        "metadata": metadata_dict(metadata, "a histogram"),
        "options": plain(dict(options)),
    }


def create_as(file: File, name: str, specification: Specification) -> Histogram:
    """Raises what `File.create` raises."""
    options: dict[str, Any] = specification["options"]
    axes = [axis_from_uhi(axis) for axis in specification["axes"]]
    return file.create(name, *axes, storage=specification["storage"], metadata=specification["metadata"], **options)


def specification_of(histogram: Histogram) -> Specification:
    """Growing axes without their labels: nobody needs these to fill."""
    axes = plain(axes_to_uhi(histogram.axes))
    return {
        "axes": [_without_labels(axis) for axis in axes],
        "storage": storage_name(histogram.storage_type),
        "metadata": histogram.metadata,
        "options": {},
    }


def check_same(name: str, wanted: Specification, found: Specification) -> None:
    """Raises ValueError where a histogram that is there has other axes or another storage than was asked for."""
    if wanted["storage"] != found["storage"]:
        raise ValueError(f"there is a histogram '{name}' already, with {found['storage']} storage")
    if [_without_labels(axis) for axis in wanted["axes"]] != found["axes"]:
        raise ValueError(
            f"there is a histogram '{name}' already, and its axes are others ({_difference(wanted, found)}): give this "
            "one another name, or begin with another file"
        )


def _difference(wanted: Specification, found: Specification) -> str:
    """Which axes differ, for messages."""
    before, now = ([str(axis.get("metadata", {}).get("name", "")) for axis in each["axes"]] for each in (found, wanted))
    if before != now:
        return f"{before}, not {now}"
    pairs = zip(before, wanted["axes"], found["axes"], strict=True)
    return "other " + ", ".join(f"'{name}'" for name, one, other in pairs if _without_labels(one) != other)


def _without_labels(axis: UHIAxis) -> UHIAxis:
    grows = axis.get("writer_info", {}).get("boost-histogram", {}).get("growth", False)
    return axis | {"categories": []} if grows else axis


def plain(value: Any) -> Any:
    """As JSON has it: lists for arrays and tuples, numbers of Python for those of NumPy."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value
