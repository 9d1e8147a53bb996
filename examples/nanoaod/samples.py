"""The events: four small CMS NanoAOD files that coffea ships in its source distribution.

They are fetched with pip, checked against a fixed digest, and kept in a cache directory; nothing of
them is stored in this repository. The cross sections only serve to draw a stack.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coffea.nanoevents import NanoAODSchema, NanoEventsFactory

COFFEA = "2026.9.0"
DIGEST = "7dfc1b54d9d1533c8a5bd8a5786d13272ea1a170b0817061d4478f721aedae04"


class DemoError(Exception):
    """Something the user can mend; shown without a traceback."""


class Schema(NanoAODSchema):  # type: ignore[misc]
    """NanoAOD as these skims are: some lack event numbers or the targets of cross references."""

    error_missing_event_ids = False
    warn_missing_crossrefs = False


@dataclass(frozen=True)
class Sample:
    """One dataset. `xs` is its cross section in pb, and None for recorded data."""

    name: str
    filename: str
    title: str
    colour: str
    xs: float | None

    @property
    def is_data(self) -> bool:
        return self.xs is None


SAMPLES = (
    Sample("dy", "nano_dy.root", r"$Z/\gamma^{*}\to\ell\ell$", "#ffa90e", 6077.2),
    Sample("tt_hadronic", "nano_tt_v15.root", r"$t\bar{t}$, all hadronic", "#bd1f01", 419.7),
    Sample("tt_semilep", "nano_tt_v12.root", r"$t\bar{t}$, one lepton", "#3f90da", 405.8),
    Sample("dimuon", "nano_dimuon.root", "Data, two-muon trigger", "black", None),
)


def fetch(cache: Path) -> dict[str, Path]:
    """Dataset name → local file; downloads what the cache lacks."""
    paths = {sample.name: cache / sample.filename for sample in SAMPLES}
    if not all(path.exists() for path in paths.values()):
        cache.mkdir(parents=True, exist_ok=True)
        (cache / ".gitignore").write_text("*\n")
        with tempfile.TemporaryDirectory() as scratch:
            _extract(_download(Path(scratch)), cache)
    return paths


def whole_file(sample: Sample, path: Path) -> Any:
    """All events of a file at once, read without coffea's executors."""
    factory = NanoEventsFactory.from_root(
        {str(path): "Events"},
        schemaclass=Schema,
        mode="virtual",
        metadata={"dataset": sample.name},
    )
    return factory.events()


def _download(folder: Path) -> Path:
    """The sdist, through pip, so that the user's own index and proxies hold."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary", "coffea", "--dest", str(folder), f"coffea=={COFFEA}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    archives = list(folder.glob("coffea-*.tar.gz"))
    if done.returncode != 0 or not archives:
        said = (done.stderr or done.stdout).strip().splitlines() or ["pip said nothing"]
        raise DemoError(
            f"pip could not download the source distribution of coffea {COFFEA}, "
            f"which holds the events:\n  {said[-1]}\n"
            "Without a network, give a directory that holds the four files: "
            "--samples DIR\n  " + ", ".join(sample.filename for sample in SAMPLES)
        )
    digest = hashlib.sha256(archives[0].read_bytes()).hexdigest()
    if digest != DIGEST:
        raise DemoError(f"{archives[0].name} is not the expected file (sha256 {digest})")
    return archives[0]


def _extract(archive: Path, folder: Path) -> None:
    """Take the four files out of the archive, and nothing else."""
    with tarfile.open(archive) as tar:
        for sample in SAMPLES:
            member = tar.extractfile(f"coffea-{COFFEA}/tests/samples/{sample.filename}")
            if member is None:
                raise DemoError(f"{archive.name} lacks {sample.filename}")
            partial = folder / (sample.filename + ".part")
            partial.write_bytes(member.read())
            partial.replace(folder / sample.filename)
