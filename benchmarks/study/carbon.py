"""A day's carbon in the four ledgers: on what the park uses and makes, by each method of :mod:`dispatch.carbon`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dispatch.asset import Mode
from dispatch.carbon.carriers import traced
from dispatch.carbon.ledger import Ledger
from dispatch.carbon.marginal_ledger import marginal_ledger
from dispatch.carbon.market import planned_market
from dispatch.carbon.operation import Operation
from dispatch.carbon.shares import game_ledger
from dispatch.errors import DataError, ParkwattError
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.site import Site

ROLES = ("load", "product", "standby")
"""Meters at which carbon is of the park's own use; what is exported, stored or other parties' is not."""


def accounts(site: Site, schedule: Schedule) -> tuple[dict[str, float | None], dict[str, str]]:
    """Kilograms by metric, None where a method cannot say, and why it cannot."""
    try:
        problem, schedule = whole(site, schedule)
    except DataError as error:
        return {}, {"accounts": str(error)}
    operation = Operation.from_schedule(site, schedule)
    ways: dict[str, Callable[[], Ledger]] = {
        "co2_traced_kg": lambda: traced(operation, "borne"),
        "co2_marginal_kg": lambda: marginal_ledger(problem, schedule),
        "co2_contracts_kg": lambda: planned_market(site, schedule, operation).hour,
        "co2_game_kg": lambda: game_ledger(site, schedule),
    }
    out: dict[str, float | None] = {}
    why: dict[str, str] = {}
    for name, way in ways.items():
        try:
            out[name] = used_kg(way())
        except ParkwattError as error:
            out[name], why[name] = None, str(error)
    return out, why


def whole(site: Site, executed: Schedule) -> tuple[Problem, Schedule]:
    """The problem of what came with the executed decisions in it, and the schedule that it reads from them.

    What was executed is kept by steps: the rest, such as what a store lacks at its end, follows from it.

    Raises:
        DataError: a kind does not say how something follows.
    """
    problem = Problem(site, executed.inputs, Mode())
    for kind, solved in executed.kinds.items():
        names, cls = problem.decisions(kind), type(solved.rows.members[0])
        values = {name: solved.series[name] for name in names if name in solved.series}
        if values.keys() < set(names):
            values = {**(cls.follow(problem.rows[kind], problem.inputs, values) or {}), **values}
        if lacking := sorted(set(names) - values.keys()):
            raise DataError(f"{kind}: what was executed does not hold its {', '.join(lacking)}")
        problem.put(kind, values)
    return problem, problem.read(replace(executed.proof, objective=problem.settle_totals()), None)


def used_kg(ledger: Ledger) -> float:
    """Carbon at the meters of the park's own use."""
    rows = [number for number, meter in enumerate(ledger.meters) if meter.role in ROLES]
    return float(ledger.carbon_kg[rows].sum())
