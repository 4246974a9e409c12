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


OWN = [{"speed_m_s": speed, "power_kw": power} for speed, power in ((3, 0), ("43.2 km/h", 2000), (25, 2000))]


def test_a_farm_may_bring_its_own_power_curve() -> None:
    """7.5 m/s is half way from 3 to 12: half of 2000 kW each of three; at 26 m/s it stands."""
    (need,) = park(farm(count=3, power_curve=OWN)).assets[0].needs
    assert wind_power_kw(WindFarm(**need.physics), np.array([2.0, 7.5, 20.0, 26.0])) == pytest.approx(
        [0, 3000, 6000, 0]
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"power_curve": OWN, "turbine": "E-82/2000"}, "turbine and power_curve are two ways to say one thing"),
        ({"power_curve": OWN[::-1]}, "rising in speed_m_s"),
        ({"power_curve": OWN[:1]}, "two points at least"),
        ({"power_curve": OWN, "rated_kw": 1500}, "power_curve reaches 2000 kW, above rated_kw 1500"),
        ({"power_curve": [p | {"power_kw": 0} for p in OWN]}, "never gives any power"),
    ],
)
def test_a_curve_that_does_not_fit_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        park(farm(**fields))
