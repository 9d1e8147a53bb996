"""hist's histogram in memory, where it meets histograms in files."""

from __future__ import annotations

from typing import Any

import boost_histogram as bh
import hist

from .base import Base
from .comparing import Comparing


class Hist(hist.Hist, family=hist):  # type: ignore[type-arg]  # older versions are not generic
    """A hist.Hist that takes views of a file in arithmetic and comparisons, and is pickled as a plain one.

    hist itself takes what it does not know for an array without flow bins, so that `hist.Hist + view` loses them.
    """

    __module__ = "hist.hist"  # uproot keeps labels of categories only where the class is of hist, by its module

    def __iadd__(self, other: Any) -> Any:  # type: ignore[misc]
        return super().__iadd__(in_memory(other))

    def __isub__(self, other: Any) -> Any:  # type: ignore[misc]
        """Also of weighted histograms, which hist does not subtract: their variances are added."""
        given = in_memory(other)
        if isinstance(given, bh.Histogram) and self.storage_type is bh.storage.Weight:
            return self.__iadd__(given * -1.0)
        return super().__isub__(given)

    def __imul__(self, other: Any) -> Any:  # type: ignore[misc]
        return super().__imul__(in_memory(other))

    def __itruediv__(self, other: Any) -> Any:  # type: ignore[misc]
        return super().__itruediv__(in_memory(other))

    def __eq__(self, other: object) -> bool:
        return bool(other == self) if isinstance(other, Base) else super().__eq__(other)

    def allclose(self, other: object, **options: Any) -> bool:
        if isinstance(other, Comparing):
            return other.allclose(self, **options)
        return bool(super().allclose(other, **options))

    __hash__ = None  # type: ignore[assignment]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return object.__new__, (hist.Hist,), self.__getstate__()


def in_memory(histogram: Any) -> Any:
    """A copy for hist to calculate with, where it is no number, array, or histogram of hist already."""
    if isinstance(histogram, Base):
        return histogram.to_hist()
    if isinstance(histogram, bh.Histogram) and not isinstance(histogram, hist.BaseHist):
        return hist.Hist(histogram)
    return histogram
