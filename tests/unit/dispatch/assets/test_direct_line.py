"""A plant on a line of its own: own use, export, and the shares that its rule asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.assets.direct_line import DirectLine
from dispatch.assets.pv import Pv
from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.errors import ConfigError, DataError
from dispatch.problem import Problem
from dispatch.replay.plant import obeyed
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from forecasting.physics import PvPlant
from tests.parks import battery, given, grid, hours, load, park, tariff
from tests.unit.dispatch import small_park

NO_RULES = {"own_use_share_min": 0.0, "supply_share_min": 0.0, "export_share_max": 1.0}


def line(**fields: Any) -> dict[str, Any]:
    base = {"kind": "direct_line", "name": "wind", "bus": "main", "technology": "wind", "rated_kw": 100.0}
    return base | {"price_per_kwh": 0.1, "export_kw": 100.0, "export_price_per_kwh": 0.05, "loads": ["load"]} | fields


def problem(asset: dict[str, Any], *others: dict[str, Any], available: Any = 60.0, **state: float) -> Problem:
    site = park(load(), grid(tariff=tariff(0.3)), asset, *others)
    series = {("load", "demand_kw"): 50.0, ("wind", "available_kw"): available}
    return Problem(site, given(site, hours(4), series, state={"wind": state} if state else None))


def both(built: Problem) -> list[Schedule]:
    schedules = [solve(built), rule_based(built)]
    for schedule in schedules:
        assert audit(schedule).violations == ()
    return schedules


def test_own_use_replaces_import_and_the_rest_is_exported() -> None:
    for schedule in both(problem(line())):
        assert schedule.asset("wind", "own_use_kw") == pytest.approx([50] * 4)
        assert schedule.asset("wind", "sold_kw") == pytest.approx([10] * 4)
        assert schedule.money[0] == pytest.approx(200 * 0.1 - 40 * 0.05)
        assert schedule.asset("wind", "short_kwh") == pytest.approx([0, 0, 0], abs=1e-6)


def test_export_beyond_its_share_is_curtailed_unless_it_pays_for_the_penalty() -> None:
    kept = solve(problem(line(penalty_per_kwh=1.0), available=100.0))
    assert kept.asset("wind", "sold_kw").sum() == pytest.approx(0.2 * 400)
    broken = solve(problem(line(penalty_per_kwh=0.01), available=100.0))
    assert broken.asset("wind", "sold_kw").sum() == pytest.approx(200)
    # Own use is 50 %, export 50 % of what is available.
    assert broken.asset("wind", "short_kwh") == pytest.approx([0.6 * 400 - 200, 0, 200 - 80])
    assert broken.penalty[0] == pytest.approx(0.01 * (40 + 120))
    assert broken.money[0] == pytest.approx(200 * 0.1 - 200 * 0.05), "the penalty is no money"


def test_a_store_helps_to_use_what_is_generated() -> None:
    available = np.array([100.0, 100, 20, 20])
    store = battery(start_fill=0.0, end_penalty_per_kwh=0.0, charge_efficiency=1, discharge_efficiency=1)
    plain, stored = (solve(problem(line(export_kw=0), *s, available=available)) for s in ((), (store,)))
    assert stored.asset("wind", "own_use_kw").sum() > plain.asset("wind", "own_use_kw").sum() + 50


def test_dear_own_use_is_taken_for_the_sake_of_the_shares_alone() -> None:
    dear = line(price_per_kwh=0.5, export_kw=0, penalty_per_kwh=1.0)
    for rules, own in (({}, 0.6 * 240), (NO_RULES, 0.0), (NO_RULES | {"supply_share_min": 0.3}, 60.0)):
        plan = solve(problem(dear | rules))
        assert audit(plan).violations == ()
        assert plan.asset("wind", "own_use_kw").sum() == pytest.approx(own, abs=1e-4)


def test_from_2030_on_the_rule_asks_for_more_supply() -> None:
    """Of 200 kWh consumed, .30 until 2029 and .35 from 2030 on; a share of one's own holds in any year."""
    rules = {"own_use_share_min": 0.0, "export_share_max": 1.0}
    for year, fields, own in ((2029, {}, 60.0), (2030, {}, 70.0), (2030, {"supply_share_min": 0.1}, 20.0)):
        site = park(load(), grid(tariff=tariff(0.3)), line(price_per_kwh=0.5, export_kw=0) | rules | fields)
        series = {("load", "demand_kw"): 50.0, ("wind", "available_kw"): 60.0}
        plan = solve(Problem(site, given(site, hours(4, f"{year}-03-01T00:00"), series)))
        assert audit(plan).violations == ()
        assert plan.asset("wind", "own_use_kw").sum() == pytest.approx(own, abs=1e-4)


