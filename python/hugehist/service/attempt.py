"""One try to do some work: what is filled in it counts if it is committed, and then once.

Fills go to buffers in this process. Where these hold more than half of the memory that an attempt may have, the largest
becomes a delta, which a thread compresses and sends while fills go on. The rest follows with the commit.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..delta import Buffer, Delta
from ..mappings import CounterKey, counter_number, counter_parts
from .errors import ServiceError
from .ids import ID, shown
from .receipt import Receipt
from .transport import PART_BYTES, Piece

if TYPE_CHECKING:
    from .sink import Sink
    from .virtual import VirtualHistogram

INLINE_BYTES = 256 << 10  # that go with the commit itself

#: The attempts that run in this thread or task, by the sink's key.
running: ContextVar[dict[Any, Attempt] | None] = ContextVar("running", default=None)

_senders: dict[int, ThreadPoolExecutor] = {}


def _sender() -> ThreadPoolExecutor:
    """The threads that send, of this process: a forked child has none of its parent's."""
    pid = os.getpid()
    if pid not in _senders:
        _senders.setdefault(pid, ThreadPoolExecutor(os.cpu_count() or 1, "hugehist-send"))
    return _senders[pid]


class Additions(MutableMapping[CounterKey, float]):
    """What an attempt adds to the counters of the file: `counters["sumw", dataset] += x`."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, ...], float] = {}

    def __getitem__(self, key: CounterKey) -> float:
        return self.sums.get(counter_parts(key), 0.0)

    def __setitem__(self, key: CounterKey, value: float) -> None:
        self.sums[counter_parts(key)] = counter_number(value, key)

    def __delitem__(self, key: CounterKey) -> None:
        del self.sums[counter_parts(key)]

    def __iter__(self) -> Iterator[CounterKey]:
        return iter([key[0] if len(key) == 1 else key for key in self.sums])

    def __len__(self) -> int:
        return len(self.sums)


class Attempt:
    """What `with sink.attempt(…) as a` is. It belongs to one thread.

    At the end of the block it is committed; after an exception all of it is forgotten.
    """

    def __init__(self, sink: Sink, ids: list[ID]) -> None:
        self.counters = Additions()
        self._sink = sink
        self._ids = ids
        self._key = uuid4().hex
        self._buffers: dict[str, Buffer] = {}
        self._sending: Future[None] | None = None
        self._parts = [0] * sink.transport.shards  # that each accumulator gets
        self._nbytes = 0
        self._already: bool | None = None
        self._receipt: Receipt | None = None
        self._over = False
        self._token: Token[dict[Any, Attempt] | None] | None = None

    # --- filling -------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> VirtualHistogram:
        """A histogram, to be filled within this attempt. KeyError with the names there are."""
        from .virtual import VirtualHistogram

        self._sink.describe(name)
        return VirtualHistogram(self._sink, name, self)

    def merge(self, name: str, other: Any) -> None:
        """Adds a delta, or any histogram in memory, to the histogram of that name."""
        self._check()
        self._sink.describe(name)
        self._send(name, other if isinstance(other, Delta) else Delta.from_uhi(other))

    def buffer(self, name: str) -> Buffer:
        """Where the fills of a histogram go; after a fill, `make_room` is to be called."""
        self._check()
        if name not in self._buffers:
            self._buffers[name] = self._sink.buffer(name)
        return self._buffers[name]

    def make_room(self) -> None:
        """Sends the largest buffer, where all of them hold more than half of the memory."""
        while sum(buffer.nbytes for buffer in self._buffers.values()) > self._sink.memory // 2:
            name = max(self._buffers, key=lambda each: self._buffers[each].nbytes)
            self._send(name, self._buffers.pop(name).delta())

    @property
    def already(self) -> bool:
        """Whether all of this work is in, by an earlier attempt: then there is nothing left to do.

        Asks the accumulator. An attempt that goes on all the same is told so when it is committed, and adds nothing.
        """
        if self._already is None:
            self._already = not any(self._sink.transport.missing(self._ids))
        return self._already

    # --- sending -------------------------------------------------------------------------------------------

    def _send(self, name: str, delta: Delta) -> None:
        """In a thread of its own; one delta at a time, so that memory has a bound."""
        self._wait()
        self._sending = _sender().submit(self._send_now, name, delta)

    def _send_now(self, name: str, delta: Delta) -> None:
        for piece in self._pieces(name, delta):
            self._sink.transport.stage(self._key, piece)

    def _pieces(self, name: str, delta: Delta) -> Iterator[Piece]:
        """What is to be sent of a delta, and to which accumulator; nothing where it would add nothing."""
        if self._already:
            return
        for shard, share in enumerate(self._sink.shares(name, delta)):
            for part in share.pieces(PART_BYTES) if share is not None else ():
                content = part.to_bytes()
                number = self._parts[shard]
                self._parts[shard] += 1  # before it is sent: who fails then has it dropped
                self._nbytes += len(content)
                yield Piece(number, name, content, shard)

    def _wait(self) -> None:
        """For what is being sent. Raises what went wrong with it."""
        if self._sending is not None:
            sending, self._sending = self._sending, None
            sending.result()

    # --- the end -------------------------------------------------------------------------------------------

    def commit(self) -> Receipt:
        """Makes all of it count, and ends the attempt: nothing more can be filled.

        Returns when that is durable. Raises OverlapError where some of its entries are in already and others are not,
        and ServiceError where the accumulator cannot be reached or has lost a part; nothing counts then.
        """
        if self._receipt is None:
            self._check()
            self._over = True
            try:
                self._receipt = self._commit()
            except BaseException:
                self._drop()
                raise
        return self._receipt

    def _commit(self) -> Receipt:
        self._wait()
        last: list[Piece] = []
        size = 0
        for name, buffer in self._buffers.items():
            for piece in self._pieces(name, buffer.delta()):
                if size + len(piece.content) <= INLINE_BYTES:
                    last.append(piece)
                    size += len(piece.content)
                else:
                    self._sink.transport.stage(self._key, piece)
        self._buffers.clear()
        is_new = self._sink.transport.commit(self._key, self._parts, self._ids, self.counters.sums, last)
        entries = sum(id[2] - id[1] for id in self._ids if not isinstance(id, str))
        return Receipt(int(is_new), int(not is_new), entries, sum(self._parts), self._nbytes)

    @property
    def receipt(self) -> Receipt:
        """What the task returns. Within the block it commits first."""
        return self.commit()

    def _drop(self) -> None:
        """Best effort: an accumulator that is not told forgets the parts by itself after a while."""
        self._over = True
        self._buffers.clear()
        sending, self._sending = self._sending, None
        try:
            if sending is not None:
                sending.exception()
            if any(self._parts):
                self._sink.transport.drop(self._key)
        except ServiceError:
            pass

    def __del__(self) -> None:
        if not getattr(self, "_over", True) and (self._buffers or any(self._parts)):
            warnings.warn(
                f"an attempt at {shown(self._ids)} was filled and never committed, so nothing of it counts: use `with`",
                ResourceWarning,
                stacklevel=2,
            )

    def _check(self) -> None:
        if self._over:
            raise ServiceError("this attempt is over: what is filled now would not count. Begin another one")

    def __enter__(self) -> Attempt:
        self._check()
        self._token = running.set({**(running.get() or {}), self._sink.key: self})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            running.reset(self._token)
            self._token = None
        if kind is None:
            self.commit()
        elif not self._over:
            self._drop()
