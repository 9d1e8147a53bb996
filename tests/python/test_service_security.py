"""Strangers, garbage, bombs and dawdlers against an accumulator: refused, logged, nothing run, no memory taken."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import pickle
import random
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hist
import hugehist
import numpy as np
import pytest
from hugehist import service
from hugehist.service.channel import FlightChannel
from hugehist.service.credentials import Access, Certificates, access_file
from hugehist.service.remote import Remote
from hugehist.service.serving import serve
from hugehist.service.specification import specify
from hugehist.service.wire import SCHEMA, pack, result_of
from hypothesis import given
from hypothesis import strategies as st
from served import Served, check, create, id_of, work

pa = pytest.importorskip("pyarrow")
flight = pytest.importorskip("pyarrow.flight")

MB = 1 << 20
TYPED = (hugehist.Error, ValueError, TypeError, KeyError, IndexError, MemoryError)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """On TCP, where any process of this machine can try; leases are short."""
    patch = "import hugehist.service.server as s; s.LEASE_SECONDS, s.PATIENCE_SECONDS = 1.0, 2.0"
    path = tmp_path_factory.mktemp("served") / "a.h5"
    with Served(path, "--memory", "64 MiB", "--host", "127.0.0.1", patch=patch) as server:
        create(server.sink())
        for number in range(1000, 1100):  # the allocator has what it needs
            work(server.sink(), number)
        yield server


class Bystander:
    """Works on meanwhile, and must not notice."""

    next_number = 2000

    def __init__(self, served: Served) -> None:
        self._sink = served.sink()
        self._over = threading.Event()
        self.seconds: list[float] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._over.wait(0.02):
            begun = time.monotonic()
            Bystander.next_number += 1
            assert work(self._sink, Bystander.next_number).committed == 1
            self.seconds.append(time.monotonic() - begun)

    def __enter__(self) -> Bystander:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.1)
        self._over.set()
        self._thread.join()


@pytest.fixture
def unmoved(served: Served) -> Iterator[Served]:
    """Another client goes on meanwhile, and afterwards memory is what it was."""
    before = served.reset_peak()
    with Bystander(served) as bystander:
        yield served
    assert bystander.seconds
    assert np.median(bystander.seconds) < 1
    assert max(bystander.seconds) < 5
    assert served.rss(peak=True) - before < 40 * MB


class Bomb:
    """Makes a file where it is unpickled."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def __reduce__(self) -> Any:
        return Path.touch, (self.at,)


# --- strangers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "x", "Bearer", "x" * 4000])
def test_no_call_without_the_token(unmoved: Served, token: str) -> None:
    refused = unmoved.remote().status()["refused"]
    stranger = unmoved.remote(token=token)
    calls: list[Callable[[], Any]] = [
        stranger.names,
        stranger.status,
        stranger.stop,
        lambda: stranger.commit("a", [0], [id_of(0)], {}),
        lambda: stranger.stage("a", service.transport.Piece(0, "h", b"x" * MB)),
    ]
    for call in calls:
        with pytest.raises(service.RefusedError, match="does not know the token"):
            call()
    assert unmoved.remote().status()["refused"] == refused + len(calls)
    assert unmoved.lines("refused")
    assert unmoved.process.poll() is None


def test_a_token_is_a_header() -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        Remote("grpc://127.0.0.1:1", "é")
    with pytest.raises(ValueError, match="printable ASCII"):
        service.connect("grpc://127.0.0.1:1", "a\r\nb: c")


def test_other_methods_of_flight_are_not_there(unmoved: Served) -> None:
    client = flight.connect(unmoved.access.address)
    header = [(b"authorization", f"Bearer {unmoved.access.token}".encode())]
    for options in (flight.FlightCallOptions(headers=header, timeout=10), flight.FlightCallOptions(timeout=10)):
        for call in (
            lambda options: list(client.list_flights(options=options)),
            lambda options: list(client.list_actions(options)),
            lambda options: client.get_flight_info(flight.FlightDescriptor.for_path("x"), options),
            lambda options: client.do_get(flight.Ticket(b"x"), options).read_all(),
            lambda options: client.do_exchange(flight.FlightDescriptor.for_path("x"), options)[1].read_all(),
        ):
            with pytest.raises((flight.FlightError, pa.ArrowException)):
                call(options)


