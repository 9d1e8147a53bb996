"""Runs a command under the recorder.

Between samples the recorder sleeps; what it saw stays in memory until the process has ended. Its own CPU time is
measured and is a part of the recording.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import process
from .gpu import Gpus
from .phases import VARIABLE, Channel
from .system import System

INTERVAL = 0.1  # seconds between samples


@dataclass
class Recording:
    """What came of a process: events by time, and what they cost.

    `events` are samples (with "process", "system" and perhaps "gpu") and changes of phase (with "enters"); "t" is
    in seconds since the start.
    """

    returncode: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss: int = 0  # bytes, the highest that a sample saw
    timed_out: bool = False
    samples: int = 0
    recorder_cpu_seconds: float = 0.0  # of the samples
    events: list[dict[str, Any]] = field(default_factory=list)

    def cost(self, interval: float) -> dict[str, float | None]:
        """The recorder's own part in the run, for the metadata."""
        return {
            "interval_s": interval or None,
            "samples": self.samples,
            "cpu_seconds": self.recorder_cpu_seconds,
            "cpu_seconds_per_sample": self.recorder_cpu_seconds / self.samples if self.samples else None,
            "share_of_one_core": self.recorder_cpu_seconds / self.seconds if self.seconds else None,
        }


class _Sampler:
    def __init__(self, pid: int, channel: Channel, start: float) -> None:
        self._pid, self._channel, self._start = pid, channel, start
        self._system, self._gpus = System(), Gpus()
        self._phase = "start"

    def sample(self, recording: Recording) -> None:
        begin = time.thread_time()
        self.take_marks(recording)
        now = time.monotonic()
        tree = process.sample(self._pid)
        event = {"t": round(now - self._start, 6), "phase": self._phase, "process": tree.as_json()}
        event["system"] = self._system.sample().as_json()
        if gpus := self._gpus.sample():
            event["gpu"] = gpus
        if tree.processes:
            recording.events.append(event)
            recording.peak_rss = max(recording.peak_rss, tree.rss)
            recording.samples += 1
        recording.recorder_cpu_seconds += time.thread_time() - begin

    def take_marks(self, recording: Recording) -> None:
        for mark in self._channel.marks():
            self._phase = mark.phase
            recording.events.append({"t": round(mark.seconds - self._start, 6), "enters": mark.phase})

    def close(self) -> None:
        self._system.close()
        self._gpus.close()


def record(
    command: Sequence[str], log: Path, *, interval: float = INTERVAL, timeout: float, cwd: Path | None = None
) -> Recording:
    """Runs `command` to its end, its output going to `log`; kills it and its children after `timeout` seconds.

    `interval=0` takes no samples.
    """
    recording, channel = Recording(), Channel()
    start = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {VARIABLE: str(channel.writer)},
            pass_fds=(channel.writer,),
            start_new_session=True,
            cwd=cwd,
        )
    sampler = _Sampler(child.pid, channel, start)
    try:
        recording.timed_out = not _watch(child.pid, sampler, recording, interval, start + timeout)
    finally:
        # also what the process left behind, and what an interrupt leaves running
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = recording.returncode = os.waitstatus_to_exitcode(status)
        recording.seconds = time.monotonic() - start
        recording.cpu_seconds = usage.ru_utime + usage.ru_stime
        sampler.take_marks(recording)
        sampler.close()
        channel.close()
    recording.events.sort(key=lambda event: event["t"])
    return recording


def _watch(pid: int, sampler: _Sampler, recording: Recording, interval: float, deadline: float) -> bool:
    """Samples until the process ends; False where it does not in time."""
    handle = os.pidfd_open(pid)
    try:
        poller = select.poll()
        poller.register(handle, select.POLLIN)
        following = time.monotonic()
        while True:
            if interval:
                sampler.sample(recording)
                # a sample that came late does not make the next ones early
                following = max(following + interval, time.monotonic())
            until = min(following, deadline) if interval else deadline
            if poller.poll(max(1000 * (until - time.monotonic()), 0)):
                return True
            if time.monotonic() >= deadline:
                return False
    finally:
        os.close(handle)
