"""Accumulators that this process starts, watches over and stops."""

from __future__ import annotations

import contextlib
import os
import socket
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, SupportsIndex

from ..opening import open_core
from .credentials import Certificates, new_token
from .errors import ServiceError
from .process import ServedFile
from .remote import Remote
from .serving import is_loopback, private_folder
from .shards import Shards
from .sink import Sink


class Accumulator:
    """`hugehist serve FILE` in a process of its own, as a context manager.

    with Accumulator("analysis.h5", client=client) as accumulator:
        sink = accumulator.sink()

    A process that dies is started again, at the same address, and goes on from file and log. At the end of the block,
    or when this process ends in any way, it merges what it acknowledged, closes the file, and stops.

    It listens on a socket in a folder of this user alone. `client`: the Dask client whose workers will send. Where they
    are on other machines, the accumulator listens on the address of this one that they see, by TLS with certificates
    that are made for it; `host` says otherwise which address that is. `shards`: so many processes share the work, each
    with a file of its own (`paths`), by dataset and category; `hugehist.File(accumulator.paths)` reads them as one. The
    other options are those of `hugehist serve`: memory (of each process), log_limit, commit_seconds, attempt_seconds,
    threads.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        client: Any = None,
        host: str | None = None,
        shards: int = 1,
        log_file: str | os.PathLike[str] | None = None,
        patience: float = 300,
        **options: SupportsIndex | str | float,
    ) -> None:
        host = host or (None if client is None else _host_for(client))
        self.paths = shard_paths(Path(path).absolute(), shards)
        run = _set_of(self.paths[0]) if shards > 1 else ""
        self._served: list[ServedFile] = []
        self._closed = False
        self._folder = private_folder()
        folder = Path(self._folder.name)
        common: list[str] = []
        for name, value in options.items():
            common += [f"--{name.replace('_', '-')}", str(value)]
        tls: dict[str, str] = {}
        if host is not None and not is_loopback(host):
            certificates = Certificates.temporary([host])
            certificates.save(folder)
            tls = certificates.of_client()
            common += ["--tls", str(folder)]
        token = new_token()
        try:
            for number, own in enumerate(self.paths):
                log = Path(log_file) if log_file else folder / f"{number}.log"
                listen = ["--socket", str(folder / f"{number}.socket")] if host is None else ["--host", host]
                self._served.append(ServedFile(own, [*common, *self._shard_options(run, number)], listen, token, log))
            for served in self._served:
                served.wait()
        except BaseException:
            with contextlib.suppress(ServiceError):
                self.close()
            raise
        remotes = [Remote(served.address, token, tls, patience) for served in self._served]
        self._remote = remotes[0] if shards == 1 else Shards(remotes)

    def _shard_options(self, run: str, number: int) -> list[str]:
        """Which part of the whole a process has, and who decides."""
        if len(self.paths) == 1:
            return []
        options = ["--shard", run, str(number), str(len(self.paths))]
        return options if number == 0 else [*options, "--ledger", str(self.paths[0])]

    # --- for the user --------------------------------------------------------------------------------------

    @property
    def addresses(self) -> list[str]:
        """Where they listen; the same over restarts."""
        return [served.address for served in self._served]

    @property
    def pids(self) -> list[int]:
        """Of the processes that are at work now."""
        return [served.pid for served in self._served]

    def sink(self, run: str = "", memory: SupportsIndex | str = "256 MiB") -> Sink:
        """Where tasks send their work; it pickles. See `Sink`."""
        self._check()
        return Sink(self._remote, run=run, memory=memory)

    def status(self) -> dict[str, Any]:
        """What it has done and holds, and how often a process died and was started again."""
        self._check()
        return self._remote.status() | {"restarts": sum(served.restarts for served in self._served)}

    def flush(self) -> None:
        """Returns when all that was committed is in the file, where readers see it."""
        self._check()
        self._remote.flush()

    def close(self) -> None:
        """Merges what was acknowledged, closes the files, and ends the processes. Closing again does nothing.

        Raises ServiceError where one cannot: what it acknowledged is in its log then, for the next one.
        """
        if self._closed:
            return
        self._closed = True
        problems = []
        for served in reversed(self._served):  # the one that decides goes last
            try:
                served.stop()
            except ServiceError as problem:
                problems.append(problem)
        self._folder.cleanup()
        if problems:
            raise problems[-1]

    def _check(self) -> None:
        for served in self._served:
            served.check()

    def __enter__(self) -> Accumulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            with contextlib.suppress(ServiceError):
                self.close()

    def __repr__(self) -> str:
        return f"<Accumulator of '{self.paths[0]}' at {', '.join(self.addresses)}>"


def shard_paths(path: Path, shards: int) -> list[Path]:
    """The file itself, or `name.0.h5`, `name.1.h5`, …"""
    if shards < 1:
        raise ValueError(f"shards={shards}: there is one accumulator at least")
    if shards == 1:
        return [path]
    return [path.with_name(f"{path.stem}.{number}{path.suffix}") for number in range(shards)]


def _set_of(path: Path) -> str:
    """What the files of one set have in common: that of the first, where it is there."""
    if path.exists():
        file = open_core(path, "r", (8 << 20, 1, 0, 0))  # its log may have more, which is no news to who serves it
        try:
            return str(file.attributes().get("hugehist.run", uuid.uuid4()))
        finally:
            file.abandon()
    return str(uuid.uuid4())


def _host_for(client: Any) -> str | None:
    """The address of this machine that the workers of a Dask client can reach; None where all of them are here."""
    scheduler = str(client.scheduler.address)
    if scheduler.startswith("inproc://"):  # the workers are threads of this process
        return None
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return host_for({str(worker["host"]) for worker in workers}, _own_address(scheduler))


def host_for(workers: set[str], own: str) -> str | None:
    """`own`, where workers are on other machines; where none has come yet, if one of another machine might."""
    are_here = all(is_loopback(host) or host == own for host in workers) if workers else is_loopback(own)
    return None if are_here else own


def _own_address(scheduler: str) -> str:
    """The address by which this machine is seen on the way to the scheduler."""
    host, _, port = scheduler.rpartition("://")[2].rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:  # which sends nothing
        probe.connect((host.strip("[]"), int(port)))
        return str(probe.getsockname()[0])