def test_the_token_is_nowhere_to_be_seen(tmp_path: Path) -> None:
    with service.Accumulator(tmp_path / "a.h5", memory="64 MiB", log_file=tmp_path / "log") as accumulator:
        access = Access.load(access_file(accumulator.paths[0]))
        sink = accumulator.sink()
        create(sink)
        with pytest.raises(service.RefusedError) as refused:
            Remote(access.address, "wrong").names()
        [pid] = accumulator.pids
        seen = [Path(f"/proc/{pid}/cmdline").read_text(), repr(accumulator), repr(sink), repr(sink.transport)]
        seen += [repr(access), str(refused.value), (tmp_path / "log").read_text()]
        assert all(access.token not in text for text in seen)
        place = access_file(accumulator.paths[0])
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        where = Path(access.address.removeprefix("grpc+unix://"))
        assert where.is_socket()
        assert stat.S_IMODE(where.parent.stat().st_mode) == 0o700
        if os.geteuid() == 0:
            assert _connects_as_nobody(where) == errno.EACCES


def _connects_as_nobody(where: Path) -> int:
    """The error of another user who tries, 0 for none."""
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        os._exit(socket.socket(socket.AF_UNIX).connect_ex(str(where)))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_nobody_can_have_the_token_written_elsewhere(tmp_path: Path) -> None:
    """A link that was laid at the place of `FILE.service`, in a folder that others may write to."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "a.h5.service").symlink_to(victim)
    Access("grpc://127.0.0.1:1", "secret").save(tmp_path / "a.h5.service")
    assert victim.read_text() == "mine"
    assert not (tmp_path / "a.h5.service").is_symlink()
    assert {each.name for each in tmp_path.iterdir()} == {"victim", "a.h5.service"}


# --- garbage on the port ----------------------------------------------------------------------------------------

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes, size: int | None = None) -> bytes:
    """Of HTTP/2; `size` is what it announces."""
    announced = len(payload) if size is None else size
    return announced.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def garbage(seed: int) -> bytes:
    rng = random.Random(seed)
    noise = rng.randbytes(rng.randint(1, 100_000))
    settings_frame = frame(4, 0, 0, b"")
    return [
        noise,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /arrow.flight.protocol.FlightService/DoAction HTTP/1.1\r\nContent-Length: 4611686018427387904\r\n\r\n",
        b"\x16\x03\x01" + noise,  # TLS
        PREFACE + noise,
        PREFACE + settings_frame + frame(0, 0, 1, b"", size=(1 << 24) - 1),
        PREFACE + settings_frame + b"".join(frame(6, 0, 0, b"12345678") for _ in range(2000)),
        PREFACE + settings_frame + b"".join(frame(9, 0, 1, b"\x00" * 1000) for _ in range(100)),
        PREFACE + settings_frame + frame(1, 4, 1, noise[:16000]),
        PREFACE + b"".join(frame(4, 0, 0, b"\x00\x04\xff\xff\xff\xff") for _ in range(1000)),
        PREFACE
        + settings_frame
        + b"".join(frame(rng.randrange(256), rng.randrange(256), rng.randrange(1 << 31), b"x" * 9) for _ in range(50)),
    ][seed % 11]


def test_garbage(unmoved: Served) -> None:
    port = int(unmoved.access.address.rpartition(":")[2])
    for seed in range(66):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as end, contextlib.suppress(OSError):
            end.sendall(garbage(seed))
            end.settimeout(0.02)
            end.recv(1 << 16)
    assert unmoved.process.poll() is None


def test_half_open_connections(unmoved: Served) -> None:
    port = int(unmoved.access.address.rpartition(":")[2])
    with contextlib.ExitStack() as stack:
        for number in range(400):
            end = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            end.sendall(PREFACE[: number % (len(PREFACE) + 1)])
        assert service.Sink(unmoved.remote(patience=5)).names() == ["h"]


# --- calls ------------------------------------------------------------------------------------------------------


class Raw:
    """A client that has the token and says what it likes."""

    def __init__(self, served: Served) -> None:
        self._client = flight.connect(served.access.address)
        header = [(b"authorization", f"Bearer {served.access.token}".encode())]
        self.options = flight.FlightCallOptions(headers=header, timeout=30)

    def act(self, name: str, body: bytes) -> Any:
        [answer] = self._client.do_action(flight.Action(name, pa.py_buffer(body)), self.options)
        return result_of(answer.body.to_pybytes())

    def put(
        self,
        command: bytes | None,
        batches: list[Any],
        schema: Any = SCHEMA,
        options: Any = None,
    ) -> Any:
        """The answers to a part; raises what the accumulator answered."""
        descriptor = (
            flight.FlightDescriptor.for_path("x") if command is None else flight.FlightDescriptor.for_command(command)
        )
        writer, answers = self._client.do_put(descriptor, schema, options or self.options)
        try:
            found = [result_of(answers.read().to_pybytes())]
            with contextlib.suppress(pa.ArrowException, flight.FlightError):
                for batch in batches:
                    writer.write_batch(batch)
                writer.done_writing()
            while (answer := answers.read()) is not None:
                found.append(result_of(answer.to_pybytes()))
        finally:
            with contextlib.suppress(pa.ArrowException, flight.FlightError):
                writer.close()
        return found


def command(size: int, **other: Any) -> bytes:
    return json.dumps({"attempt": "raw", "number": 0, "histogram": "h", "bytes": size} | other).encode()


def column(content: bytes) -> Any:
    return pa.record_batch(
        [pa.Array.from_buffers(pa.uint8(), len(content), [None, pa.py_buffer(content)])], schema=SCHEMA
    )


def part() -> bytes:
    """A delta that fits."""
    buffer = hist.Hist(
        hist.axis.StrCategory(["d"], name="dataset"),
        hist.axis.StrCategory(["c"], name="category"),
        hist.axis.StrCategory(["nominal"], name="systematic"),
        hist.axis.Integer(0, 50, name="x"),
        storage=hist.storage.Weight(),
    )
    return hugehist.Delta.from_uhi(buffer.fill("d", "c", "nominal", [1])).to_bytes()


def test_pickles_are_bytes_like_any(unmoved: Served, tmp_path: Path) -> None:
    bomb = pickle.dumps(Bomb(tmp_path / "ran"))
    raw = Raw(unmoved)
    for name in ("status", "commit", "create", "pickle"):
        with pytest.raises(TYPED):
            raw.act(name, bomb)
        with contextlib.suppress(service.RefusedError):
            raw.act(name, pack({"__reduce__": bomb.hex()}, [bomb]))
    with pytest.raises(hugehist.Error):
        raw.put(command(len(bomb)), [column(bomb)])
    with pytest.raises(TYPED):
        raw.put(bomb, [column(bomb)])
    what = {
        "attempt": "b",
        "parts": [1],
        "ids": ["bomb"],
        "counters": [],
        "last": [[0, "h", len(bomb)]],
        "for_others": False,
    }
    with pytest.raises(hugehist.Error):
        raw.act("commit", pack(what, [bomb]))
    # Arrow once unpickled types of a schema: CVE-2023-47248
    metadata = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": bomb}
    schema = pa.schema([pa.field("bytes", pa.uint8(), metadata=metadata)])
    with pytest.raises((*TYPED, pa.ArrowException)):
        raw.put(command(1), [pa.record_batch([pa.array([1], pa.uint8())], schema=schema), column(b"")], schema)
    assert not (tmp_path / "ran").exists()


def test_giant_lengths(unmoved: Served) -> None:
    raw = Raw(unmoved)
    for size in (1 << 62, 1 << 31, 129 * MB):
        with pytest.raises(ValueError, match=r"more than the accumulator .* takes at once"):
            raw.put(command(size), [])
    for size in (-1, 1 << 64, 1e300, None, "1", [1], True):
        with pytest.raises(service.RefusedError):
            raw.put(command(0, bytes=size), [])
    for length in ((1 << 31), (1 << 32) - 1, 1 << 24):
        with pytest.raises(service.RefusedError, match="its length does not fit"):
            raw.act("status", length.to_bytes(4, "little") + b"{}")
    zeros = hist.Hist(hist.axis.Integer(0, 64 << 20, name="x"), storage=hist.storage.Double())
    content = hugehist.Delta.from_uhi(zeros).to_bytes()
    assert len(content) < MB
    with pytest.raises(hugehist.Error, match="announces that it takes"):
        raw.put(command(len(content)), [column(content)])
    what = {"attempt": "c", "ids": ["c"], "counters": [], "last": [], "for_others": False}
    for parts in ([1 << 31], [1 << 31] * 1000):
        with pytest.raises(service.AttemptLostError):
            raw.act("commit", pack(what | {"parts": parts}))
    with pytest.raises(service.AttemptLostError):
        raw.act("prepare", pack(what | {"parts": 1 << 31}))


def test_parts_are_what_was_announced(unmoved: Served) -> None:
    raw = Raw(unmoved)
    content = part()
    many = [column(content[at : at + 7]) for at in range(0, len(content), 7)]
    assert raw.put(command(len(content), attempt="p1"), many) == ["go", True]
    assert raw.put(command(len(content), attempt="p2"), [column(b""), *many, column(b"")]) == ["go", True]
    for batches in ([column(content + b"x")], [column(content[:-1])], [], [column(content)] * 100):
        before = len(unmoved.lines("error"))
        with contextlib.suppress(service.RefusedError):  # who still writes then may miss it
            assert raw.put(command(len(content), attempt="p3"), batches) == ["go"]
        [problem] = [line["problem"] for line in unmoved.lines("error")[before:]]
        assert "announced, and" in problem
    for spoilt in (content[:-1] + bytes([content[-1] ^ 1]), b"\x00" * 100, b""):
        with pytest.raises(hugehist.Error):
            raw.put(command(len(spoilt), attempt="p3"), [column(spoilt)])
    with pytest.raises(KeyError, match="there is no histogram 'g'"):
        raw.put(command(len(content), histogram="g"), [column(content)])
    for other in (
        {"x": pa.array([1])},
        {"bytes": pa.array(["a"])},
        {"bytes": pa.array([1], pa.uint8()), "more": pa.array([2], pa.uint8())},
        {"bytes": pa.array([b"x"]).dictionary_encode()},
        {"bytes": pa.array([[1]], pa.list_(pa.uint8()))},
    ):
        batch = pa.record_batch(other)
        with pytest.raises(service.RefusedError, match="one column of bytes"):
            raw.put(command(1), [batch], batch.schema)
    nulls = pa.record_batch([pa.array([None] * len(content), pa.uint8())], schema=SCHEMA)
    with pytest.raises(hugehist.Error):
        raw.put(command(len(content)), [nulls])
    for attempt in ("p1", "p2"):
        raw.act("drop", pack({"attempt": attempt}))


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_batches(unmoved: Served, codec: str) -> None:
    """They are taken where they are the bytes that were announced; more of them than that is refused."""
    raw = Raw(unmoved)
    options = flight.FlightCallOptions(
        headers=[(b"authorization", f"Bearer {unmoved.access.token}".encode())],
        write_options=pa.ipc.IpcWriteOptions(compression=codec),
        timeout=30,
    )
    content = part()
    assert raw.put(command(len(content), attempt=codec), [column(content)], options=options) == ["go", True]
    raw.act("drop", pack({"attempt": codec}))
    before = len(unmoved.lines("error"))
    with contextlib.suppress(service.RefusedError):
        assert raw.put(command(1000), [column(bytes(16 * MB))], options=options) == ["go"]
    assert "more came" in unmoved.lines("error")[before]["problem"]


def test_calls_that_are_none(unmoved: Served) -> None:
    raw = Raw(unmoved)
    for body in (
        b"",
        b"{",
        pack([]),
        pack(1),
        pack("x"),
        pack(None),
        b"\x02\x00\x00\x00{}"[:5],
        b"\x06\x00\x00\x00[[[[[[",
    ):
        with pytest.raises(service.RefusedError, match="not what it should be"):
            raw.act("status", body)
    deep = b"[" * 1_000_000
    with pytest.raises(service.RefusedError):
        raw.act("status", len(deep).to_bytes(4, "little") + deep)
    for name in ("", "x" * 100_000, "__class__", "shutdown"):
        with pytest.raises(service.RefusedError, match="there is no"):
            raw.act(name, pack({}))
    for said in (None, b"", b"{}", b"[]", b"\xff" * 100):
        with pytest.raises(service.RefusedError):
            raw.put(said, [])
    assert all(len(json.dumps(line)) < 2000 for line in unmoved.lines("error"))


# --- every field of every call ----------------------------------------------------------------------------------

SPECIFICATION = specify(
    [hist.axis.StrCategory([], growth=True, name="d"), hist.axis.Regular(5, 0, 1, name="x")], "weighted", {}, {}
)


def calls(number: int) -> dict[str, dict[str, Any]]:
    """As they should be, of an attempt that is new with each number."""
    attempt = {"attempt": f"fuzz {number}"}
    ids = {"ids": [[f"g{number}.root:Events", 0, 10], f"one {number}"]}
    return {
        "create": {"name": "made", "specification": SPECIFICATION},
        "describe": {"name": "h"},
        "names": {},
        "commit": {**attempt, "parts": [0], **ids, "counters": [[["n", "d"], 1.5]], "last": [], "for_others": False},
        "prepare": {**attempt, "parts": 0, **ids, "last": []},
        "decide": {**attempt, "counts": False},
        "verdict": {**attempt, "final": True},
        "drop": attempt,
        "missing": ids,
        "status": {},
        "put": {**attempt, "number": 0, "histogram": "h", "bytes": 10},
    }


ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    1 << 31,
    1 << 63,
    1 << 64,
    10**400,
    0.5,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
]
ODD += ["", "\0", "\ud800", "\x1f", "a/b", "..", "/", "h", "é", "x" * 70_000, "attempt:fuzz", "refused:fuzz", "fuzz"]
ODD += [
    [1, 2, 3],
    ["", 0, 1],
    [["", 0, 1]],
    [["s", 5, 5]],
    [["s", 9, 1]],
    [[0, "h", 0]],
    [[["n"], 1], [["n"], 2]],
    ["a", "a"],
]
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all that can be replaced."""
    if at:
        yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from leaves(each, (*at, key))


