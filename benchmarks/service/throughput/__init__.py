"""Two writers send dense deltas to one accumulating process."""

from __future__ import annotations
