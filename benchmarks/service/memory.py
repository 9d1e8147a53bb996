"""Resident memory of other processes, from /proc: now, at its highest, and by role in a tree of processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hugehist.benchmark.recorder.process import children

GIB = 1 << 30


def resident(pid: int) -> int:
    return _status(pid, "VmRSS")


def peak(pid: int) -> int:
    """The highest since the process began, or since `reset_peak`, as the kernel counted it."""
    return _status(pid, "VmHWM")


def reset_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, field_name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field_name):
            return 1024 * int(line.split()[1])
    raise ProcessLookupError(f"process {pid} has ended")


@dataclass
class Roles:
    """The processes below a client: servers are those that were announced, with all below them; workers are known by
    their command. What else there is for moments has no role."""

    client: int
    servers: set[int] = field(default_factory=set)
    peaks: dict[int, int] = field(default_factory=dict)  # of each process, bytes
    roles: dict[int, str] = field(default_factory=dict)
    alive: set[int] = field(default_factory=set)  # at the last sample

    def sample(self) -> None:
        self.alive.clear()
        pending = [(self.client, "client")]
        while pending:
            pid, above = pending.pop()
            try:
                role = self._role(pid, above)
                if role:
                    self.peaks[pid] = max(self.peaks.get(pid, 0), peak(pid))
                    self.roles[pid] = role
                    self.alive.add(pid)
                pending += [(child, role) for child in children(pid)]
            except (FileNotFoundError, ProcessLookupError):
                continue

    def _role(self, pid: int, above: str) -> str:
        if pid in self.servers or above == "server":
            return "server"
        if pid == self.client:
            return "client"
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return "worker" if above == "client" and (b"spawn_main" in command or b"dask worker" in command) else ""

    def highest(self, role: str) -> int:
        """The highest peak of a single process with this role; 0 where there is none."""
        return max((self.peaks[pid] for pid, has in self.roles.items() if has == role), default=0)
