"""The attempts of an accumulator: their parts as they are staged, and which of them count.

An attempt is decided once. Alone, an accumulator decides by its ledger: the first attempt at some entries counts. One
of several that share the work prepares, and the one that has the ledger decides for all:

    prepare (all but one) ─► commit (the one with the ledger) ─► decide (all but one)

A prepared attempt is durable, and stays until it is known what was decided: who prepared it asks, after a crash or
where nobody tells. An attempt that the ledger does not know by then is refused for ever.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .._core import Error
from .errors import AttemptLostError
from .ids import ID, from_wire, shown, to_wire
from .log import Log
from .merger import Committed, Merger, Part
from .segments import Place
from .shadow import Shadow
from .tally import Tally
from .transport import CounterSums

FINISHED_KEPT = 100_000
DOUBT_SECONDS = 10.0  # that a prepared attempt may be silent for before the ledger is asked

#: Asks the accumulator with the ledger for its `verdict` on an attempt; None, too, where it cannot be reached.
Ask = Callable[[str, bool], bool | None]


def attempt_id(attempt: str) -> str:
    """In the ledger: that an attempt over several accumulators counts."""
    return f"attempt:{attempt}"


def refusal_id(attempt: str) -> str:
    """In the ledger: that it never will."""
    return f"refused:{attempt}"


@dataclass
class Staged:
    """The parts of an attempt that has not been decided."""

    parts: dict[int, Part] = field(default_factory=dict)
    touched: float = field(default_factory=time.monotonic)
    prepared: Prepared | None = None

    def lacks(self, count: int) -> int:
        """How many of the parts 0, …, count - 1 are missing; who asks may have made up the count."""
        return max(count, 0) - sum(0 <= number < count for number in self.parts)

    def places(self) -> list[Place]:
        places = [part.place for part in self.parts.values()]
        return places if self.prepared is None else [*places, self.prepared.place]


@dataclass(frozen=True)
class Prepared:
    """That it waits for a decision of another accumulator."""

    ids: list[ID]
    count: int
    place: Place


class Attempts:
    """Any thread may call it. `log`, `shadow` and `merger` are the engine's."""

    def __init__(self, name: str, log: Log, shadow: Shadow, merger: Merger, tally: Tally) -> None:
        self._name = name
        self._log = log
        self._shadow = shadow
        self._merger = merger
        self._tally = tally
        self._lock = threading.Lock()
        self._staged: dict[str, Staged] = {}
        self._finished: dict[str, bool] = {}  # that were decided of late: were they new

    def __len__(self) -> int:
        return len(self._staged)

    # --- after a restart -----------------------------------------------------------------------------------

    def recover(self) -> None:
        """Takes up what the log has. To be called once, before anything else."""
        for what, place in self._log.recover():
            if "part" in what:
                self._recover_part(what["attempt"], what["part"], Part(what["histogram"], place))
            elif "prepare" in what:
                self._log.need(place)
                self._of(what["attempt"]).prepared = Prepared(from_wire(what["prepare"]), what["parts"], place)
            elif "commit" in what:
                self._take_up(what, place)
            elif "refuse" in what and not self._shadow.has(refusal_id(what["refuse"])):
                self._log.need(place)
                self._refuse(what["refuse"], place)
        for staged in self._staged.values():
            staged.touched = time.monotonic() - (DOUBT_SECONDS if staged.prepared else 0)

    def _recover_part(self, attempt: str, number: int, part: Part) -> None:
        """One that came twice, or too late, is not needed."""
        if attempt not in self._finished and number not in self._of(attempt).parts:
            self._log.need(part.place)
            self._of(attempt).parts[number] = part

    def _of(self, attempt: str) -> Staged:
        return self._staged.setdefault(attempt, Staged())

    def _take_up(self, what: dict[str, Any], place: Place) -> None:
        attempt, ids = what["attempt"], from_wire(what["commit"])
        self._finish(attempt, True)
        staged = self._of(attempt)
        if self._shadow.is_in(ids):
            self._forget(attempt)
            return
        if staged.lacks(what["parts"]):
            raise Error(
                f"the log '{self._log.path}' lacks parts of an attempt that was acknowledged ({shown(ids)}): segments "
                "of it are missing"
            )
        self._log.need(place)
        counters = {tuple(key): float(value) for key, value in what["counters"]}
        self._hand_over(attempt, what["parts"], ids, counters, place)

    # --- parts ---------------------------------------------------------------------------------------------

    def has(self, attempt: str, number: int) -> bool:
        """Whether the part need not be sent: it is there, or the attempt is over."""
        with self._lock:
            staged = self._staged.get(attempt)
            return attempt in self._finished or (staged is not None and number in staged.parts)

    def add(self, attempt: str, number: int, part: Part) -> bool:
        """False where it came twice, and this one is not needed."""
        with self._lock:
            if attempt not in self._finished and number not in self._of(attempt).parts:
                self._of(attempt).parts[number] = part
                self._of(attempt).touched = time.monotonic()
                return True
        self._log.release([part.place])
        return False

    def drop(self, attempt: str) -> None:
        """Forgets the parts of an attempt that failed; of one that is prepared the ledger decides."""
        with self._lock:
            if attempt in self._staged and self._staged[attempt].prepared is None:
                self._forget(attempt)

    def drop_all(self) -> None:
        """Of all attempts that may be dropped."""
        for attempt in list(self._staged):
            self.drop(attempt)

    def _forget(self, attempt: str) -> None:
        staged = self._staged.pop(attempt, None)
        if staged is not None:
            self._log.release(staged.places())

    # --- decisions -----------------------------------------------------------------------------------------

    def commit(self, attempt: str, count: int, ids: list[ID], counters: CounterSums, for_others: bool) -> bool:
        """Decides, durably; see `Engine.commit`. `for_others`: they will ask what was decided."""
        with self._lock:
            is_new = self._finished.get(attempt)
            if is_new is None:
                is_new = self._decide_on(attempt, count, ids, counters, for_others)
        self._log.sync()
        return is_new

    def _decide_on(self, attempt: str, count: int, ids: list[ID], counters: CounterSums, for_others: bool) -> bool:
        try:
            if for_others and self._shadow.has(refusal_id(attempt)):
                raise AttemptLostError(f"the attempt at {shown(ids)} came too late: do that work again")
            if self._shadow.is_in(ids):
                self._forget(attempt)
                self._finish(attempt, for_others and self._shadow.has(attempt_id(attempt)))
                self._tally.add("already")
                return self._finished[attempt]
            self._check_complete(attempt, count, ids)
            self._shadow.check_counters(counters)
        except (Error, ValueError, TypeError):
            self._forget(attempt)
            raise
        self._log_commit(attempt, count, [*ids, attempt_id(attempt)] if for_others else ids, counters)
        return True

    def _check_complete(self, attempt: str, count: int, ids: list[ID]) -> None:
        missing = self._of(attempt).lacks(count)
        if missing:
            raise AttemptLostError(
                f"the accumulator of '{self._name}' has not all parts of the attempt at {shown(ids)} (it lacks "
                f"{missing} of {count}): do that work again"
            )

    def _log_commit(self, attempt: str, count: int, ids: list[ID], counters: CounterSums) -> None:
        sums = [[list(key), value] for key, value in counters.items()]
        what = {"attempt": attempt, "commit": to_wire(ids), "parts": count, "counters": sums}
        place = self._log.append(what)
        self._finish(attempt, True)
        self._hand_over(attempt, count, ids, counters, place)
        self._tally.add("commits")

    def _hand_over(self, attempt: str, count: int, ids: list[ID], counters: CounterSums, place: Place) -> None:
        """To the merger; parts beyond `count` are of nobody."""
        self._shadow.decide(ids)
        staged = self._of(attempt)
        parts = [staged.parts.pop(number) for number in range(count)]
        records = [place]
        if staged.prepared is not None:  # needed like the decision, which another accumulator has durably, not this one
            records.append(staged.prepared.place)
            staged.prepared = None
        self._forget(attempt)
        self._merger.put(Committed(ids, parts, dict(counters), records))

    def _finish(self, attempt: str, is_new: bool) -> None:
        """Whoever asks again gets the same answer; much later, that the ids are in."""
        self._finished[attempt] = is_new
        if len(self._finished) > FINISHED_KEPT:
            del self._finished[next(iter(self._finished))]

    # --- decisions with others -----------------------------------------------------------------------------

    def prepare(self, attempt: str, count: int, ids: list[ID]) -> None:
        """Makes the parts durable until `decide`. Raises AttemptLostError where some are missing."""
        with self._lock:
            if attempt not in self._finished and self._of(attempt).prepared is None:
                try:
                    self._check_complete(attempt, count, ids)
                except Error:
                    self._forget(attempt)
                    raise
                place = self._log.append({"attempt": attempt, "prepare": to_wire(ids), "parts": count})
                self._of(attempt).prepared = Prepared(ids, count, place)
                self._of(attempt).touched = time.monotonic()
        self._log.sync()

    def decide(self, attempt: str, counts: bool) -> None:
        """What the ledger said of a prepared attempt. Another time it changes nothing."""
        with self._lock:
            staged = self._staged.get(attempt)
            if staged is None or staged.prepared is None:
                return
            prepared = staged.prepared
            if counts and not self._shadow.is_in(prepared.ids):
                self._check_complete(attempt, prepared.count, prepared.ids)
                self._log_commit(attempt, prepared.count, prepared.ids, {})  # durable: in that other ledger
            else:
                self._forget(attempt)
                self._finish(attempt, counts)

    def verdict(self, attempt: str, final: bool) -> bool | None:
        """Whether an attempt over several accumulators counts; None where that is open.

        With `final` it is not open any more: what does not count yet never will.
        """
        with self._lock:
            if self._shadow.has(attempt_id(attempt)):
                verdict: bool | None = True
            elif final or self._shadow.has(refusal_id(attempt)):
                verdict = False
                if not self._shadow.has(refusal_id(attempt)):
                    self._refuse(attempt, self._log.append({"refuse": attempt}))
                    self._forget(attempt)
            else:
                verdict = None
        self._log.sync()
        return verdict

    def _refuse(self, attempt: str, place: Place) -> None:
        """The refusal goes to the ledger of the file, as if it were an attempt of its own."""
        id: ID = refusal_id(attempt)
        self._shadow.decide([id])
        self._merger.put(Committed([id], [], {}, [place]))

    def sweep(self, silent_seconds: float, ask: Ask | None) -> None:
        """Drops attempts that were silent for so long, and asks about prepared ones of which nobody tells."""
        now = time.monotonic()
        with self._lock:
            doubtful = []
            for attempt, staged in list(self._staged.items()):
                if staged.prepared is None and staged.touched < now - silent_seconds:
                    self._forget(attempt)
                    self._tally.add("expired")
                elif staged.prepared is not None and staged.touched <= now - DOUBT_SECONDS:
                    doubtful.append(attempt)
        self._settle(doubtful, ask, True)

    def settle(self, ask: Ask | None, final: bool) -> None:
        """Asks about all prepared ones now; with `final` what has not been decided is refused."""
        with self._lock:
            prepared = [attempt for attempt, staged in self._staged.items() if staged.prepared is not None]
        self._settle(prepared, ask, final)

    def _settle(self, attempts: list[str], ask: Ask | None, final: bool) -> None:
        problems = []
        for attempt in attempts:
            counts = None if ask is None else ask(attempt, final)
            try:
                if counts is not None:
                    self.decide(attempt, counts)
            except Error as problem:  # of this one; the others have their own
                problems.append(problem)
        if problems:
            raise problems[0]
