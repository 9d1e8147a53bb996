"""Lazy views: parts of a histogram that are read when their content is asked for."""

from __future__ import annotations

from .readable import Readable, Source
from .selection import Selection
from .steps import Step


class View(Readable):
    """A part of a histogram. It keeps the steps that lead to it, and follows when axes grow."""

    def __init__(self, source: Source, steps: tuple[Step, ...]) -> None:
        super().__init__(source)
        self._steps = steps
        self._resolved = self._resolve()  # one assignment: other threads read too

    def _what(self) -> str:
        return f"of {self._source.owner}"

    def _selection(self) -> Selection:
        version, _ = self._source.axes()
        resolved = self._resolved
        if version != resolved[0]:
            resolved = self._resolved = self._resolve()
        return resolved[1]

    def _view(self, step: Step) -> View:
        return View(self._source, (*self._steps, step))

    def _resolve(self) -> tuple[int, Selection]:
        version, axes = self._source.axes()
        selection = Selection.whole(axes)
        for step in self._steps:
            selection = step(selection, self._source.owner)
        return version, selection
