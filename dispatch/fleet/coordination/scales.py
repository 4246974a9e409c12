"""Of what order the prices of shared rows are, before anybody was asked."""

from __future__ import annotations

import numpy as np

from dispatch.fleet.coordination.rounds import Replies
from dispatch.fleet.coupling import Coupling
from dispatch.signals import Array

DEAR, DEARER = 1e2, 1e6  # times what a unit of a row costs the fleet: at first, and where that leaves rows passed


def scales(coupling: Coupling, first: Replies, given: float | None, dear: float = DEAR) -> tuple[Array, Array]:
    """(K,) what passing a row costs per unit, and how far prices may move at first.

    What the fleet pays per unit of a row, shared between the rows of about its size, is the order of a price.
    """
    used = np.abs(first.effect.sum(axis=0))
    sides = [np.where(np.isfinite(s), np.abs(s), 0.0) for s in (coupling.lower, coupling.upper)]
    size = np.maximum(np.maximum(used, np.maximum(*sides)), 1e-6)
    _, kind, count = np.unique(magnitude(size), return_inverse=True, return_counts=True)
    paid = max(float(np.abs(first.cost).sum()), 1e-6) / size
    excess = dear * paid if given is None else np.full(size.size, given)
    return excess, np.minimum(paid / count[kind], 0.5 * excess)


def magnitude(values: Array) -> Array:
    """The nearest power of ten's exponent."""
    return np.asarray(np.round(np.log10(values)))
