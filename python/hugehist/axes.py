"""Axes, storages and metadata: hist's and boost-histogram's objects, and the UHI dictionaries the core takes."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import boost_histogram as bh
import hist
import numpy as np

#: Any axis of boost-histogram or hist.
Axis: TypeAlias = Any
#: An axis in the UHI serialization schema.
UHIAxis: TypeAlias = dict[str, Any]

STORAGES: dict[str, type[bh.storage.Storage]] = {
    "int": bh.storage.Int64,
    "double": bh.storage.Double,
    "weighted": bh.storage.Weight,
    "mean": bh.storage.Mean,
    "weighted_mean": bh.storage.WeightedMean,
}
_STORAGE_NAMES = {
    "int": "int",
    "int64": "int",
    "atomicint64": "int",
    "double": "double",
    "unlimited": "double",
    "weight": "weighted",
    "weighted": "weighted",
    "mean": "mean",
    "weightedmean": "weighted_mean",
}
_TRANSFORMS = {"log": bh.axis.transform.log, "sqrt": bh.axis.transform.sqrt}


class UnknownAxisError(KeyError, ValueError):
    """No axis of that name: a KeyError, and a ValueError for code that is used to hist."""

    __str__ = Exception.__str__


def storage_name(storage: Any) -> str:
    """The UHI name of a storage given as an object, a class or a name."""
    kind = storage if isinstance(storage, type) else type(storage)
    if isinstance(storage, str):
        given = storage
    elif issubclass(kind, bh.storage.Storage):
        given = kind.__name__
    else:
        raise TypeError(f"a storage is one of hist or boost-histogram, or its name, not {storage!r}")
    name = _STORAGE_NAMES.get(given.replace("_", "").lower())
    if name is None:
        raise ValueError(f"storage {given!r} cannot be kept: use Int64, Double, Weight, Mean or WeightedMean")
    return name


def metadata_dict(values: Mapping[str, Any], owner: str, strict: bool = True) -> dict[str, Any]:
    """What the UHI schema can hold of `values`: None and private keys are left out, other kinds too or refused."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        item = value.item() if isinstance(value, np.generic) else value
        if item is None or key.startswith(("@", "_")) or (key in ("name", "label") and item == ""):
            continue
        if strict or isinstance(item, bool | int | float | str):
            result[key] = metadata_value(item, f"{owner}: metadata {key!r}")
    return result


def metadata_value(value: Any, owner: str) -> bool | int | float | str:
    """The value as a file keeps it."""
    item = value.item() if isinstance(value, np.generic) else value
    if not isinstance(item, bool | int | float | str):
        raise TypeError(f"{owner} is of type {type(item).__name__}, but a file keeps bool, int, float and str only")
    if isinstance(item, int) and not -(2**63) <= item < 2**63:
        raise ValueError(f"{owner} does not fit 64 bits")
    return item


def axis_name(axis: Axis) -> str:
    name = axis.__dict__.get("name")
    return name if isinstance(name, str) else ""


def is_category(axis: Axis) -> bool:
    return isinstance(axis, bh.axis.StrCategory | bh.axis.IntCategory)


def relabelled(axis: Axis, labels: Iterable[Any]) -> Axis:
    """A category axis like this one with other labels; integers stay integers unless one of them is a str."""
    uhi = axis_to_uhi(axis)
    given = list(labels)
    for label in given:
        if not isinstance(label, str | int) or isinstance(label, bool):
            raise TypeError(f"a label is a str or an int, not {label!r}")
    texts = uhi["type"] == "category_str" or any(isinstance(label, str) for label in given)
    uhi |= {"type": "category_str", "categories": list(map(str, given))} if texts else {"categories": given}
    if len(set(uhi["categories"])) != len(given):
        raise ValueError(f"a label repeats in {given}")
    return axis_from_uhi(uhi)


def describe(axis: Axis, position: int, owner: str = "") -> str:
    """How messages call an axis: by its name, else by its position, after its `owner` where there is one."""
    name = axis_name(axis)
    text = f"axis '{name}'" if name else f"axis {position}"
    return f"{owner}, {text}" if owner else text


def axes_text(names: Iterable[str]) -> str:
    """The axes there are, for a message about one that is not."""
    return ", ".join(repr(name) if name else f"(unnamed {i})" for i, name in enumerate(names))


