"""CPU time, memory, page cache, disks and network of the whole machine, from /proc."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

TICK = 1.0 / os.sysconf("SC_CLK_TCK")
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
        return asdict(self)


class System:
    """Holds the files of /proc open, which makes a sample cheap."""

    def __init__(self) -> None:
        self._files = {
            name: os.open(f"/proc/{name}", os.O_RDONLY) for name in ("stat", "meminfo", "diskstats", "net/dev")
        }
        self._disks = {path.name for path in Path("/sys/block").iterdir() if not _is_virtual(path)}

    def close(self) -> None:
        for descriptor in self._files.values():
            os.close(descriptor)

    def sample(self) -> SystemSample:
        cpu = [int(field) for field in self._lines("stat")[0].split()[1:]]
        user, nice, system, _, iowait, interrupts, soft_interrupts = cpu[:7]
        memory = dict(line.split(":", 1) for line in self._lines("meminfo"))
        disks = [fields for line in self._lines("diskstats") if (fields := line.split())[2] in self._disks]
        interfaces = [line.partition(":") for line in self._lines("net/dev")[2:]]
        traffic = [counts.split() for name, _, counts in interfaces if name.strip() != "lo"]
        return SystemSample(
            cpu_s=TICK * (user + nice + system + interrupts + soft_interrupts),
            iowait_s=TICK * iowait,
            available=_kibibytes(memory["MemAvailable"]),
            page_cache=_kibibytes(memory["Cached"]),
            dirty=_kibibytes(memory["Dirty"]) + _kibibytes(memory["Writeback"]),
            disk_read=SECTOR * sum(int(fields[5]) for fields in disks),
            disk_written=SECTOR * sum(int(fields[9]) for fields in disks),
            network_received=sum(int(counts[0]) for counts in traffic),
            network_sent=sum(int(counts[8]) for counts in traffic),
        )

    def _lines(self, name: str) -> list[str]:
        return os.pread(self._files[name], 1 << 18, 0).decode().splitlines()


def _kibibytes(text: str) -> int:
    return 1024 * int(text.split()[0])


def _is_virtual(disk: Path) -> bool:
    """Loop devices and the like, whose bytes are counted below them once more."""
    return disk.name.startswith(("loop", "ram", "zram", "dm-", "md"))
