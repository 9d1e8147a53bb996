"""Work of known result, accumulators in processes of their own, and a proxy that cuts connections."""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
from hugehist import service
from hugehist.resources import parse_size
from hugehist.service.credentials import Access, access_file
from hugehist.service.process import environment_of_children
from hugehist.service.receipt import Receipt
from hugehist.service.remote import Remote
from hugehist.service.shards import Shards
from hugehist.service.transport import Piece

ENTRIES, BINS, DATASETS, SYSTEMATICS = 20, 50, 5, ("nominal", "up")
SOURCE = "f.root:Events"
MANY = 1_000_000
spawn = multiprocessing.get_context("spawn")


def create(sink: service.Sink) -> service.VirtualHistogram:
    return sink.create(
        "h",
        hist.axis.StrCategory([], growth=True, name="dataset"),
        hist.axis.StrCategory([], growth=True, name="category"),
        hist.axis.StrCategory([], growth=True, name="systematic"),
        hist.axis.Integer(0, BINS, name="x"),
        storage=hist.storage.Weight(),
    )


def id_of(number: int) -> tuple[str, int, int]:
    """Of piece `number` of the work."""
    return SOURCE, number * ENTRIES, (number + 1) * ENTRIES


def events(number: int) -> tuple[str, np.ndarray]:
    """Which dataset they are of, and x."""
    return f"d{number % DATASETS}", np.random.default_rng(number).integers(0, BINS, ENTRIES)


def fill(attempt: Any, number: int) -> None:
    dataset, x = events(number)
    attempt["h"].fill(
        dataset=dataset,
        category={"all": np.ones(ENTRIES, bool), f"c{number % 3}": x % 2 == 0},
        systematic=list(SYSTEMATICS),
        x=x,
        weight=np.ones((ENTRIES, 2)) * (1, 0.5),
    )
    attempt.counters["entries", dataset] += ENTRIES


def work(sink: service.Sink, number: int) -> Receipt:
    with sink.attempt(id_of(number)) as attempt:
        fill(attempt, number)
    return attempt.receipt


def check(paths: Path | Sequence[Path], numbers: Iterable[int]) -> None:
    """The files together hold these pieces, each once, and nothing else."""
    numbers = sorted(set(numbers))
    values: Counter[tuple[str, str, str, int]] = Counter()
    entries: Counter[str] = Counter()
    for number in numbers:
        dataset, x = events(number)
        entries[dataset] += ENTRIES
        for each in x.tolist():
            for category in ("all", *([f"c{number % 3}"] if each % 2 == 0 else [])):
                values[dataset, category, "nominal", each] += 1
                values[dataset, category, "up", each] += 0.5
    found: Counter[tuple[str, str, str, int]] = Counter()
    counters: Counter[str] = Counter()
    missing = 0
    for shard, path in enumerate([paths] if isinstance(paths, Path) else paths):
        with hugehist.File(path) as file:
            h = file["h"]
            for dataset in h.axes["dataset"]:
                for category in h.axes["category"]:
                    plane = h[{"dataset": dataset, "category": category}].values()
                    for row, systematic in enumerate(h.axes["systematic"]):
                        for each in np.flatnonzero(plane[row]).tolist():
                            found[dataset, category, systematic, each] += plane[row, each]
            for key, value in file.counters.items():
                counters[key[1]] += round(value)
            if shard == 0:
                missing = sum(len(file.ledger.missing(*id_of(number))) for number in numbers)
                ranges = [id for id in file.ledger if isinstance(id, tuple)]
                assert sum(stop - start for _, start, stop in ranges) == ENTRIES * len(numbers), (
                    "entries that none sent"
                )
    assert missing == 0, f"{missing} ids are not in the ledger"
    assert found == values
    assert counters == entries


# --- servers ---------------------------------------------------------------------------------------------------