def unknown_label(label: Any, labels: Iterable[Any], owner: str) -> KeyError:
    """The error for a label that an axis does not have; it shows labels that look alike, else the first ones."""
    known = {str(each): repr(each) for each in itertools.islice(labels, 1000)}
    near = difflib.get_close_matches(str(label), known, n=3)
    shown = [known[each] for each in near or list(known)[:5]] + ["…"] * (not near and len(known) > 5)
    return KeyError(f"{owner} has no label {label!r}: there are {', '.join(shown) or 'none'}")


def find_axis(axes: Iterable[Axis], which: Any, owner: str) -> int:
    """Position of an axis by name or by number, negative ones from the end."""
    return find_name([axis_name(axis) for axis in axes], which, owner)


def find_name(names: Sequence[str], which: Any, owner: str) -> int:
    """As `find_axis`, where the names are at hand."""
    if isinstance(which, str):
        if which and which in names:
            return names.index(which)
        raise UnknownAxisError(f"{owner} has no axis '{which}': its axes are {axes_text(names)}")
    try:
        position = which.__index__()
    except AttributeError:
        raise TypeError(f"an axis is named by a str or an int, not {which!r}") from None
    if not -len(names) <= position < len(names):
        raise IndexError(f"{owner} has {len(names)} axes, there is none at {position}")
    return int(position % len(names))


def axes_to_uhi(axes: Iterable[Axis], strict: bool = True) -> list[UHIAxis]:
    return [axis_to_uhi(axis, i, strict) for i, axis in enumerate(axes)]


def axis_to_uhi(axis: Axis, position: int = 0, strict: bool = True) -> UHIAxis:
    """The UHI dictionary of an axis; metadata that it cannot hold is refused, or left out unless `strict`."""
    if isinstance(axis, Mapping) and "type" in axis:
        return dict(axis)
    if not isinstance(axis, bh.axis.Axis):
        raise TypeError(f"axis {position} is a {type(axis).__name__}: give axes of hist or boost-histogram")
    uhi: UHIAxis = {}
    info: dict[str, Any] = {}
    _describe_bins(axis, uhi, info, describe(axis, position))
    if axis.traits.growth:
        info["growth"] = True
    metadata = metadata_dict(axis.__dict__, describe(axis, position), strict)
    if metadata:
        uhi["metadata"] = metadata
    if info:
        uhi["writer_info"] = {"boost-histogram": info}
    return uhi


def _describe_bins(axis: Axis, uhi: UHIAxis, info: dict[str, Any], owner: str) -> None:
    if isinstance(axis, bh.axis.Boolean):
        uhi["type"] = "boolean"
        if len(axis) != 2:
            raise ValueError(f"{owner}: a part of a boolean axis cannot be kept")
        return
    if isinstance(axis, bh.axis.StrCategory | bh.axis.IntCategory):
        uhi["type"] = "category_str" if isinstance(axis, bh.axis.StrCategory) else "category_int"
        uhi |= {"categories": list(axis), "flow": axis.traits.overflow}
        return
    traits = axis.traits
    uhi |= {"underflow": traits.underflow, "overflow": traits.overflow, "circular": traits.circular}
    if isinstance(axis, bh.axis.Integer):
        first: Any = axis.bin(0)
        lower = int(first)
        uhi |= {"type": "regular", "bins": len(axis), "lower": lower, "upper": lower + len(axis)}
        info["orig_type"] = "Integer"
    elif isinstance(axis, bh.axis.Regular) and axis.transform is not None:
        uhi |= {"type": "variable", "edges": axis.edges.tolist()}
        info |= _describe_transform(axis, owner)
    elif isinstance(axis, bh.axis.Regular):
        first = axis.bin(0)  # not `edges`: there may be 2^31 of them
        last: Any = axis.bin(len(axis) - 1)
        uhi |= {"type": "regular", "bins": len(axis), "lower": float(first[0]), "upper": float(last[1])}
    elif isinstance(axis, bh.axis.Variable):
        uhi |= {"type": "variable", "edges": _variable_edges(axis, owner)}
    else:
        raise TypeError(f"{owner}: axes of type {type(axis).__name__} cannot be kept")


