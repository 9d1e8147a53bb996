"""Pictures of results: bars of times, one process over time, memory against size. Each function writes one file."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("agg")
