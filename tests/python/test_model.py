"""Random fills, merges, growth, commits and selections, beside a boost-histogram in memory that gets the same.

Weights and samples are multiples of 1/4, so that sums are exact and every bin must be equal to the last bit, but of
means, which are quotients.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import boost_histogram as bh
import hist
import hugehist
import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from trusted import is_labelled, same_content

LABELS = ["a", "b", "ttH_ä", "d", "e" * 40]
RUNS = [1, -7, 2**31 - 1, 3]
OUTER: list[Any] = [
    hist.axis.StrCategory([], growth=True),
    hist.axis.StrCategory(["b"], growth=True),
    hist.axis.IntCategory([], growth=True),
    hist.axis.StrCategory(["a", "b"]),
]
INNER: list[Any] = [
    hist.axis.Regular(5, 0, 1),
    hist.axis.Regular(300, 0, 1),
    hist.axis.Regular(3, 0, 1, flow=False),
    hist.axis.Regular(4, 0, 1, circular=True),
    hist.axis.Regular(4, 0.01, 1, transform=hist.axis.transform.log),
    hist.axis.Variable([0, 0.1, 0.5, 2]),
    hist.axis.Integer(0, 3, overflow=False),
    hist.axis.Boolean(),
]
EVENTS = st.integers(0, 30)


def named(axis: Any, name: str) -> Any:
    from hugehist.axes import axis_from_uhi, axis_to_uhi

    return axis_from_uhi(axis_to_uhi(axis) | {"metadata": {"name": name}})


def means(random: np.random.Generator, shape: list[int], weighted: bool) -> Any:
    """Cells of 1 to 4 entries, as boost-histogram sets them: of any other numbers the file, which has variances in the
    place of sums of squares, cannot keep all."""
    counts = random.integers(1, 5, shape).astype(np.float64)
    value = random.integers(-4, 5, shape)
    variance = np.where(counts > 1, random.random(shape), 0)
    return np.stack([*([counts / 2, counts / 4] if weighted else [counts]), value, variance], axis=-1)


class Histograms(RuleBasedStateMachine):
    @initialize(
        outer=st.lists(st.sampled_from(OUTER), max_size=3),
        inner=st.lists(st.sampled_from(INNER), max_size=2),
        order=st.randoms(use_true_random=False),
        storage=st.sampled_from(["int64", "double", "weight", "mean", "weightedmean"]),
        compression=st.sampled_from(["zstd", "gzip", None]),
        memory=st.sampled_from(["8 MiB", "32 MiB"]),
    )
    def begin(
        self, outer: list[Any], inner: list[Any], order: Any, storage: str, compression: Any, memory: str
    ) -> None:
        axes = outer + inner
        assume(axes)
        order.shuffle(axes)
        self.axes = [named(axis, f"n{i}") for i, axis in enumerate(axes)]
        self.folder = Path(tempfile.mkdtemp(prefix="hugehist-model-"))
        self.memory = memory
        self.file = hugehist.File(self.folder / "f.h5", "w", memory=memory, threads=2)
        self.file.create("h", *self.axes, storage=storage, compression=compression)
        self.file.commit()
        self.model = hist.Hist(*self.axes, storage=storage)
        self.known = True  # whether the values of double storage are their variances
        self.ids: set[str] = set()
        self.committed = self.state()

    def state(self) -> tuple[Any, bool, set[str]]:
        return self.model.copy(), self.known, set(self.ids)

    def go_back(self) -> None:
        model, self.known, ids = self.committed
        self.model, self.ids = model.copy(), set(ids)

    def teardown(self) -> None:
        if hasattr(self, "file"):
            self.check()
            self.file.close()
            with hugehist.File(self.folder / "f.h5") as file:
                self.same(file["h"], self.model)
            shutil.rmtree(self.folder)

    # --- what is put in -------------------------------------------------------------------------------

    def columns(self, rng: np.random.Generator, events: int) -> dict[str, Any]:
        return {axis.name: self.column(axis, rng, events) for axis in self.axes}

    def column(self, axis: Any, rng: np.random.Generator, events: int) -> Any:
        if isinstance(axis, bh.axis.StrCategory):
            return rng.choice(LABELS[: int(rng.integers(1, 6))], events) if events else np.array([], "U1")
        if isinstance(axis, bh.axis.IntCategory):
            return rng.choice(RUNS[: int(rng.integers(1, 5))], events).astype(np.int64)
        if isinstance(axis, bh.axis.Boolean):
            return rng.integers(0, 2, events).astype(bool)
        if isinstance(axis, bh.axis.Integer):
            return rng.integers(-1, 5, events)
        return rng.uniform(-0.2, 1.3, events)

    def weights(self, rng: np.random.Generator, shape: Any) -> Any:
        if self.model.storage_type in (bh.storage.Int64, bh.storage.Mean):  # counts
            return rng.integers(1 if self.has_means else 0, 5, shape).astype(np.float64)
        if self.has_means:  # where weights cancel, or are 0, boost-histogram has NaN
            return rng.integers(1, 9, shape) / 4
        return rng.integers(-8, 9, shape) / 4

    @property
    def has_means(self) -> bool:
        return self.model.kind is bh.Kind.MEAN

    def samples(self, rng: np.random.Generator, shape: Any) -> dict[str, Any]:
        return {"sample": rng.integers(-8, 9, shape) / 4} if self.has_means else {}

    def same(self, mine: Any, theirs: Any) -> None:
        if self.has_means:
            same_content(mine, theirs, rtol=1e-9, atol=1e-9)
        else:
            same_content(mine, theirs)

    def name_labels(self, name: str, labels: list[Any]) -> None:
        """The model's axis gets labels without events."""
        axes = [type(axis)(labels, growth=True, name=name) if axis.name == name else axis for axis in self.model.axes]
        self.model = self.model + hist.Hist(*axes, storage=self.model.storage)

    def growing(self) -> list[Any]:
        return [axis for axis in self.axes if axis.traits.growth]

    @rule(seed=st.integers(0, 2**32), events=EVENTS, weighted=st.booleans(), threads=st.sampled_from([None, 1, 3]))
    def fill(self, seed: int, events: int, weighted: bool, threads: int | None) -> None:
        rng = np.random.default_rng(seed)
        columns = self.columns(rng, events)
        weight, sample = self.weights(rng, events) if weighted else None, self.samples(rng, events)
        self.file["h"].fill(**columns, weight=weight, threads=threads, **sample)
        self.known &= not weighted
        self.model.fill(**columns, weight=weight, **sample)

    @rule(seed=st.integers(0, 2**32), events=EVENTS, k=st.integers(1, 4), wide=st.booleans())
    def fill_variations(self, seed: int, events: int, k: int, wide: bool) -> None:
        rng = np.random.default_rng(seed)
        assume(self.growing())
        axis = self.growing()[int(rng.integers(len(self.growing())))]
        pool: list[Any] = LABELS if isinstance(axis, bh.axis.StrCategory) else RUNS
        labels = [pool[i] for i in rng.permutation(len(pool))[:k]]
        columns = self.columns(rng, events)
        weight, sample = self.weights(rng, (events, len(labels))), {}
        if self.has_means:
            sample = self.samples(rng, (events, len(labels)) if rng.integers(2) else events)
        for other in self.axes:
            if wide and not is_labelled(other) and rng.integers(2):
                rows = [self.column(other, rng, events) for _ in labels]
                columns[other.name] = np.stack(rows, axis=1)
        columns[axis.name] = hugehist.variations(labels) if rng.integers(2) or len(labels) == events else labels
        self.file["h"].fill(**columns, weight=weight, **sample)
        columns |= sample
        self.known = False
        for i, label in enumerate(labels):
            one = {name: value[:, i] if np.ndim(value) == 2 else value for name, value in columns.items()}
            one[axis.name] = np.full(events, label) if events else np.array([], type(label))
            self.model.fill(**one, weight=weight[:, i])
        self.name_labels(axis.name, labels)

    @rule(seed=st.integers(0, 2**32), events=EVENTS)
    def fill_masks(self, seed: int, events: int) -> None:
        rng = np.random.default_rng(seed)
        assume(self.growing())
        axis = self.growing()[int(rng.integers(len(self.growing())))]
        pool: list[Any] = LABELS if isinstance(axis, bh.axis.StrCategory) else RUNS
        masks = {label: rng.integers(0, 2, events).astype(bool) for label in pool[: int(rng.integers(1, 4))]}
        columns = self.columns(rng, events)
        weight, columns = self.weights(rng, events), columns | self.samples(rng, events)
        self.file["h"].fill(**(columns | {axis.name: masks}), weight=weight)
        self.known = False
        for label, mask in masks.items():
            one = {name: value[mask] for name, value in columns.items()}
            one[axis.name] = np.full(int(mask.sum()), label) if mask.any() else np.array([], type(label))
            self.model.fill(**one, weight=weight[mask])
        # Labels of other axes that no mask lets in exist as well: the column named them.
        for other in self.growing():
            if other.name == axis.name:
                self.name_labels(other.name, list(masks))
        self.accept_labels()

    def accept_labels(self) -> None:
        """Labels that our axes have beyond the model's carry no events."""
        for mine, theirs in zip(self.file["h"].axes, self.model.axes, strict=True):
            if theirs.traits.growth:
                self.name_labels(theirs.name, [label for label in mine if label not in set(theirs)])

    @rule(seed=st.integers(0, 2**32), events=EVENTS, way=st.sampled_from(["hist", "view", "delta", "bytes", "uhi"]))
    def merge(self, seed: int, events: int, way: str) -> None:
        rng = np.random.default_rng(seed)
        columns, weight = self.columns(rng, events) | self.samples(rng, events), self.weights(rng, events)
        part = hist.Hist(*self.axes, storage=self.model.storage).fill(**columns, weight=weight)
        h = self.file["h"]
        id = f"{way}{seed % 5}" if rng.integers(2) else None
        other: Any = part
        if way in ("delta", "bytes"):
            buffer = h.buffer().fill(**columns, weight=weight)
            other = buffer.delta()
            if way == "bytes":
                other = hugehist.Delta.from_bytes(other.to_bytes())
        elif way == "view":
            with hugehist.File.in_memory(memory="8 MiB") as scratch:
                scratch["p"] = part
                assert h.merge(scratch["p"][...], id) == (id not in self.ids)
        elif way == "uhi":
            other = part._to_uhi_()
        if way != "view":
            assert h.merge(other, id) == (id not in self.ids)
        if id in self.ids:
            return
        self.ids |= {id} if id else set()
        self.model = self.model + part
        self.known &= way == "uhi"  # the schema cannot say that weights were filled

    @rule(labels=st.lists(st.integers(0, 3), min_size=1, max_size=4), seed=st.integers(0, 99))
    def grow(self, labels: list[int], seed: int) -> None:
        assume(self.growing())
        axis = self.growing()[seed % len(self.growing())]
        pool: list[Any] = LABELS if isinstance(axis, bh.axis.StrCategory) else RUNS
        chosen = list(dict.fromkeys(pool[i] for i in labels))
        self.file["h"].grow(axis.name, chosen)
        self.name_labels(axis.name, chosen)

    @rule(data=st.data(), seed=st.integers(0, 2**32))
    def overwrite(self, data: st.DataObject, seed: int) -> None:
        index, shape = [], []
        for axis in self.model.axes:
            if len(axis) == 0:
                return
            if is_labelled(axis):  # their order may differ
                index.append(bh.loc(data.draw(st.sampled_from(list(axis)))))
                continue
            entry: Any = slice(None) if data.draw(st.booleans()) else data.draw(st.integers(0, len(axis) - 1))
            if isinstance(entry, slice):
                shape.append(data.draw(st.sampled_from([len(axis), axis.extent, 1])))
            index.append(entry)
        fields = self.model.view().dtype.names  # None: cells are plain numbers
        random = np.random.default_rng(seed)
        if self.model.kind == "MEAN":
            value = means(random, shape, weighted=len(fields) == 4)
        else:
            value = self.weights(random, (*shape, len(fields)) if fields else tuple(shape))
        self.model[tuple(index)] = value
        self.file["h"][tuple(index)] = value

    # --- states -----------------------------------------------------------------------------------------

    @rule()
    def commit(self) -> None:
        self.file.commit()
        self.committed = self.state()

    @rule()
    def discard(self) -> None:
        self.file.discard()
        self.go_back()

    @rule(clean=st.booleans())
    def reopen(self, clean: bool) -> None:
        if clean:
            self.commit()
            self.file.close()
        else:
            self.file.__exit__(ValueError, ValueError("stop"), None)
            self.go_back()
        self.file = hugehist.File(self.folder / "f.h5", "r+", memory=self.memory, threads=2)

    # --- what comes out ---------------------------------------------------------------------------------

    @rule()
    def check(self) -> None:
        h = self.file["h"]
        self.same(h, self.model)
        if self.model.storage_type is bh.storage.Double:
            assert (h.variances() is not None) == self.known
        assert set(self.file.ledger) == self.ids

    @rule(data=st.data())
    def select(self, data: st.DataObject) -> None:
        ours, model = self.file["h"], self.model
        index: dict[str, Any] = {}
        for axis in model.axes:
            if is_labelled(axis):
                labels = list(axis)
                choices: list[Any] = [sum]
                if labels:
                    some = data.draw(st.lists(st.sampled_from(labels), unique=True, min_size=1))
                    choices += [bh.loc(some[0]), [bh.loc(label) for label in some]]
                index[axis.name] = data.draw(st.sampled_from(choices))
            elif not axis.traits.circular:
                begin = data.draw(st.integers(0, len(axis) - 1))
                end = data.draw(st.integers(begin + 1, len(axis)))
                part = slice(begin, end, data.draw(st.sampled_from([None, sum])))
                index[axis.name] = data.draw(st.sampled_from([begin, part, sum, slice(None)]))
        mine, theirs = ours[index], model[index]
        if not hasattr(theirs, "axes"):
            assert self.close(mine, theirs)
            return
        self.same(mine, theirs)
        names = data.draw(st.permutations([axis.name for axis in theirs.axes]))
        kept = names[: data.draw(st.integers(1, len(names)))]
        self.same(mine.project(*kept), theirs.project(*kept))

    def close(self, mine: Any, theirs: Any) -> bool:
        """One bin."""
        if not self.has_means:
            return bool(mine == theirs)
        assert type(mine) is type(theirs)
        fields = [name for name in dir(theirs) if name.startswith(("count", "value", "sum_of", "_sum_of"))]
        return all(np.isclose(getattr(mine, name), getattr(theirs, name), rtol=1e-9, atol=1e-9) for name in fields)


TestHistograms = Histograms.TestCase
