"""Electric chillers: cold in proportion to power, on its own bus."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.solve import rule_based, solve
from tests.parks import given, grid, hours, load, park, tariff

CHILLER = {"kind": "chiller", "name": "chiller", "bus": "main", "cold_bus": "cold", "electric_kw": 20}


def test_cold_costs_its_electricity_and_stops_at_the_rating() -> None:
    site = park(grid(tariff=tariff(0.3)), CHILLER | {"energy_efficiency_ratio": 4}, load("cool", bus="cold"))
    problem = Problem(site, given(site, hours(3), {("cool", "demand_kw"): [40.0, 0, 100]}))
    for schedule in (solve(problem), rule_based(problem)):
        assert schedule.asset("chiller", "power_kw") == pytest.approx([10, 0, 20], abs=1e-6)
        assert schedule.asset("chiller", "cold_kw") == pytest.approx([40, 0, 80], abs=1e-6)
        assert schedule.asset("cool", "shed_kw") == pytest.approx([0, 0, 20], abs=1e-6)
        assert schedule.money[0] == pytest.approx(0.3 * 30)
        assert audit(schedule).violations == ()


@pytest.mark.parametrize("fields", [{"energy_efficiency_ratio": 0}, {"electric_kw": 0}, {"electric_kw": -1}])
def test_a_chiller_of_nothing_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        park(CHILLER | fields)
