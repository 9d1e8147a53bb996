"""Writes selections.json: selections, and what boost-histogram makes of them. The C++ and the Python tests read it.

usage: python tests/cases/make_selections.py
"""

from __future__ import annotations

import json
import random
import sys
import warnings
from pathlib import Path
from typing import Any

import boost_histogram as bh

sys.path.insert(0, str(Path(__file__).parent))
from selections import AXES, expected_of, filled, index_of

COUNT = 400
TABLE = Path(__file__).with_name("selections.json")


def a_bin(draw: random.Random, axis: Any) -> Any:
    """A bin in one of its spellings."""
    size = len(axis)
    spellings: list[Any] = [{"bin": draw.randrange(-size, size)}]
    if isinstance(axis, bh.axis.StrCategory | bh.axis.IntCategory):
        return draw.choice([*spellings, {"label": draw.choice(list(axis))}])
    if axis.traits.underflow:
        spellings.append({"place": "underflow"})
    if axis.traits.overflow and not axis.traits.circular:
        spellings.append({"place": "overflow"})
    if axis.traits.continuous and not axis.traits.circular:
        edges = axis.edges
        value = draw.uniform(float(edges[0]), float(edges[-1]) * 0.999)
        spellings.append({"loc": value})
        if axis.index(value) + 1 < size:
            spellings.append({"loc": value, "offset": 1})
    return draw.choice(spellings)


def a_bound(draw: random.Random, axis: Any) -> Any:
    while True:
        bound = a_bin(draw, axis)
        if "place" not in bound:
            return draw.choice([bound, None])


def a_step(draw: random.Random, axis: Any) -> Any:
    size = len(axis)
    cut = draw.randrange(1, size) if size > 1 else 1
    steps: list[Any] = [None, "sum"]
    if not isinstance(axis, bh.axis.StrCategory | bh.axis.IntCategory):
        steps += [{"rebin": draw.choice([1, 2, 3])}, {"groups": [cut, size - cut] if size > 1 else [1]}]
        edges = [float(axis.edges[i]) for i in (0, cut, size)]
        steps.append({"edges": edges if size > 1 else [edges[0], edges[2]]})
    return draw.choice(steps)


def a_selector(draw: random.Random, axis: Any) -> Any:
    kind = draw.choice(["bin", "slice", "slice", "slice", "list"])
    if kind == "bin":
        return a_bin(draw, axis)
    if kind == "list" and isinstance(axis, bh.axis.StrCategory | bh.axis.IntCategory):
        labels = draw.sample(list(axis), draw.randrange(1, len(axis) + 1))
        if isinstance(axis, bh.axis.StrCategory) and draw.random() < 0.3:
            return {"pattern": draw.choice(["tt*", "*b*", "?cd", "*"])}
        return {"list": labels}
    return {"slice": [a_bound(draw, axis), a_bound(draw, axis), a_step(draw, axis)]}


def a_case(draw: random.Random) -> dict[str, Any] | None:
    """One to three axes and one to three steps; None where boost-histogram refuses."""
    names = draw.sample(sorted(AXES), draw.randrange(1, 4))
    shown: Any = filled(names)
    steps: list[Any] = []
    for _ in range(draw.randrange(1, 4)):
        axes = list(shown.axes)
        chosen = draw.sample(range(len(axes)), draw.randrange(1, len(axes) + 1))
        if draw.random() < 0.2:
            step: Any = {"project": [axes[i].name for i in chosen]}
        else:
            step = {"select": {axes[i].name: a_selector(draw, axes[i]) for i in chosen}}
        try:
            shown = index_of(shown, step)
        except (ValueError, IndexError, KeyError):
            return None
        steps.append(step)
        if not hasattr(shown, "axes"):
            break
        if not all(shown.axes.size):  # which no axis can have
            return None
    return {"axes": names, "steps": steps, "expected": expected_of(shown)}


def main() -> None:
    warnings.simplefilter("ignore")
    draw = random.Random(2026)
    cases: list[Any] = []
    while len(cases) < COUNT:
        case = a_case(draw)
        if case is not None and case not in cases:
            cases.append(case)
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    TABLE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
