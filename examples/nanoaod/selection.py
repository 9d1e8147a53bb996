"""From events to what is filled: objects, categories, observables, weights.

One function, `fills`, turns events into calls of `Histogram.fill`. The processor hands them to
hugehist; the check takes the same events and fills plain hist in loops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import awkward as ak
import hist
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Array = NDArray[np.float64]

MUON_SCALE = {"muon_pt_up": 1.002, "muon_pt_down": 0.998}
WEIGHT_BRANCHES = {
    "pdf": "LHEPdfWeight",
    "scale": "LHEScaleWeight",
    "ps": "PSWeight",
    "reweight": "LHEReweightingWeight",
}
Z_MASS = 91.19  # GeV
B_TAG = 0.3  # about the medium working point of DeepJet


def category(name: str) -> hist.axis.StrCategory:
    return hist.axis.StrCategory([], growth=True, name=name)


def axes(name: str) -> tuple[list[Any], Any]:
    """The axes and the storage of one histogram of the analysis."""
    if name == "n_jets":  # a count of events, without weights
        counted = hist.axis.Integer(0, 16, name="n_jets", label="Number of jets")
        return [category("dataset"), category("category"), counted], hist.storage.Int64()
    outer = [category("dataset"), category("category"), category("systematic")]
    return [*outer, OBSERVABLES[name]], hist.storage.Weight()


OBSERVABLES: dict[str, Any] = {
    "ht": hist.axis.Regular(60, 0, 1500, name="ht", label=r"$H_T$ [GeV]"),
    "m_mumu": hist.axis.Regular(75, 0, 150, name="m_mumu", label=r"$m(\mu\mu)$ [GeV]"),
    "mu_pt": hist.axis.Regular(100, 0, 200, name="mu_pt", label=r"Leading muon $p_T$ [GeV]"),
}
HISTOGRAMS = (*OBSERVABLES, "n_jets")


@dataclass(frozen=True)
class Selected:
    """What one choice of the muon scale makes of the events."""

    masks: dict[str, Mask]
    observables: dict[str, Array]
    defined: dict[str, Mask]  # where an observable exists

    def masks_for(self, observable: str) -> dict[str, Mask]:
        there = self.defined[observable]
        return {name: mask & there for name, mask in self.masks.items()}


class Fill(NamedTuple):
    """One call: `file[histogram].fill(**arguments)`."""

    histogram: str
    arguments: dict[str, Any]


def fills(events: Any) -> Iterator[Fill]:
    dataset = events.metadata["dataset"]
    nominal = select(events, 1.0)
    labels, weight = event_weights(events)
    for name in OBSERVABLES:
        yield Fill(
            name,
            {
                "dataset": dataset,
                "category": nominal.masks_for(name),
                "systematic": labels,
                name: nominal.observables[name],
                "weight": weight,
            },
        )
    if "genWeight" in events.fields:
        shifted = [select(events, factor) for factor in MUON_SCALE.values()]
        for name in OBSERVABLES:
            masks = [choice.masks_for(name) for choice in shifted]
            yield Fill(
                name,
                {
                    "dataset": dataset,
                    "category": {key: np.stack([m[key] for m in masks], axis=1) for key in masks[0]},
                    "systematic": list(MUON_SCALE),
                    name: np.stack([s.observables[name] for s in shifted], axis=1),
                    "weight": np.repeat(weight[:, :1], len(MUON_SCALE), axis=1),
                },
            )
    n_jets = nominal.observables["n_jets"].astype(np.int64)
    yield Fill("n_jets", {"dataset": dataset, "category": nominal.masks, "n_jets": n_jets})


def event_weights(events: Any) -> tuple[list[str], Array]:
    """Labels, and weights of shape (events, labels): the nominal one and all that the file carries.

    NanoAOD stores a variation as its ratio to the nominal weight. How many there are differs by file.
    """
    if "genWeight" not in events.fields:
        return ["nominal"], np.ones((len(events), 1))
    nominal = ak.to_numpy(events.genWeight).astype(np.float64)
    labels, columns = ["nominal"], [nominal[:, None]]
    for prefix, branch in WEIGHT_BRANCHES.items():
        if branch in events.fields:
            ratios = ak.to_numpy(ak.to_regular(events[branch], axis=1)).astype(np.float64)
            labels += [f"{prefix}_{i:03d}" for i in range(ratios.shape[1])]
            columns.append(nominal[:, None] * ratios)
    return labels, np.concatenate(columns, axis=1)


def select(events: Any, muon_scale: float) -> Selected:
    """Categories and observables with the muons' pT multiplied by `muon_scale`."""
    good = events.Muon[events.Muon.mediumId & (abs(events.Muon.eta) < 2.4)]
    jets = events.Jet[(events.Jet.pt > 30) & (abs(events.Jet.eta) < 2.5)]
    jets = jets[_isolated(jets, good[good.pt > 15])]
    pt = good.pt * muon_scale
    muons, pt = good[pt > 15], pt[pt > 15]

    pair = ak.pad_none(muons, 2, clip=True)
    mass = _number((pair[:, 0] + pair[:, 1]).mass) * muon_scale
    opposite = _number(pair[:, 0].charge * pair[:, 1].charge) < 0
    lead, second = (_number(ak.pad_none(pt, 2, clip=True)[:, i]) for i in (0, 1))
    n_jets = _number(ak.num(jets))
    n_b = _number(ak.sum(jets.btagDeepFlavB > B_TAG, axis=1))
    n_e = _number(ak.sum((events.Electron.pt > 20) & (events.Electron.cutBased >= 3), axis=1))
    met = _number(events.PuppiMET.pt)

    muon, dimuon = lead > 25, (lead > 25) & (second > 15) & opposite
    near_z = abs(mass - Z_MASS) < 10
    masks = {
        "inclusive": np.ones(len(events), dtype=bool),
        "no_muon": ~muon,
        "muon": muon,
        "muon_25_35": muon & (lead < 35),
        "muon_35_50": (lead >= 35) & (lead < 50),
        "muon_50_up": lead >= 50,
        "muon_electron": muon & (n_e > 0),
        "muon_met50": muon & (met > 50),
        "muon_4j": muon & (n_jets >= 4),
        "muon_4j_2b": muon & (n_jets >= 4) & (n_b >= 2),
        "dimuon": dimuon,
        "dimuon_z": dimuon & near_z,
        "dimuon_off_z": dimuon & ~near_z,
        "dimuon_2j": dimuon & (n_jets >= 2),
        "jets_4": n_jets >= 4,
        "jets_6": n_jets >= 6,
        "b_0": n_b == 0,
        "b_1": n_b == 1,
        "b_2": n_b >= 2,
        "met_100": met > 100,
    }
    ht = _number(ak.sum(jets.pt, axis=1))
    return Selected(
        masks,
        {"ht": ht, "m_mumu": mass, "mu_pt": lead, "n_jets": n_jets},
        {"ht": masks["inclusive"], "m_mumu": dimuon, "mu_pt": lead > 0},
    )


def _isolated(jets: Any, muons: Any) -> Any:
    """Jets that are no muon: none within 0.4 in (η, φ)."""
    near = jets.metric_table(muons, axis=1) < 0.4
    return ~ak.any(near, axis=2)


def _number(values: Any) -> Array:
    """A NumPy array; 0 where an event lacks the object."""
    return np.asarray(ak.to_numpy(ak.fill_none(values, 0)), dtype=np.float64)
