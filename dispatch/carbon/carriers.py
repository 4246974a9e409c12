r"""Emission flow through all carriers of a park and its stores: which carbon physically reached each meter.

Proportional sharing at every bus, whatever it carries: what leaves a bus has the bus's mix. With C_b the carbon that
comes to bus b and P_b all power that leaves it, a port that takes p gets C_b p / P_b. Plant hands on what it takes,
with its own emissions, by its outputs (:mod:`dispatch.carbon.operation`); stores hand it on later. All steps stand side
by side in one sparse system (:mod:`dispatch.carbon.chain`).

Losses, two conventions. *Apart*: a branch of the network, a pipe or a converter keeps the carbon of what it loses, on a
meter of its own. *Borne*: it hands on all carbon, so that what arrives is dearer and loads, exports and products add up
to everything. A store's losses follow the store's rule in both: a tank's are its owner's, what is carried is borne.

In every step sources bring as much carbon as meters get: Σ emissions = Σ loads, exports, products, losses, standby +
growth of what stores hold. Sources: Zhou et al. 2012; Kang et al., IEEE Trans. Smart Grid 6 (5), 2015; Bialek 1996.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from dispatch.carbon.build import Builder, Read
from dispatch.carbon.chain import Carried, Start
from dispatch.carbon.ledger import Content, Ledger, Meter
from dispatch.carbon.operation import Operation
from dispatch.errors import DataError
from dispatch.signals import Array

Bearing = Literal["apart", "borne"]
NAMES: Mapping[Bearing, str] = {"apart": "traced, losses apart", "borne": "traced, losses borne by loads"}
_ASKED: Mapping[Bearing, str] = {
    "apart": "Which carbon physically reached this meter, with the carbon of losses on the lines that lost it?",
    "borne": "Which carbon physically reached this meter, with the losses on the way to it?",
}
_ALWAYS = frozenset({"load", "product", "store"})
_NOTHING = 1e-9


def traced(
    operation: Operation,
    losses: Bearing = "apart",
    *,
    start_kg_per_kwh: float | Mapping[str, float] | None = None,
) -> Ledger:
    """The traced ledger of an operation.

    Args:
        losses: who bears those of links and of the network.
        start_kg_per_kwh: intensity of what stores hold at the start, of all or by name; by default and for a store
            that is not named what its stock says, and else that of what it is charged with, as if the days before had
            been like this one.

    Raises:
        DataError: a bus does not balance, or a store is named that does not exist.
    """
    operation.require_balance()
    made = Builder(operation, losses == "borne")
    carried = made.chain.carried(started(operation, made, start_kg_per_kwh))
    reads = [*made.reads, *_held(made, carried)]
    energy = np.array([read.energy_kwh for read in reads])
    carbon = np.array([read.carbon_kg(carried.node_kg) for read in reads])
    shown = [k for k, read in enumerate(reads) if _counts(read.meter, energy[k], carbon[k])]
    return Ledger(
        name=NAMES[losses],
        question=_ASKED[losses],
        horizon=operation.horizon,
        meters=tuple(reads[k].meter for k in shown),
        energy_kwh=energy[shown].reshape(-1, operation.horizon.steps),
        carbon_kg=carbon[shown].reshape(-1, operation.horizon.steps),
        emitted_kg=operation.emitted_kg,
        stores={
            unit.name: Content(stock.energy_kwh, carried.held_kg[k])
            for k, unit in enumerate(made.stores)
            if (stock := unit.stock) is not None
        },
        buses=dict(zip(operation.carriers, _intensity(made, carried), strict=True)),
    )


def _counts(meter: Meter, energy_kwh: Array, carbon_kg: Array) -> bool:
    """Loads, products and stores always have a meter; others where anything is on it."""
    return meter.role in _ALWAYS or max(np.abs(energy_kwh).max(), np.abs(carbon_kg).max()) > _NOTHING


def _intensity(made: Builder, carried: Carried) -> Array:
    """(bus, T) of what leaves; NaN of a bus that nothing leaves."""
    out, carbon = made.leaving_kw * made.hours, carried.node_kg[: len(made.leaving_kw)]
    return np.divide(carbon, out, out=np.full_like(out, np.nan), where=out > 0)


def _held(made: Builder, carried: Carried) -> list[Read]:
    """What each store's content gains, and what it loses."""
    reads: list[Read] = []
    for k, unit in enumerate(made.stores):
        inner = made.inner[k]
        reads.append(Read(inner.meter, inner.gained_kwh, own_kg=np.diff(carried.held_kg[k])))
        standing = np.zeros(made.hours.size)
        if not made.chain.stores.queue[k]:
            standing = carried.held_kg[k, :-1] - carried.put_in_kg[k]
        lost = Meter(f"{unit.name}: losses", unit.name, unit.kind, inner.meter.bus, inner.meter.carrier, "loss")
        reads.append(Read(lost, inner.lost_kwh, inner.lost_at, inner.lost, standing))
    return reads


def started(operation: Operation, made: Builder, said: float | Mapping[str, float] | None) -> Start:
    """What stores hold at the start, as far as it is stated."""
    names = [unit.name for unit in made.stores]
    if isinstance(said, Mapping) and (unknown := sorted(set(said) - set(names))):
        raise DataError(f"start_kg_per_kwh: no store '{unknown[0]}'; there are {', '.join(names) or 'none'}")
    own = {unit.name: unit.stock.start_kg_per_kwh for unit in made.stores if unit.stock is not None}
    told = said if isinstance(said, Mapping) else dict.fromkeys(names, said) if said is not None else {}
    stated = np.array([told.get(name, own[name]) for name in names])
    energy = np.array([inner.start_kwh for inner in made.inner])
    gained = np.array([inner.charged_kwh for inner in made.inner])
    return Start(energy, gained, stated, _mean(operation))


def _mean(operation: Operation) -> float:
    """Of all that sources and connections give over the whole time."""
    sources = [u for u in operation.units if u.role in ("source", "connection")]
    given = sum(float(np.maximum(s.power_kw, 0) @ operation.horizon.hours) for u in sources for s in u.ports.values())
    return sum(float(u.emitted_kg.sum()) for u in sources) / given if given > 0 else 0.0
