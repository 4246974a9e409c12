"""Bills do not depend on how the horizon is cut into steps: prices to the minute, demand over its metering interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.errors import DataError
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park, tariff


def windows(*spans: tuple[str, float], basis: str = "energy") -> dict[str, Any]:
    field = "price_per_kwh" if basis == "energy" else "price_per_kw_month"
    made = [
        {"name": f"{basis} {span}", "basis": basis, field: price, "calendar": {"hours": [span]}, "source": "test"}
        for span, price in spans
    ]
    return {"name": "windows", "currency": "EUR", "components": made}


def billed(terms: dict[str, Any], horizon: Horizon, demand: Array | float) -> Schedule:
    site = park(load(), grid(tariff=terms))
    schedule = solve(Problem(site, given(site, horizon, {("load", "demand_kw"): demand})))
    assert audit(schedule).passed
    return schedule


def test_a_price_that_changes_inside_a_step_counts_by_its_minutes() -> None:
    terms = windows(("00:00-01:30", 0.2), ("01:30-24:00", 0.6))
    schedule = billed(terms, hours(3), 100.0)
    assert schedule.money[0] == pytest.approx(100 * (0.2 + 0.4 + 0.6))
    assert schedule.money[0] == pytest.approx(billed(terms, hours(6, step_h=0.5), 100.0).money[0])


def test_a_demand_window_that_ends_inside_a_step_is_refused_with_its_place() -> None:
    terms = windows(("00:00-01:30", 9.0), basis="demand")
    with pytest.raises(DataError, match="'demand 00:00-01:30' begins or ends inside the step from 2024-03-01 01:00"):
        billed(terms, hours(3), 100.0)


@pytest.mark.parametrize("minutes", [1, 5, 15])
def test_demand_is_averaged_over_its_interval_whatever_the_steps(minutes: int) -> None:
    steps = 60 // minutes
    demand = np.full(steps, 40.0)
    demand[: 15 // minutes] = 100.0
    if minutes == 5:
        demand[:3] = [300.0, 0.0, 0.0]  # the same quarter-hour's energy in five minutes
    schedule = billed(tariff(0.0, demand=10.0), hours(steps, step_h=minutes / 60), demand)
    assert schedule.money[0] == pytest.approx(1000)
    site = park(load(), grid(tariff=tariff(0.0, demand=10.0)))
    inputs = given(site, hours(steps, step_h=minutes / 60), {("load", "demand_kw"): demand})
    assert rule_based(Problem(site, inputs)).money[0] == pytest.approx(1000)


def test_a_step_longer_than_the_interval_is_metered_by_itself() -> None:
    assert billed(tariff(0.0, demand=10.0), hours(2), np.array([40.0, 70.0])).money[0] == pytest.approx(700)


def test_one_peak_cannot_stand_for_two_demand_components() -> None:
    terms = windows(("08:00-12:00", 9.0), ("12:00-24:00", 4.0), basis="demand")
    with pytest.raises(ValueError, match="one peak cannot be that of 2 demand components"):
        park(load(), grid(tariff=terms, month_to_date_peak_kw=50))
