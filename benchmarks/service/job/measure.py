"""One way at one size, in a process of its own, which is the Dask client; writes a JSON object.

python -m job.measure --way coffea --bytes 1073741824 --events DIR --scratch DIR --result FILE --worker-memory BYTES

Tells the process that watches it by `phases.enter`: "server PID" for each server, and at the end "done" or "failed".
"""

from __future__ import annotations

import argparse
import json
import time
import traceback
from pathlib import Path
from typing import Any

import dask
from coffea.nanoevents import BaseSchema
from coffea.processor import DaskExecutor, Runner
from distributed import Client, LocalCluster
from hugehist.benchmark.recorder.phases import enter

from .base import Way, check
from .events import TREE, write_files
from .shape import CHUNK, CHUNKS, Shape
from .ways import WAYS

SEEN = 0.3  # seconds: the watching process has taken a sample in that time


def measure(way: Way, client: Client, fileset: dict[str, Any]) -> dict[str, Any]:
    way.start(client)
    try:
        for pid in way.server_pids():
            enter(f"server {pid}")
        executor = DaskExecutor(client=client, status=False)
        runner = Runner(executor=executor, schema=BaseSchema, chunksize=CHUNK)
        items = list(runner.preprocess(fileset, treename=TREE))
        start = time.monotonic()
        try:
            output = runner(items, way.job())
            processed = time.monotonic()
            way.finish()
        except Exception as error:  # that it fails is a result
            enter("failed")
            time.sleep(SEEN)
            traceback.print_exc()
            return {"failed": f"{type(error).__name__}: {error}"}
        seconds = time.monotonic() - start
        enter("done")
        time.sleep(SEEN)
        check(output, way.totals(output), CHUNKS * way.shape.datasets)
        return {"job_seconds": seconds, "processed_seconds": processed - start, "chunks": len(items)}
    finally:
        way.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--way", choices=WAYS, required=True)
    parser.add_argument("--bytes", type=int, required=True, help="dense size of the histogram")
    parser.add_argument("--events", type=Path, required=True, help="directory for the ROOT files, made where missing")
    parser.add_argument("--scratch", type=Path, required=True, help="directory for files of the way and of Dask")
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--worker-memory", type=int, required=True, help="limit of a worker, in bytes")
    options = parser.parse_args()
    shape = Shape.of(options.bytes)
    fileset = write_files(options.events, shape)
    # a task that two workers died of has failed; by default it takes four, which only takes longer
    dask.config.set({"distributed.scheduler.allowed-failures": 1})
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            memory_limit=options.worker_memory,
            dashboard_address="127.0.0.1:0",
            local_directory=str(options.scratch),
        ) as cluster,
        Client(cluster) as client,
    ):
        result = measure(WAYS[options.way](shape, options.scratch), client, fileset)
        # written here: a cluster that lost workers may hang at its end
        options.result.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
