"""PV: up to what the weather gives, curtailed where nobody takes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.errors import AlignmentError, DataError
from dispatch.planning.outlook import _target
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from forecasting.physics import SingleAxis
from tests.parks import given, grid, hours, load, park, tariff

ROOF = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}


def problem(available: Any, export_kw: float = 0.0, steps: int = 3, **fields: Any) -> Problem:
    site = park(load(), grid(export_kw=export_kw, tariff=tariff(0.3, feed_in=0.1)), ROOF | fields)
    return Problem(site, given(site, hours(steps), {("load", "demand_kw"): 40.0, ("roof", "available_kw"): available}))


def test_what_cannot_be_used_or_sold_is_curtailed() -> None:
    built = problem([0.0, 30, 100], export_kw=20)
    for schedule in (solve(built), rule_based(built)):
        assert schedule.asset("roof", "power_kw") == pytest.approx([0, 30, 60], abs=1e-6)
        assert schedule.asset("roof", "curtailed_kw") == pytest.approx([0, 0, 40], abs=1e-6)
        assert schedule.money[0] == pytest.approx(0.3 * (40 + 10) - 0.1 * 20)
        assert audit(schedule).violations == ()


def test_one_step_and_a_dark_day() -> None:
    assert solve(problem([100.0], steps=1)).asset("roof", "power_kw") == pytest.approx([40])
    assert solve(problem(0.0)).asset("roof", "power_kw") == pytest.approx([0, 0, 0])


@pytest.mark.parametrize(("cost", "power"), [(0.29, 40.0), (0.31, 0.0)])
def test_a_running_cost_counts(cost: float, power: float) -> None:
    schedule = solve(problem(100.0, cost_per_kwh=cost))
    assert schedule.asset("roof", "power_kw") == pytest.approx([power] * 3, abs=1e-6)


def test_at_a_negative_price_it_stands_still() -> None:
    site = park(load(), grid(export_kw=100, tariff=tariff(-0.1, feed_in=-0.2)), ROOF)
    data = given(site, hours(2), {("load", "demand_kw"): 40.0, ("roof", "available_kw"): 90.0})
    schedule = solve(Problem(site, data))
    assert schedule.asset("roof", "power_kw") == pytest.approx([0, 0], abs=1e-6)
    assert schedule.money[0] == pytest.approx(-0.1 * 80)


def test_its_forecast_is_that_of_the_part_in_service() -> None:
    (need,) = park(ROOF | {"available_fraction": 0.8, "system_losses": 0.1}).assets[0].needs
    assert need.capacity_kw == pytest.approx(80)
    assert need.physics == {
        "peak_kw": 80,
        "tilt_deg": 20,
        "azimuth_deg": 180,
        "losses": 0.1,
        "temperature_coefficient_per_k": -0.0035,
    }


def test_its_forecast_knows_its_inverter_its_axis_and_its_cells() -> None:
    """80 of 100 kW of modules in service on 64 of 80 kW of inverter: no more than that comes out."""
    tracking = {"axis_azimuth_deg": 170, "max_angle_deg": 45, "ground_cover_ratio": 0.4}
    fields = {"available_fraction": 0.8, "inverter_kw": 80, "inverter_efficiency": 0.97, "tracking": tracking}
    (need,) = park(ROOF | fields | {"temperature_coefficient_per_k": -0.004}).assets[0].needs
    assert need.capacity_kw == pytest.approx(64)
    told = {"peak_kw": 80, "inverter_kw": 64, "inverter_efficiency": 0.97, "temperature_coefficient_per_k": -0.004}
    assert {name: need.physics[name] for name in told} == pytest.approx(told)
    target = _target(park(ROOF | fields), "roof", need, ())
    assert target.plant is not None
    assert target.plant.tracker == SingleAxis(0.0, 170.0, 45.0, 0.4, True)
    assert target.plant.inverter_kw == pytest.approx(64)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tracking": {}, "tilt_deg": 30}, "tilt_deg say how fixed modules stand: leave out with tracking"),
        ({"inverter_efficiency": 0.96}, "inverter_efficiency needs inverter_kw"),
        ({"temperature_coefficient_per_k": 0.35}, "temperature_coefficient_per_k"),
    ],
)
def test_a_plant_that_contradicts_itself_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        park(ROOF | fields)


def test_a_missing_or_misaligned_forecast_is_named() -> None:
    site = park(load(), grid(), ROOF)
    full = given(site, hours(3), {("load", "demand_kw"): 40.0, ("roof", "available_kw"): 10.0})
    for wrong, error, text in (
        (None, DataError, "'roof' needs a series 'available_kw'; it has none"),
        (np.array([[1.0, np.nan, 1.0]]), DataError, "'available_kw' of asset 'roof' has missing values"),
        (np.ones((1, 4)), AlignmentError, "available_kw has 4 steps, the horizon has 3"),
    ):
        series = {k: v for k, v in full.series.items() if k != ("roof", "available_kw")}
        if wrong is not None:
            series["roof", "available_kw"] = wrong
        with pytest.raises(error, match=text):
            Problem(site, Inputs(full.horizon, 1, series))


@pytest.mark.parametrize("fields", [{"peak_kw": 0}, {"tilt_deg": 91}, {"azimuth_deg": 360}, {"available_fraction": 0}])
def test_an_array_that_cannot_be_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        park(ROOF | fields)
