"""The column of a category axis in a fill, in the form the core takes.

A str is one label for all events, a dict of label → mask puts an event into many, `variations` stands for
the labels of (events, k) arrays, and all else has one label for each event. Labels of events become codes
into their distinct labels, hashed in C++; columns that are encoded like that already are taken as they are.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _core
from .cells import largest

#: What the core takes for a category axis: a label, or a tuple with a tag.
Column = str | tuple[Any, ...]
_INT32 = 2**31 - 1
Codes = npt.NDArray[np.int32]


class variations:
    """Labels of a category axis that belong to the columns of (events, k) arrays in the same fill.

    A list of k labels says the same where a weight, an observable or a mask has two dimensions.
    """

    def __init__(self, labels: Iterable[str | int]) -> None:
        if isinstance(labels, str | bytes):
            raise TypeError("variations take a list of labels, not one label")
        self.labels = list(labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"variations({self.labels!r})"


def category_column(value: Any, integer: bool, owner: str) -> Column:
    """`integer`: the axis has integer labels. `owner` is what messages call the axis."""
    if isinstance(value, variations):
        return "variations", labels_of(value.labels, integer, owner)
    if isinstance(value, Mapping):
        masks = [as_mask(mask, f"{owner}, mask {key!r}") for key, mask in value.items()]
        return "masks", labels_of(value, integer, owner), masks
    if isinstance(value, str | bytes) or np.ndim(_peek(value)) == 0:
        return _label(value.item() if isinstance(value, np.ndarray) else value, integer, owner)
    encoded = _encoded(value, owner)
    if encoded is not None:
        labels, codes = encoded
        return "codes", labels_of(labels, integer, owner), _as_codes(codes, len(labels), owner)
    try:
        return "codes", *(_integer_codes(value) if integer else _string_codes(value))
    except TypeError as problem:
        raise TypeError(f"{owner}: {problem}") from None
    except ValueError as problem:  # a UnicodeDecodeError is one, and takes other arguments
        raise ValueError(f"{owner}: {problem}") from None


def as_mask(mask: Any, owner: str) -> npt.NDArray[np.bool_]:
    array = np.asarray(mask)
    if array.dtype != np.bool_ or array.ndim not in (1, 2):
        raise TypeError(
            f"{owner} is a bool array of shape (events,) or (events, k), "
            f"not of dtype {array.dtype} and shape {array.shape}"
        )
    return array


def _peek(value: Any) -> Any:
    """Something with the same number of dimensions, zero or not, that is cheap to ask."""
    return () if hasattr(value, "__len__") and not isinstance(value, np.ndarray) else value


def _label(value: Any, integer: bool, owner: str) -> str:
    """One label as the core writes it: integers in decimal."""
    if integer:
        if not isinstance(value, bool | np.bool_):
            try:
                number = operator.index(value)
            except TypeError:
                pass
            else:
                if abs(number) > _INT32:
                    raise ValueError(f"{owner}: label {number} does not fit 32 bits, as boost-histogram has them")
                return str(number)
        raise TypeError(f"{owner} has integer labels, not {value!r}")
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise TypeError(f"{owner} has labels that are str, not {value!r}; codes come with labels: (labels, codes)")
    return str(value)


def labels_of(values: Iterable[Any], integer: bool, owner: str) -> list[str]:
    """Labels as the core writes them."""
    values = list(values)
    if not integer and set(map(type, values)) <= {str}:  # a list of all systematics comes with each call
        return values
    return [_label(value, integer, owner) for value in values]


def _encoded(value: Any, owner: str) -> tuple[list[Any], Any] | None:
    """(labels, codes) of a column that is dictionary-encoded, or None."""
    if isinstance(value, tuple):
        if len(value) == 2 and not any(isinstance(part, str | bytes) or np.ndim(_peek(part)) == 0 for part in value):
            return list(value[0]), value[1]
        return None
    library = type(value).__module__.partition(".")[0]
    if library == "pandas":
        value = getattr(value, "cat", value) if str(getattr(value, "dtype", "")) == "category" else value
        return (list(value.categories), value.codes) if hasattr(value, "codes") else None
    if library == "pyarrow":
        return _encoded_by_arrow(value, owner)
    if library == "awkward":
        return _encoded_by_awkward(value)
    return None


def _encoded_by_arrow(value: Any, owner: str) -> tuple[list[Any], Any]:
    if hasattr(value, "combine_chunks"):
        value = value.combine_chunks()
    if not hasattr(value, "dictionary"):
        value = value.dictionary_encode()
    if value.null_count or value.dictionary.null_count:
        raise ValueError(f"{owner}: {value.null_count} events have no label (null)")
    return value.dictionary.to_pylist(), value.indices.to_numpy(zero_copy_only=False)


def _encoded_by_awkward(value: Any) -> tuple[list[Any], Any] | None:
    layout = value.layout
    if layout.parameter("__array__") != "categorical":
        return None
    return layout.content.to_list(), np.asarray(layout.index.data)


def _as_codes(codes: Any, labels: int, owner: str) -> Codes:
    array = np.asarray(codes)
    if array.size == 0:
        return np.empty(0, np.int32)
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise TypeError(
            f"{owner}: codes are integers of shape (events,), not of dtype {array.dtype} and shape {array.shape}"
        )
    low, high = int(array.min()), int(array.max())
    if low < 0:
        event = int(array.argmin())
        raise ValueError(f"{owner}: event {event} has no label (its code is {low})")
    if high >= labels:
        event = int(array.argmax())
        raise ValueError(f"{owner}: event {event} has code {high}, but there are {labels} labels")
    return array.astype(np.int32, copy=False)


def _string_codes(value: Any) -> tuple[list[str], Codes]:
    if isinstance(value, list | tuple):
        return _core.factorize_objects(value)
    array = np.asarray(value)
    if array.ndim != 1:
        raise ValueError(f"labels of events have the shape (events,), not {array.shape}")
    if array.size == 0:
        return [], np.empty(0, np.int32)
    if array.dtype.kind in "US":
        return _core.factorize_fixed(array.astype(array.dtype.newbyteorder("="), copy=False))
    if array.dtype.kind in "OT":
        return _core.factorize_objects(array.tolist())
    raise TypeError(f"labels are str, not {array.dtype}; codes come with their labels: (labels, codes)")


def _integer_codes(value: Any) -> tuple[list[str], Codes]:
    array = np.asarray(value)
    if array.ndim != 1:
        raise ValueError(f"labels of events have the shape (events,), not {array.shape}")
    if array.size == 0:
        return [], np.empty(0, np.int32)
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels are integers, not {array.dtype}")
    if array.dtype.itemsize >= 4 and largest(array) > _INT32:
        raise ValueError("a label does not fit 32 bits, as boost-histogram has them")
    return _core.factorize_integers(array.astype(np.int64, copy=False))
