"""CPU time, memory, page cache, disks and network of the whole machine, from /proc."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

TICK = 1.0 / os.sysconf("SC_CLK_TCK")
MEMORY = re.compile(rb"^(MemAvailable|Cached|Dirty|Writeback): *(\d+) kB", re.MULTILINE)
SECTOR = 512  # of /proc/diskstats, whatever the disk's own


@dataclass(frozen=True)
class SystemSample:
    """Times and bytes since the machine started; memory as it is now, in bytes."""

    cpu_s: float
    iowait_s: float
    available: int
    page_cache: int
    dirty: int  # to be written, or being written
    disk_read: int
    disk_written: int
    network_received: int
    network_sent: int

    def as_json(self) -> dict[str, float]:
        return vars(self).copy()


class System:
    """Holds the files of /proc open, which makes a sample cheap."""

    def __init__(self) -> None:
        self._files = {
            name: os.open(f"/proc/{name}", os.O_RDONLY) for name in ("stat", "meminfo", "diskstats", "net/dev")
        }
        self._disks = {path.name.encode() for path in Path("/sys/block").iterdir() if not _is_virtual(path)}

    def close(self) -> None:
        for descriptor in self._files.values():
            os.close(descriptor)

    def sample(self) -> SystemSample:
        cpu = [int(field) for field in self._read("stat").split(b"\n", 1)[0].split()[1:8]]
        user, nice, system, _, iowait, interrupts, soft_interrupts = cpu
        memory = {name: 1024 * int(kibibytes) for name, kibibytes in MEMORY.findall(self._read("meminfo"))}
        disks = [fields for line in self._read("diskstats").splitlines() if (fields := line.split())[2] in self._disks]
        interfaces = [line.partition(b":") for line in self._read("net/dev").splitlines()[2:]]
        traffic = [counts.split() for name, _, counts in interfaces if name.strip() != b"lo"]
        return SystemSample(
            cpu_s=TICK * (user + nice + system + interrupts + soft_interrupts),
            iowait_s=TICK * iowait,
            available=memory[b"MemAvailable"],
            page_cache=memory[b"Cached"],
            dirty=memory[b"Dirty"] + memory[b"Writeback"],
            disk_read=SECTOR * sum(int(fields[5]) for fields in disks),
            disk_written=SECTOR * sum(int(fields[9]) for fields in disks),
            network_received=sum(int(counts[0]) for counts in traffic),
            network_sent=sum(int(counts[8]) for counts in traffic),
        )

    def _read(self, name: str) -> bytes:
        return os.pread(self._files[name], 1 << 16, 0)


def _is_virtual(disk: Path) -> bool:
    """Loop devices and the like, whose bytes are counted below them once more."""
    return disk.name.startswith(("loop", "ram", "zram", "dm-", "md"))
