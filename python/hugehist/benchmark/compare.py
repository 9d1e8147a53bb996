"""Two or more results side by side: the first is what the others are compared with.

A number is "faster" or "slower" (memory and disk: "smaller" or "larger") only where the repeats of the two do not
overlap; "~" is within the spread, "?" cannot be told from one repeat. Machines drift: `--relative-to numpy` divides
each time by that peer's in the same results first.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .loading import ResultsError, load
from .report import bytes_text, seconds_text

QUANTITIES = {"time": "seconds", "memory": "peak_rss", "disk": "bytes_on_disk"}
WORDS = {"time": ("faster", "slower"), "memory": ("smaller", "larger"), "disk": ("smaller", "larger")}
# of the metadata, what makes numbers incomparable when it differs
CONDITIONS = ("cpu", "memory_bytes", "workload", "seed", "cache", "smoke", "file_system", "build", "packages")


@dataclass(frozen=True)
class Sample:
    """One number of one of the results: per item where it is a time."""

    median: float
    low: float
    high: float
    repeats: int


@dataclass(frozen=True)
class Comparison:
    metric: str
    peer: str
    quantity: str
    samples: tuple[Sample | None, ...]  # one for each of the results

    def ratio(self, which: int) -> float | None:
        first, other = self.samples[0], self.samples[which]
        return other.median / first.median if first and other and first.median else None

    def verdict(self, which: int) -> str:
        """What the numbers of `which` are against the first's."""
        first, other = self.samples[0], self.samples[which]
        if first is None or other is None:
            return "missing"
        lower, higher = WORDS[self.quantity]
        if other.high < first.low:
            found = lower
        elif other.low > first.high:
            found = higher
        else:
            return "~"
        # bytes on disk do not scatter; times and memory do
        return "?" if self.quantity != "disk" and min(first.repeats, other.repeats) < 2 else found

    def fails(self, limit: float) -> bool:
        """Whether one of the others is beyond the spread and beyond `limit` times the first."""
        worse = WORDS[self.quantity][1]
        return any(
            self.verdict(which) == worse and (self.ratio(which) or 0) > limit for which in range(1, len(self.samples))
        )


def sample(numbers: dict[str, Any] | None, quantity: str, scale: float) -> Sample | None:
    """None where there is no such number: a peer in memory has nothing on disk."""
    if numbers is None:
        return None
    found = numbers[QUANTITIES[quantity]]
    scale = scale / numbers["amount"] if quantity == "time" else 1.0
    if not found["median"]:
        return None
    return Sample(found["median"] * scale, found["min"] * scale, found["max"] * scale, numbers["repeats"])


def compare(
    results: Sequence[dict[str, Any]], quantities: Sequence[str], relative_to: str | None = None
) -> list[Comparison]:
    """Every metric and peer that is in two of the results at least. `results` are the metrics of each."""
    places = [(name, peer) for metrics in results for name, metric in metrics.items() for peer in metric["peers"]]
    found = []
    for name, peer in dict.fromkeys(places):
        for quantity in quantities:
            samples = []
            for metrics in results:
                peers = metrics.get(name, {}).get("peers", {})
                scale = _scale(peers, relative_to) if quantity == "time" else 1.0
                samples.append(sample(peers.get(peer), quantity, scale) if scale else None)
            if sum(one is not None for one in samples) > 1 and peer != relative_to:
                found.append(Comparison(name, peer, quantity, tuple(samples)))
    return found


def _scale(peers: dict[str, Any], relative_to: str | None) -> float | None:
    """What times are multiplied with; None where the peer they are relative to is not there."""
    if relative_to is None:
        return 1.0
    reference = peers.get(relative_to)
    return reference["amount"] / reference["seconds"]["median"] if reference else None


def differences(metadata: Sequence[dict[str, Any]]) -> list[str]:
    """Which conditions of the measurement are not the same."""
    return [key for key in CONDITIONS if len({repr(_lasting(key, one.get(key))) for one in metadata}) > 1]


def _lasting(key: str, value: Any) -> Any:
    """Without what changes from minute to minute."""
    if key == "file_system" and isinstance(value, dict):
        return {name: content for name, content in value.items() if name != "free_bytes"}
    return value


def lines(comparisons: Sequence[Comparison], relative: bool) -> Iterator[str]:
    metric = ""
    for one in comparisons:
        if one.metric != metric:
            metric = one.metric
            yield ""
            yield metric
        fields = f"  {one.peer:18}{one.quantity:8}{_text(one, 0, relative):>24}"
        for which in range(1, len(one.samples)):
            ratio = one.ratio(which)
            times = f"{ratio:.3f} x" if ratio else "-"
            fields += f"{_text(one, which, relative):>24}{times:>10} {one.verdict(which):8}"
        yield fields.rstrip()


def _text(one: Comparison, which: int, relative: bool) -> str:
    found = one.samples[which]
    if found is None:
        return "-"
    if one.quantity != "time":
        return bytes_text(found.median)
    half = 50 * (found.high - found.low) / found.median
    return (f"{found.median:.3g}" if relative else seconds_text(found.median)) + f" ± {half:.0f} %"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="+", type=Path, help="directories that `run` wrote, or results.json in them")
    parser.add_argument("--quantity", nargs="+", choices=QUANTITIES, default=["time"], help="default: time")
    parser.add_argument("--relative-to", metavar="PEER", help="divide times by this peer's in the same results")
    parser.add_argument(
        "--fail-above",
        type=float,
        metavar="RATIO",
        help="exit status 1 where a number is beyond the spread and more than RATIO times the first",
    )


def main(args: argparse.Namespace) -> int:
    if len(args.results) < 2:
        sys.exit("compare needs two results at least")
    try:
        loaded = [load(path) for path in args.results]
    except ResultsError as problem:
        sys.exit(str(problem))
    comparisons = compare([metrics for metrics, _ in loaded], args.quantity, args.relative_to)
    if not comparisons:
        sys.exit(
            "no metric and peer is in two of these results" + f" beside {args.relative_to}" * bool(args.relative_to)
        )
    for number, (path, (_, metadata)) in enumerate(zip(args.results, loaded, strict=True)):
        print(f"{number}: {path}  {metadata.get('commit', '')[:10]} {metadata.get('date', '')}")
    if differing := differences([metadata for _, metadata in loaded]):
        print(f"not the same in all: {', '.join(differing)}")
    unit = f"times that of {args.relative_to}" if args.relative_to else "time for each item"
    print(f"median ± half the spread, {unit}; ratios to 0")
    print("\n".join(lines(comparisons, args.relative_to is not None)))
    if args.fail_above is None:
        return 0
    failed = [one for one in comparisons if one.fails(args.fail_above)]
    for one in failed:
        print(f"ABOVE {args.fail_above:g} x: {one.metric}, {one.peer}, {one.quantity}", file=sys.stderr)
    return 1 if failed else 0
