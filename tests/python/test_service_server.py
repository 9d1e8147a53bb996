"""Accumulators behind a network: cut connections, crowds, slow disks, TLS, an orderly end, and what `status` shows."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hist
import numpy as np
import pytest
from hugehist import service
from hugehist.__main__ import main
from hugehist.service.credentials import Access, access_file
from hugehist.service.remote import Remote
from hugehist.service.transport import Piece
from served import (
    MANY,
    Proxy,
    Served,
    _send,
    check,
    create,
    drain,
    id_of,
    processes,
    run_cut_after_commit,
    run_pairs,
    run_slow_disk,
    under_way,
    work,
)

pa = pytest.importorskip("pyarrow")
flight = pytest.importorskip("pyarrow.flight")


def test_cut_after_commit(tmp_path: Path) -> None:
    run_cut_after_commit(tmp_path, 50)


def test_pairs(tmp_path: Path) -> None:
    run_pairs(tmp_path, 50)


def test_slow_disk(tmp_path: Path) -> None:
    found = run_slow_disk(tmp_path, 24, 8 << 20, "64 MiB")
    assert found["peak_mb"] < found["bound_mb"], found


def test_a_relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a call that was interrupted, the next one gets its own answer; a bad address is said as it is."""
    from hugehist.service import relay

    with Served(tmp_path / "a.h5", "--memory", "64 MiB", "--host", "127.0.0.1") as served:
        create(served.sink())
        made = relay.Relay(served.access.address, served.access.token, {})
        assert made.call("names", {}) == ["h"]

        def interrupted(_: object) -> bytes:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(relay, "_read", interrupted)
            with pytest.raises(KeyboardInterrupt):
                made.call("status", {})
        assert made.call("names", {}) == ["h"]
    wrong = relay.Relay("nonsense://a", "token", {})
    for _ in range(2):
        with pytest.raises(KeyError, match="nonsense"):
            wrong.call("names", {})


