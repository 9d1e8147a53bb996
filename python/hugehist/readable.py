"""What can be read like a histogram: a histogram in a file, and any view of a part of it.

Nothing is read before content is asked for, and then only the chunks that it needs. Axes are hist's objects;
content comes as NumPy arrays, as boost-histogram would give them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import boost_histogram as bh
import hist
import numpy as np

from . import _core
from .arithmetic import Arithmetic
from .axes import STORAGES, Axis, axes_to_uhi, axis_from_uhi, named_tuple
from .categories import Categories
from .cells import MEANS, PLANES, Array, mean_counts, mean_variances, number_of, view_of
from .comparing import Comparing
from .describing import Describing
from .gather import gather, has_arrays
from .home import Home, Origin, origin_to_pickle, reopen
from .in_memory import Hist
from .interchange import Interchange
from .joined_histogram import JoinedHistogram
from .many import Many, read_together
from .plotting import Plotting
from .progress import part_of, reporting
from .selection import Selection
from .setting import assign
from .steps import Item, Project, Scale, Step
from .vocabulary import Vocabulary

if TYPE_CHECKING:
    from .view import View

Number = int | float | bh.accumulators.WeightedSum | bh.accumulators.Mean | bh.accumulators.WeightedMean


class Source:
    """A histogram of the core, and its axes as hist's objects, made again only when they have changed."""

    def __init__(self, core: _core.Histogram | JoinedHistogram, home: Home) -> None:
        self.core = core
        self.home = home
        self.owner = f"histogram '{core.name}'"
        self._made: tuple[int, tuple[Axis, ...]] = (0, ())  # one assignment: other threads ask too

    def axes(self) -> tuple[int, tuple[Axis, ...]]:
        """(version, axes): the same version means the same axes."""
        version, uhi = self.core.axes()
        made = self._made
        if version != made[0]:
            made = version, tuple(axis_from_uhi(axis) for axis in uhi)
            self._made = made
        return made


