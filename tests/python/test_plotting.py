"""Plots of lazy views: pixel by pixel what hist, mplhep and histoprint draw of the same content in memory."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from typing import Any

import hist
import hugehist
import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
mplhep = pytest.importorskip("mplhep")
histoprint = pytest.importorskip("histoprint")
pytest.importorskip("scipy")
pytest.importorskip("iminuit")
matplotlib.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture
def both(memory: hugehist.File) -> Iterator[tuple[hugehist.Histogram, hist.Hist[Any]]]:
    rng = np.random.default_rng(8)
    model = hist.Hist(
        hist.axis.StrCategory(["QCD", "W+jets", "tt"], growth=True, name="dataset", label="Dataset"),
        hist.axis.Regular(12, 0, 1, name="score", label="DNN score"),
        hist.axis.Variable([20, 30, 50, 80, 200], name="pt", label="$p_T$ [GeV]"),
        storage="weight",
        name="dnn",
        label="Events",
    )
    size = 3000
    model.fill(
        dataset=rng.choice(["QCD", "W+jets", "tt"], size),
        score=rng.normal(0.5, 0.2, size),
        pt=20 + rng.exponential(40, size),
        weight=rng.normal(1, 0.1, size),
    )
    memory["dnn"] = model
    yield memory["dnn"], model
    plt.close("all")


def pixels(draw: Callable[[Any], Any], what: Any) -> Any:
    plt.close("all")
    np.random.seed(1)  # noqa: NPY002  # hist draws the band of a fit with it
    figure = plt.figure(figsize=(6, 6), dpi=50)
    draw(what)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).copy()


DRAWN: dict[str, Callable[[Any], Any]] = {
    "plot": lambda h: h.project("score").plot(),
    "plot of two": lambda h: h.project("score", "pt").plot(cmap="viridis"),
    "plot over each other": lambda h: h.project("dataset", "score").plot(stack=True, histtype="fill"),
    "plot1d": lambda h: h["tt", :, sum].plot1d(yerr=True, color="red"),
    "plot1d overlay": lambda h: h[{"pt": sum}].plot1d(overlay="dataset", legend=False),
    "plot2d": lambda h: h.project("pt", "score").plot2d(labels=True),
    "plot2d_full": lambda h: h.project("score", "pt").plot2d_full(),
    "plot_ratio": lambda h: h["tt", :, sum].plot_ratio(h["QCD", :, sum], rp_ylabel="tt / QCD"),
    "plot_ratio to a function": lambda h: h.project("score").plot_ratio("gauss"),
    "plot_pull": lambda h: h.project("score").plot_pull("gauss"),
    "plot_pie": lambda h: h.project("dataset").plot_pie(),
    "mplhep.histplot": lambda h: mplhep.histplot(h.project("score"), yerr=True, flow="show"),
    "mplhep.histplot of labels": lambda h: mplhep.histplot(h.project("dataset")),
    "mplhep.histplot of a stack": lambda h: mplhep.histplot(
        [h[label, :, sum] for label in ("QCD", "tt")], stack=True, label=["QCD", "tt"]
    ),
    "mplhep.hist2dplot": lambda h: mplhep.hist2dplot(h.project("score", "pt"), flow="sum"),
    "mplhep.hist2dplot with labels": lambda h: mplhep.hist2dplot(h.project("dataset", "pt")),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_the_picture_is_that_of_hist(both: tuple[Any, Any], draw: Callable[[Any], Any]) -> None:
    h, model = both
    ours, theirs = pixels(draw, h), pixels(draw, model)
    assert len(np.unique(ours.reshape(-1, 4), axis=0)) > 2, "nothing was drawn"
    np.testing.assert_array_equal(ours, theirs)


def test_a_scaled_view_is_drawn_scaled(both: tuple[Any, Any]) -> None:
    h, model = both
    factors = {"tt": 0.5, "QCD": 3.0}
    scaled = model.copy()
    for label, factor in factors.items():
        scaled[label, ...] = (model[label, ...] * factor).view(flow=True)
    draw = DRAWN["plot over each other"]
    np.testing.assert_array_equal(pixels(draw, h.scale("dataset", factors)), pixels(draw, scaled))


@pytest.mark.parametrize("other", ["view", "hist", "function"])
def test_ratios_take_any_histogram(both: tuple[Any, Any], other: str) -> None:
    h, model = both
    to: Any = {"view": h["QCD", :, sum], "hist": model["QCD", :, sum], "function": lambda x, a, b: a * x + b}[other]
    expected: Any = to if other == "function" else model["QCD", :, sum]
    ours = pixels(lambda drawn: drawn.plot_ratio(to), h["tt", :, sum])
    np.testing.assert_array_equal(ours, pixels(lambda drawn: drawn.plot_ratio(expected), model["tt", :, sum]))


def test_text_is_that_of_histoprint(both: tuple[Any, Any], capsys: pytest.CaptureFixture[str]) -> None:
    h, model = both
    for draw in (
        lambda what: what.project("score").show(),
        lambda what: what.project("pt").show(title="momentum", symbols="="),
        lambda what: histoprint.print_hist(what.project("score")),
        lambda what: histoprint.print_hist([what[label, :, sum] for label in ("QCD", "tt")], stack=True),
    ):
        draw(h)
        ours = capsys.readouterr().out
        draw(model)
        assert ours == capsys.readouterr().out
        assert ours.count("\n") > 5


@pytest.mark.parametrize(
    "method", ["plot", "plot1d", "plot2d", "plot2d_full", "plot_ratio", "plot_pull", "plot_pie", "show"]
)
def test_too_many_axes_are_refused_unread(both: tuple[Any, Any], memory: hugehist.File, method: str) -> None:
    h, model = both
    before = memory.stats()
    arguments = [model] if method == "plot_ratio" else ["gauss"] if method == "plot_pull" else []
    with pytest.raises(NotImplementedError, match="project or slice"):
        getattr(h, method)(*arguments)
    assert memory.stats() == before


def test_missing_packages_are_named(both: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    h, _ = both
    monkeypatch.setitem(sys.modules, "histoprint", None)
    with pytest.raises(ImportError, match=r"pip install histoprint, or hugehist\[plot\]"):
        h.project("pt").show()


def test_figures_are_saved(both: tuple[Any, Any]) -> None:
    h, _ = both
    image = io.BytesIO()
    h.project("score", "pt").plot2d()
    plt.savefig(image, format="png")
    assert image.getvalue().startswith(b"\x89PNG")
