"""After a commit that failed midway, nothing merged is lost, and no chunk lies in the place of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from limits import files_no_longer_than

BINS = 300
ROWS = 8


def axes(labels: list[str], bins: int) -> tuple[hist.axis.StrCategory, hist.axis.Regular]:
    return hist.axis.StrCategory(labels, growth=True, name="c"), hist.axis.Regular(bins, 0, 1, name="x")


def merge(file: hugehist.File, model: np.ndarray, rng: np.random.Generator) -> None:
    row, largest = int(rng.integers(ROWS)), int(rng.choice([2, 100, 1 << 30]))
    part: hist.Hist[Any] = hist.Hist(*axes([f"c{row}"], BINS))
    part.view(flow=True)[0] = content = rng.integers(0, largest, BINS + 2)
    file["h"].merge(part)
    model[row] += content


@pytest.mark.parametrize("compression", ["zstd", None])
@pytest.mark.parametrize("seed", range(4))
def test_merges_go_on(path: Path, compression: str | None, seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = np.zeros((ROWS, BINS + 2))
    with hugehist.File(path, "w", memory="8 MiB") as file:
        file.create("h", *axes([f"c{i}" for i in range(ROWS)], BINS), chunks=(1, BINS + 2), compression=compression)
        file.create("labels", *axes([], 1))
        for _ in range(10):
            merge(file, model, rng)
        file.commit()
        for _ in range(10):
            merge(file, model, rng)
        # The room that a commit asks for beforehand is not enough for so many labels.
        file["labels"].merge(hist.Hist(*axes([f"{i:0150}" for i in range(20_000)], 1)))
        with files_no_longer_than(path.stat().st_size + (3 << 19)):
            for _ in range(3):
                with pytest.raises(OSError, match="too large"):
                    file.commit()
                for _ in range(4):
                    merge(file, model, rng)
                with pytest.raises(hugehist.Error, match="failed midway"):
                    file.discard()
        np.testing.assert_array_equal(file["h"].values(flow=True), model)
        file.commit()
        for _ in range(10):
            merge(file, model, rng)
            file.commit()
    with hugehist.File(path) as file:
        np.testing.assert_array_equal(file["h"].values(flow=True), model)
