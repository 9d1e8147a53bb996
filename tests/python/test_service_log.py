"""The log of an accumulator: what it gives back, what it refuses, and what it does where the system fails it."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hugehist
import pytest
from hugehist.service.errors import BusyError
from hugehist.service.log import Log
from hugehist.service.records import HEADER_BYTES, PREAMBLE_BYTES
from hugehist.service.segments import Place

UUID = bytes(range(16))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "file.h5.log"


def opened(place: Path, segment_bytes: int = 1 << 20, uuid: bytes = UUID) -> tuple[Log, list[tuple[Any, bytes]]]:
    """An open log and what it has, all of which stays needed."""
    log = Log(place, uuid, segment_bytes)
    found = []
    try:
        for what, where in log.recover():
            log.need(where)
            found.append((what, log.read(where)))
    except BaseException:
        log.close()
        raise
    return log, found


def recovered(place: Path, **named: Any) -> list[tuple[Any, bytes]]:
    log, found = opened(place, **named)
    log.close()
    return found


def filled(place: Path, count: int, syncs: bool = True, **named: Any) -> list[Place]:
    """A log with so many records, left as by a kill."""
    log, _ = opened(place, **named)
    places = []
    for n in range(count):
        places.append(log.append({"n": n}, bytes([n]) * 10 * n))
        if syncs:
            log.sync()
    log.close()  # what is needed stays
    return places


def expected(count: int) -> list[tuple[Any, bytes]]:
    return [({"n": n}, bytes([n]) * 10 * n) for n in range(count)]


def segments(place: Path) -> list[Path]:
    return sorted(place.glob("*.segment"))


def test_what_is_appended_comes_back(place: Path) -> None:
    filled(place, 20)
    assert recovered(place) == expected(20)
    assert recovered(place) == expected(20)  # it is still needed


def test_records_of_all_kinds(place: Path) -> None:
    log, _ = opened(place)
    content = os.urandom(9 << 20)  # more than is read at once
    wanted = [({"text": "größer \n\0 'é'"}, b""), ({}, b"HHRC" * 100), ({"nan": [1.5, -0.0]}, content)]
    for what, bytes_ in wanted:
        log.append(what, memoryview(bytes_))
    log.close()
    assert recovered(place) == wanted


def test_segments_follow_one_another(place: Path) -> None:
    filled(place, 40, segment_bytes=500)
    assert len(segments(place)) > 10
    assert recovered(place) == expected(40)


def test_a_log_that_nobody_needs_goes(place: Path) -> None:
    log, _ = opened(place, 500)
    places = [log.append({"n": n}, bytes(100)) for n in range(20)]
    assert log.nbytes == sum(path.stat().st_size for path in segments(place))
    log.release(places[:10])
    assert len(segments(place)) < 10
    log.release(places[10:])
    assert len(segments(place)) == 1, "the current one stays until it is trimmed"
    log.trim()
    assert segments(place) == []
    assert log.nbytes == 0
    log.append({"n": 20})
    assert [path.name for path in segments(place)] != ["00000001.segment"], "a name is used once"
    log.close()
    assert recovered(place) == [({"n": 20}, b"")]
    log, _ = opened(place)
    log.close()
    assert place.exists(), "it was found needed"
    log = Log(place, UUID)
    list(log.recover())  # nobody says that it is needed
    log.close()
    assert not place.exists()


def test_strangers_in_the_directory_stay(place: Path) -> None:
    log, _ = opened(place)
    log.release([log.append({})])
    (place / "notes.segment").write_text("mine")
    log.close()
    assert [path.name for path in place.iterdir()] == ["notes.segment"]
    assert recovered(place) == []


def test_segments_stay_while_they_are_read(place: Path) -> None:
    """Though each record in turn is let go."""
    filled(place, 20, segment_bytes=500)
    log = Log(place, UUID)
    seen = []
    for what, where in log.recover():
        log.need(where)
        log.release([where])
        seen.append(what["n"])
    assert seen == list(range(20))
    assert segments(place) == []
    log.close()


# --- torn tails and damage --------------------------------------------------------------------------------


def test_every_length_of_the_last_record(place: Path, tmp_path: Path) -> None:
    places = filled(place, 5, syncs=False)
    content = segments(place)[0].read_bytes()
    begin = places[-2].offset + places[-2].size
    for length in range(begin, len(content)):
        for tail in (b"", bytes(600), b"\xff" * 100):
            segments(place)[0].write_bytes(content[:length] + tail)
            assert recovered(place) == expected(4)
            assert segments(place)[0].stat().st_size == begin, "what was cut off is gone"


def test_every_length_of_a_segment(place: Path) -> None:
    """Nothing tells of what was behind it; what is before comes back."""
    places = filled(place, 5)
    content = segments(place)[0].read_bytes()
    ends = [where.offset + where.size for where in places]
    for length in range(len(content)):
        place.mkdir(exist_ok=True)
        (place / "00000001.segment").write_bytes(content[:length])
        assert recovered(place) == expected(sum(end <= length for end in ends))


def test_any_flipped_byte_is_found(place: Path) -> None:
    """In what a later record says was durable; the last record alone may be what a crash left."""
    filled(place, 6)
    path = segments(place)[0]
    content = path.read_bytes()
    before_last = len(content) - HEADER_BYTES - len('{"n":5}') - 50
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
        if at < before_last:
            with pytest.raises(hugehist.CorruptionError, match=r"00000001\.segment' is damaged at byte"):
                recovered(place)
            assert path.stat().st_size == len(content), "nothing is cut off"
        else:
            assert recovered(place) == expected(5)


def test_damage_before_a_torn_record(place: Path) -> None:
    """A header tells what was durable, though its record is not whole."""
    places = filled(place, 6)
    path = segments(place)[0]
    content = bytearray(path.read_bytes())
    content[places[2].offset] ^= 1
    path.write_bytes(content[:-1])
    with pytest.raises(hugehist.CorruptionError):
        recovered(place)


def test_records_behind_a_torn_one_do_not_count(place: Path) -> None:
    """None of them was durable: all of them came after the same sync."""
    log, _ = opened(place)
    log.append({"n": 0})
    log.sync()
    places = [log.append({"n": n}, bytes([n]) * 10 * n) for n in (1, 2, 3)]
    log.close()
    path = segments(place)[0]
    content = bytearray(path.read_bytes())
    content[places[0].offset] ^= 1
    path.write_bytes(content)
    assert recovered(place) == expected(1)


def test_damage_in_an_earlier_segment(place: Path) -> None:
    filled(place, 20, syncs=False, segment_bytes=500)
    first = segments(place)[0]
    content = first.read_bytes()
    for damaged in (content[:-1], content[: PREAMBLE_BYTES + 5], content[:10], b"", content + b"x"):
        first.write_bytes(damaged)
        with pytest.raises(hugehist.CorruptionError, match="00000001"):
            recovered(place)
    first.write_bytes(content)
    assert recovered(place) == expected(20)


def test_a_segment_without_a_record(place: Path) -> None:
    """A crash came while it was made: it has none or a part of its preamble."""
    filled(place, 3)
    preamble = segments(place)[0].read_bytes()[:PREAMBLE_BYTES]
    for length in range(PREAMBLE_BYTES):
        (place / "00000002.segment").write_bytes(preamble[:length])
        assert recovered(place) == expected(3)
        assert len(segments(place)) == 1


def test_no_record_of_another_segment(place: Path) -> None:
    """Old bytes of the disk may appear in a file that was not synced."""
    filled(place, 3)
    old = segments(place)[0].read_bytes()[PREAMBLE_BYTES:]
    shutil.rmtree(place)
    filled(place, 2)
    path = segments(place)[0]
    path.write_bytes(path.read_bytes() + old)
    assert recovered(place) == expected(2)


def test_content_that_is_damaged_when_it_is_read(place: Path) -> None:
    log, _ = opened(place)
    where = log.append({"n": 1}, bytes(100))
    with segments(place)[0].open("r+b") as file:
        file.seek(where.offset + 50)
        file.write(b"x")
    with pytest.raises(hugehist.CorruptionError, match="is damaged at byte"):
        log.read(where)
    log.close()


# --- whose it is ------------------------------------------------------------------------------------------


def test_the_log_of_another_file(place: Path) -> None:
    filled(place, 3)
    with pytest.raises(hugehist.FormatError, match="of another file"):
        recovered(place, uuid=bytes(16))
    assert recovered(place) == expected(3), "it is as it was"


def test_a_segment_under_another_number(place: Path) -> None:
    filled(place, 3)
    segments(place)[0].rename(place / "00000009.segment")
    with pytest.raises(hugehist.FormatError):
        recovered(place)


def test_a_newer_version(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("hugehist.service.records.VERSION", 2)
        filled(place, 3)
    with pytest.raises(hugehist.FormatError, match=r"version 2 .* newer"):
        recovered(place)
    assert len(segments(place)) == 1


def test_one_owner(place: Path) -> None:
    log, _ = opened(place)
    with pytest.raises(hugehist.Error, match="in use by another accumulator"):
        Log(place, UUID)
    log.append({"n": 0})
    log.close()
    assert recovered(place) == [({"n": 0}, b"")]


def test_opened_while_it_is_removed(place: Path) -> None:
    """Whoever comes then has the new directory, not the one that goes."""
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            try:
                log = Log(place, UUID)
            except hugehist.Error:
                continue
            list(log.recover())
            log.append({"n": 0})
            log.sync()
            log.trim()
            for segment in log._segments.values():
                segment.needed = 0
            log.close()

    problems: list[BaseException] = []

    def watched() -> None:
        try:
            come_and_go()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=watched) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []


# --- a system that fails ----------------------------------------------------------------------------------


class Failing:
    """Some call of the system, which fails after so many times; of a write a part is done before."""

    def __init__(self, name: str, number: int, times: int) -> None:
        self.name, self.number, self.left, self.times = name, number, times, 1
        self.real = getattr(os, name)

    def __call__(self, *args: Any) -> Any:
        self.left -= 1
        if self.left >= 0 or self.times == 0:
            return self.real(*args)
        self.times -= 1
        if self.name == "pwritev":
            descriptor, pieces, offset = args
            self.real(descriptor, [b"".join(pieces)[:30]], offset)
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("call", ["pwritev", "fdatasync", "fsync", "open"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_each_call_that_fails(place: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
    """What was acknowledged is there; what was refused is not, nor is what comes later any worse for it."""
    for times in range(40):
        failing = Failing(call, number, times)
        acknowledged, refused = [], []
        log, _ = opened(place, 500)
        with monkeypatch.context() as patched:
            patched.setattr(os, call, failing)
            for n in range(12):
                try:
                    log.append({"n": n}, bytes([n]) * 10 * n)
                except OSError:
                    refused.append(n)
                    continue
                except BusyError:
                    break
                try:
                    log.sync()
                    acknowledged.append(n)
                except BusyError:
                    break
        is_over = failing.times == 1
        log.close()
        found = [what["n"] for what, _ in recovered(place)]
        assert set(acknowledged) <= set(found) <= set(range(12)) - set(refused)
        shutil.rmtree(place)
        if is_over:
            assert times > 1
            return
    raise AssertionError("the call is never done")


def test_short_writes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwritev

    def short(descriptor: int, pieces: list[Any], offset: int) -> int:
        return real(descriptor, [b"".join(pieces)[:7]], offset)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwritev", short)
        filled(place, 10)
    assert recovered(place) == expected(10)


def test_short_reads(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pread
    filled(place, 10)
    monkeypatch.setattr(os, "pread", lambda descriptor, size, offset: real(descriptor, min(size, 7), offset))
    assert recovered(place) == expected(10)


def test_after_a_failed_sync(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told that it is well, and nothing more is taken, until it is opened again."""
    log, _ = opened(place)
    log.append({"n": 0})
    log.sync()
    log.append({"n": 1}, b"\1" * 10)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", Failing("fdatasync", errno.EIO, 0))
        with pytest.raises(BusyError, match="must be opened again") as caught:
            log.sync()
        assert caught.value.__cause__ is None, "coffea would take it for a file that cannot be read"
    for call in (log.sync, log.check, lambda: log.append({"n": 2})):
        with pytest.raises(BusyError, match="Input/output error"):
            call()
    log.close()
    log, found = opened(place)
    assert found == expected(2)
    log.append({"n": 2}, b"\2" * 20)
    log.sync()
    log.close()
    assert recovered(place) == expected(3)