def test_the_year_so_far_counts() -> None:
    dear = line(price_per_kwh=0.5, export_kw=0, supply_share_min=0.0)
    state = {"to_date_available_kwh": 100.0, "to_date_own_use_kwh": 90.0}
    plan = solve(problem(dear, **state))
    assert plan.asset("wind", "own_use_kw").sum() == pytest.approx(0.6 * 340 - 90, abs=1e-4)
    from_file = solve(problem(dear | state))
    assert from_file.money[0] == pytest.approx(plan.money[0])


def test_sums_are_handed_over_and_begin_again_with_the_year() -> None:
    site = park(load(), grid(tariff=tariff(0.3)), line(to_date_own_use_kwh=7.0))
    series = {("load", "demand_kw"): 50.0, ("wind", "available_kw"): 60.0}
    for start, own in (("2024-03-01T00:00", 7 + 150), ("2024-12-31T22:00", 50)):
        inputs = given(site, hours(4, start), series)
        found = solve(Problem(site, inputs)).kinds["direct_line"]
        state = DirectLine.carry(found.rows, inputs, found.series, 3)["wind"]
        assert state["to_date_own_use_kwh"] == pytest.approx(own)
    assert state["to_date_consumed_kwh"] == pytest.approx(50)
    assert state["to_date_available_kwh"] == pytest.approx(60)
    assert state["to_date_export_kwh"] == pytest.approx(10)


def test_pv_on_a_line_has_what_a_forecast_from_the_sun_needs() -> None:
    fields = {"technology": "pv", "tilt_deg": 30.0, "azimuth_deg": 170.0}
    (need,) = park(load(), grid(), line(**fields)).assets[-1].needs
    plant = PvPlant(latitude_deg=40.0, longitude_deg=110.0, **need.physics)
    assert (plant.peak_kw, plant.tilt_deg, plant.azimuth_deg) == (100.0, 30.0, 170.0)
    (of_wind,) = park(load(), grid(), line()).assets[-1].needs
    assert of_wind.physics == {}


def test_a_load_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="'wind' supplies 'mill', which is no load; loads are load"):
        problem(line(loads=["mill"]))


def test_the_file_says_so_at_once(tmp_path: Path) -> None:
    content = small_park.park()
    content["assets"].append(line(loads=["hal"]))
    with pytest.raises(ConfigError, match=r"assets\[3\]\.loads\[0\].*there is no load 'hal'.*did you mean 'hall'"):
        load_site(small_park.write(tmp_path, content))


def test_what_was_done_is_accounted_for_by_its_flows_alone() -> None:
    """A replay keeps what is of steps; how far the sums of the year are from a share is not."""
    schedule = rule_based(problem(line(penalty_per_kwh=1.0), available=100.0))
    solved = schedule.kinds["direct_line"]
    flows = {name: values for name, values in solved.series.items() if name != "short_kwh"}
    account = DirectLine.account(solved.rows, schedule.inputs, flows)
    assert np.sum(account.penalty) == pytest.approx(schedule.penalty[0])
    assert schedule.penalty[0] > 0
    assert DirectLine.check(solved.rows, schedule.inputs, flows) == []
    assert DirectLine.complete(solved.rows, schedule.inputs, flows)["short_kwh"] == pytest.approx(
        solved.series["short_kwh"]
    )


