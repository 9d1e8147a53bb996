"""What keeps histograms in memory for others: an object for a Dask Actor, and histserv's server in its own process."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Adder:
    """Adds planes in memory, a pair of them for each dataset."""

    def __init__(self) -> None:
        self._planes: dict[str, tuple[Array, Array]] = {}

    def add(self, dataset: str, values: Array, variances: Array) -> None:
        if dataset not in self._planes:
            self._planes[dataset] = (values.copy(), variances.copy())
            return
        for plane, more in zip(self._planes[dataset], (values, variances), strict=True):
            plane += more

    def totals(self) -> list[float]:
        """Of values and of variances."""
        return [sum(float(planes[i].sum()) for planes in self._planes.values()) for i in (0, 1)]


class HistservProcess:
    """histserv's own command, listening on a free port."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "histserv", "--port", "0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None
        self._said = self._process.stdout
        line = self._said.readline()
        found = re.search(r"port=(\d+)", line)
        if found is None:
            self.stop()
            raise RuntimeError(f"histserv did not start: {line or 'it said nothing'}")
        self.address = f"127.0.0.1:{found[1]}"
        # what it logs is read, so that it never waits for a full pipe
        threading.Thread(target=lambda: [None for _ in self._said], daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def histserv_totals(remote: Any, datasets: list[str]) -> list[float]:
    """Of values and of variances, a dataset at a time."""
    totals = [0.0, 0.0]
    for dataset in datasets:
        for _, chunk in remote[{"dataset": dataset}].snapshot(timeout=120).items():
            for i, plane in enumerate(("value", "variance")):
                totals[i] += float(chunk[plane].sum())
    return totals