def test_an_append_that_is_interrupted(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves nothing behind, also where the segment is full afterwards."""
    log, _ = opened(place, 300)
    log.append({"n": 0})
    real = os.pwritev

    def interrupted(descriptor: int, pieces: list[Any], offset: int) -> int:
        real(descriptor, pieces, offset)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwritev", interrupted)
        with pytest.raises(KeyboardInterrupt):
            log.append({"n": 9}, bytes(400))
    log.append({"n": 1}, b"\1" * 10)
    log.close()
    assert recovered(place) == expected(2)


def test_a_sync_that_is_interrupted(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is none."""
    log, _ = opened(place)
    log.append({"n": 0})
    calls = []

    def interrupted(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fdatasync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        log.sync()
    log.sync()
    assert len(calls) == 2
    log.sync()
    assert len(calls) == 2, "all is durable"
    log.close()


def test_a_segment_that_is_interrupted(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = opened(place)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwritev", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            log.append({"n": 0})
    log.append({"n": 0})
    log.close()
    assert recovered(place) == expected(1)


def test_too_much_to_say(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be taken for damage later."""
    monkeypatch.setattr("hugehist.service.log.MAX_JSON", 1000)
    log, _ = opened(place)
    with pytest.raises(ValueError, match="do it in several"):
        log.append({"text": "x" * 1000})
    log.append({"n": 0})
    log.close()
    assert recovered(place) == expected(1)


# --- many threads -----------------------------------------------------------------------------------------


@contextmanager
def slow_syncs(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[list[float]]:
    times: list[float] = []
    real = os.fdatasync

    def slow(descriptor: int) -> None:
        times.append(time.monotonic())
        time.sleep(seconds)
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", slow)
        yield times


def test_one_sync_for_many(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = opened(place)
    log.append({"n": -1})

    def work(n: int) -> None:
        for i in range(5):
            log.append({"n": 5 * n + i})
            log.sync()

    with slow_syncs(monkeypatch, 0.02) as times:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(times) <= 25, "80 syncs were asked for"
    log.close()
    assert sorted(what["n"] for what, _ in recovered(place)) == list(range(-1, 80))


def test_many_threads_and_segments(place: Path) -> None:
    log, _ = opened(place, 2_000)
    kept: list[int] = []

    def work(n: int) -> None:
        for i in range(100):
            number = 100 * n + i
            where = log.append({"n": number}, bytes([n]) * (i % 50))
            if i % 3:
                log.sync()
            assert log.read(where) == bytes([n]) * (i % 50)
            if i % 4:
                log.release([where])
                log.trim()
            else:
                kept.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert set(kept) <= {what["n"] for what, _ in recovered(place)}


def test_trimmed_while_others_wait(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a sync of what nobody needs any more has waited long enough."""
    log, _ = opened(place)
    for _ in range(20):
        log.release([log.append({"n": 0})])
        with slow_syncs(monkeypatch, 0.005):
            first = threading.Thread(target=log.sync)
            first.start()
            time.sleep(0.001)
            log.release([log.append({"n": 1})])
            others = [threading.Thread(target=log.sync) for _ in range(4)]
            for thread in others:
                thread.start()
            while first.is_alive() or any(thread.is_alive() for thread in others):
                log.trim()
        log.check()
        log.append({"n": 2})
        log.sync()
    log.close()
