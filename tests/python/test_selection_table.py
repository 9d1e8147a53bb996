"""The table of selections that the C++ tests read as well: boost-histogram and hugehist both give what it says."""

from __future__ import annotations

import sys
from pathlib import Path

import hugehist

sys.path.insert(0, str(Path(__file__).parents[1] / "cases"))
from selections import expected_of, filled, index_of, table


def test_table() -> None:
    cases = table()
    assert len(cases) >= 400
    for case in cases:
        model = filled(case["axes"])
        with hugehist.File.in_memory(memory="8 MiB", threads=1) as file:
            file["h"] = model
            ours = file["h"]
            for step in case["steps"]:
                model, ours = index_of(model, step), index_of(ours, step)
            assert expected_of(model) == case["expected"], case
            assert expected_of(ours) == case["expected"], case