def replaced(value: Any, at: tuple[Any, ...], by: Any) -> Any:
    if not at:
        return by
    if isinstance(value, list):
        return [replaced(each, at[1:], by) if key == at[0] else each for key, each in enumerate(value)]
    return {key: replaced(each, at[1:], by) if key == at[0] else each for key, each in value.items()}


PLACES = [(name, at) for name, what in calls(0).items() for at in leaves(what)]


def test_every_field_of_every_call(tmp_path: Path) -> None:
    """Whatever is said, it is done or refused, and the accumulator goes on; so does another after a crash."""
    patch = "import hugehist.service.server as s; s.PATIENCE_SECONDS = 0.2"
    path = tmp_path / "a.h5"
    with contextlib.ExitStack() as stack:
        served = stack.enter_context(Served(path, "--memory", "64 MiB", "--commit-seconds", "0.2", patch=patch))
        create(served.sink())
        raw = Raw(served)

        def send(name: str, what: Any, tail: bytes = b"") -> None:
            with contextlib.suppress(*TYPED):
                if name == "put":
                    raw.put(json.dumps(what).encode(), [column(tail)])
                else:
                    raw.act(name, pack(what, [tail]))

        number = itertools.count()

        @given(place=st.sampled_from(PLACES), by=anything, tail=st.binary(max_size=50))
        def send_anything(place: tuple[str, tuple[Any, ...]], by: Any, tail: bytes) -> None:
            send(place[0], replaced(calls(next(number))[place[0]], place[1], by), tail)

        for name, what in calls(next(number)).items():
            if name != "put":
                raw.act(name, pack(what))
        before = served.rss()
        for name, at in PLACES:
            for by in ODD:
                send(name, replaced(calls(next(number))[name], at, by))
        send_anything()
        assert served.rss() - before < 100 * MB
        work(served.sink(), 0)
        status = served.remote().status()
        assert status["state"] == "ready"
        assert not [
            line for line in served.lines("error") if line["level"] == "error" and "ServiceError" in line["problem"]
        ]
        served.process.kill()
        served.process.wait()
        served = stack.enter_context(Served(path, "--memory", "64 MiB", patch=patch))
        served.keeps_log = True
        work(served.sink(), 1)
        served.sink().flush()
        assert served.remote().status()["state"] == "ready"
    with hugehist.File(path) as file:
        assert file["h"][{"category": "all", "systematic": "nominal"}].sum().value == 40


