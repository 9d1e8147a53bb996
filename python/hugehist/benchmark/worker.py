"""One peer, one case, in a process of its own: prints the outcome as a line of JSON."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from .cases import cases
from .workload import FULL, SMOKE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--case", required=True)
    parser.add_argument("--path", type=Path, required=True, help="a file or directory that the peer may make")
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    case = cases(SMOKE if arguments.smoke else FULL, smoke=arguments.smoke)[arguments.case]
    outcome = case.run(arguments.peer, arguments.path)
    print(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    main()
