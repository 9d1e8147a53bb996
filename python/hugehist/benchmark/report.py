"""The table on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .summary import OURS

HEAD = (
    f"{'':18}{'median':>11}{'':>4}{'min … max':<20}{'CPU':>9}"
    f"{'rate':>16}{'hugehist is':>17}{'peak memory':>20}{'written':>10}{'on disk':>10}"
)


def seconds_text(seconds: float) -> str:
    for limit, scale, unit in ((1e-6, 1e9, "ns"), (1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if abs(float(f"{seconds:.3g}")) < limit:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds:.0f} s" if abs(seconds) >= 99.95 else f"{seconds:.3g} s"


def rate_text(seconds: float, amount: float, unit: str) -> str:
    if unit == "B":
        return f"{amount / seconds / 1e9:.3g} GB/s"
    if unit == "entry":
        return f"{seconds / amount * 1e9:.3g} ns/entry"
    return f"{seconds_text(seconds / amount)}/{unit}"


def ratio_text(ratio: float | None) -> str:
    """How much faster hugehist is, where `ratio` is a peer's time over hugehist's."""
    if not ratio:
        return "-"
    times = max(ratio, 1 / ratio)
    digits = f"{times:.0f}" if times >= 100 else f"{times:.3g}"
    return f"{digits} x {'faster' if ratio >= 1 else 'slower'}"


def bytes_text(size: float) -> str:
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= limit:
            return f"{size / limit:.3g} {unit}"
    return f"{size:.0f} B"


def memory_text(peak: float, before: float) -> str:
    return f"{peak / 2**20:.0f} (+{(peak - before) / 2**20:.0f}) MiB"


def note_text(key: str, value: float) -> str:
    if key.endswith("_s"):
        return f"{key[:-2]} {seconds_text(value)}"
    return f"{key.removesuffix('_bytes')} {bytes_text(value)}" if "bytes" in key else f"{key} {value:.3g}"


def rows(metrics: dict[str, dict[str, Any]], left_out: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    case = ""
    for name, metric in metrics.items():
        first, case = metric["case"] != case, metric["case"]
        yield ""
        yield name
        yield HEAD
        by_time = sorted(metric["peers"].items(), key=lambda item: float(item[1]["seconds"]["median"]))
        for peer, numbers in by_time:
            yield row(peer, numbers, metric["unit"])
        if first:
            yield from details(by_time, left_out.get(case, {}))


def row(peer: str, numbers: dict[str, Any], unit: str) -> str:
    seconds = numbers["seconds"]
    spread = f"{seconds_text(seconds['min'])} … {seconds_text(seconds['max'])}"
    rate = rate_text(seconds["median"], numbers["amount"], unit)
    ratio = "" if peer == OURS else ratio_text(numbers["ratio"])
    memory = memory_text(numbers["peak_rss"]["median"], numbers["rss_before"])
    written, disk = numbers["bytes_written"], numbers["bytes_on_disk"]["median"]
    return (
        f"  {peer:16}{seconds_text(seconds['median']):>11}{'':>4}{spread:<20}"
        f"{seconds_text(numbers['cpu_seconds']):>9}{rate:>16}{ratio:>17}{memory:>20}"
        f"{bytes_text(written) if written else '':>10}{bytes_text(disk) if disk else '':>10}"
    )


def details(peers: list[tuple[str, dict[str, Any]]], left_out: Mapping[str, str]) -> Iterator[str]:
    for peer, numbers in peers:
        told = [note_text(key, value) for key, value in numbers["notes"].items()]
        if told:
            yield f"    {peer}: {', '.join(told)}"
    if left_out:
        yield f"    left out: {'; '.join(f'{peer} ({reason})' for peer, reason in left_out.items())}"


def table(metrics: dict[str, dict[str, Any]], left_out: Mapping[str, Mapping[str, str]]) -> str:
    return "\n".join(rows(metrics, left_out))
