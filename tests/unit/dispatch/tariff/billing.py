"""Tariffs and solved parks that the tests of this folder share."""

from __future__ import annotations

from typing import Any

import numpy as np

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.solve import solve
from dispatch.tariff import Tariff
from tests.parks import given, grid, hours, load, park


def energy(price: Any = 0.0, **fields: Any) -> dict[str, Any]:
    return {"name": "energy", "basis": "energy", "price_per_kwh": price, "source": "test"} | fields


def tier(*blocks: tuple[float | None, float], **fields: Any) -> dict[str, Any]:
    made = [{"up_to_kwh": up, "price_per_kwh": price} for up, price in blocks]
    return {"name": "blocks", "basis": "tier", "blocks": made, "source": "test"} | fields


def demand(price: float = 10.0, **fields: Any) -> dict[str, Any]:
    return {"name": "demand", "basis": "demand", "price_per_kw_month": price, "source": "test"} | fields


def demand_blocks(*blocks: tuple[float | None, float], **fields: Any) -> dict[str, Any]:
    made = [{"up_to_kw": up, "price_per_kw_month": price} for up, price in blocks]
    return {"name": "demand", "basis": "demand", "demand_blocks": made, "source": "test"} | fields


def terms(*components: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "t", "currency": "EUR", "components": list(components)} | fields


def tariff(*components: dict[str, Any], **fields: Any) -> Tariff:
    return Tariff.model_validate(terms(*components, **fields))


def problem(
    pcc: dict[str, Any],
    *others: dict[str, Any],
    load_kw: Any = 0.0,
    steps: Horizon | None = None,
    scenarios: int = 1,
    mode: str = "exact",
    **state: float,
) -> Problem:
    site = park(load(), grid(**pcc), *others)
    series = {("load", "demand_kw"): load_kw}
    states = {"pcc": state} if state else None
    inputs = given(site, steps or hours(4), series, scenarios=scenarios, state=states)
    return Problem(site, inputs, Mode(mode))  # type: ignore[arg-type]


def both(built: Problem) -> list[Schedule]:
    """The plan and what the rules do; the audit passes both."""
    schedules = [solve(built), rule_based(built)]
    for schedule in schedules:
        assert audit(schedule).violations == ()
    return schedules


def month(start: str = "2024-03-01T00:00", days: int = 31) -> Horizon:
    return hours(24 * days, start)


def money_of(made: Tariff, horizon: Horizon, import_kw: Any, export_kw: Any = 0.0, **carried: Any) -> float:
    from dispatch.tariff.bill import total
    from dispatch.tariff.carried import Carried

    flows = (np.broadcast_to(np.asarray(kw, float), (horizon.steps,)) for kw in (import_kw, export_kw))
    return total(made.bill(horizon, *flows, carried=Carried(**carried)))
