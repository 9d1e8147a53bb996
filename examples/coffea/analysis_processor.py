"""The processor: it fills histograms that an accumulator keeps, and returns a receipt.

Beside a processor that fills hist objects two things change: histograms come from an attempt of the sink, and
`process` returns what the attempt says. `fills` is the analysis, that of examples/nanoaod.
"""

from __future__ import annotations

from typing import Any

from coffea.processor import ProcessorABC
from hugehist.service import Receipt, Sink
from processor import count, event_sums
from selection import fills


class Analysis(ProcessorABC):  # type: ignore[misc]
    """Goes to workers with its sink, which pickles to some hundred bytes."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    def process(self, events: Any) -> Receipt:
        with self.sink.attempt(events) as a:
            for name, arguments in fills(events):
                a[name].fill(**arguments)
            count(a, events.metadata["dataset"], event_sums(events))
        return a.receipt
