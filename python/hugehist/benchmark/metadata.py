"""Where and with what a result was measured."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import urllib.parse
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import Any

import psutil

from .peers import PACKAGES
from .recorder.gpu import Gpus


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def source() -> Path | None:
    """The directory that hugehist was installed from, where pip noted one that is there still."""
    try:
        noted = importlib.metadata.distribution("hugehist").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return None
    url = urllib.parse.urlsplit(json.loads(noted)["url"]) if noted else None
    if url is None or url.scheme != "file":
        return None
    directory = Path(urllib.parse.unquote(url.path))
    return directory if directory.is_dir() else None


def git(*arguments: str) -> str:
    directory = source()
    if directory is None:
        return ""
    try:
        done = subprocess.run(["git", *arguments], cwd=directory, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def build() -> dict[str, Any]:
    """Compiler, flags and libraries that the module was built with, as CMake left them beside it."""
    noted = resources.files("hugehist") / "_build.json"
    return dict(json.loads(noted.read_text(encoding="utf-8"))) if noted.is_file() else {}


def libraries() -> dict[str, str]:
    """C libraries inside of the peers' packages, where these tell."""
    import blosc2
    import h5py

    return {"HDF5 of h5py": h5py.version.hdf5_version, "C-Blosc2": blosc2.blosclib_version.split()[0]}


def cpu() -> dict[str, Any]:
    fields = _fields(Path("/proc/cpuinfo"))
    wanted = ("sse4_2", "avx", "avx2", "fma", "avx512f", "asimd", "sve")
    features = (fields.get("flags") or fields.get("Features") or "").split()
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return {
        "model": fields.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)),
        "instructions": [feature for feature in wanted if feature in features],
        "governor": governor.read_text().strip() if governor.exists() else None,
    }


def _fields(path: Path) -> dict[str, str]:
    """Of the first processor."""
    fields: dict[str, str] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def file_system(directory: Path) -> dict[str, Any]:
    """Type, options and free bytes of what `directory` lies on."""
    parts = [part for part in psutil.disk_partitions(all=True) if directory.is_relative_to(part.mountpoint)]
    usage = psutil.disk_usage(str(directory))
    if not parts:
        return {"type": "unknown", "options": "", "free_bytes": usage.free}
    part = max(parts, key=lambda part: len(part.mountpoint))
    return {"type": part.fstype, "options": part.opts, "free_bytes": usage.free}


def gpus() -> list[str]:
    found = Gpus()
    names = found.names()
    found.close()
    return names


def collect(directory: Path) -> dict[str, Any]:
    """`directory` is where the files of the peers go."""
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": git("rev-parse", "HEAD") or "unknown",
        "modified": bool(git("status", "--porcelain", "--untracked-files=no")),
        "build": build(),
        "packages": {package: version(package) for package in PACKAGES},
        "libraries": libraries(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": cpu(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": gpus(),
        "file_system": file_system(directory.resolve()),
        "load_at_start": os.getloadavg()[0],
    }
