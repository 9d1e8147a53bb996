"""What is not as it should be in a file, and reports of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from .resources import size_text

if TYPE_CHECKING:
    from ._core import _Damage, _Findings


@dataclass(frozen=True)
class Damage:
    """Something that is not what it should be."""

    histogram: str  # empty: the file as a whole
    part: str  # what of it
    #: Of a bin its labels; of a chunk, for each axis, a tuple of labels or the range of its bins (-1: underflow);
    #: empty: all of the part.
    labels: tuple[Any, ...]
    plane: str  # of the storage; empty: more than one
    reason: str
    text: str = field(default="", repr=False, compare=False)

    def __str__(self) -> str:
        return self.text or f"histogram '{self.histogram}', {self.part}, {self.labels}, {self.plane}: {self.reason}"


@dataclass(frozen=True)
class Findings:
    """What a look at all chunks found."""

    damaged: list[Damage]
    omitted: int  # more than the list has
    chunks: int  # planes of chunks that are sound
    bytes: int  # of these, in the file

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damaged

    def __repr__(self) -> str:
        shown = self.damaged[:20]
        lines = [f"<{type(self).__name__}: {self.summary()}>", *(f"  {each}" for each in shown)]
        hidden = self._count() - len(shown)
        return "\n".join([*lines, f"  … and {hidden} more"] if hidden else lines)

    def summary(self) -> str:
        """One line."""
        sound = f"{self.chunks} chunks, {size_text(self.bytes)}"
        return f"ok ({sound})" if self.ok else f"{self._count()} damaged ({sound} are sound)"

    def _count(self) -> int:
        return len(self.damaged) + self.omitted


F = TypeVar("F", bound=Findings)


def findings_from(found: _Findings, kind: type[F]) -> F:
    """The core's findings."""
    damaged, omitted, chunks, size = found
    return kind([_damage_from(each) for each in damaged], omitted, chunks, size)


def _damage_from(found: _Damage) -> Damage:
    histogram, rollup, bins, plane, reason, text = found
    part = f"roll-up of {rollup}" if rollup else "histogram" if histogram else "file"
    if bins:
        part = f"chunk of its {part}" if rollup else "chunk"
    return Damage(histogram, part, tuple(_bins(each) for each in bins), plane, reason, text)


def _bins(bins: list[str] | tuple[int, int]) -> tuple[str, ...] | range:
    return range(*bins) if isinstance(bins, tuple) else tuple(bins)
