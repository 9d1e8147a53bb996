"""Runs a job under watch: the memory of its processes by role, limits on it, and an end where it hangs."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from group import group
from hugehist.benchmark.recorder.phases import VARIABLE, Channel
from memory import GIB, Roles

INTERVAL = 0.1  # seconds between samples
GRACE = 60  # seconds that a job has after a server has gone
ROLES = ("worker", "client", "server")


@dataclass
class Watched:
    """Bytes are the highest of any single process with the role."""

    returncode: int = 0
    seconds: float = 0.0
    ended: str = ""  # why it was killed
    peaks: dict[str, int] = field(default_factory=dict)
    lost: int = 0  # workers and servers that ended before the job did


def watch(command: Sequence[str], log: Path, limits: Mapping[str, int], timeout: float) -> Watched:
    """`limits` are in bytes, by role; a process beyond its role's ends the job, as does `timeout` in seconds.

    What happens after the job has told "done" or "failed" is not looked at.
    """
    channel, start, ended = Channel(), time.monotonic(), ""
    pipe = {"env": os.environ | {VARIABLE: str(channel.writer)}, "pass_fds": (channel.writer,)}
    with log.open("ab") as output, group(command, stdout=output, stderr=output, **pipe) as child:
        job = _Job(Roles(child.pid), channel, limits)
        while child.poll() is None and not ended:
            time.sleep(INTERVAL)
            ended = job.sample() or _late(start, timeout)
    channel.close()
    peaks = {role: job.roles.highest(role) for role in ROLES}
    lost = len(job.roles.roles.keys() - job.roles.alive)
    return Watched(child.returncode, time.monotonic() - start, ended, peaks, lost)


class _Job:
    def __init__(self, roles: Roles, channel: Channel, limits: Mapping[str, int]) -> None:
        self.roles = roles
        self._channel = channel
        self._limits = limits
        self._done = False
        self._alone_since: float | None = None

    def sample(self) -> str:
        """Why the job has to end; empty while it may go on."""
        for mark in self._channel.marks():
            if mark.phase.startswith("server "):
                self.roles.servers.add(int(mark.phase.split()[1]))
            self._done = self._done or mark.phase in ("done", "failed")
        if self._done:
            return ""
        self.roles.sample()
        for role, limit in self._limits.items():
            if self.roles.highest(role) > limit:
                return f"{role} beyond {limit / GIB:.3g} GiB"
        if self.roles.servers <= self.roles.alive:
            return ""
        self._alone_since = self._alone_since or time.monotonic()
        return "hangs since its server was killed" if time.monotonic() > self._alone_since + GRACE else ""


def _late(start: float, timeout: float) -> str:
    return f"not done after {timeout:.0f} s" if time.monotonic() > start + timeout else ""
