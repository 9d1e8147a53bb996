"""One peer, once, in a process of its own; writes a JSON object.

python -m throughput.measure --peer dask-actor --result FILE [--deltas 40] [--in-flight 1] [--smoke]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import memory
from distributed import Client, LocalCluster
from hugehist.benchmark.workload import Workload

from . import writing
from .base import Peer
from .peers import PEERS

WRITERS = 2
DATASETS = 8
# 63.5 MB, 42 % of bins filled: what three deltas of the merge benchmark add up to
WORK = Workload(datasets=DATASETS, categories=65, rounds=1, events=2400)
SMOKE = Workload(datasets=DATASETS, categories=4, systematics=12, bins=40, rounds=1, events=60)
TOLERANCE = 1e-12


def measure(peer: Peer, client: Client, deltas: int, in_flight: int) -> dict[str, Any]:
    workers = sorted(client.scheduler_info(n_workers=-1)["workers"])
    writers, others = workers[:WRITERS], workers[WRITERS:]
    peer.start(client, others[0] if others else None)
    try:
        return _measure(peer, client, writers, deltas // WRITERS, in_flight)
    finally:
        peer.stop()


def _measure(peer: Peer, client: Client, workers: list[str], count: int, in_flight: int) -> dict[str, Any]:
    def on_each(function: Any, arguments: Any) -> list[Any]:
        """A call on each writer's worker, at the same time; `arguments` takes the writer's number."""
        futures = [
            client.submit(function, f"writer-{i}", *arguments(i), workers=[worker], pure=False)
            for i, worker in enumerate(workers)
        ]
        return list(client.gather(futures))

    datasets = [list(range(i, DATASETS, WRITERS)) for i in range(WRITERS)]
    ready = on_each(writing.prepare, lambda i: (peer.sender(), peer.work, datasets[i]))
    peer.finish()
    roles = {"client": [os.getpid()], "server": peer.server_pids(), "writer": [writer.pid for writer in ready]}
    pids = [pid for members in roles.values() for pid in members]
    before = {pid: memory.resident(pid) for pid in pids}
    for pid in pids:
        memory.reset_peak(pid)

    start = time.monotonic() + 0.5
    times = [sent for of in on_each(writing.send, lambda i: (count, in_flight, start)) for sent in of]
    peer.finish()
    merged = time.monotonic()

    peaks = {pid: memory.peak(pid) for pid in pids}
    on_each(writing.close, lambda i: ())
    _check(peer.totals(), [_expected(writer.totals, count) for writer in ready])
    begin, end = min(begin for begin, _ in times), max(end for _, end in times)
    latencies = sorted(end - begin for begin, end in times)
    return {
        "bytes": len(times) * peer.work.delta_bytes,
        "delta_bytes": peer.work.delta_bytes,
        "filled": statistics.mean(writer.filled for writer in ready),
        "acknowledged_seconds": end - begin,
        "merged_seconds": merged - begin,
        "latency_median": statistics.median(latencies),
        "latency_max": latencies[-1],
        "memory_before": {role: max(before[pid] for pid in members) for role, members in roles.items()},
        "memory_peak": {role: max(peaks[pid] for pid in members) for role, members in roles.items()},
    }


def _expected(totals: list[tuple[float, float]], count: int) -> list[float]:
    """What a writer has sent: each of its deltas once, then `count` of them in turn."""
    turns = [1 + count // len(totals) + (i < count % len(totals)) for i in range(len(totals))]
    return [sum(n * of[plane] for n, of in zip(turns, totals, strict=True)) for plane in (0, 1)]


def _check(found: list[float], sent: list[list[float]]) -> None:
    for plane, total, parts in zip(("values", "variances"), found, zip(*sent, strict=True), strict=True):
        if abs(total - sum(parts)) > TOLERANCE * sum(parts):
            raise AssertionError(f"the {plane} sum up to {total!r}, and {sum(parts)!r} was sent")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=PEERS, required=True)
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--deltas", type=int, default=40)
    parser.add_argument("--in-flight", type=int, default=1, help="deltas of a writer that are not acknowledged")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    kind = PEERS[options.peer]
    with tempfile.TemporaryDirectory(dir=options.result.parent) as directory:
        peer = kind(SMOKE if options.smoke else WORK, Path(directory))
        count = WRITERS + kind.on_worker
        with (
            LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                memory_limit=0,
                dashboard_address="127.0.0.1:0",
                local_directory=directory,
            ) as cluster,
            Client(cluster) as client,
        ):
            result = measure(peer, client, options.deltas, options.in_flight)
    options.result.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
