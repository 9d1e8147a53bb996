"""Jobs of coffea that go on where they stopped: chunks that are in are not read again."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from coffea.processor import CheckpointerABC
from coffea.processor.executor import WorkItem

from .ids import COFFEA_FIELDS
from .receipt import Receipt

if TYPE_CHECKING:
    from .sink import Sink


class Checkpointer(CheckpointerABC):  # type: ignore[misc]
    """For `Runner(checkpointer=…)`: a chunk whose work is in is skipped before its file is opened.

    `output` makes what the processor returns of a receipt; by default the processor returns the receipt alone. It goes
    to workers, so a function of a module is better than a lambda. Whatever else the processor returns is not kept: what
    counts once, as a cutflow, belongs into `a.counters`.
    """

    def __init__(self, sink: Sink, output: Callable[[Receipt], Any] | None = None) -> None:
        self._sink = sink
        self._output = output

    def load(self, metadata: Mapping[str, Any], processor_instance: Any) -> dict[str, Any] | None:
        """What the runner makes of a chunk that was processed; None where it is to be processed now."""
        if self._sink.missing([metadata]):
            return None
        entries = int(metadata["entrystop"]) - int(metadata["entrystart"])
        metrics = {"entries": entries, "bytesread": 0, "columns": set(), "processtime": 0.0}
        output = self._made_of(Receipt(already=1, entries=entries))
        return {"out": output, "processed": {_item_of(metadata)}, "metrics": metrics}

    def save(self, output: Any, metadata: Mapping[str, Any], processor_instance: Any) -> None:
        """Keeps nothing: the attempt of the processor has. TypeError where `load` would give another type."""
        ours, theirs = type(self._made_of(Receipt())), type(output["out"])
        if not issubclass(ours, theirs) and not issubclass(theirs, ours):
            raise TypeError(
                f"the processor returns {theirs.__name__}, and of a chunk that is in already the checkpointer makes "
                f"{ours.__name__}: say by sink.checkpointer(output=…) what the processor returns of a receipt, as "
                "lambda receipt: {'receipt': receipt}"
            )

    def _made_of(self, receipt: Receipt) -> Any:
        return receipt if self._output is None else self._output(receipt)


def _item_of(metadata: Mapping[str, Any]) -> WorkItem:
    found = str(metadata["fileuuid"])
    return WorkItem(
        metadata["dataset"],
        metadata["filename"],
        metadata["treename"],
        metadata["entrystart"],
        metadata["entrystop"],
        uuid.UUID(found).bytes if found else b"",
        {key: value for key, value in metadata.items() if key not in COFFEA_FIELDS},
    )
