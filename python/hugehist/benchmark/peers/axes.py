"""The axes that hist, boost-histogram and hugehist share: hist's objects, which each of them takes."""

from __future__ import annotations

from typing import Any

import hist

from ..events import Column
from ..workload import AXES


def observable(bins: int) -> hist.axis.Regular:
    return hist.axis.Regular(bins, 0.0, 1.0, name=AXES[3])


def variation_axes(categories: list[str], systematics: list[str], bins: int) -> list[Any]:
    labels = zip(AXES, (["ttbar"], categories, systematics), strict=False)
    return [*(hist.axis.StrCategory(known, growth=True, name=name) for name, known in labels), observable(bins)]


def column_axis(column: Column) -> Any:
    if column.kind == "regular":
        return hist.axis.Regular(column.bins, 0.0, 1.0, name="x")
    if column.edges is not None:
        return hist.axis.Variable(column.edges, name="x")
    if column.kind == "integer":
        return hist.axis.Integer(0, column.bins, name="x")
    return hist.axis.StrCategory(list(column.labels), growth=True, name="x")
