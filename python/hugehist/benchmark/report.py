"""The table on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .summary import OURS

HEAD = (
    f"{'':18}{'median':>11}{'':>4}{'min … max':<20}{'CPU':>9}"
    f"{'rate':>16}{'hugehist is':>17}{'peak memory':>20}{'on disk':>10}"
)


def seconds_text(seconds: float) -> str:
    for limit, scale, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds:.3g} s"


def rate_text(seconds: float, amount: float, unit: str) -> str:
    if unit == "B":
        return f"{amount / seconds / 1e9:.3g} GB/s"
    if unit == "entry":
        return f"{seconds / amount * 1e9:.3g} ns/entry"
    return f"{seconds_text(seconds / amount)} each"


def ratio_text(ratio: float | None) -> str:
    if ratio is None:
        return "-"
    times = max(ratio, 1 / ratio)
    digits = f"{times:.0f}" if times >= 100 else f"{times:.3g}"
    return f"{digits} x {'faster' if ratio >= 1 else 'slower'}"


def memory_text(peak: int, before: int) -> str:
    return f"{peak / 2**20:.0f} (+{(peak - before) / 2**20:.0f}) MiB"


def rows(metrics: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, metric in metrics.items():
        yield ""
        yield name
        yield HEAD
        for peer, numbers in sorted(metric["peers"].items(), key=lambda item: item[1]["seconds"]):
            spread = f"{seconds_text(numbers['fastest'])} … {seconds_text(numbers['slowest'])}"
            rate = rate_text(numbers["seconds"], metric["amount"], metric["unit"])
            ratio = "" if peer == OURS else ratio_text(numbers["time_ratio"])
            memory = memory_text(numbers["peak_rss"], numbers["rss_before"])
            disk = f"{numbers['bytes_on_disk'] / 1e6:.1f} MB" if numbers["bytes_on_disk"] else ""
            yield (
                f"  {peer:16}{seconds_text(numbers['seconds']):>11}{'':>4}{spread:<20}"
                f"{seconds_text(numbers['cpu_seconds']):>9}{rate:>16}{ratio:>17}{memory:>20}{disk:>10}"
            )


def table(metrics: dict[str, dict[str, Any]]) -> str:
    return "\n".join(rows(metrics))
