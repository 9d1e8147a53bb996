"""uhi.io in both directions: json, zip and hdf5 written from lazy views, read back, assigned and merged."""

from __future__ import annotations

from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
import pytest
from trusted import AXES, PROCESSES, bare, category, filled, same_content
from uhi_forms import by_hdf5, by_json, by_zip

uhi_io = pytest.importorskip("uhi.io")


def by_object(what: Any) -> Any:
    return what._to_uhi_()


def as_boost(mine: Any, theirs: Any) -> None:
    """The same bins, by hist's axes or boost-histogram's, and the same content."""
    assert [repr(bare(axis)) for axis in mine.axes] == [repr(bare(axis)) for axis in theirs.axes]
    np.testing.assert_array_equal(mine.view(flow=True), theirs.view(flow=True))


FORMS = [by_json, by_zip, by_hdf5, by_object]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("storage", ["weight", "double", "int64"])
def test_there_and_back(memory: hugehist.File, form: Any, axis: Any, storage: str) -> None:
    memory["h"] = filled(PROCESSES, axis, storage=storage)
    h = memory["h"]
    uhi = form(h)
    memory["back"] = uhi
    back = memory["back"]
    assert back == h
    assert back.storage_type is h.storage_type
    assert back.label == "Events"
    assert [axis.traits for axis in back.axes] == [axis.traits for axis in h.axes]
    memory["back"] += uhi
    np.testing.assert_array_equal(memory["back"].values(flow=True), 2 * h.values(flow=True))


@pytest.mark.parametrize("form", FORMS)
def test_views_and_other_libraries(memory: hugehist.File, form: Any) -> None:
    model = filled(PROCESSES, hist.axis.Regular(8, 0, 2, name="x"), hist.axis.Integer(0, 3, name="n"))
    memory["h"] = model
    view = memory["h"][{"x": slice(1j, None, 2j), "n": sum}]
    expected = model[{"x": slice(1j, None, 2j), "n": sum}]
    uhi = form(view)
    same_content(hist.Hist(uhi), expected)
    as_boost(bh.Histogram(uhi), expected)
    memory["view"] = uhi
    same_content(memory["view"], expected)
    memory["theirs"] = form(expected)
    same_content(memory["theirs"], expected)


@pytest.mark.parametrize("form", FORMS)
def test_labels_are_matched(memory: hugehist.File, form: Any) -> None:
    x = hist.axis.Regular(4, 0, 1, name="x")
    h = memory.create("h", category("c"), x, storage="weight")
    h.fill(c=["b"], x=[0.1])
    other = hist.Hist(hist.axis.StrCategory(["a", "b"], growth=True, name="c"), x, storage="weight")
    other.fill(c=["a", "b", "b"], x=[0.1, 0.6, 0.1], weight=[1, 2, 3])
    uhi = form(other)
    assert h.merge(uhi, id="file 1")
    assert not h.merge(uhi, id="file 1")
    assert list(h.axes["c"]) == ["b", "a"]
    assert h["b", 0].value == 4
    assert h["b", 0].variance == 10


@pytest.mark.parametrize("form", FORMS)
def test_unknown_variances_stay_unknown(memory: hugehist.File, form: Any) -> None:
    h = memory.create("h", hist.axis.Regular(4, 0, 1, name="x")).fill([0.5], weight=[0.5])
    uhi = form(h)
    assert hist.Hist(uhi).variances() is None
    memory["back"] = uhi
    assert memory["back"].variances() is None


def test_constructors_take_views(memory: hugehist.File) -> None:
    model = filled(PROCESSES, hist.axis.Regular(8, 0, 2, name="x"))
    memory["h"] = model
    for what, expected in ((memory["h"], model), (memory["h"].project("x"), model.project("x"))):
        for make in (hist.Hist, bh.Histogram):
            made = make(what)
            assert type(made) is make
            as_boost(made, expected)
        assert hist.Hist(what).axes.name == expected.axes.name


def test_sparse_storage(memory: hugehist.File) -> None:
    if not hasattr(uhi_io, "to_sparse"):
        pytest.skip("this uhi has no sparse form")
    model = filled(PROCESSES, hist.axis.Regular(8, 0, 2, name="x"))
    model[:, 2:] = np.zeros((3, 7, 2))
    memory["h"] = model
    memory["back"] = uhi_io.to_sparse(memory["h"]._to_uhi_())
    assert memory["back"] == memory["h"]
    same_content(memory["back"], model)


def test_what_is_no_histogram(memory: hugehist.File) -> None:
    uhi = filled(PROCESSES)._to_uhi_()
    broken: list[tuple[dict[str, Any], str]] = [
        (uhi | {"uhi_schema": 2}, "newer"),
        (uhi | {"storage": {"type": "weighted", "values": uhi["storage"]["values"]}}, "variances"),
        (uhi | {"storage": uhi["storage"] | {"values": np.zeros(7), "variances": np.zeros(7)}}, "shape|bins|fit"),
        (uhi | {"storage": {"type": "quantile", "values": np.zeros(3)}}, "cannot be kept"),
    ]
    for each, words in broken:
        with pytest.raises(ValueError, match=words):
            memory["h"] = each
    assert list(memory) == []


def test_classes_that_are_made_of_uhi(memory: hugehist.File) -> None:
    model = filled(PROCESSES, hist.axis.Regular(8, 0, 2, name="x"))
    uhi = by_json(model)
    h = hugehist.Histogram._from_uhi_(uhi)
    assert h.name == "h"
    same_content(h, model)
    same_content(h.project("x"), model.project("x"))
    h.merge(hugehist.Delta._from_uhi_(uhi))
    np.testing.assert_array_equal(h.values(flow=True), 2 * model.values(flow=True))
    bare_form = {key: value for key, value in uhi.items() if key != "metadata"}
    assert hugehist.Histogram._from_uhi_(bare_form) == hugehist.Histogram._from_uhi_(uhi)


def test_numbers_that_a_storage_cannot_hold_are_refused(memory: hugehist.File) -> None:
    counts = hist.Hist(hist.axis.Integer(0, 2), storage="int64")._to_uhi_()
    weights = hist.Hist(hist.axis.Integer(0, 2), storage="weight")._to_uhi_()
    for form, values, error in (
        (counts, np.full(4, 2**63, np.uint64), ValueError),
        (weights, np.ones(4) * 1j, TypeError),
        (weights, np.array(list("1234")), TypeError),
        (weights, np.ma.masked_array(np.ones(4), [0, 0, 1, 0]), ValueError),
    ):
        with pytest.raises(error, match="values of the UHI histogram"):
            memory["h"] = form | {"storage": form["storage"] | {"values": values}}
    assert "h" not in memory
