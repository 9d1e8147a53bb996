"""The bytes of the log are as docs/format-log.md says, and those that were written before stay readable."""

from __future__ import annotations

import json
import shutil
import struct
import uuid
import zlib
from pathlib import Path
from typing import Any

import hugehist
import pytest
from accumulators import accumulator, bins, counters, ledger, log_of, work
from hugehist.service import UnmergedWarning
from hugehist.service.errors import AttemptLostError

CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture(params=["log-1"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file and its log of that version, as a kill left them."""
    shutil.copytree(CASES / request.param, tmp_path / "old")
    return tmp_path / "old/file.h5"


def test_a_log_that_was_written_before(old: Path) -> None:
    with pytest.warns(UnmergedWarning, match="lacks 2 attempts"):
        assert bins(old) == {"tt": [1, 0, 0, 0]}
    with accumulator(old) as engine:
        assert engine.commit("b", [2], ["two parts"], {}), "the answer is as before"
        assert not work(engine, "again", ("f", 0, 20))
        with pytest.raises(AttemptLostError):
            engine.commit("never", [0], ["more"], {}, for_others=True)
        engine.decide("c", True)
        assert engine.commit("d", [1], ["staged"], {})
    assert bins(old) == {"tt": [2, 1, 0, 2], "dy": [0, 0, 2.5, 0]}
    assert counters(old) == {"n": 20, ("sumw", "tt"): -0.5}
    assert set(ledger(old)) == {("f", 0, 20), "text é", "two parts", "refused:never", "waits", "staged"}
    assert not log_of(old).exists()


def records(content: bytes, number: int, file_uuid: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """By the page alone."""
    assert content[:8] == b"\x89HHLOG\r\n"
    assert struct.unpack_from("<IQ", content, 8) == (1, number)
    salt = content[20:28]
    assert content[28:44] == file_uuid
    assert struct.unpack_from("<I", content, 44) == (zlib.crc32(content[:44]),)
    at, found = 48, []
    while at < len(content):
        magic, text_size, size, durable, checksum, own = struct.unpack_from("<4sIQQII", content, at)
        assert magic == b"HHRC"
        assert 48 <= durable <= at
        assert own == zlib.crc32(salt + content[at : at + 28])
        text, rest = content[at + 32 : at + 32 + text_size], content[at + 32 + text_size :][:size]
        assert checksum == zlib.crc32(text + rest)
        found.append((json.loads(text), rest))
        at += 32 + text_size + size
    return found


def test_the_bytes(old: Path) -> None:
    with pytest.warns(UnmergedWarning), hugehist.File(old) as file:
        file_uuid = uuid.UUID(str(file.uuid)).bytes
    found = []
    for path in sorted(log_of(old).glob("*.segment")):
        found += records(path.read_bytes(), int(path.stem), file_uuid)
    said = [what for what, _ in found]
    assert {"attempt": "b", "part": 1, "histogram": "h"} in said
    counted = [[["n"], 10.0], [["sumw", "tt"], -0.5]]
    assert {"attempt": "a", "commit": [["f", 10, 20], "text é"], "parts": 1, "counters": counted} in said
    assert {"attempt": "c", "prepare": ["waits"], "parts": 1} in said
    assert {"refuse": "never"} in said
    deltas = [hugehist.Delta.from_bytes(content) for what, content in found if "part" in what]
    assert len(deltas) == 5
    assert all(content == b"" for what, content in found if "part" not in what)
