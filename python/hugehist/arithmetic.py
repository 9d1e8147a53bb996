"""Arithmetic: with numbers it is lazy, and the result a view; with arrays and histograms the result is in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import Base, is_number
from .in_memory import in_memory

_REFLECTED = {np.add: "__radd__", np.subtract: "__rsub__", np.multiply: "__rmul__", np.true_divide: "__rtruediv__"}


class Arithmetic(Base):
    """`h * 2` and `h / 2` are views that scale while they are read, variances by the square; of means the samples.

    All else (arrays, other histograms, adding numbers to bins) is what hist makes of copies in memory.
    """

    def __mul__(self, other: Any) -> Any:
        if is_number(other):
            return self.scale(0, float(other))
        return self.to_hist() * in_memory(other)

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __truediv__(self, other: Any) -> Any:
        if is_number(other):
            if other == 0:
                raise ZeroDivisionError(f"{self._owner} is divided by zero")
            return self.scale(0, 1 / float(other))
        return self.to_hist() / in_memory(other)

    def __rtruediv__(self, other: Any) -> Any:
        return other / self.to_hist()

    def __neg__(self) -> Any:
        return self * -1

    def __add__(self, other: Any) -> Any:
        if is_number(other) and other == 0:  # where sum() begins
            return self
        return self.to_hist() + in_memory(other)

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __sub__(self, other: Any) -> Any:
        """Of histograms the variances are added."""
        return self.to_hist() - in_memory(other)

    def __rsub__(self, other: Any) -> Any:
        return other - self.to_hist()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        """NumPy's numbers and arrays on the left come here; other functions see the values without flow bins."""
        if out is not None:
            raise TypeError(f"{self._owner} is not in memory: give to_hist() of it to what changes in place")
        if method == "__call__" and ufunc in _REFLECTED and inputs[1] is self and not options:
            return getattr(self, _REFLECTED[ufunc])(inputs[0])
        arrays = [np.asarray(each) if isinstance(each, Base) else each for each in inputs]
        return getattr(ufunc, method)(*arrays, **options)
