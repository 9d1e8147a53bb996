"""What the vocabulary may ask of a histogram that can be read; each topic is a mixin class over this one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import boost_histogram as bh
import hist
import numpy as np

from .axes import find_axis
from .cells import Array
from .selection import Selection
from .steps import Step

if TYPE_CHECKING:
    from .view import View


class Base(ABC):
    """Implemented by Readable."""

    __hash__ = None  # type: ignore[assignment]

    @property
    @abstractmethod
    def name(self) -> str: ...
    @property
    @abstractmethod
    def axes(self) -> hist.axis.NamedAxesTuple: ...
    @property
    @abstractmethod
    def ndim(self) -> int: ...
    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]: ...
    @property
    @abstractmethod
    def kind(self) -> bh.Kind: ...
    @property
    @abstractmethod
    def storage_type(self) -> type[bh.storage.Storage]: ...
    @abstractmethod
    def values(self, flow: bool = False) -> Array: ...
    @abstractmethod
    def variances(self, flow: bool = False) -> Array | None: ...
    @abstractmethod
    def to_hist(self) -> hist.Hist[Any]: ...
    @abstractmethod
    def to_boost(self) -> bh.Histogram[Any]: ...
    @abstractmethod
    def _to_uhi_(self) -> dict[str, Any]: ...
    @abstractmethod
    def __getitem__(self, index: Any) -> Any: ...
    @abstractmethod
    def project(self, *args: str | int, flow: bool = True) -> Any: ...
    @abstractmethod
    def scale(self, axis: str | int, factors: Mapping[Any, float] | Sequence[float] | float) -> View: ...
    @property
    @abstractmethod
    def _owner(self) -> str:
        """What messages call the histogram."""

    @abstractmethod
    def _selection(self) -> Selection:
        """What is shown, with the axes as they are now."""

    @abstractmethod
    def _view(self, step: Step) -> View:
        """A view with one more step."""

    @abstractmethod
    def _cells(self, window: Sequence[Any] = (), flow: bool = True) -> Array:
        """The content of a box of bins, as boost-histogram's view has it: slices or distinct bins of the array.

        No more than that is read.
        """

    def _axis(self, which: str | int) -> tuple[int, Any]:
        """An axis by name or number, with its position."""
        axes = self._selection().axes
        position = find_axis(axes, which, self._owner)
        return position, axes[position]


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) or (
        isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "biuf"
    )