def test_cut_in_the_middle_of_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anywhere, either way: parts are sent again, and nothing is left of the halves."""
    monkeypatch.setattr("hugehist.service.attempt.INLINE_BYTES", 0)
    rng = random.Random(1)
    left = [MANY]

    def cut(_: bool, piece: bytes) -> bool:
        left[0] -= len(piece)
        if left[0] > 0:
            return False
        left[0] = MANY
        return True

    with Served(tmp_path / "a.h5", "--memory", "64 MiB", "--host", "127.0.0.1") as served:
        everything = served.remote().status()["credit_bytes"]
        with Proxy(int(served.access.address.rpartition(":")[2]), cut) as proxy:
            sink = served.sink(address=proxy.address)
            create(sink)
            for number in range(30):
                left[0] = rng.randrange(1500)
                assert work(sink, number).committed == 1
            assert proxy.cuts > 10
        status = served.remote().status()
        assert (status["credit_bytes"], status["commits"], status["running_attempts"]) == (everything, 30, 0)
    check(served.path, range(30))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_orderly_end(tmp_path: Path, number: signal.Signals) -> None:
    """While two processes send: all that was acknowledged is in the file, and nothing is left beside it."""
    with Served(tmp_path / "a.h5", "--memory", "64 MiB") as served:
        sink = served.sink(patience=0.5)
        create(sink)
        with processes([(_send, (sink, range(sender, MANY, 2))) for sender in range(2)]) as senders:
            sent = [end.recv() for end in senders]
            time.sleep(0.5)
            served.process.send_signal(number)
            _, said = served.process.communicate(timeout=60)
            assert served.process.returncode == 0, said
            time.sleep(0.1)
        sent += drain(senders)
        assert not access_file(served.path).exists()
        assert not Path(f"{served.path}.log").exists()
        assert [line["event"] for line in map(json.loads, served.log.read_text().splitlines())][-2:] == [
            "stopping",
            "stopped",
        ]
    check(served.path, [*sent, *under_way([served.path], sent, 2)])


def test_an_end_with_calls_that_never_end(tmp_path: Path) -> None:
    patch = "import hugehist.service.serving as s; s.GRACE_SECONDS = 1.0"
    with Served(tmp_path / "a.h5", "--memory", "64 MiB", patch=patch) as served:
        create(served.sink())
        work(served.sink(), 0)
        client = flight.connect(served.access.address)
        header = [(b"authorization", f"Bearer {served.access.token}".encode())]
        said = json.dumps({"attempt": "x", "number": 0, "histogram": "h", "bytes": 1000}).encode()
        descriptor = flight.FlightDescriptor.for_command(said)
        writer, answers = client.do_put(
            descriptor, pa.schema([("bytes", pa.uint8())]), flight.FlightCallOptions(headers=header)
        )
        answers.read()
        begun = time.monotonic()
        served.stop()
        assert time.monotonic() - begun < 10
        with contextlib.suppress(pa.ArrowException, flight.FlightError):
            writer.close()
    check(served.path, [0])


def test_more_connections_than_a_shell_allows(tmp_path: Path) -> None:
    """The soft limit of open files is 1024 by default; each worker has a connection."""
    patch = "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (64, r.getrlimit(r.RLIMIT_NOFILE)[1]))"
    with Served(tmp_path / "a.h5", "--memory", "64 MiB", "--host", "127.0.0.1", patch=patch) as served:
        port = int(served.access.address.rpartition(":")[2])
        create(served.sink())
        with contextlib.ExitStack() as stack:
            for _ in range(200):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            assert work(served.sink(), 0).committed == 1


def test_ipv6(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with Served(tmp_path / "a.h5", "--memory", "64 MiB", "--host", "::1") as served:
        assert served.access.address.startswith("grpc://[::1]:")
        create(served.sink())
        assert work(service.connect(served.path), 0).committed == 1


def test_a_port_is_not_shared(tmp_path: Path) -> None:
    with Served(tmp_path / "a.h5", "--memory", "64 MiB", "--host", "127.0.0.1") as served:
        port = served.access.address.rpartition(":")[2]
        other = Served(tmp_path / "b.h5", "--memory", "64 MiB", "--host", "127.0.0.1", "--port", port, ready=False)
        _, said = other.process.communicate(timeout=60)
        assert other.process.returncode == 2, said
        assert b"hugehist: " in said


def test_a_file_is_served_once(tmp_path: Path) -> None:
    with Served(tmp_path / "a.h5", "--memory", "64 MiB") as served:
        access = served.access
        code = "from hugehist.__main__ import main; raise SystemExit(main())"
        done = subprocess.run([sys.executable, "-c", code, "serve", str(served.path)], capture_output=True, timeout=60)
        assert done.returncode == 2
        assert b"a.h5" in done.stderr
        assert Access.load(access_file(served.path)) == access


# --- clients ----------------------------------------------------------------------------------------------------


def test_patience_ends(tmp_path: Path) -> None:
    """An accumulator that is gone for good is an error after that time, whatever is called."""
    with Served(tmp_path / "a.h5", "--memory", "64 MiB") as served:
        sink = served.sink(patience=1)
        create(sink)
    for call in (
        lambda: work(sink, 0),
        sink.names,
        sink.flush,
        sink.status,
        lambda: sink.missing([id_of(0)]),
        lambda: sink.transport.stage("a", Piece(0, "h", b"x" * 5_000_000)),
    ):
        begun = time.monotonic()
        with pytest.raises(service.ServiceError, match="no answer from the accumulator at"):
            call()
        assert time.monotonic() - begun < 5
    with pytest.raises(service.ServiceError, match=r"no accumulator is at work for .*: start one by `hugehist serve`"):
        service.connect(served.path)


def test_an_exception_drops_what_was_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hugehist.service.attempt.INLINE_BYTES", 0)
    with Served(tmp_path / "a.h5", "--memory", "64 MiB") as served:
        sink = served.sink()
        create(sink)
        with pytest.raises(ZeroDivisionError), sink.attempt(id_of(0)) as attempt:
            fail_after_a_part(attempt)
        assert sink.status()["running_attempts"] == 0
        work(sink, 1)
    check(served.path, [1])


def fail_after_a_part(attempt: service.Attempt) -> None:
    full = hist.Hist(
        hist.axis.StrCategory(["d"], name="dataset"),
        hist.axis.StrCategory(["c"], name="category"),
        hist.axis.StrCategory(["nominal"], name="systematic"),
        hist.axis.Integer(0, 50, name="x"),
        storage=hist.storage.Weight(),
    )
    attempt.merge("h", full.fill("d", "c", "nominal", np.arange(50)))
    attempt._wait()
    assert attempt._sink.status()["running_attempts"] == 1
    raise ZeroDivisionError


# --- networks ---------------------------------------------------------------------------------------------------


@pytest.fixture
def two_machines() -> Iterator[tuple[str, str]]:
    """A network namespace that reaches this one by a cable of its own; its name, and the address here."""
    name = f"hh{os.getpid()}"
    commands = [
        f"ip netns add {name}",
        f"ip link add {name}a type veth peer name {name}b netns {name}",
        f"ip addr add 10.213.7.1/30 dev {name}a",
        f"ip link set {name}a up",
        f"ip -n {name} addr add 10.213.7.2/30 dev {name}b",
        f"ip -n {name} link set {name}b up",
        f"ip -n {name} link set lo up",
    ]
    try:
        if shutil.which("ip") is None:
            pytest.skip("no ip command here")
        for command in commands:
            done = subprocess.run(command.split(), capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"{command}: {done.stderr.strip()}")
        yield name, "10.213.7.1"
    finally:
        if shutil.which("ip"):
            subprocess.run(["ip", "link", "del", f"{name}a"], capture_output=True)
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def test_from_another_machine(tmp_path: Path, two_machines: tuple[str, str]) -> None:
    """By TLS with certificates that are made for it and travel with the sink; without them nobody is let in."""
    import pickle

    from hugehist.service.process import environment_of_children

    name, address = two_machines
    environment = environment_of_children()
    environment["PYTHONPATH"] = f"{Path(__file__).parent}{os.pathsep}{environment['PYTHONPATH']}"

    def there(code: str, given: object) -> subprocess.CompletedProcess[bytes]:
        code = f"import pickle, sys, served; given = pickle.load(sys.stdin.buffer); {code}"
        command = ["ip", "netns", "exec", name, sys.executable, "-c", code]
        return subprocess.run(command, input=pickle.dumps(given), capture_output=True, timeout=120, env=environment)

    with service.Accumulator(tmp_path / "a.h5", host=address, memory="64 MiB") as accumulator:
        assert accumulator.addresses[0].startswith(f"grpc+tls://{address}:")
        sink = accumulator.sink()
        create(sink)
        assert work(sink, 0).committed == 1
        done = there("print([served.work(given, number).committed for number in range(6)])", sink)
        assert done.stdout == b"[0, 1, 1, 1, 1, 1]\n", done.stderr
        access = Access.load(access_file(tmp_path / "a.h5"))
        no_certificate = Remote(access.address, access.token, {"root": access.tls["root"]}, 2)
        done = there("given.names()", no_certificate)
        assert b"ServiceError" in done.stderr
        os.kill(accumulator.pids[0], signal.SIGKILL)
        done = there("print([served.work(given, number).committed for number in range(5, 8)])", sink)
        assert done.stdout == b"[0, 1, 1]\n", done.stderr
    check(tmp_path / "a.h5", range(8))


# --- status -----------------------------------------------------------------------------------------------------


def test_status(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with Served(tmp_path / "a.h5", "--memory", "64 MiB") as served:
        create(served.sink())
        for number in range(3):
            work(served.sink(), number)
        served.sink().flush()
        assert main(["status", str(served.path), "--json"]) == 0
        status = json.loads(capsys.readouterr().out)
        assert (status["commits"], status["merged"], status["state"]) == (3, 3, "ready")
        monkeypatch.setenv("HUGEHIST_TOKEN", served.access.token)
        assert main(["status", served.access.address, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["commits"] == 3
        assert main(["status", str(served.path), "--once"]) == 0
        shown = capsys.readouterr().out
        assert "attempts committed" in shown
        assert "ready" in shown
        monkeypatch.setenv("HUGEHIST_TOKEN", "other")
        assert main(["status", served.access.address, "--json"]) == 2
        assert "does not know the token" in capsys.readouterr().err
    assert main(["status", str(served.path), "--json"]) == 2
    assert "start one by `hugehist serve`" in capsys.readouterr().err


def test_status_while_the_file_is_busy(tmp_path: Path) -> None:
    """A long commit of the file holds up neither status nor commits of attempts."""
    patch = "import hugehist, time; commit = hugehist.File.commit; "
    patch += "hugehist.File.commit = lambda file: (time.sleep(0.5), commit(file))[1]"
    with Served(tmp_path / "a.h5", "--memory", "64 MiB", "--commit-seconds", "0.1", patch=patch) as served:
        sink = served.sink()
        create(sink)
        over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            numbers = iter(range(MANY))

            def send() -> list[int]:
                sent = []
                while not over.is_set():
                    sent.append(next(numbers))
                    work(sink, sent[-1])
                return sent

            sending = pool.submit(send)
            slowest = 0.0
            for _ in range(100):
                begun = time.monotonic()
                served.remote().status()
                slowest = max(slowest, time.monotonic() - begun)
                time.sleep(0.02)
            over.set()
            sent = sending.result(60)
        assert slowest < 0.5
        assert len(sent) > 20
    check(served.path, sent)
