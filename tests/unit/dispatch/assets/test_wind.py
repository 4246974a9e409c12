"""Wind: the farm's forecast is that of all turbines in service; its plan is as PV's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from forecasting.physics import WindFarm, wind_power_kw
from tests.parks import given, grid, hours, load, park, tariff


def farm(**fields: Any) -> dict[str, Any]:
    return {"kind": "wind", "name": "farm", "bus": "main", "rated_kw": 2000} | fields


@pytest.mark.parametrize(("count", "share"), [(1, 1.0), (3, 1.0), (3, 0.5)])
def test_weather_gives_the_power_of_all_turbines_in_service(count: int, share: float) -> None:
    (need,) = park(farm(count=count, available_fraction=share, turbine="E-82/2000")).assets[0].needs
    one = WindFarm("E-82/2000", 90.0, 1, 2000.0)
    speeds = np.array([3.0, 8.0, 20.0])
    whole = wind_power_kw(WindFarm(**need.physics), speeds)
    assert whole == pytest.approx(count * share * wind_power_kw(one, speeds))
    assert need.capacity_kw == pytest.approx(2000 * count * share)


def test_wind_is_used_sold_and_then_curtailed() -> None:
    site = park(load(), grid(export_kw=300, tariff=tariff(0.3, feed_in=0.1)), farm(count=2, cost_per_kwh=0.02))
    data = given(site, hours(2), {("load", "demand_kw"): 500.0, ("farm", "available_kw"): [400.0, 3000.0]})
    problem = Problem(site, data)
    for schedule in (solve(problem), rule_based(problem)):
        assert schedule.asset("farm", "power_kw") == pytest.approx([400, 800])
        assert schedule.money[0] == pytest.approx(0.3 * 100 - 0.1 * 300 + 0.02 * 1200)
        assert audit(schedule).violations == ()


def test_two_farms_on_one_bus_share_the_curtailment_by_rule() -> None:
    site = park(load(), grid(), farm(), farm(name="other"))
    series = {("load", "demand_kw"): 300.0, ("farm", "available_kw"): 400.0, ("other", "available_kw"): 200.0}
    schedule = rule_based(Problem(site, given(site, hours(1), series)))
    assert schedule.asset("farm", "power_kw") == pytest.approx([200])
    assert schedule.asset("other", "power_kw") == pytest.approx([100])
    assert audit(schedule).passed


@pytest.mark.parametrize("fields", [{"count": 0}, {"rated_kw": 0}, {"available_fraction": 1.1}, {"count": 1.5}])
def test_a_farm_that_cannot_be_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        park(farm(**fields))
