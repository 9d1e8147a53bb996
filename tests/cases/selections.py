"""The table of selections that the C++ and the Python tests share: its axes, its content, and how a case is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boost_histogram as bh
import hist
import numpy as np

AXES: dict[str, Any] = {
    "dataset": hist.axis.StrCategory(["ttbar", "ttH", "wjets", "bcd"], growth=True, name="dataset"),
    "region": hist.axis.StrCategory(["sr", "cr", "vr"], name="region"),
    "run": hist.axis.IntCategory([3, 1, -7], growth=True, name="run"),
    "x": hist.axis.Regular(6, 0, 3, name="x"),
    "closed": hist.axis.Regular(4, -1, 1, flow=False, name="closed"),
    "phi": hist.axis.Regular(6, 0, 6, circular=True, name="phi"),
    "pt": hist.axis.Regular(5, 1, 100, transform=hist.axis.transform.log, name="pt"),
    "mass": hist.axis.Variable([0, 1, 2.5, 4, 7], name="mass"),
    "njets": hist.axis.Integer(0, 5, underflow=False, name="njets"),
    "flag": hist.axis.Boolean(name="flag"),
}


def filled(names: list[str]) -> Any:
    """Every bin in storage, counted in C order, has its number plus one."""
    result = hist.Hist(*(AXES[name] for name in names), storage="int64")
    result.view(flow=True)[...] = np.arange(1, result.view(flow=True).size + 1).reshape(result.axes.extent)
    return result


def index_of(histogram: Any, step: Mapping[str, Any]) -> Any:
    """One step of a case on a histogram: of hist, or of hugehist."""
    if "project" in step:
        return histogram.project(*step["project"])
    return histogram[{name: selector_of(selector) for name, selector in step["select"].items()}]


def selector_of(given: Any) -> Any:
    if "slice" in given:
        begin, end, step = given["slice"]
        return slice(bin_of(begin), bin_of(end), step_of(step))
    if "list" in given:
        return [bh.loc(label) for label in given["list"]]
    return given["pattern"] if "pattern" in given else bin_of(given)


def bin_of(given: Any) -> Any:
    if given is None or "bin" in given:
        return given and given["bin"]
    if "place" in given:
        return {"underflow": bh.underflow, "overflow": bh.overflow}[given["place"]]
    return bh.loc(given["label"] if "label" in given else given["loc"], given.get("offset", 0))


def step_of(given: Any) -> Any:
    if given is None or given == "sum":
        return given and sum
    return bh.rebin(given["rebin"]) if "rebin" in given else bh.rebin(**given)


def expected_of(shown: Any) -> dict[str, Any]:
    """Content with flow bins, and of each axis its name with the labels or the edges."""
    if not hasattr(shown, "axes"):
        return {"axes": [], "values": [int(shown)]}
    values = np.asarray(shown.values(flow=True)).astype(int)
    axes = [{"name": axis.name, **_bins(axis), "extent": axis.extent} for axis in shown.axes]
    return {"axes": axes, "values": values.ravel().tolist()}


def _bins(axis: Any) -> dict[str, Any]:
    if isinstance(axis, bh.axis.StrCategory | bh.axis.IntCategory):
        return {"labels": [str(label) for label in axis]}
    return {"edges": [float(edge) for edge in axis.edges]}


def table() -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(Path(__file__).with_name("selections.json").read_text(encoding="utf-8"))
    return made