class Readable(Arithmetic, Categories, Comparing, Describing, Interchange, Many, Plotting, Vocabulary):
    """The reading half of a histogram's interface."""

    _steps: tuple[Step, ...] = ()

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def _owner(self) -> str:
        return self._source.owner

    # --- what it is: no content is read ---------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the histogram in its file."""
        return self._source.core.name

    @property
    def metadata(self) -> dict[str, Any]:
        """A copy of what the histogram was created with, beside its axes: bool, int, float and str."""
        return self._source.core.metadata

    @property
    def label(self) -> str:
        """The title in plots; the name where none was given."""
        return str(self.metadata.get("label", self.name))

    @property
    def axes(self) -> hist.axis.NamedAxesTuple:
        """hist's axes as they are now, by number or name. What is changed on them does not reach the file."""
        return named_tuple(self._selection().axes)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._selection().axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Bins of each axis, without flow bins."""
        return tuple(len(axis) for axis in self._selection().axes)

    @property
    def size(self) -> int:
        """All bins, flow bins included."""
        size = 1
        for extent in self._selection().shape:
            size *= extent
        return size

    @property
    def kind(self) -> bh.Kind:
        """COUNT, or MEAN for the mean storages, as the plottable protocol has it."""
        return bh.Kind.MEAN if self._source.core.storage in MEANS else bh.Kind.COUNT

    @property
    def storage_type(self) -> type[bh.storage.Storage]:
        """boost-histogram's storage of what is read: scaled integers are doubles."""
        return STORAGES[self._storage_name(self._selection())]

    @property
    def storage(self) -> bh.storage.Storage:
        """An object of `storage_type`."""
        return self.storage_type()

    # --- content ----------------------------------------------------------------------------------------

    def values(self, flow: bool = False) -> Array:
        """The content of the bins; of means, the means."""
        planes = self._planes(flow)
        return planes[-2] if self.kind == bh.Kind.MEAN else planes[0]

    def variances(self, flow: bool = False) -> Array | None:
        """As boost-histogram: None for int and double storage where the values are no variances.

        Of means it is the variance of the mean (that of the samples divided by the counts), NaN up to one count.
        """
        if self.kind == bh.Kind.MEAN:
            return mean_variances(self._planes(flow))
        if self.storage_type is bh.storage.Weight:
            return self._planes(flow)[1]
        return self._planes(flow)[0] if self._variance_known(self._selection()) else None

    def counts(self, flow: bool = False) -> Array:
        """As boost-histogram: the values; of means the entries, effective ones where they are weighted."""
        return mean_counts(self._planes(flow)) if self.kind == bh.Kind.MEAN else self.values(flow)

    def view(self, flow: bool = False) -> Array:
        """A read-only copy of the content as boost-histogram's view has it."""
        result = self._cells(flow=flow)
        result.flags.writeable = False
        return result

    def _cells(self, window: Sequence[Any] = (), flow: bool = True) -> Array:
        def part(selection: Selection) -> Selection:
            whole = selection if flow else selection.without_flow()
            return whole.window(window) if window else whole

        selection, planes = self._read_now(part)
        return view_of(self._storage_name(selection), planes)

    def sum(self, flow: bool = False) -> Number:
        """All bins together: a number, or an accumulator where cells are more than one number."""
        return self._number(lambda selection: selection.total(flow))

    def to_boost(self) -> bh.Histogram[Any]:
        """A copy in memory."""
        result: bh.Histogram[Any] = self._fill_in(bh.Histogram)
        return result

    def to_hist(self) -> hist.Hist[Any]:
        """A copy in memory."""
        result: hist.Hist[Any] = self._fill_in(Hist)
        return result

    def __array__(self, dtype: Any = None, *, copy: bool | None = None) -> Array:
        return np.asarray(self.view(), dtype=dtype)

    def _to_uhi_(self) -> dict[str, Any]:
        """The UHI serialization form, which uhi.io writes and hist.Hist takes."""
        selection, planes = self._read_now()
        uhi = self._structure(selection)
        uhi["storage"] |= dict(zip(PLANES[uhi["storage"]["type"]], planes, strict=True))
        return uhi

    def _structure(self, selection: Selection) -> dict[str, Any]:
        """The UHI form without content."""
        kind = self._storage_name(selection)
        metadata = {"name": self.name} | self.metadata
        if kind == "double" and not self._variance_known(selection):
            metadata["_variance_known"] = False  # boost-histogram's key: else the values would pass for variances
        return {"uhi_schema": 1, "axes": axes_to_uhi(selection.axes), "storage": {"type": kind}, "metadata": metadata}

    # --- parts: views ------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Any:
        """UHI indexing: a lazy view, or the content: of one bin, or of those that integer arrays pick."""
        if has_arrays(index):
            return gather(self, index)
        return self._then(Item(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        """Replaces bins, as boost-histogram does; through a view, where its bins are single bins of the histogram.

        Raises ValueError where value and bins do not match; nothing is replaced then.
        """
        assign(self, index, value)

    def project(self, *args: str | int, flow: bool = True) -> Any:
        """The sum over all axes but those given, by name or number; the result has them in that order."""
        return self._then(Project(args, flow))

    def scale(self, axis: str | int, factors: Mapping[Any, float] | Sequence[float] | float) -> View:
        """A view whose content is multiplied while it is read; variances by the square.

        `factors` is a number, one number for each bin (with or without flow bins, which else stay as they
        are), or for a category axis a dict of label → factor; labels that it lacks stay as they are.
        """
        return self._view(Scale.of(axis, factors, self._owner))

    def _then(self, step: Step) -> Any:
        """A view with one more step, or the content of the one bin where no axis is left."""
        owner = self._source.owner
        if step(self._selection(), owner).axes:
            return self._view(step)
        return self._number(lambda selection: step(selection, owner))

    # --- copying ------------------------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        """A handle to a file on disk: its path, the name, the steps. Opened for reading where it is unpickled."""
        self._source.axes()  # a KeyError where it was removed: another histogram may have its name
        return _unpickled, (origin_to_pickle(self._source.home, self._source.owner), self.name, self._steps)

    def __copy__(self) -> NoReturn:
        raise TypeError(f"{self._source.owner} is a handle to an open file and cannot be copied: use to_hist()")

    def __deepcopy__(self, memo: Any) -> NoReturn:
        self.__copy__()

    # --- reading -----------------------------------------------------------------------------------------

    def _planes(self, flow: bool) -> list[Array]:
        return self._read_now(lambda selection: selection if flow else selection.without_flow())[1]

    def _read_now(self, part: Callable[[Selection], Selection] | None = None) -> tuple[Selection, list[Array]]:
        """A part of what is shown, and its content. Where another thread grows an axis in between, both anew."""

        def select() -> list[Selection]:
            return [self._selection() if part is None else part(self._selection())]

        with reporting(self._source.home.progress, f"reading {self._source.owner}") as tell:
            return read_together(self._source, select, part_of(tell, 0.0, 1.0))[0]

    def _number(self, part: Callable[[Selection], Selection]) -> Number:
        selection, planes = self._read_now(part)
        number: Number = number_of(self._storage_name(selection), planes)
        return number

    def _storage_name(self, selection: Selection) -> str:
        """The UHI name of the storage of what is read."""
        kind = self._source.core.storage
        return "double" if kind == "int" and selection.scaled else kind

    def _variance_known(self, selection: Selection) -> bool:
        return self._source.core.variance_known and not selection.scaled

    def _fill_in(self, make: Any) -> Any:
        """`make` is the class of the histogram in memory."""
        return self._in_memory(make, *self._read_now())

    def _in_memory(self, make: Any, selection: Selection, planes: list[Array]) -> Any:
        """What was read, as a `make`; a number or an accumulator where no axis is left."""
        kind = self._storage_name(selection)
        if not selection.axes:
            return number_of(kind, planes)
        result = make(*(copy.deepcopy(axis) for axis in selection.axes), storage=STORAGES[kind]())
        for key, value in ({"name": self.name} | self.metadata).items():
            setattr(result, key, value)
        cells: Any = result.view(flow=True)
        cells[...] = view_of(kind, planes)
        if len(planes) == 1:
            result._variance_known = self._variance_known(selection)
        return result


def _unpickled(origin: Origin, name: str, steps: tuple[Step, ...]) -> Any:
    from .histogram import Histogram

    home = reopen(origin)
    whole = Histogram(home.core.at(name), home)
    view: Any = whole
    for step in steps:
        view = view._view(step)
    return view
