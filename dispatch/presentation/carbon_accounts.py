"""The ledgers of a finished plan side by side: its carbon by meter and step, by every method.

Each answers a question of its own, and says it. Of a park on a network there are three traced ones: one inside the
park, which shares out exactly what the plan counts, and two on the AC flows, in which power comes from the network as
it really is, with what other customers feed in and take and with the losses that it really has. Marginal rates are
those around the published path alone: with its on/off decisions kept, the other scenarios left aside.

What a method cannot say of a plan is left out with its reason, never stood in for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from dispatch.asset import Mode
from dispatch.carbon.carriers import NAMES, traced
from dispatch.carbon.coalitions import DEMAND, path
from dispatch.carbon.ledger import Ledger, Ledgers
from dispatch.carbon.marginal_ledger import marginal_ledgers
from dispatch.carbon.market import planned_market
from dispatch.carbon.on_network import on_network
from dispatch.carbon.operation import Conventions, Operation
from dispatch.carbon.shares import game_ledger
from dispatch.errors import DataError, ParkwattError
from dispatch.network.carbon_flows import grid_intensity, placed_flows
from dispatch.plan import Plan
from dispatch.problem import Problem
from dispatch.schedule import Schedule

INSIDE = "traced in the park"
_INSIDE_ASKED = "How is the carbon that this plan counts shared among all that it supplies, as power flows in the park?"
# A daily plan does not wait for the 4 096 dispatches of twelve players; of more than these it draws orders.
_MOST_EXACT, _ORDERS, _MOST_PLAYERS = 6, 8, 16


def accounts(plan: Plan, conventions: Conventions | None = None) -> Ledgers:
    """All ledgers of the published path, in the order in which a page shows them.

    Args:
        conventions: how stores hold carbon and how outputs share it; those of the park's file by default.
    """
    operation = Operation.from_schedule(plan.site, plan.schedule, 0, conventions)
    methods: dict[str, Callable[[], Iterator[Ledger]]] = {
        "traced": lambda: _traced(plan, operation),
        "marginal": lambda: _marginal(plan),
        "market-based": lambda: iter(planned_market(plan.site, plan.schedule, operation).ledgers),
        "game": lambda: _game(plan),
    }
    made: list[Ledger] = []
    left_out = {}
    for name, method in methods.items():
        try:
            made += method()
        except ParkwattError as error:
            left_out[name] = str(error)
    return Ledgers(tuple(made), left_out)


def _traced(plan: Plan, operation: Operation) -> Iterator[Ledger]:
    """Losses apart and borne; on a network on its flows, and one inside the park before them."""
    placed = None
    if plan.network is not None and plan.grid is not None:
        placed = placed_flows(plan.site, plan.schedule, plan.network, plan.grid.kvar)
    if placed is None:
        yield from (traced(operation, losses) for losses in NAMES)
        return
    yield replace(traced(operation, "borne"), name=INSIDE, question=_INSIDE_ASKED)
    standing = {asset.name for asset in plan.site.assets if asset.is_network}
    on = on_network(operation, placed, standing, grid_intensity(plan.site, plan.schedule))
    yield from (traced(on, losses) for losses in NAMES)


def _marginal(plan: Plan) -> Iterator[Ledger]:
    """The mean, one kWh less and one kWh more: of the published path alone, or of all where a network limited it."""
    site, schedule = plan.site, plan.schedule
    limited = plan.grid is not None and (plan.grid.before > 0 or schedule.loss_kw is not None)
    if plan.problem is not None and (limited or schedule.scenarios == 1):
        yield from marginal_ledgers(plan.problem, schedule)
        return
    mode = plan.problem.mode if plan.problem is not None else Mode(site.planning.commitment)
    yield from marginal_ledgers(Problem(site, path(schedule.inputs, 0), mode), _published(schedule))


def _published(schedule: Schedule) -> Schedule:
    """Scenario 0 as a schedule of its own."""
    kinds = {}
    for kind, solved in schedule.kinds.items():
        first = slice(len(solved.rows.members))
        own: dict[str, Any] = {"rows": replace(solved.rows, scenarios=1)}
        for part in fields(solved):
            value = getattr(solved, part.name)
            if isinstance(value, np.ndarray):
                own[part.name] = value[first]
            elif isinstance(value, Mapping):
                own[part.name] = {name: array[first] for name, array in value.items()}
        kinds[kind] = replace(solved, **own)
    sums = {name: getattr(schedule, name)[:1] for name in ("money", "co2_kg", "penalty")}
    loss_kw = None if schedule.loss_kw is None else schedule.loss_kw[:1]
    return replace(schedule, inputs=path(schedule.inputs, 0), weights=np.ones(1), kinds=kinds, loss_kw=loss_kw, **sums)


def _game(plan: Plan) -> Iterator[Ledger]:
    """Exact for few players, sampled for more.

    Raises:
        DataError: nobody has a demand of its own, or very many do.
    """
    count = sum(any(need.quantity == DEMAND for need in asset.needs) for asset in plan.site.assets)
    if not 0 < count <= _MOST_PLAYERS:
        raise DataError(
            f"{count} loads have a demand of their own; accepted: 1 to {_MOST_PLAYERS}, in a day's plan; "
            "the library's game_ledger takes groups of them as players"
        )
    if count <= _MOST_EXACT:
        yield game_ledger(plan.site, plan.schedule)
    else:
        yield game_ledger(plan.site, plan.schedule, method="sampled", permutations=_ORDERS)
