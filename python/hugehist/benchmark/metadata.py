"""Where and with what a result was measured."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import urllib.parse
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil

from .peers import PACKAGES


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


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def file_system(directory: Path) -> str:
    """The type of the file system under `directory`."""
    parts = [part for part in psutil.disk_partitions(all=True) if directory.is_relative_to(part.mountpoint)]
    return max(parts, key=lambda part: len(part.mountpoint)).fstype if parts else "unknown"


def collect(directory: Path) -> dict[str, Any]:
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": git("rev-parse", "HEAD") or "unknown",
        "modified": bool(git("status", "--porcelain", "--untracked-files=no")),
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "file_system": file_system(directory.resolve()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
        "load_at_start": os.getloadavg()[0],
    }
