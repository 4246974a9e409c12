"""A day's carbon in the four ledgers: on what the park uses and makes, by each method of :mod:`dispatch.carbon`."""

from __future__ import annotations

from collections.abc import Callable

from dispatch.asset import Mode
from dispatch.carbon.carriers import traced
from dispatch.carbon.ledger import Ledger
from dispatch.carbon.marginal_ledger import marginal_ledger
from dispatch.carbon.market import planned_market
from dispatch.carbon.operation import Operation
from dispatch.carbon.shares import game_ledger
from dispatch.errors import ParkwattError
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.site import Site

ROLES = ("load", "product", "standby")
"""Meters at which carbon is of the park's own use; what is exported, stored or other parties' is not."""


def accounts(site: Site, schedule: Schedule) -> tuple[dict[str, float | None], dict[str, str]]:
    """Kilograms by metric, None where a method cannot say, and why it cannot."""
    operation = Operation.from_schedule(site, schedule)
    ways: dict[str, Callable[[], Ledger]] = {
        "co2_traced_kg": lambda: traced(operation, "borne"),
        "co2_marginal_kg": lambda: marginal_ledger(Problem(site, schedule.inputs, Mode()), schedule),
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


def used_kg(ledger: Ledger) -> float:
    """Carbon at the meters of the park's own use."""
    rows = [number for number, meter in enumerate(ledger.meters) if meter.role in ROLES]
    return float(ledger.carbon_kg[rows].sum())
