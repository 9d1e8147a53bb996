"""Content in the forms of other libraries: NumPy's, pandas', xarray's, ROOT's (all copies in memory); UHI files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boost_histogram as bh

from .base import Base
from .export import export
from .labelled import to_dataframe, to_xarray
from .optional import needed
from .root import to_root

if TYPE_CHECKING:
    import pandas as pd
    import xarray


class Interchange(Base):
    def to_numpy(self, flow: bool = False, *, dd: bool = False, view: bool = False) -> tuple[Any, ...]:
        """Values and edges as `numpy.histogram` returns them, with `dd` as `numpy.histogramdd`.

        `view` gives cells as `view()` does, in the place of values.
        """
        return self.to_boost().to_numpy(flow=flow, dd=dd, view=view)

    def to_xarray(self, flow: bool = False) -> xarray.Dataset:
        """A Dataset with the variable `values`, and `variances` where they are known; a dimension for each axis.

        A dimension is called as its axis ("axis_0" where that has no name). Its coordinate is the label, the
        integer, or the centre of the bin, and then there are `<name>_lower` and `<name>_upper` too. Flow bins lie
        at ±inf, an overflow of labels at "" (NaN for integers). The attribute `uhi` has all that makes the axes, so
        that `f["name"] = dataset` gets back what is in it.
        """
        module = needed("xarray", "to_xarray()", "xarray")
        dataset: xarray.Dataset = to_xarray(module, self._to_uhi_(), flow)
        return dataset

    def to_dataframe(self, flow: bool = False) -> pd.DataFrame:
        """A row for each bin, with the columns `values`, and `variances` where they are known.

        The index has a level for each axis, called as the axis ("axis_0" where that has no name): labels (pandas'
        categories, in the order of the axis), integers, or intervals closed on the left. Flow bins reach to ±inf; an
        overflow of labels is missing (NaN).
        """
        module = needed("pandas", "to_dataframe()", "pandas")
        table: pd.DataFrame = to_dataframe(module, self._to_uhi_(), flow)
        return table

    def to_root(self) -> Any:
        """What uproot writes as TH1D, TH2D or TH3D: `root_file["name"] = view.to_root()`.

        Labels are bin labels, and all flow bins are kept. uproot takes views as they are too, but then
        writes no labels, and no flow bins where one of the axes lacks one.
        """
        if not 1 <= self.ndim <= 3:
            raise ValueError(
                f"{self._owner}: ROOT's histograms have one to three axes, and there are {self.ndim}: project first"
            )
        return to_root(needed("uproot.writing.identify", "to_root()", "root"), self.to_hist())

    def export(self, path: str | os.PathLike[str], name: str | None = None, *, dtype: str = "float64") -> None:
        """Writes what is shown to an HDF5 file that `uhi.io.hdf5.read` and hugehist open, a part at a time.

        `dtype="float32"` takes half the space: all planes have elements of four bytes (int32 for counts), so that
        seven digits are kept; a number that does not fit is a ValueError. The histogram is called `name`, or as it is
        here; a file that is there gets one more. What others wrote is for reading: it cannot be added to.
        """
        export(self, Path(path), name or self.name, dtype)

    def _to_boost_histogram_(self) -> bh.Histogram[Any]:
        """For `bh.Histogram(view)`."""
        return self.to_boost()
