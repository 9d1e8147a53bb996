"""A coffea job over many datasets, with its histogram accumulated in one way or another."""

from __future__ import annotations
