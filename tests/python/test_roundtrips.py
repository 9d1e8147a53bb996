"""Random views through every format that claims to lose nothing, and back."""

from __future__ import annotations

from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from trusted import AXES
from uhi_forms import by_hdf5, by_json, by_zip

xarray = pytest.importorskip("xarray")


FORMS = {
    "json": by_json,
    "zip": by_zip,
    "hdf5": by_hdf5,
    "xarray": lambda view: view.to_xarray(flow=True),
    "hist": lambda view: view.to_hist(),
    "boost-histogram": lambda view: bh.Histogram(view),
    "view": lambda view: view,
}
ENTRIES = [slice(None), slice(None), sum, slice(1, None), slice(None, 2), slice(None, None, hist.rebin(2)), 0]
NUMBERS = [0.0, 0.1, -2.5, 1e300, 5e-324, np.inf, 3.0]


def fill_means(cells: Any, generator: np.random.Generator) -> None:
    """Bins of 0 to 4 entries."""
    counts = generator.integers(0, 5, cells.shape)
    cells["value"] = np.where(counts > 0, generator.normal(5, 1, cells.shape), 0)
    if "count" in cells.dtype.names:
        cells["count"] = counts
    else:
        cells["sum_of_weights"], cells["sum_of_weights_squared"] = counts * 0.5, counts * 0.25
    cells[cells.dtype.names[-1]] = np.where(counts > 1, generator.random(cells.shape), 0)


@st.composite
def views(draw: st.DrawFn) -> tuple[hugehist.File, Any]:
    """A file, and a random view of its histogram."""
    axes = draw(st.lists(st.sampled_from(AXES), min_size=1, max_size=3))
    storage = draw(st.sampled_from(["int64", "double", "weight", "mean", "weightedmean"]))
    model = hist.Hist(*axes, storage=storage)
    cells: Any = model.view(flow=True)
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    if model.kind == "MEAN":
        fill_means(cells, generator)
    else:
        for name in cells.dtype.names or (None,):
            plane = cells[name] if name else cells
            plane[...] = generator.choice(NUMBERS if storage != "int64" else [0, 1, 2**62], plane.shape)
    file = hugehist.File.in_memory()
    file["h"] = model
    view = file["h"]
    for _ in range(draw(st.integers(0, 2))):
        index = tuple(draw(st.sampled_from(ENTRIES)) for _ in range(view.ndim))
        try:
            view = view[index]
        except (IndexError, ValueError, TypeError):
            assume(False)
        assume(isinstance(view, hugehist.View))
    if draw(st.booleans()):
        view = view.project(*draw(st.permutations(range(view.ndim))))
    return file, view


@given(st.sampled_from(sorted(FORMS)), views())
def test_random_views(form: str, case: tuple[hugehist.File, Any]) -> None:
    file, view = case
    # A part of a boolean axis cannot be kept, and says so.
    assume(all(len(axis) == 2 for axis in view.axes if isinstance(axis, hist.axis.Boolean)))
    file["back"] = FORMS[form](view)
    back = file["back"]
    assert back.storage_type is view.storage_type
    assert [repr(axis) for axis in back.axes] == [repr(axis) for axis in view.axes]
    if view.kind == "MEAN":  # a variance becomes a sum of squares in hist, and a variance again
        for name in back.view(flow=True).dtype.names:
            np.testing.assert_allclose(back.view(flow=True)[name], view.view(flow=True)[name], rtol=1e-13, atol=1e-300)
        return
    np.testing.assert_array_equal(back.values(flow=True), view.values(flow=True))
    np.testing.assert_array_equal(back.variances(flow=True), view.variances(flow=True))


def test_a_part_of_a_boolean_axis_cannot_be_kept(memory: hugehist.File) -> None:
    memory["h"] = hist.Hist(hist.axis.Boolean(name="b"), storage="int64")
    for form in FORMS.values():
        with pytest.raises(ValueError, match="axis 'b': a part of a boolean axis cannot be kept"):
            memory["back"] = form(memory["h"][1:])


def test_the_smallest_integer_is_not_zero(memory: hugehist.File) -> None:
    """Its bits are those of -0.0: an overflow bin of labels that held it was taken for empty."""
    for number, axis in enumerate((hist.axis.StrCategory(["a"]), hist.axis.Regular(1, 0, 1))):
        model = hist.Hist(axis, storage="int64")
        model.view(flow=True)[...] = -(2**63)
        memory[f"h{number}"] = model
        np.testing.assert_array_equal(memory[f"h{number}"].values(flow=True), model.values(flow=True))