def test_days_are_charged_with_what_they_add_to_the_years_shortfall_and_add_up() -> None:
    """The year lacks 60 kWh of own use before; an hour whose share is missed further, then one that makes up for it."""
    to_date = {"to_date_available_kwh": 100.0, "to_date_own_use_kwh": 0.0}
    rules = NO_RULES | {"own_use_share_min": 0.6, "penalty_per_kwh": 2.0, "export_kw": 0.0}
    site = park(load(), grid(tariff=tariff(0.3)), line(**rules))
    available = np.array([200.0, 30.0])

    def charged(first: int, count: int, state: dict[str, float]) -> tuple[float, dict[str, float]]:
        horizon = hours(count, f"2024-03-01T0{first}:00")
        series = {("load", "demand_kw"): 50.0, ("wind", "available_kw"): available[first : first + count]}
        schedule = rule_based(Problem(site, given(site, horizon, series, state={"wind": state})))
        assert audit(schedule).violations == ()
        solved = schedule.kinds["direct_line"]
        return float(schedule.penalty[0]), DirectLine.carry(solved.rows, schedule.inputs, solved.series, count)["wind"]

    one, state = charged(0, 1, to_date)
    other, _ = charged(1, 1, state)
    assert (one, other) == pytest.approx((2 * (0.6 * 200 - 50), 2 * (0.6 * 30 - 30)))
    assert charged(0, 2, to_date)[0] == pytest.approx(one + other)


@pytest.mark.parametrize(("import_kw", "sold"), [(1000.0, 20.0), (25.0, 15.0), (0.1, 0.0)])
def test_what_a_plan_sells_the_site_has_before_a_load_is_shed(import_kw: float, sold: float) -> None:
    """A plan that sells 20 meets 30 kW more than it knew of."""
    site = park(load(), grid(import_kw=import_kw), line(**NO_RULES))
    series = {("load", "demand_kw"): 70.0, ("wind", "available_kw"): 60.0}
    built = Problem(site, given(site, hours(4), series))
    wanted = {"direct_line": {"own_use_kw": np.full((1, 4), 40.0), "sold_kw": np.full((1, 4), 20.0)}}
    done = rule_based(built, obeyed(built, wanted))
    assert audit(done).violations == ()
    assert done.asset("wind", "sold_kw") == pytest.approx([sold] * 4)
    assert done.asset("load", "shed_kw") == pytest.approx([10 - import_kw if import_kw < 10 else 0] * 4)


def test_a_direct_line_of_pv_is_forecast_like_the_parks_own_array() -> None:
    """100 kW of modules that turn, behind an inverter for 80 kW."""
    modules = {"tracking": {"max_angle_deg": 50}, "inverter_kw": 80, "inverter_efficiency": 0.97, "system_losses": 0.1}
    modules |= {"temperature_coefficient_per_k": -0.004}
    own = Pv.model_validate({"kind": "pv", "name": "own", "bus": "main", "peak_kw": 100} | modules)
    (there,), (here,) = DirectLine.model_validate(line(technology="pv") | modules).needs, own.needs
    assert (there.kind, there.capacity_kw) == ("pv", 80)
    assert there.physics == here.physics
    assert there.physics["inverter_kw"] == 80


def test_wind_has_no_modules() -> None:
    for field in ({"tilt_deg": 30}, {"inverter_kw": 80}, {"tracking": {}}):
        with pytest.raises(ValidationError, match=f"{next(iter(field))} are of PV: leave out with technology wind"):
            DirectLine.model_validate(line() | field)
    assert DirectLine.model_validate(line()).needs[0].physics == {}
