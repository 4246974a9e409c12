"""Electric boilers: heat or steam out of electricity in proportion."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.thermal_parks import grid, hourly_tariff, problem, relaxed, supply, tariff


def rod(**fields: Any) -> dict[str, Any]:
    base = {"kind": "electric_boiler", "name": "rod", "bus": "main", "heat_bus": "heat", "electric_kw": 100}
    return base | fields


def test_heat_is_99_percent_of_its_electricity_and_stops_at_the_rating() -> None:
    made = problem(rod(), grid(tariff=tariff(0.2)), demand={"heat": [49.5, 0, 120]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("rod", "power_kw") == pytest.approx([50, 0, 100], abs=1e-6)
        assert schedule.asset("heat_load", "shed_kw") == pytest.approx([0, 0, 21], abs=1e-6)
        assert schedule.money[0] == pytest.approx(150 * 0.2)
        assert audit(schedule).violations == ()


def test_without_loss_and_on_a_steam_bus() -> None:
    made = problem(rod(heat_bus="steam", efficiency=1), grid(), demand={"steam": [70.0]})
    assert solve(made).asset("rod", "power_kw") == pytest.approx([70])


def test_steam_is_made_by_whichever_is_cheaper_in_the_hour() -> None:
    """Bought steam at .15 against electricity at .1 and .3 over .99: the first hour for the rod, the second bought."""
    made = problem(
        rod(heat_bus="steam"),
        supply("steam", 0.15),
        grid(tariff=hourly_tariff([0.1, 0.3])),
        demand={"steam": [99.0, 99]},
    )
    plan = solve(made)
    assert plan.asset("rod", "power_kw") == pytest.approx([100, 0], abs=1e-6)
    assert plan.money[0] == pytest.approx(100 * 0.1 + 99 * 0.15)


def test_a_minimum_load_that_the_demand_does_not_reach_keeps_it_off() -> None:
    made = problem(rod(min_load_fraction=0.4), supply("heat", 0.5), grid(tariff=tariff(0.1)), demand={"heat": [30.0]})
    assert relaxed(made) == pytest.approx(30 / 0.99 * 0.1)
    assert solve(made).money[0] == pytest.approx(30 * 0.5)


@pytest.mark.parametrize(
    "fields", [{"efficiency": 1.2}, {"efficiency": 0}, {"electric_kw": 0}, {"min_load_fraction": 2}]
)
def test_impossible_numbers_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        problem(rod(**fields), grid(), demand={"heat": [1.0]})
