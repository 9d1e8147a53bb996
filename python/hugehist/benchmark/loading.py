"""Reads what `run` wrote; `results` says what lies where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

METADATA, EVENTS, RESULTS = "metadata.json", "events.jsonl", "results.json"


class ResultsError(ValueError):
    """What was given holds no results."""


def load_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultsError(
            f"{path} is not there: give the directory that `run` wrote, or a results.json in it"
        ) from None
    except ValueError as problem:
        raise ResultsError(f"{path} is no JSON: {problem}") from None
    if not isinstance(content, dict):
        raise ResultsError(f"{path} holds no results of `run`")
    return content


def load_events(directory: Path) -> list[dict[str, Any]]:
    """What the recorder saw of one peer and case, in order; nothing where there is no such file."""
    file = directory / EVENTS
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(metrics, metadata) of a directory, or of a results.json; metadata is empty where there is none."""
    file = path / RESULTS if path.is_dir() else path
    content = load_json(file)
    if not isinstance(content.get("metrics"), dict):
        raise ResultsError(f"{file} has no metrics: is it a results.json of `run`?")
    beside = file.with_name(METADATA)
    return content["metrics"], load_json(beside) if beside.exists() else {}
