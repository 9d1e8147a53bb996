"""Several projections or views at once: one pass over the chunks of each histogram, in which each is decoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .base import Base
from .cells import Array
from .in_memory import Hist
from .progress import Report, part_of, reporting
from .selection import Selection
from .steps import Project

if TYPE_CHECKING:
    from .file import File
    from .readable import Readable, Source

#: What to keep: an axis by name or number, or several.
Which = str | int | Sequence[str | int]


class Many(Base):
    """Projections of one histogram or view."""

    def project_many(self, projections: Iterable[Which], *, flow: bool = True) -> list[Any]:
        """`[self.project(*which).to_hist() for which in projections]`, but read in one pass.

        Each entry is an axis by name or number, or a list of them. What comes back is in memory: hist.Hist objects,
        equal to the single projections to the last bit; for an empty list of axes the content of the one bin.
        """
        if isinstance(projections, str | Mapping) or not isinstance(projections, Iterable):
            raise TypeError(f"{self._owner}: project_many takes a list of projections, not {projections!r}")
        return read_views([_projected(self, which, flow) for which in projections])


def project_many(file: File, wanted: Any) -> Any:
    """See File.project_many."""
    if isinstance(wanted, Mapping):
        places = {key: _of_entry(file, key, entry) for key, entry in wanted.items()}
        found = iter(read_views([each for place in places.values() for each in place]))
        return {
            key: [next(found) for _ in place] if _is_many(wanted[key]) else next(found) for key, place in places.items()
        }
    if isinstance(wanted, str) or not isinstance(wanted, Iterable):
        raise TypeError(f"project_many takes a list of views, or a dict, not {wanted!r}")
    return read_views([_checked(file, each) for each in wanted])


def _of_entry(file: File, key: Any, entry: Any) -> list[Readable]:
    if isinstance(entry, Base):
        return [_checked(file, entry)]
    return [_projected(file[key], which, True) for which in (entry if _is_many(entry) else [entry])]


def _is_many(entry: Any) -> bool:
    """A list of projections, where a str, a number or a tuple or list of these is one."""
    return isinstance(entry, list | tuple) and any(isinstance(each, list | tuple) for each in entry)


def _checked(file: File, view: Any) -> Readable:
    from .readable import Readable

    if not isinstance(view, Readable):
        raise TypeError(f"project_many takes histograms of the file and views of them, not {view!r}")
    if view._source.home is not file._home:
        raise ValueError(f"{view._owner} is in another file than '{file.path}'")
    return view


def _projected(source: Any, which: Which, flow: bool) -> Readable:
    kept = (which,) if isinstance(which, str | int) else tuple(which)
    view: Readable = source._view(Project(kept, flow))
    return view


def read_views(views: Sequence[Readable]) -> list[Any]:
    """What each shows, in memory."""
    groups: dict[tuple[int, str], list[int]] = {}
    for i, view in enumerate(views):
        groups.setdefault((id(view._source.home), view.name), []).append(i)
    results: list[Any] = [None] * len(views)
    if not views:
        return results
    with reporting(views[0]._source.home.progress, f"reading {len(views)} projections") as tell:
        for number, members in enumerate(groups.values()):
            report = part_of(tell, number / len(groups), 1 / len(groups))
            source = views[members[0]]._source
            contents = read_together(source, lambda members=members: [views[i]._selection() for i in members], report)  # type: ignore[misc]
            for i, (selection, planes) in zip(members, contents, strict=True):
                results[i] = views[i]._in_memory(Hist, selection, planes)
    return results


def read_together(
    source: Source, select: Callable[[], list[Selection]], report: Report | None
) -> list[tuple[Selection, list[Array]]]:
    """Selections of a histogram and their content. Where another thread grows an axis in between, both anew."""
    while True:
        version, _ = source.axes()
        selections = select()
        maps = [[(one.target, one.extent, one.factor) for one in selection.maps] for selection in selections]
        try:
            contents = source.core.read_many(maps, report)
        except ValueError:
            if source.axes()[0] == version:
                raise
            continue
        return [(each, _arranged(each, planes)) for each, planes in zip(selections, contents, strict=True)]


def _arranged(selection: Selection, planes: list[Array]) -> list[Array]:
    """One array for each plane, its axes in the order of the result."""
    left = [i for i in range(len(selection.maps)) if i not in selection.order]
    single = (Ellipsis,) + (0,) * len(left)
    return [plane.transpose([*selection.order, *left])[single] for plane in planes]
