"""A histogram of the talk's size, 82.93 GiB if it were dense: what a read costs in chunks and in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import hist
import hugehist
import numpy as np
import pytest

DATASETS, CATEGORIES, SYSTEMATICS, BINS = 253, 366, 152, 400
FILLED = [(d, c) for d in range(0, DATASETS, 50) for c in range(0, CATEGORIES, 60)]
CHUNK = SYSTEMATICS * (BINS + 2) * 16

PROJECT = """
import sys, hugehist

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))

with hugehist.File(sys.argv[1], memory="64 MiB", threads=2) as file:
    h = file["talk"]
    h.axes
    before = peak()
    for axis in h.axes.name:
        print(h.project(axis).values(flow=True).sum())
    print(peak() - before)
"""


def labels(name: str, count: int) -> hist.axis.StrCategory:
    return hist.axis.StrCategory([f"{name}{i}" for i in range(count)], growth=True, name=name)


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.h5"
    systematics = labels("systematic", SYSTEMATICS)
    score = hist.axis.Regular(BINS, 0, 1, name="score")
    rng = np.random.default_rng(1)
    with hugehist.File(path, "w", memory="64 MiB") as file:
        axes = (labels("dataset", DATASETS), labels("category", CATEGORIES), systematics, score)
        h = file.create("talk", *axes, storage="weight")
        for d, c in FILLED:
            h.fill(f"dataset{d}", f"category{c}", list(systematics), rng.random(20), weight=np.full((20, 152), 0.5))
        file.commit()
        assert h.stats()["stored_chunks"] == len(FILLED)
        assert h.stats()["dense_bytes"] >= 80 << 30
    return path


def test_a_slice_reads_one_chunk(talk: Path) -> None:
    with hugehist.File(talk, memory="64 MiB") as file:
        h = file["talk"]
        one = h["dataset50", "category60", "systematic7", :]
        assert one.project("score").axes[0].name == "score"
        with pytest.raises(KeyError):
            h["dataset50", "category60", "no such", :]
        assert repr(one)
        assert file.stats()["chunks_read"] == 0
        assert one.values(flow=True).sum() == 20 * 0.5
        assert file.stats()["chunks_read"] == 1
        h["dataset51", "category60", "systematic7", :].values()  # which is not there
        assert file.stats()["chunks_read"] == 1


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.skipif("HUGEHIST_SANITIZED" in os.environ, reason="sanitizers take memory of their own")
def test_a_projection_takes_memory_for_the_answer_and_a_chunk_a_thread(talk: Path) -> None:
    run = subprocess.run([sys.executable, "-c", PROJECT, str(talk)], capture_output=True, text=True, check=True)
    *sums, memory = map(float, run.stdout.split())
    assert sums == [len(FILLED) * 20 * SYSTEMATICS * 0.5] * 4
    # A decoded and an encoded chunk for each of two threads, and four slots for chunks that meet in the answer.
    assert memory < 10 * CHUNK