def _variable_edges(axis: Axis, owner: str) -> list[float]:
    """The edges that the axis bins by. Boost.Histogram computes those that a circular one shows wrongly."""
    edges = axis.edges
    if axis.traits.circular:
        edges = np.asarray(axis._ax.__getstate__()[1])
    if not np.array_equal(axis.index(edges[:-1]), np.arange(len(axis))):
        raise ValueError(f"{owner}: boost-histogram does not tell the edges of this axis")
    return [float(edge) for edge in edges]


def _describe_transform(axis: Axis, owner: str) -> dict[str, Any]:
    transform = axis.transform
    info: dict[str, Any]
    if isinstance(transform, bh.axis.transform.Pow):
        info = {"transform": "pow", "power": transform.power}
    else:
        name = next((name for name, known in _TRANSFORMS.items() if transform == known), None)
        if name is None:
            raise ValueError(f"{owner}: the transform {transform!r} cannot be kept: use log, sqrt, Pow or Variable")
        info = {"transform": name}
    # The edges went through the transform and back, and lost the last digit; the rounded ones are meant
    # where they make the same axis.
    exact = [float(axis.edges[0]), float(axis.edges[-1])]
    rounded = [float(f"{edge:.15g}") for edge in exact]
    same = bh.axis.Regular(len(axis), *rounded, transform=transform)
    meant = rounded if np.array_equal(same.edges, axis.edges) else exact
    return info | {"bins": len(axis), "lower": meant[0], "upper": meant[1]}


def refuse_numeric_growth(axes: Iterable[Axis]) -> None:
    """Growth of a numeric axis would move bins that are in the file already."""
    for position, axis in enumerate(axes):
        if isinstance(axis, Mapping):
            growth = axis.get("writer_info", {}).get("boost-histogram", {}).get("growth", False)
            growth = growth and not str(axis.get("type")).startswith("category")
            owner = f"axis {axis.get('metadata', {}).get('name', position)!r}"
        else:
            category = isinstance(axis, bh.axis.StrCategory | bh.axis.IntCategory)
            growth = isinstance(axis, bh.axis.Axis) and axis.traits.growth and not category
            owner = describe(axis, position) if isinstance(axis, bh.axis.Axis) else ""
        if growth:
            raise ValueError(
                f"{owner} grows and is numeric, which a file cannot do without moving bins: "
                "give it its full range, with flow bins for the rest"
            )


def axis_from_uhi(uhi: Mapping[str, Any]) -> Axis:
    """hist's axis of a UHI dictionary."""
    info = uhi.get("writer_info", {}).get("boost-histogram", {})
    kind = uhi["type"]
    metadata = dict(uhi.get("metadata", {}))
    if kind == "boolean":
        axis: Any = hist.axis.Boolean()
    elif kind in ("category_str", "category_int"):
        make: Any = hist.axis.StrCategory if kind == "category_str" else hist.axis.IntCategory
        growth = bool(info.get("growth", False))
        axis = make(uhi["categories"], growth=growth, overflow=bool(uhi["flow"]) and not growth)
    else:
        axis = _numeric_from_uhi(uhi, info)
    axis.__dict__.update(metadata)
    return axis


def _numeric_from_uhi(uhi: Mapping[str, Any], info: Mapping[str, Any]) -> Axis:
    flow: dict[str, Any] = {key: bool(uhi[key]) for key in ("underflow", "overflow", "circular")}
    if info.get("orig_type") == "Integer":
        return hist.axis.Integer(int(uhi["lower"]), int(uhi["upper"]), **flow)
    if "transform" in info:
        transform = (
            bh.axis.transform.Pow(info["power"]) if info["transform"] == "pow" else _TRANSFORMS[info["transform"]]
        )
        return hist.axis.Regular(info["bins"], info["lower"], info["upper"], transform=transform)
    if uhi["type"] == "variable":
        return hist.axis.Variable(uhi["edges"], **flow)
    return hist.axis.Regular(uhi["bins"], uhi["lower"], uhi["upper"], **flow)


def named_tuple(axes: Iterable[Axis]) -> hist.axis.NamedAxesTuple:
    """hist's tuple of axes, which takes names as indices."""
    return hist.axis.NamedAxesTuple(axes)
