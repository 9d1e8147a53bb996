"""An accumulator in another process, for those who send. Calls are made again until they are answered.

All of them may be made twice: a part that is there is not taken again, and an attempt that was decided stays decided.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .channel import Channel, channel_to
from .credentials import checked_token
from .errors import BusyError, ServiceError
from .ids import ID, to_wire
from .specification import Specification
from .transport import CounterSums, Piece
from .wire import pack_pieces

LONGEST_PAUSE = 1.0
IDS_A_CALL = 10_000

Answer = TypeVar("Answer")


class Remote:
    """The accumulator at an address, as "grpc+unix:///path", "grpc://host:port" or "grpc+tls://host:port".

    Pickles to address, token and certificates, and connects where it is used. `tls` has PEM texts under "root" (whom to
    trust), "certificate" and "key". `patience`: seconds that calls are tried again for while the accumulator is away or
    has no room; then they raise ServiceError.
    """

    def __init__(self, address: str, token: str, tls: dict[str, str] | None = None, patience: float = 300) -> None:
        self.address = address
        self.patience = patience
        self._token = checked_token(token)
        self._tls = tls or {}
        self._described: dict[str, Specification] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _known, (self.address, self._token, self._tls, self.patience)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and self.__reduce__()[1] == other.__reduce__()[1]

    def __hash__(self) -> int:
        return hash(self.address)

    def __repr__(self) -> str:
        return self.address

    @property
    def shards(self) -> int:
        return 1

    # --- what a sink asks for -------------------------------------------------------------------------------

    def create(self, name: str, specification: Specification) -> Specification:
        self._described[name] = self._call("create", {"name": name, "specification": specification})
        return self._described[name]

    def describe(self, name: str) -> Specification:
        if name not in self._described:
            self._described[name] = self._call("describe", {"name": name})
        return self._described[name]

    def names(self) -> list[str]:
        return list(self._call("names"))

    def stage(self, attempt: str, piece: Piece) -> None:
        self._again(lambda: self._put(attempt, piece))

    def commit(
        self,
        attempt: str,
        parts: Sequence[int],
        ids: Sequence[ID],
        counters: CounterSums,
        last: Sequence[Piece] = (),
        for_others: bool = False,
    ) -> bool:
        said, content = pack_pieces(last)
        sums = [[list(key), value] for key, value in counters.items()]
        what = {"attempt": attempt, "parts": list(parts), "ids": to_wire(ids), "counters": sums, "last": said}
        return bool(self._call("commit", what | {"for_others": for_others}, content))

    def prepare(self, attempt: str, parts: int, ids: Sequence[ID], last: Sequence[Piece] = ()) -> None:
        said, content = pack_pieces(last)
        what = {"attempt": attempt, "parts": parts, "ids": to_wire(ids), "last": said}
        self._call("prepare", what, content)

    def decide(self, attempt: str, counts: bool) -> None:
        """Once: one that is away asks when it is back."""
        self._once("decide", {"attempt": attempt, "counts": counts})

    def verdict(self, attempt: str, final: bool) -> bool | None:
        verdict = self._once("verdict", {"attempt": attempt, "final": final})
        return None if verdict is None else bool(verdict)

    def drop(self, attempt: str) -> None:
        """Once: an accumulator that is away has forgotten it, or will."""
        self._once("drop", {"attempt": attempt})

    def missing(self, ids: Sequence[ID]) -> list[list[ID]]:
        result: list[list[ID]] = []
        for begin in range(0, len(ids), IDS_A_CALL):
            for each in self._call("missing", {"ids": to_wire(ids[begin : begin + IDS_A_CALL])}):
                result.append([id if isinstance(id, str) else (id[0], id[1], id[2]) for id in each])
        return result

    def status(self) -> dict[str, Any]:
        return dict(self._once("status"))

    def flush(self) -> None:
        while not self._call("flush"):
            pass

    def stop(self) -> None:
        """Asks it to merge what it has, and end."""
        self._once("stop")

    # --- calls ---------------------------------------------------------------------------------------------

    @property
    def _channel(self) -> Channel:
        return channel_to(self.address, self._token, self._tls)

    def _call(self, name: str, what: Any = None, content: Sequence[Any] = ()) -> Any:
        return self._again(lambda: self._once(name, what, content))

    def _once(self, name: str, what: Any = None, content: Sequence[Any] = ()) -> Any:
        return self._channel.call(name, {} if what is None else what, content)

    def _put(self, attempt: str, piece: Piece) -> None:
        what = {"attempt": attempt, "number": piece.number, "histogram": piece.histogram}
        self._channel.put(what, piece.content)

    def _again(self, call: Callable[[], Answer]) -> Answer:
        end = time.monotonic() + self.patience
        pause = 0.05
        while True:
            try:
                return call()
            except BusyError as problem:
                if time.monotonic() + pause > end:
                    raise ServiceError(
                        f"the accumulator at {self.address} did not take it for {self.patience:.0f} s: {problem}. If "
                        "it is gone, start it again: nothing that it acknowledged is lost"
                    ) from problem
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


_remotes: dict[Any, Remote] = {}


def _known(address: str, token: str, tls: dict[str, str], patience: float) -> Remote:
    """The same one whenever it comes to this process, as each task brings it: it knows the histograms already."""
    made = Remote(address, token, tls, patience)
    return _remotes.setdefault((address, token, tuple(sorted(tls.items())), patience), made)
