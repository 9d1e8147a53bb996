"""One peer, one case, in a process of its own: writes the outcome as JSON."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from .cases import CASES, Setup
from .recorder.phases import enter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--case", required=True)
    parser.add_argument("--path", type=Path, required=True, help="a file or directory that the peer may make")
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--cold", action="store_true")
    arguments = parser.parse_args()
    case = CASES[arguments.case]
    setup = Setup(case.peers[arguments.peer], arguments.path, arguments.smoke, arguments.cold)
    outcome = case.run(setup)
    enter("end")
    arguments.result.write_text(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    main()
