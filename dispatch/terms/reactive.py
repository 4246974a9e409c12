r"""Reactive power as a decision: what free inverters add to a problem, and what all plant injects at a bus.

A free inverter's q is held inside the regular polygon with corners on the circle :math:`p^2 + q^2 = S^2`,

.. math::
    p \cos θ_k + q \sin θ_k ≤ S \cos(π/K), \quad θ_k = (2k + 1) π / K, \quad k = 0 … K-1

so that (±S, 0) are corners and full active power stays possible; with K = 16 the polygon reaches 98 % of the circle
everywhere. A least power factor of plant that only feeds in adds :math:`|q| ≤ \tan φ \, p`. The audit holds the circle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from dispatch.asset import Rows
from dispatch.fields.inverter import FreeReactive
from dispatch.part import Part
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import cvxpy as cp

_CORNERS = 16


@dataclass(frozen=True)
class Decided:
    """Free reactive power of one kind.

    Attributes:
        members: positions of its free members.
        injected, drawn: (scenario · free member, step) non-negative; what counts is the difference.
        bus: (scenario · free member,) where, among scenario-stacked buses.
        constraints: the capability of each.
    """

    members: tuple[int, ...]
    injected: cp.Variable
    drawn: cp.Variable
    bus: np.ndarray
    constraints: tuple[cp.Constraint, ...]
    cost_per_kvarh: Array

    @property
    def kvar(self) -> Any:
        """(scenario · free member, step) injected, net."""
        return self.injected - self.drawn


def decide(rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], horizon: Horizon) -> dict[str, Decided]:
    """By kind, the reactive power that a plan is free to choose; kinds without a free member are left out."""
    made = {}
    for kind, own in rows.items():
        free = tuple(place for place, m in enumerate(own.members) if isinstance(m.reactive, FreeReactive))
        if free:
            made[kind] = _of_kind(own, parts[kind], free, horizon)
    return made


def _of_kind(rows: Rows[Any], part: Part, free: tuple[int, ...], horizon: Horizon) -> Decided:
    import cvxpy as cp

    inverter = rows.members[0].inverter
    at = np.array([s * len(rows.members) + place for s in range(rows.scenarios) for place in free])
    port = part.ports[inverter.port]
    power = csr_array((np.ones(at.size), (np.arange(at.size), at)), shape=(at.size, rows.count)) @ port.power_kw
    shape = (at.size, horizon.steps)
    up, down = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
    kvar = up - down
    rated = np.array(np.broadcast_to(_field(rows, at, "rated_kva"), shape))
    angles = (2 * np.arange(_CORNERS) + 1) * np.pi / _CORNERS
    if inverter.feeds_only:  # the other half is never reached
        angles = angles[np.cos(angles) > 0]
    inside = [
        np.cos(angle) * power + np.sin(angle) * kvar <= np.cos(np.pi / _CORNERS) * rated for angle in angles.tolist()
    ]
    limits = (*inside, *_power_factor(rows, at, power, kvar))
    return Decided(free, up, down, port.bus[at], limits, _field(rows, at, "cost_per_kvarh")[:, 0])


def _power_factor(rows: Rows[Any], at: np.ndarray, power: Any, kvar: Any) -> tuple[Any, ...]:
    """|q| ≤ tan φ · p of the rows that have a least power factor."""
    import cvxpy as cp

    least = _field(rows, at, "power_factor_min")[:, 0]
    mine = np.flatnonzero(np.isfinite(least))
    if not mine.size:
        return ()
    tangent = np.tan(np.arccos(least[mine]))[:, None] * np.ones((1, kvar.shape[1]))
    most = cp.multiply(tangent, power[mine])
    return kvar[mine] <= most, -kvar[mine] <= most


def _field(rows: Rows[Any], at: np.ndarray, name: str) -> Array:
    """(free row, 1) a number of the free members; NaN where it is None."""
    values = [getattr(rows.members[row % len(rows.members)].reactive, name) for row in at]
    return np.array([np.nan if v is None else v for v in values], float)[:, None]


def injected(
    decided: Mapping[str, Decided], rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], bus: int, buses: int
) -> Any:
    """(scenario, step) reactive power injected at a site bus: by power factor and by decision; None where it is zero.

    Args:
        bus: position of the bus among the site's ``buses``.
    """
    terms = []
    for kind, own in rows.items():
        factor = np.array([m.kvar_per_kw for m in own.members] * own.scenarios)
        if own.members[0].is_network or not factor.any():
            continue
        for port in parts[kind].ports.values():
            weight = np.where(port.bus % buses == bus, factor, 0.0)
            if weight.any():
                terms.append(_sums(own.scenario, weight, own.scenarios) @ port.power_kw)
    for kind, free in decided.items():
        here = (free.bus % buses == bus).astype(float)
        if here.any():
            terms.append(_sums(free.bus // buses, here, rows[kind].scenarios) @ free.kvar)
    return sum(terms[1:], terms[0]) if terms else None


def _sums(scenario: np.ndarray, weight: Array, scenarios: int) -> csr_array:
    """(scenario, row) weights."""
    return csr_array((weight, (scenario, np.arange(scenario.size))), shape=(scenarios, scenario.size))


def cost(decided: Mapping[str, Decided], buses: int, scenarios: int, hours: Array) -> Any:
    """(scenario,) what the objective counts for reactive power, so that none is given for nothing, or None."""
    terms = [
        _sums(free.bus // buses, free.cost_per_kvarh, scenarios) @ ((free.injected + free.drawn) @ hours)
        for free in decided.values()
    ]
    return sum(terms[1:], terms[0]) if terms else None


def settle(decided: Mapping[str, Decided]) -> None:
    """Unity power factor, for schedules that no solver makes."""
    for free in decided.values():
        free.injected.value = free.drawn.value = np.zeros(free.drawn.shape)


def chosen(decided: Mapping[str, Decided], rows: Mapping[str, Rows[Any]]) -> dict[str, Array]:
    """By asset, (scenario, step) the present values."""
    out = {}
    for kind, free in decided.items():
        kvar = free.injected.value - free.drawn.value
        for place, member in enumerate(free.members):
            out[rows[kind].members[member].name] = np.array(kvar[place :: len(free.members)])
    return out
