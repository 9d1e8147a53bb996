"""Bad networks, kills and crowds against accumulators, at full size; the tests run the same in small.

usage: service_net.py [--scale X] [--seed N] [NAME ...]   (1: as docs/service.md says; all by default)
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))
import served

FULL = {
    "cut after commit": lambda folder, scale, seed: served.run_cut_after_commit(folder, scale(1000)),
    "pairs": lambda folder, scale, seed: served.run_pairs(folder, scale(1000)),
    "kills": lambda folder, scale, seed: served.run_kills(folder, scale(100), seed),
    "kills of shards": lambda folder, scale, seed: served.run_kills(folder, scale(100), seed, shards=4),
    "shards": lambda folder, scale, seed: served.run_shard_kills(folder, scale(50), seed),
    "slow disk": lambda folder, scale, seed: served.run_slow_disk(folder, 32, scale(64 << 20), "1 GiB"),
}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FULL))
    options.add_argument("--scale", type=float, default=1)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    for name in asked.names or FULL:
        with tempfile.TemporaryDirectory() as folder:
            begun = time.monotonic()
            found = FULL[name](Path(folder), lambda count: max(1, round(count * asked.scale)), asked.seed)
            print(json.dumps({"what": name, **found, "seconds": round(time.monotonic() - begun)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
