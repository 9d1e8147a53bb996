"""An accumulator's status in a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ..resources import size_text
from .errors import ServiceError

if TYPE_CHECKING:
    from .sink import Sink


def show(status: Mapping[str, Any]) -> None:
    """Once."""
    Console().print(panel(status))


def watch(reach: Callable[[], Sink], interval: float) -> None:
    """Until Ctrl-C; an accumulator that is away is waited for, and found where it is by then."""
    with Live(refresh_per_second=8) as live, suppress(KeyboardInterrupt):
        while True:
            try:
                live.update(panel(reach().status()))
            except ServiceError as problem:
                live.update(Panel(Text(str(problem)), title="no answer", border_style="red", expand=False))
            time.sleep(interval)


def panel(status: Mapping[str, Any]) -> Panel:
    """What `Sink.status` says, for people."""
    table = Table.grid(padding=(0, 3))
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_column(justify="right")
    for row in _rows(status):
        table.add_row(*row)
    state = str(status["state"])
    lines = [table] if state == "ready" else [table, Text(state, "red")]
    word, _, _ = state.partition(":")
    title = Text.assemble(str(status["file"]), "  ", (word, "green" if state == "ready" else "red"))
    return Panel(Group(*lines), title=title, expand=False)


def _rows(status: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    def size(key: str) -> str:
        return size_text(status[key])

    return [
        ("attempts committed", f"{status['commits']:,}", "a second", f"{status['commits_per_second']:.1f}"),
        ("merged", f"{status['merged']:,}", "a second", f"{status['merged_per_second']:.1f}"),
        ("came again", f"{status['already']:,}", "running", f"{status['running_attempts']:,}"),
        ("received", size("bytes"), "a second", size("bytes_per_second")),
        ("  unpacked", size("dense_bytes"), "parts", f"{status['parts']:,}"),
        ("not in the file yet", f"{status['lag_attempts']:,}", "", size("lag_bytes")),
        ("file", size("file_bytes"), "log", size("log_bytes")),
        ("kept for readers", size("journal_bytes"), "credit left", size("credit_bytes")),
        ("memory", size("memory_bytes"), "", ""),
        ("up", _duration(status["seconds"]), "file written", _duration(status["since_file_commit_seconds"]) + " ago"),
        ("refused", f"{status['refused']:,}", "expired", f"{status['expired']:,}"),
    ]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
