"""What moving work between sites does, held against every site doing its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.asset import Mode
from dispatch.fleet.members import Member
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.kinds.movable_work import MovableWork, path_name
from dispatch.fleet.shared.plan import Method, SharedPlan, plan_shared
from dispatch.signals import Array
from dispatch.solver.highs import Limits

_SOME_KWH = 0.05


@dataclass(frozen=True, eq=False)
class Moved:
    """Work that is done elsewhere, and what that saves.

    Attributes:
        paths: (origin, destination) of each.
        kwh: (path,) IT energy.
        money_alone, co2_alone_kg, cost_alone: money, emissions and objective where each site does its own.
        money, co2_kg, cost: with moving.
        bound: proven lower bound of the cost with moving: no plan saves more than cost_alone − bound.
    """

    paths: tuple[tuple[str, str], ...]
    kwh: Array
    currency: str
    money_alone: float
    co2_alone_kg: float
    cost_alone: float
    money: float
    co2_kg: float
    cost: float
    bound: float

    @property
    def saved(self) -> float:
        """Of the objective: money, carbon at its price, penalties."""
        return self.cost_alone - self.cost

    @property
    def gap(self) -> float:
        """How much more could be saved, as a share of what is."""
        return (self.cost - self.bound) / max(abs(self.saved), 1e-9)

    def table(self) -> dict[str, list[Any]]:
        """Path by path, for a file."""
        return {
            "origin": [origin for origin, _ in self.paths],
            "destination": [destination for _, destination in self.paths],
            "moved_kwh": self.kwh.tolist(),
        }

    def words(self) -> list[str]:
        """In short."""
        unit, carbon = self.currency, self.co2_alone_kg - self.co2_kg
        pairs = zip(self.paths, self.kwh, strict=True)
        moved = [f"{kwh:,.0f} kWh from {o} to {d}" for (o, d), kwh in pairs if kwh > _SOME_KWH]
        money = f"{self.money_alone - self.money:,.2f} {unit}"
        most = f"at most {self.cost_alone - self.bound:,.2f} {unit} could be saved"
        return [
            f"work done elsewhere: {', '.join(moved) if moved else 'none'}",
            f"against each doing its own: {money} saved, {abs(carbon):,.1f} kg {'less' if carbon >= 0 else 'more'} CO2",
            f"together, carbon at its price: {self.saved:,.2f} {unit}; {most}",
        ]


def moved(
    members: Sequence[Member],
    shared: Sequence[Shared],
    plan: SharedPlan,
    *,
    state: Mapping[str, Mapping[str, float]] | None = None,
    limits: Limits | None = None,
    mode: Mode | None = None,
    method: Method | None = None,
) -> Moved:
    """A plan with moving held against one under everything else that is shared.

    Raises:
        SolveError: without moving nothing keeps the hard limits.
    """
    others = [thing for thing in shared if not isinstance(thing, MovableWork)]
    own = plan_shared(members, others, plan.fleet.scope.horizon, state=state, limits=limits, mode=mode, method=method)
    paths, kwh = [], []
    for thing in (t for t in shared if isinstance(t, MovableWork)):
        mine = thing.members(plan.fleet.scope.names, plan.fleet.scope.labels)
        names = tuple(name for name, here in zip(plan.fleet.scope.names, mine, strict=True) if here)
        for path in thing.used(names):
            at = [
                column
                for column, (owner, what) in enumerate(
                    zip(plan.made.facts.belongs, plan.made.facts.column, strict=True)
                )
                if owner == thing.name and what == path_name(path)
            ]
            paths.append((path.origin, path.destination))
            kwh.append(float(plan.solution.y[at] @ plan.fleet.scope.horizon.hours))
    return Moved(
        tuple(paths),
        np.array(kwh),
        plan.fleet.scope.currency,
        own.money,
        own.co2_kg,
        own.solution.objective,
        plan.money + _paths_money(plan),
        plan.co2_kg,
        plan.solution.objective,
        plan.solution.bound,
    )


def _paths_money(plan: SharedPlan) -> float:
    """What moving itself costs."""
    names = {thing.name for thing in plan.shared if isinstance(thing, MovableWork)}
    mine = np.array([owner in names for owner in plan.made.facts.belongs], bool)
    return float(plan.made.coupling.rest.cost[mine] @ plan.solution.y[mine])
