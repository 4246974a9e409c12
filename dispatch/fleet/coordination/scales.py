"""Of what order the prices of shared rows are, before anybody was asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dispatch.fleet.coordination.portions import Structure
from dispatch.fleet.coordination.rounds import Replies
from dispatch.fleet.coupling import Coupling
from dispatch.signals import Array

_NEXT_TO_NOTHING = 0.01
DEAR, DEARER = 1e2, 1e6  # times what a unit of a row costs the fleet: at first, and where that leaves rows passed


def typical_cost(structures: Sequence[Structure], coupling: Coupling) -> float:
    """What a unit of something costs, in the middle of what costs anything, of a site of each structure and the rest.

    The order of a price where the fleet pays next to nothing on the whole.
    """
    costs = np.concatenate([coupling.rest.cost, *(one.stack.matrices(0).cost for one in structures if len(one.stack))])
    some = np.abs(costs[costs != 0])
    return float(np.median(some)) if some.size else 0.0


def scales(
    coupling: Coupling, first: Replies, given: float | None, dear: float = DEAR, typical: float = 0.0
) -> tuple[Array, Array]:
    """(K,) what passing a row costs per unit, and how far prices may move at first.

    What the fleet pays per unit of a row, shared between the rows of about its size, is the order of a price.
    """
    used = np.abs(first.effect.sum(axis=0))
    sides = [np.where(np.isfinite(s), np.abs(s), 0.0) for s in (coupling.lower, coupling.upper)]
    size = np.maximum(np.maximum(used, np.maximum(*sides)), 1e-6)
    _, kind, count = np.unique(magnitude(size), return_inverse=True, return_counts=True)
    paid = max(float(np.abs(first.cost).sum()), 1e-6) / size
    paid = np.where(paid < _NEXT_TO_NOTHING * typical, typical, paid)
    excess = dear * paid if given is None else np.full(size.size, given)
    return excess, np.minimum(paid / count[kind], 0.5 * excess)


def magnitude(values: Array) -> Array:
    """The nearest power of ten's exponent."""
    return np.asarray(np.round(np.log10(values)))