class Served:
    """`hugehist serve` as a child that is not started again; `patch` is Python that runs in it before."""

    def __init__(self, path: Path, *options: str, patch: str = "", ready: bool = True) -> None:
        self.path = path
        self.log = path.with_suffix(".log.json")
        self.keeps_log = False  # with attempts that wait for another's decision
        code = f"{patch}\nfrom hugehist.__main__ import main\nraise SystemExit(main())"
        command = [sys.executable, "-c", code, "serve", str(path), "--log", str(self.log), *options]
        access_file(path).unlink(missing_ok=True)
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment_of_children())
        end = time.monotonic() + 60
        while ready and not access_file(path).exists():
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < end, "it does not start"
            time.sleep(0.02)

    @property
    def access(self) -> Access:
        return Access.load(access_file(self.path))

    def remote(self, patience: float = 30, **other: Any) -> Remote:
        """Another token, tls or address where asked for."""
        what = {"address": self.access.address, "token": self.access.token, "tls": self.access.tls} | other
        return Remote(patience=patience, **what)

    def sink(self, **other: Any) -> service.Sink:
        return service.Sink(self.remote(**other))

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What it logged of that event; each line is JSON."""
        return [line for line in map(json.loads, self.log.read_text().splitlines()) if line["event"] == event]

    def rss(self, peak: bool = False) -> int:
        """Resident bytes; with `peak` the most since `reset_peak`."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.partition("VmHWM:" if peak else "VmRSS:")[2].split()[0]) << 10

    def reset_peak(self) -> int:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self.rss()

    def stop(self) -> None:
        """Ends it as a batch system does, and sees that it ended well."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, said
        assert not access_file(self.path).exists()
        assert self.keeps_log or not self.path.with_name(self.path.name + ".log").exists()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None and self.process.poll() is None:
                self.stop()
        finally:
            self.process.kill()
            self.process.communicate()


# --- a bad network ---------------------------------------------------------------------------------------------


class Proxy:
    """Hands on what goes between clients and a server on TCP, and cuts connections where it is told to.

    `cut(upstream, piece)` is asked for all that passes.
    """

    def __init__(self, port: int, cut: Callable[[bool, bytes], bool]) -> None:
        self._target = port
        self._cut = cut
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"grpc://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open |= {client, server}
                for pair in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, to: socket.socket, upstream: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                if self._cut(upstream, piece):
                    self.cuts += 1
                    break
                to.sendall(piece)
        for end in (source, to):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            each.close()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- what tests and the long runs share ------------------------------------------------------------------------


def run_cut_after_commit(folder: Path, times: int) -> dict[str, Any]:
    """The connection is cut once the server has a commit, before its answer passes: the commit is sent again."""
    armed = threading.Event()

    def cut(upstream: bool, piece: bytes) -> bool:
        if not upstream and armed.is_set() and b'"ok"' in piece:
            armed.clear()
            return True
        return False

    with Served(folder / "a.h5", "--memory", "64 MiB", "--host", "127.0.0.1") as served:
        port = int(served.access.address.rpartition(":")[2])
        with Proxy(port, cut) as proxy:
            sink = served.sink(address=proxy.address)
            create(sink)
            receipts = []
            for number in range(times):
                with sink.attempt(id_of(number)) as attempt:
                    fill(attempt, number)
                    armed.set()
                receipts.append(attempt.receipt)
            assert proxy.cuts == times
            assert all(receipt.committed == 1 for receipt in receipts), "one was told that another had done it"
        assert served.remote().status()["commits"] == times
    check(served.path, range(times))
    return {"cuts": times}


def _twin(sink: service.Sink, pairs: int, together: Any, told: Any) -> None:
    receipts = []
    for number in range(pairs):
        together.wait(60)
        receipts.append(work(sink, number))
    told.send(receipts)


def run_pairs(folder: Path, pairs: int) -> dict[str, Any]:
    """Two processes do the same chunk at once."""
    with Served(folder / "a.h5", "--memory", "64 MiB") as served:
        sink = served.sink()
        create(sink)
        together = spawn.Barrier(2)
        with processes([(_twin, (sink, pairs, together))] * 2) as twins:
            for one, other in zip(*(twin.recv() for twin in twins), strict=True):
                assert (one + other).committed == 1
                assert (one + other).already == 1
        assert served.remote().status()["commits"] == pairs
    check(served.path, range(pairs))
    return {"pairs": pairs}


def _send(sink: service.Sink, numbers: range, told: Any) -> None:
    """Says which pieces are acknowledged."""
    for number in numbers:
        work(sink, number)
        told.send(number)


@contextlib.contextmanager
def processes(tasks: Sequence[tuple[Callable[..., None], tuple[Any, ...]]]) -> Iterator[list[Any]]:
    """Each calls its function with a connection at the end; yields the other ends, which can be read later, too.

    They are killed when the block ends.
    """
    started = []
    ends = []
    for task, args in tasks:
        end, told = spawn.Pipe(duplex=False)
        process = spawn.Process(target=task, args=(*args, told), daemon=True)
        process.start()
        told.close()
        started.append(process)
        ends.append(end)
    try:
        yield ends
    finally:
        for process in started:
            process.kill()
            process.join()


def drain(ends: Iterable[Any]) -> list[Any]:
    """All that was told so far."""
    told = []
    for end in ends:
        with contextlib.suppress(EOFError):
            while end.poll():
                told.append(end.recv())
    return told


def under_way(paths: Sequence[Path], sent: Sequence[int], senders: int) -> list[int]:
    """Of the pieces that followed the last acknowledged ones of each sender those that count: nobody was told so."""
    following = [max(number for number in sent if number % senders == sender) + senders for sender in range(senders)]
    with hugehist.File(paths[0]) as file:
        return [number for number in following if id_of(number) in file.ledger]


def member(sink: service.Sink, shard: int) -> Any:
    """What speaks to one of the accumulators behind a sink."""
    return sink.transport._members[shard] if sink.transport.shards > 1 else sink.transport  # type: ignore[attr-defined]


def run_kills(folder: Path, kills: int, seed: int = 1, shards: int = 1) -> dict[str, Any]:
    """Accumulators are killed at random moments while two processes send; how long each was away."""
    rng = random.Random(seed)
    away: list[float] = []
    with service.Accumulator(folder / "a.h5", memory="64 MiB", shards=shards, commit_seconds=0.3) as accumulator:
        sink = accumulator.sink()
        create(sink)
        with processes([(_send, (sink, range(sender, MANY, 2))) for sender in range(2)]) as senders:
            sent = [end.recv() for end in senders]
            for _ in range(kills):
                time.sleep(rng.uniform(0.02, 0.6))
                victim = rng.randrange(shards)
                os.kill(accumulator.pids[victim], signal.SIGKILL)
                begun = time.monotonic()
                member(sink, victim).names()
                away.append(time.monotonic() - begun)
            sent += [end.recv() for end in senders]
        sent += drain(senders)
        accumulator.flush()
        restarts = accumulator.status()["restarts"]
    assert restarts == kills
    check(accumulator.paths, [*sent, *under_way(accumulator.paths, sent, 2)])
    return {"kills": kills, "commits": len(sent), "median_s": float(np.median(away)), "longest_s": max(away)}


class Halt(BaseException):
    """The sender is dead from here on."""


class Watched:
    """One of several accumulators, with a hook that is told of each call before and after it is made."""

    def __init__(self, member: Remote, hook: Callable[[str], None]) -> None:
        self.member = member
        self.hook = hook
        self.is_halted = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.member, name)
        if name not in ("stage", "prepare", "commit", "decide", "drop"):
            return found

        def call(*args: Any, **named: Any) -> Any:
            if name == "drop" and self.is_halted:
                return None
            try:
                self.hook(f"before {name}")
                result = found(*args, **named)
                self.hook(f"after {name}")
            except Halt:
                self.is_halted = True
                raise
            return result

        return call


def halting(sink: service.Sink, hook: Callable[[str], None]) -> service.Sink:
    """The same accumulators, with that hook."""
    members = [Watched(each, hook) for each in sink.transport._members]  # type: ignore[attr-defined]
    return service.Sink(Shards(members))  # type: ignore[arg-type]


def run_shard_kills(folder: Path, times: int, seed: int = 1) -> dict[str, Any]:
    """One of four is killed at some step of an attempt, whose sender goes on or dies; in between all goes well."""
    rng = random.Random(seed)
    sent: list[int] = []
    unknown: list[int] = []
    lost = 0
    numbers = itertools.count()
    with service.Accumulator(folder / "a.h5", shards=4, memory="64 MiB", commit_seconds=0.3) as accumulator:
        create(accumulator.sink())
        for _ in range(times):
            at, victim, dies = rng.randrange(14), rng.randrange(4), rng.random() < 0.5
            steps = itertools.count()

            def hook(_: str, at: int = at, victim: int = victim, dies: bool = dies, steps: Any = steps) -> None:
                if next(steps) == at:
                    with contextlib.suppress(ProcessLookupError):  # it is not back yet from the last time
                        os.kill(accumulator.pids[victim], signal.SIGKILL)
                    if dies:
                        raise Halt

            number = next(numbers)
            try:
                work(halting(accumulator.sink(), hook), number)
                sent.append(number)
            except Halt:
                unknown.append(number)
            except service.AttemptLostError:
                lost += 1
                work(accumulator.sink(), number)
                sent.append(number)
            sent.append(next(numbers))
            work(accumulator.sink(), sent[-1])
        accumulator.flush()
    with hugehist.File(accumulator.paths[0]) as file:
        inside = [number for number in unknown if id_of(number) in file.ledger]
    check(accumulator.paths, [*sent, *inside])
    assert not list(folder.glob("*.log")), "something is in doubt"
    return {"kills": times, "commits": len(sent), "dead": len(unknown), "of these in": len(inside), "again": lost}


SLOW_DISK = """
import os, time
write, sync = os.pwritev, os.fdatasync
os.pwritev = lambda file, pieces, at: (time.sleep(sum(map(len, pieces)) / 100e6), write(file, pieces, at))[1]
os.fdatasync = lambda file: (time.sleep(0.1), sync(file))[1]
"""


def run_slow_disk(folder: Path, writers: int, part_bytes: int, memory: str) -> dict[str, Any]:
    """All send parts at once that cannot be compressed, to a disk of 100 MB/s: who has no credit waits outside."""
    values = np.random.default_rng(1).random(part_bytes // 8)
    with Served(folder / "a.h5", "--memory", memory, patch=SLOW_DISK) as served:
        remote = served.remote(patience=600)
        sink = service.Sink(remote)
        sink.create("big", hist.axis.Integer(0, len(values), flow=False, name="x"), storage=hist.storage.Double())
        histogram = hist.Hist(hist.axis.Integer(0, len(values), flow=False, name="x"), storage=hist.storage.Double())
        histogram.view()[...] = values
        content = hugehist.Delta.from_uhi(histogram).to_bytes()
        credit = remote.status()["credit_bytes"]
        assert len(content) * writers > credit, "nobody would wait"
        before = served.reset_peak()
        begun = time.monotonic()

        def write(writer: int) -> None:
            remote.stage(f"writer {writer}", Piece(0, "big", content))
            assert remote.commit(f"writer {writer}", [1], [f"writer {writer}"], {})

        with ThreadPoolExecutor(writers) as pool:
            list(pool.map(write, range(writers)))
        seconds = time.monotonic() - begun
        sink.flush()
        peak = served.rss(peak=True)
    with hugehist.File(served.path) as file:
        assert np.allclose(file["big"].values(), values * writers, rtol=1e-12)
    return {
        "part_mb": len(content) / 1e6,
        "credit_mb": credit / 1e6,
        "before_mb": before / 1e6,
        "peak_mb": peak / 1e6,
        "bound_mb": credit / 1e6 + 200 + parse_size(memory) / 2e6,  # half of the memory is the file's
        "acknowledged_s": seconds,
    }