# --- those who dawdle -------------------------------------------------------------------------------------------


def test_slow_clients_lose_their_credit(unmoved: Served) -> None:
    """Many announce a part and send a byte of it; who has the credit back sends meanwhile."""
    remote = unmoved.remote()
    everything = remote.status()["credit_bytes"]
    header = [(b"authorization", f"Bearer {unmoved.access.token}".encode())]
    options = flight.FlightCallOptions(headers=header, timeout=60)
    client = flight.connect(unmoved.access.address)
    dawdlers = []
    for number in range(200):
        said = command(everything // 201, attempt=f"slow {number}")
        writer, answers = client.do_put(flight.FlightDescriptor.for_command(said), SCHEMA, options)
        dawdlers.append((writer, answers))
    for writer, answers in dawdlers:
        assert result_of(answers.read().to_pybytes()) == "go"
        writer.write_batch(column(b"x"))
    held = remote.status()["credit_bytes"]
    assert held == everything - 200 * (everything // 201)
    content = part()
    remote.stage("quick", service.transport.Piece(0, "h", content))
    end = time.monotonic() + 10
    while remote.status()["credit_bytes"] < everything:
        assert time.monotonic() < end, "credit is lost"
        time.sleep(0.05)
    assert unmoved.lines("slow")
    writer, answers = dawdlers[0]
    writer.write_batch(column(b"y" * 1000))
    writer.done_writing()
    with pytest.raises(hugehist.Error, match="came too slowly"):
        result_of(answers.read().to_pybytes())
    remote.drop("quick")
    for writer, _ in dawdlers:
        with contextlib.suppress(pa.ArrowException, flight.FlightError):
            writer.close()


def test_clients_that_never_read(unmoved: Served) -> None:
    port = int(unmoved.access.address.rpartition(":")[2])
    everything = unmoved.remote().status()["credit_bytes"]
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            end = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            end.sendall(PREFACE + frame(4, 0, 0, b"") + b"".join(frame(6, 0, 0, b"12345678") for _ in range(500)))
        client = flight.connect(unmoved.access.address)
        header = [(b"authorization", f"Bearer {unmoved.access.token}".encode())]
        for number in range(20):
            said = command(500_000, attempt=f"deaf {number}")
            options = flight.FlightCallOptions(headers=header, timeout=3)
            writer, _ = client.do_put(flight.FlightDescriptor.for_command(said), SCHEMA, options)
            with contextlib.suppress(pa.ArrowException, flight.FlightError):
                for _ in range(3):
                    writer.write_batch(column(b"x" * 100_000))
        time.sleep(2)
    end = time.monotonic() + 10
    while unmoved.remote().status()["credit_bytes"] < everything:
        assert time.monotonic() < end, "credit is lost"
        time.sleep(0.05)


# --- TLS --------------------------------------------------------------------------------------------------------


def test_certificates(tmp_path: Path) -> None:
    """Without one of the accumulator's authority nobody gets as far as a call, nor takes memory by what he sends."""
    from hugehist.__main__ import main

    folder = tmp_path / "tls"
    assert main(["certificates", str(folder), "127.0.0.1", "localhost"]) == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in folder.iterdir())
    with Served(tmp_path / "a.h5", "--memory", "64 MiB", "--host", "127.0.0.1", "--tls", str(folder)) as served:
        sink = served.sink()
        assert served.access.address.startswith("grpc+tls://")
        create(sink)
        assert work(sink, 0).committed == 1
        assert service.connect(served.path).names() == ["h"]
        of_client = Certificates.load(folder).of_client()
        assert service.connect(served.access.address, served.access.token, tls=of_client).names() == ["h"]
        before = served.reset_peak()
        others = Certificates.temporary(["127.0.0.1"])
        strangers = {
            "no certificate": {"root": of_client["root"]},
            "another authority's": others.of_client() | {"root": of_client["root"]},
            "the other way round": others.of_client(),
        }
        for what, tls in strangers.items():
            with pytest.raises(service.ServiceError, match="did not take it"):
                served.remote(patience=1, tls=tls).names()
            assert what
        with pytest.raises(service.RefusedError, match="token"):
            served.remote(token="x").names()
        stranger = FlightChannel(served.access.address, served.access.token, strangers["no certificate"])
        with pytest.raises(service.ServiceError):
            stranger.call("status", {}, [bytes(200 * MB)])
        port = int(served.access.address.rpartition(":")[2])
        plain = FlightChannel(f"grpc://127.0.0.1:{port}", served.access.token, {})
        with pytest.raises(service.ServiceError):
            plain.call("status", {}, [bytes(200 * MB)])
        assert served.rss(peak=True) - before < 40 * MB
        assert work(sink, 1).committed == 1
    check(served.path, [0, 1])


def test_a_certificate_for_a_name(tmp_path: Path) -> None:
    """Who listens on an address, and is certified for a name, is called by the name."""
    Certificates.temporary(["localhost", "accumulator.example.org"]).save(tmp_path / "tls")
    with Served(
        tmp_path / "a.h5", "--memory", "64 MiB", "--host", "127.0.0.1", "--tls", str(tmp_path / "tls")
    ) as served:
        assert served.access.address.startswith("grpc+tls://localhost:")
        assert service.connect(served.path).names() == []


def test_no_host_without_certificates(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        with pytest.raises(ValueError, match="can be reached from other machines"):
            serve(tmp_path / "a.h5", host=host)
