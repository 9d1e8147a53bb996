"""Processes that are started, watched over and ended; forked ones that send."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil
import pytest
from hugehist import service
from hugehist.service.credentials import access_file
from hugehist.service.process import environment_of_children
from served import check, create, run_kills, work

pytest.importorskip("pyarrow.flight")


def test_killed_at_random(tmp_path: Path) -> None:
    found = run_kills(tmp_path, 10)
    assert found["longest_s"] < 30, found


def test_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Its accumulator ends by itself, and well, though a forked child of the parent lives on with its pipes."""
    code = f"""
import multiprocessing, os, signal, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from hugehist import service
import served
accumulator = service.Accumulator({str(tmp_path / "a.h5")!r}, memory="64 MiB", log_file={str(tmp_path / "log")!r})
sink = accumulator.sink()
served.create(sink)
multiprocessing.get_context("fork").Process(target=time.sleep, args=(30,)).start()
for number in range(20):
    served.work(sink, number)
print(accumulator.pids[0], multiprocessing.active_children()[0].pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment_of_children())
    assert done.stdout is not None
    pid, child = map(int, done.stdout.readline().split())
    try:
        _, alive = psutil.wait_procs([psutil.Process(pid)], timeout=30)
        assert not alive
        assert psutil.pid_exists(child)
    finally:
        os.kill(child, signal.SIGKILL)
        done.stdout.close()
        done.wait()
    assert '"event": "stopped"' in (tmp_path / "log").read_text()
    assert not access_file(tmp_path / "a.h5").exists()
    assert not (tmp_path / "a.h5.log").exists()
    check(tmp_path / "a.h5", range(20))


def test_one_that_cannot_start(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"no file of ours" * 100)
    with pytest.raises(service.ServiceError, match=r"a\.h5' did not start: (?!{)"):
        service.Accumulator(tmp_path / "a.h5", memory="64 MiB")
    assert not [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE]


def test_one_that_can_no_longer_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hugehist.service.process.TRIES", 1)
    accumulator = service.Accumulator(tmp_path / "a.h5", memory="64 MiB", patience=2)
    sink = accumulator.sink()
    create(sink)
    accumulator.flush()
    (tmp_path / "a.h5").write_bytes(b"damaged" * 100)
    os.kill(accumulator.pids[0], signal.SIGKILL)
    end = time.monotonic() + 60
    while accumulator._served[0]._failure is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    with pytest.raises(service.ServiceError, match="is gone: it ended with status 2"):
        accumulator.sink()
    with pytest.raises(service.ServiceError, match="no answer from the accumulator"):
        work(sink, 0)
    with pytest.raises(service.ServiceError, match="is gone"):
        accumulator.close()
    accumulator.close()


def test_closed_while_it_is_started_again(tmp_path: Path) -> None:
    """At any moment after the kill: no process is left, and no hang."""
    for delay in (0.0, 0.05, 0.1, 0.3):
        accumulator = service.Accumulator(tmp_path / "a.h5", memory="64 MiB")
        create(accumulator.sink())
        os.kill(accumulator.pids[0], signal.SIGKILL)
        time.sleep(delay)
        closing = threading.Thread(target=lambda one=accumulator: _quietly(one))
        closing.start()
        closing.join(30)
        assert not closing.is_alive()
        assert not psutil.pid_exists(accumulator.pids[0])


def _quietly(accumulator: service.Accumulator) -> None:
    with contextlib.suppress(service.ServiceError):  # it was dead, and what it had is in its log
        accumulator.close()


def test_an_error_in_the_block(tmp_path: Path) -> None:
    def fail(accumulator: service.Accumulator) -> None:
        create(accumulator.sink())
        work(accumulator.sink(), 0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), service.Accumulator(tmp_path / "a.h5", memory="64 MiB") as accumulator:
        fail(accumulator)
    check(tmp_path / "a.h5", [0])


# --- forked children --------------------------------------------------------------------------------------------


def relays() -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "hugehist.service.relay" in (process.info["cmdline"] or []) and process.status() != psutil.STATUS_ZOMBIE
    ]


def _kill_relay_and_work(sink: service.Sink, number: int) -> service.Receipt:
    work(sink, number)
    [relay] = [child for child in psutil.Process().children() if "hugehist.service.relay" in child.cmdline()]
    relay.kill()
    return work(sink, number + 1)


def test_forked_children(tmp_path: Path) -> None:
    """Of a process that used the sink before; their relays end with them, however they end."""
    before = set(relays())
    with service.Accumulator(tmp_path / "a.h5", memory="64 MiB", patience=60) as accumulator:
        sink = accumulator.sink()
        create(sink)
        work(sink, 0)
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(2, mp_context=fork) as pool:
            receipts = list(pool.map(work, [sink] * 20, range(1, 21)))
            assert sum(receipts).committed == 20
            assert len(set(relays()) - before) == 2
            assert pool.submit(_kill_relay_and_work, sink, 21).result(60).committed == 1
        child = fork.Process(target=work, args=(sink, 23))
        child.start()
        child.join(60)
        assert child.exitcode == 0
        killed = fork.Process(target=_work_and_wait, args=(sink, 24))
        killed.start()
        end = time.monotonic() + 60
        while sink.missing([("f.root:Events", 24 * 20, 25 * 20)]):
            assert time.monotonic() < end
            time.sleep(0.05)
        killed.kill()
        killed.join()
        work(sink, 25)
        end = time.monotonic() + 10
        while set(relays()) - before:
            assert time.monotonic() < end, "a relay is left"
            time.sleep(0.05)
        zombies = [each for each in psutil.Process().children(recursive=True) if each.status() == psutil.STATUS_ZOMBIE]
        assert not zombies
    check(tmp_path / "a.h5", range(26))


def _work_and_wait(sink: service.Sink, number: int) -> None:
    work(sink, number)
    time.sleep(60)
