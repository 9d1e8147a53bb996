"""The end of the interpreter, signals and forks with an open file: no crash, no hang, and a file that is whole."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import hugehist
import pytest

PROLOGUE = """
import atexit, os, signal, sys, threading, time
import hist, hugehist, numpy as np

f = hugehist.File(sys.argv[1], "w", memory="16 MiB", threads=2)
h = f.create("h", hist.axis.StrCategory([], growth=True, name="c"), hist.axis.Regular(50, 0, 1, name="x"))
f.commit()
x = np.linspace(0, 1, 1000, endpoint=False)
"""


def start(path: Path, script: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", PROLOGUE + textwrap.dedent(script), str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(path: Path, script: str, code: int = 0) -> str:
    """What it says on stderr."""
    process = start(path, script)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code, said
    return said


def content(path: Path) -> float:
    with hugehist.File(path) as file:
        return float(file["h"].sum())


def test_the_last_handle_commits(path: Path) -> None:
    assert run(path, "h.fill(c='a', x=x)") == ""
    assert content(path) == 1000


def test_an_exception_that_nobody_catches(path: Path) -> None:
    assert "RuntimeError" in run(path, "h.fill(c='a', x=x)\nraise RuntimeError", code=1)
    assert content(path) == 1000
    assert "RuntimeError" in run(path, "with f:\n    h.fill(c='a', x=x)\n    raise RuntimeError", code=1)
    assert content(path) == 0


def test_sys_exit_in_a_transaction(path: Path) -> None:
    run(path, "h.fill(c='a', x=x)\nwith f.transaction():\n    h.fill(c='b', x=x)\n    sys.exit(3)", code=3)
    assert content(path) == 1000


def test_at_exit(path: Path) -> None:
    script = """
    @atexit.register
    def last():
        h.fill(c="b", x=x)
        with f.transaction():
            h.fill(c="c", x=x)
        assert h.sum() == 3000
        f.close()
    h.fill(c="a", x=x)
    """
    assert run(path, script) == ""
    assert content(path) == 3000


def test_held_by_a_cycle(path: Path) -> None:
    script = """
    class Holder: pass
    one = Holder()
    one.file, one.histogram, one.me = f, h, one
    hugehist.held = one
    h.fill(c="a", x=x)
    del f, h
    """
    assert run(path, script) == ""
    assert content(path) == 1000


WORK = {
    "fill": "h.fill(c='a', x=x)",
    "merge": "h.merge(delta, id=('f', next(n), next(n)))",
    "read": "h.values()",
    "commit": "h.fill(c='a', x=x); f.commit()",
    "transaction": "transact()",
}


@pytest.mark.parametrize("work", WORK)
def test_daemon_threads_at_work(path: Path, work: str) -> None:
    script = f"""
    import itertools
    n = itertools.count()
    delta = h.buffer().fill(c="a", x=x).delta()
    def transact():
        with f.transaction():
            h.fill(c="a", x=x)
            time.sleep(1e-4)
    def loop():
        while True:
            {WORK[work]}
    threads = [threading.Thread(target=loop, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    """
    for _ in range(5):
        said = run(path, script)
        assert "Fatal" not in said
        assert content(path) % 1000 == 0


def test_a_transaction_that_a_daemon_never_ends(path: Path) -> None:
    script = """
    begun = threading.Event()
    def work():
        with f.transaction():
            h.fill(c="b", x=x)
            begun.set()
            time.sleep(1000)
    h.fill(c="a", x=x)
    threading.Thread(target=work, daemon=True).start()
    begun.wait()
    """
    run(path, script)
    assert content(path) == 1000


def test_os_exit_loses_what_is_not_committed(path: Path) -> None:
    run(path, "h.fill(c='a', x=x)\nos._exit(0)")
    assert content(path) == 0


LOOP = """
print("begun", flush=True)
try:
    for i in range(10**9):
        with f.transaction(id=("f", i, i + 1)):
            h.fill(c=str(i % 10), x=x)
finally:
    print("over")
"""


@pytest.mark.parametrize(("which", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, -signal.SIGINT)])
def test_signals(path: Path, which: signal.Signals, code: int) -> None:
    process = start(path, "signal.signal(signal.SIGINT, signal.default_int_handler)\n" + LOOP)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.3)
    process.send_signal(which)
    sent = time.monotonic()
    process.communicate(timeout=30)
    assert time.monotonic() - sent < 5
    assert process.returncode == code
    with hugehist.File(path, "a") as file:
        done = sum(stop - start for _, start, stop in file.ledger)  # type: ignore[misc]
        assert done > 0
        assert file["h"].sum() == 1000 * done
        with file.transaction(id=("f", 0, 1)) as t:
            assert t.already


def test_ctrl_c_while_another_thread_has_a_transaction(path: Path) -> None:
    script = """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    begun, over = threading.Event(), threading.Event()
    def work():
        with f.transaction():
            begun.set()
            over.wait()
    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    before = time.monotonic()
    try:
        h.values()
    except KeyboardInterrupt:
        assert time.monotonic() - before < 2
        over.set()
        thread.join()
        h.fill(c="a", x=x)
    """
    assert run(path, script) == ""
    assert content(path) == 1000


FORK = """
child = os.fork()
if child == 0:
    outcome = 1
    try:
        {inside}
    except hugehist.Error as problem:
        outcome = 0 if "fork" in str(problem) else 2
    os._exit(outcome)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
{after}
"""


@pytest.mark.parametrize(
    "inside",
    [
        "h.fill(c='b', x=x)",
        "h.values()",
        "f.commit()",
        "f.transaction().__enter__()",
        "f.ledger.missing('f', 0, 1)",
    ],
)
def test_a_forked_child_is_refused(path: Path, inside: str) -> None:
    script = "h.fill(c='a', x=x)\n" + FORK.format(inside=inside, after="h.fill(c='a', x=x)")
    assert run(path, script) == ""
    assert content(path) == 2000


def test_a_child_that_leaves_in_the_usual_way(path: Path) -> None:
    """It drops its handles, in a transaction, with threads of the parent at work in the file."""
    script = """
    stop = threading.Event()
    def work():
        i = 0
        while not stop.is_set():
            with f.transaction(id=("f", i, i + 1)):
                h.fill(c="a", x=x)
            i += 1
    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(20):
        child = os.fork()
        if child == 0:
            del f, h
            sys.exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with f.transaction():
        child = os.fork()
        if child == 0:
            sys.exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        h.fill(c="a", x=x)
        n = f.ledger.missing("f", 0, 10**9)[0][1]
    stop.set()
    thread.join()
    """
    said = run(path, script)
    assert "Fatal" not in said
    with hugehist.File(path) as file:
        (done,) = file.ledger
        assert file["h"].sum() == 1000 * (done[2] + 1)  # type: ignore[operator]


def test_a_child_that_stays_keeps_no_lock(path: Path) -> None:
    script = """
    h.fill(c="a", x=x)
    child = os.fork()
    if child == 0:
        sys.stdin.read()
        os._exit(0)
    f.close()
    for mode in ("r", "r+", "w"):
        with hugehist.File(sys.argv[1], mode):
            pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    """
    assert run(path, script) == ""


def test_process_pools(path: Path) -> None:
    script = """
    import concurrent.futures, multiprocessing
    def part(i):
        return hist.Hist(hist.axis.StrCategory([str(i)], growth=True, name="c"), h_axis).fill(c=str(i), x=x)
    h_axis = hist.axis.Regular(50, 0, 1, name="x")
    h.fill(c="a", x=x)
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(3, mp_context=context) as pool:
        for i, made in enumerate(pool.map(part, range(20))):
            assert h.merge(made, id=("f", i, i + 1))
            f.commit()
    with context.Pool(2) as pool:
        pool.map(part, range(4))
    """
    assert run(path, script) == ""
    assert content(path) == 21_000
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_second_writer_is_refused_at_once(path: Path) -> None:
    script = """
    print("begun", flush=True)
    sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", PROLOGUE + textwrap.dedent(script), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    before = time.monotonic()
    for mode in ("r+", "a", "w"):
        with pytest.raises(hugehist.LockedError, match=str(path)):
            hugehist.File(path, mode)
    assert time.monotonic() - before < 1
    process.communicate("", timeout=30)
    with hugehist.File(path) as first, hugehist.File(path) as second:  # readers beside a closed writer
        assert list(first) == list(second) == ["h"]
    with hugehist.File(path, "r+"):
        pass
