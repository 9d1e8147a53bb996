"""xarray and pandas: labels, coordinates and content, and back from xarray."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from trusted import AXES, PROCESSES, bare, filled, same_content

xarray = pytest.importorskip("xarray")
pd = pytest.importorskip("pandas")

X = hist.axis.Regular(4, -1, 3, name="x", label="mass [GeV]")
N = hist.axis.Integer(2, 5, name="n")


@pytest.mark.parametrize("flow", [False, True])
def test_datasets_select_by_label_and_value(memory: hugehist.File, flow: bool) -> None:
    model = filled(PROCESSES, X, N)
    memory["h"] = model
    dataset = memory["h"].to_xarray(flow=flow)
    assert list(dataset.sizes) == ["process", "x", "n"]
    assert list(dataset.data_vars) == ["values", "variances"]
    np.testing.assert_array_equal(dataset["values"], model.values(flow=flow))
    np.testing.assert_array_equal(dataset["variances"], model.variances(flow=flow))
    picked = dataset.sel(process="ä", n=3).sel(x=0.9, method="nearest")
    assert float(picked["values"]) == model["ä", 0.9j, hist.loc(3)].value
    assert float(picked["variances"]) == model["ä", 0.9j, hist.loc(3)].variance
    assert picked["x_lower"] == 0
    assert picked["x_upper"] == 1
    assert dataset["x"].attrs["long_name"] == "mass [GeV]"
    assert dataset.attrs["name"] == "h"
    expected = np.r_[-np.inf, X.centers, np.inf] if flow else X.centers
    np.testing.assert_array_equal(dataset["x"], expected)
    np.testing.assert_array_equal(dataset["x_lower"][1 if flow else 0 :][:4], X.edges[:-1])


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("storage", ["weight", "double", "int64"])
def test_datasets_come_back_whole(memory: hugehist.File, axis: Any, storage: str) -> None:
    model = filled(PROCESSES, axis, storage=storage)
    memory["h"] = model
    memory["back"] = memory["h"].to_xarray(flow=True)
    back = memory["back"]
    same_content(back, memory["h"].to_hist())
    assert back.storage_type is model.storage_type
    assert [bare(a) for a in back.axes] == [bare(a) for a in memory["h"].axes]
    assert back.label == "Events"
    without = memory["h"].to_xarray()
    memory["inner"] = without
    np.testing.assert_array_equal(memory["inner"].values(), model.values())
    np.testing.assert_array_equal(memory["inner"].variances(), model.variances())
    assert memory["inner"].values(flow=True).sum() == model.values().sum()


def test_views_and_merges(memory: hugehist.File) -> None:
    model = filled(PROCESSES, X)
    memory["h"] = model
    dataset = memory["h"].project("x").to_xarray(flow=True)
    memory["sum"] = dataset
    memory["sum"] += dataset
    doubled = 2 * model.project("x").values(flow=True)
    np.testing.assert_array_equal(memory["sum"].values(flow=True), doubled)
    np.testing.assert_array_equal(memory["sum"].variances(flow=True), 2 * model.project("x").variances(flow=True))
    transposed = memory["h"].to_xarray(flow=True).transpose("x", "process")
    memory["transposed"] = transposed
    same_content(memory["transposed"], model)


def test_netcdf_keeps_all(memory: hugehist.File, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    memory["h"] = filled(PROCESSES, X)
    memory["h"].to_xarray(flow=True).to_netcdf(tmp_path / "file.nc", engine="scipy")
    with xarray.open_dataset(tmp_path / "file.nc", engine="scipy") as dataset:
        memory["back"] = dataset
    assert memory["back"] == memory["h"]


def test_unknown_variances_stay_unknown(memory: hugehist.File) -> None:
    h = memory.create("h", X).fill([0.5], weight=[0.3])
    dataset = h.to_xarray(flow=True)
    assert list(dataset.data_vars) == ["values"]
    assert list(h.to_dataframe()) == ["values"]
    memory["back"] = dataset
    assert memory["back"].variances() is None
    assert "variances" in memory.create("counts", X).to_xarray()


def test_datasets_that_are_none_of_ours(memory: hugehist.File) -> None:
    memory["h"] = filled(PROCESSES, X)
    dataset = memory["h"].to_xarray()
    for cut in (dataset.isel(x=slice(2)), dataset.sel(process=["tt"]), dataset.isel(x=0), dataset.sortby("process")):
        with pytest.raises(ValueError, match="has not the bins along"):
            memory["cut"] = cut
    for foreign in (dataset["values"], xarray.Dataset({"values": ("x", [1.0])})):
        with pytest.raises(ValueError, match="lacks the attribute 'uhi'"):
            memory["cut"] = foreign
    with pytest.raises(ValueError, match="variances"):
        memory["cut"] = dataset.drop_vars("variances")
    assert list(memory) == ["h"]


@pytest.mark.parametrize("flow", [False, True])
def test_tables(memory: hugehist.File, flow: bool) -> None:
    model = filled(PROCESSES, X, N)
    memory["h"] = model
    table = memory["h"].to_dataframe(flow=flow)
    assert list(table.index.names) == ["process", "x", "n"]
    assert list(table.columns) == ["values", "variances"]
    assert len(table) == model.values(flow=flow).size
    row = table.loc[("tt", 0.5, 4)]
    assert row["values"] == model["tt", 0.5j, hist.loc(4)].value
    assert row["variances"] == model["tt", 0.5j, hist.loc(4)].variance
    np.testing.assert_array_equal(
        table["values"].groupby("x", observed=True).sum(), model.values(flow=flow).sum((0, 2))
    )
    by_label = table["values"].groupby("process", observed=True).sum()
    assert list(by_label.index) == ["tt", "W+jets", "ä"]  # as on the axis
    np.testing.assert_array_equal(by_label, model.values(flow=flow).sum((1, 2)))
    if flow:
        assert table.loc[("ä", -100.0, 3), "values"] == model["ä", bh.underflow, hist.loc(3)].value
        assert table.loc[("ä", 100.0, 3), "values"] == model["ä", bh.overflow, hist.loc(3)].value


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("flow", [False, True])
def test_any_axis_makes_a_table(memory: hugehist.File, axis: Any, flow: bool) -> None:
    model = filled(axis, storage="int64")
    memory["h"] = model
    table = memory["h"].to_dataframe(flow=flow)
    assert table.index.name == "axis_0"
    np.testing.assert_array_equal(table["values"], model.values(flow=flow))
    assert table["values"].dtype == np.int64
    if axis.traits.discrete and not flow:
        assert list(table.index) == [axis.bin(i) for i in range(len(axis))]
    elif not flow:
        np.testing.assert_array_equal(table.index.left, axis.edges[:-1])
        assert table.index.closed == "left"


def test_an_overflow_of_labels_is_missing(memory: hugehist.File) -> None:
    for labels in (hist.axis.StrCategory(["b", "", "a"]), hist.axis.IntCategory([3, 1])):
        model = filled(labels, storage="int64")
        memory["h"] = model
        table = memory["h"].to_dataframe(flow=True)
        assert list(table.index[:-1]) == list(labels)
        assert pd.isna(table.index[-1])
        np.testing.assert_array_equal(table["values"], model.values(flow=True))
        del memory["h"]


@pytest.mark.parametrize("arguments", [{}, {"flow": True}, {"dd": True}, {"view": True}, {"view": True, "flow": True}])
def test_to_numpy_is_boost_histogram_s(memory: hugehist.File, arguments: Any) -> None:
    for axis in AXES:
        model = filled(PROCESSES, axis)
        name = repr(axis)
        memory[name] = model
        ours, theirs = memory[name].to_numpy(**arguments), model.to_numpy(**arguments)
        flat = [(*each[:1], *each[1]) if arguments.get("dd") else each for each in (ours, theirs)]
        for mine, expected in zip(*flat, strict=True):
            np.testing.assert_array_equal(np.asarray(mine), np.asarray(expected))


@pytest.mark.parametrize("module", ["xarray", "pandas"])
def test_missing_packages_are_named(memory: hugehist.File, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    h = memory.create("h", X)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"pip install {module}, or hugehist\[{module}\]"):
        {"xarray": h.to_xarray, "pandas": h.to_dataframe}[module]()
