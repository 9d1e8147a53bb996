"""How large the histogram is: datasets x categories x 152 systematics x 400 bins, weighted."""

from __future__ import annotations

from dataclasses import dataclass

SYSTEMATICS = 152
VARYING = SYSTEMATICS // 4  # the others repeat the nominal
BINS = 400
BLOCK = SYSTEMATICS * (BINS + 2) * 16  # bytes of a (dataset, category): values and variances with flow bins
MOST_CATEGORIES = 366
FEWEST_DATASETS = 3

CHUNK = 512  # events that a processor gets at once
CHUNKS = 2  # of a dataset


@dataclass(frozen=True)
class Shape:
    datasets: int
    categories: int

    @classmethod
    def of(cls, size: float) -> Shape:
        """The extents that make up about `size` bytes; from a GiB on all categories, and as many datasets."""
        categories = max(1, min(MOST_CATEGORIES, round(size / (FEWEST_DATASETS * BLOCK))))
        return cls(max(FEWEST_DATASETS, round(size / (categories * BLOCK))), categories)

    @property
    def dense_bytes(self) -> int:
        return self.datasets * self.categories * BLOCK

    @property
    def dataset_labels(self) -> list[str]:
        return [f"dataset_{i:03d}" for i in range(self.datasets)]

    @property
    def category_labels(self) -> list[str]:
        return [f"category_{i:03d}" for i in range(self.categories)]
