"""The command line that mutants.py and service_mutants.py share: which mutants are wanted, and what became of them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rules import Mutant


def wanted_of(mutants: Sequence[Mutant], root: Path, about: str | None) -> list[Mutant]:
    """Those that the command line asks for. Ends the program where one does not fit its source, or to list them."""
    options = argparse.ArgumentParser(description=about)
    options.add_argument("--only", metavar="NAME", action="append", help="this mutant; can be repeated")
    options.add_argument("--list", action="store_true", help="say which there are")
    asked = options.parse_args()
    misfits = [one.name for one in mutants if not one.fits((root / one.file).read_text())]
    if misfits:
        print(f"not found exactly once in the source: {', '.join(misfits)}")
        sys.exit(1)
    if asked.list:
        for mutant in mutants:
            print(f"{mutant.name}: {mutant.rule} ({mutant.file})")
        sys.exit(0)
    if unknown := set(asked.only or ()) - {mutant.name for mutant in mutants}:
        options.error(f"there is no mutant {', '.join(sorted(unknown))}")
    return [one for one in mutants if not asked.only or one.name in asked.only]


def report(mutants: Sequence[Mutant], caught_by: Callable[[Mutant], str]) -> int:
    """Tries them one after another. The exit status: 1 where one survives."""
    print("| mutant | rule | caught by | s |\n| --- | --- | --- | ---: |", flush=True)
    survivors = []
    for mutant in mutants:
        begun = time.monotonic()
        caught = caught_by(mutant)
        if not caught:
            survivors.append(mutant.name)
        took = time.monotonic() - begun
        print(f"| {mutant.name} | {mutant.rule} | {caught or '**nothing**'} | {took:.0f} |", flush=True)
    if survivors:
        print(f"\nsurvived: {', '.join(survivors)}")
    return 1 if survivors else 0
