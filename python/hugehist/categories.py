"""Categories under other labels: renamed, dropped, in another order, merged into groups. All of it is lazy.

Each of these makes labels of the axis into others, and is kept as what was asked for: where the axis grows, the
view follows, and patterns match labels that came later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .axes import describe, find_axis, is_category, unknown_label
from .base import Base
from .indexing import matching
from .selection import Selection

if TYPE_CHECKING:
    from .view import View

Label = str | int
Labels = Mapping[Any, int]
#: New labels in their order, with the bins that go there.
Groups = dict[Label, list[int]]


class Categories(Base):
    """`axis` is a category axis by name or number; where labels are asked for, "tt*" and "t?" are patterns."""

    def group(self, axis: str | int, groups: Mapping[Label, Any]) -> View:
        """Merges labels: `h.group("dataset", {"VV": ["WW", "WZ", "ZZ"], "top": "tt*"})`.

        A group has a label, a pattern, or a list of these; a group that is `...` has all labels that no other one
        has. Groups come first, in the order of the mapping, then the labels that are in none, as they were.
        """
        if not isinstance(groups, Mapping):
            raise TypeError(f"{self._owner}: groups are a dict of new label → labels, not {groups!r}")
        members = {name: None if each is Ellipsis else _members(each) for name, each in groups.items()}
        return self._regrouped(axis, Grouped(members))

    def rename(self, axis: str | int, names: Mapping[Label, Label] | Callable[[Any], Label]) -> View:
        """New labels, from a dict of old → new or a function; labels that the dict lacks stay."""
        return self._regrouped(axis, Renamed(dict(names) if isinstance(names, Mapping) else names))

    def drop(self, axis: str | int, labels: Any) -> View:
        """Without some labels: what they hold is in no bin of the view."""
        return self._regrouped(axis, Dropped(_members(labels)))

    def reorder(self, axis: str | int, labels: Any) -> View:
        """The labels given first, in this order, then the others as they were."""
        return self._regrouped(axis, Reordered(_members(labels)))

    def sort(self, axis: str | int, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> View:
        """Labels sorted, as Python's `sorted` has it."""
        return self._regrouped(axis, Sorted(key, reverse))

    def _regrouped(self, axis: str | int, rule: Rule) -> View:
        return self._view(Regroup(axis, rule))


class Rule(Protocol):
    """`labels` has the bin of each label, in their order."""

    def __call__(self, labels: Labels, owner: str, /) -> Groups: ...


@dataclass(frozen=True, eq=False)
class Regroup:
    """The step of all of these."""

    axis: str | int
    rule: Rule

    def __call__(self, selection: Selection, owner: str) -> Selection:
        which = find_axis(selection.axes, self.axis, owner)
        axis = selection.axes[which]
        about = describe(axis, which, owner)
        if not is_category(axis):
            raise TypeError(f"{about} is not a category axis: it has no labels")
        return selection.regroup(which, self.rule({label: bin for bin, label in enumerate(axis)}, about))


@dataclass(frozen=True, eq=False)
class Grouped:
    groups: Mapping[Label, list[Any] | None]  # None: the rest

    def __call__(self, labels: Labels, owner: str) -> Groups:
        result: Groups = {}
        group_of: dict[int, Label] = {}
        for name, members in self.groups.items():
            result[name] = [] if members is None else _bins(members, labels, owner)
            for bin in result[name]:
                if group_of.setdefault(bin, name) != name:
                    raise ValueError(f"{owner}: a label is in two groups, {group_of[bin]!r} and {name!r}")
        left = {label: bin for label, bin in labels.items() if bin not in group_of}
        rests = [name for name, members in self.groups.items() if members is None]
        if len(rests) > 1:
            raise ValueError(f"{owner}: only one group can have the rest")
        if rests:
            result[rests[0]] = list(left.values())
            return result
        for label, bin in left.items():
            _add(result, label, bin, owner)
        return result


@dataclass(frozen=True, eq=False)
class Renamed:
    names: Mapping[Label, Label] | Callable[[Any], Label]

    def __call__(self, labels: Labels, owner: str) -> Groups:
        names = self.names
        if isinstance(names, Mapping):
            _bins(list(names), labels, owner, patterns=False)  # refuses those that are not there
        result: Groups = {}
        for label, bin in labels.items():
            _add(result, names.get(label, label) if isinstance(names, Mapping) else names(label), bin, owner)
        return result


@dataclass(frozen=True, eq=False)
class Dropped:
    labels: list[Any]

    def __call__(self, labels: Labels, owner: str) -> Groups:
        gone = set(_bins(self.labels, labels, owner))
        return {label: [bin] for label, bin in labels.items() if bin not in gone}


@dataclass(frozen=True, eq=False)
class Reordered:
    labels: list[Any]

    def __call__(self, labels: Labels, owner: str) -> Groups:
        names = list(labels)
        first = [names[bin] for bin in _bins(self.labels, labels, owner)]
        return {label: [labels[label]] for label in dict.fromkeys([*first, *names])}


@dataclass(frozen=True, eq=False)
class Sorted:
    key: Callable[[Any], Any] | None
    reverse: bool

    def __call__(self, labels: Labels, owner: str) -> Groups:
        return {label: [labels[label]] for label in sorted(labels, key=self.key, reverse=self.reverse)}


def _members(given: Any) -> list[Any]:
    """A label, a pattern, or several of these, as a list that nobody else changes."""
    several = isinstance(given, Iterable) and not isinstance(given, str | bytes)
    return list(given) if several else [given]


def _bins(members: list[Any], labels: Labels, owner: str, patterns: bool = True) -> list[int]:
    found = matching(members, labels, owner) if patterns else members
    for label in found:
        if label not in labels:
            raise unknown_label(label, labels, owner)
    if len(set(found)) != len(found):
        raise ValueError(f"{owner}: a label repeats in {members}")
    return [labels[label] for label in found]


def _add(groups: Groups, label: Label, bin: int, owner: str) -> None:
    if label in groups:
        raise ValueError(f"{owner}: two labels become {label!r}; to merge them, use group and name both")
    groups[label] = [bin]
