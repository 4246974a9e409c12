"""Reference park C: ammonia off the grid, and what a kg of it costs and emits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from dispatch.config.park import load_site
from dispatch.plan import Plan
from dispatch.presentation.page import report_data
from dispatch.report import render
from dispatch.report.data import ReportData
from tests.unit.dispatch.parks.measured import known_day, needs_profiles, planned_day, rows

WINDY = date(2016, 2, 1)
HOURS_OF_YEAR = 8760.0
H2, NH3, MEOH = 33.33, 5.17, 5.53


@pytest.fixture(scope="module")
def windy() -> Plan:
    return planned_day(*known_day("chifeng", WINDY))


@pytest.fixture(scope="module")
def becalmed() -> Plan:
    site, inputs = known_day("chifeng", WINDY)
    series = {key: values * (0.02 if key[1] == "available_kw" else 1.0) for key, values in inputs.series.items()}
    state = {"hydrogen_tank": {"start_fill": 0.07}, "battery": {"start_fill": 0.1}}
    return planned_day(site, replace(inputs, series=series, state=state))


@pytest.fixture(scope="module")
def shown(windy: Plan) -> ReportData:
    return report_data(windy)


def kwh(plan: Plan, asset: str, series: str) -> float:
    return float(plan.schedule.asset(asset, series) @ plan.horizon.hours)


def made_kwh(plan: Plan) -> float:
    return sum(kwh(plan, a.name, "hydrogen_kw") for a in plan.site.assets if a.kind == "alkaline_electrolyser")


@pytest.mark.parametrize(("name", "days", "minutes"), [("chifeng", 7, 60.0), ("chifeng_quarter_hours", 2, 15.0)])
def test_it_stands_alone_and_looks_far_ahead(name: str, days: int, minutes: float) -> None:
    site = load_site(name)
    assert not [a for a in site.assets if a.kind in ("grid_connection", "direct_line")]
    assert (site.planning.days, site.planning.step_minutes) == (days, minutes)
    assert site.planning.gap == 0.005


def test_both_files_describe_one_plant() -> None:
    week, quarters = load_site("chifeng"), load_site("chifeng_quarter_hours")
    told = [a.model_dump(exclude={"source"}) for a in week.assets]
    assert told == [a.model_dump(exclude={"source"}) for a in quarters.assets]
    assert (week.buses, week.objective) == (quarters.buses, quarters.objective)


def test_the_sizes_follow_from_twenty_thousand_tonnes_a_year() -> None:
    plant = {a.name: a for a in load_site("chifeng").assets}
    flow_t = 20_000 / 8766
    hydrogen_kg, synthesis = flow_t * plant["haber_bosch"].hydrogen_kg_per_t, plant["haber_bosch"]  # type: ignore[attr-defined]
    assert hydrogen_kg == pytest.approx(406, abs=1)
    at_load = hydrogen_kg / 18.5 * 1000 + flow_t * (
        synthesis.synthesis_kwh_per_t + synthesis.air_separation_kwh_per_t  # type: ignore[attr-defined]
    )
    assert at_load == pytest.approx(25_400, abs=200)
    mean_kw = plant["wind"].count * plant["wind"].rated_kw * 0.292 + plant["pv"].history.year_kwh / 8766  # type: ignore[attr-defined]
    assert mean_kw == pytest.approx(33_700, rel=0.01)
    assert mean_kw > at_load
    assert synthesis.ammonia_kw / NH3 / 1000 > flow_t  # type: ignore[attr-defined]


@needs_profiles
@pytest.mark.parametrize("day", ["windy", "becalmed"])
def test_the_plan_holds_and_serves_everybody(day: str, request: pytest.FixtureRequest) -> None:
    plan: Plan = request.getfixturevalue(day)
    assert not plan.audit.violations
    assert plan.schedule.proof.gap <= 0.005
    assert kwh(plan, "site", "shed_kw") == pytest.approx(0, abs=0.1)
    least = 0.2 * 3000 * NH3
    assert plan.schedule.asset("haber_bosch", "ammonia_kw").min() >= least - 1


@needs_profiles
def test_hydrogen_goes_where_it_is_said_to_go(windy: Plan, shown: ReportData) -> None:
    made = rows(shown, "Products")
    hydrogen, ammonia, methanol = (made[name][0] for name in ("hydrogen", "ammonia", "methanol"))
    stored = windy.schedule.asset("hydrogen_tank", "stored_kwh")[-1] - 0.5 * 10_000 * H2
    assert hydrogen == pytest.approx(made_kwh(windy) / H2, rel=1e-4)
    assert isinstance(ammonia, float)
    assert isinstance(methanol, float)
    used = 0.178 * ammonia + 1.138 * methanol * MEOH / H2
    assert hydrogen == pytest.approx(used + stored / H2, rel=1e-3)
    assert made["ammonia"][1] == pytest.approx(ammonia / 1000)


@needs_profiles
def test_lcoh_is_money_and_annuities_by_kilograms(windy: Plan, shown: ReportData) -> None:
    """Nothing is burnt on this day, so hydrogen bears starts, its tank, and its share of wind, PV and the battery."""
    assert kwh(windy, "backup", "power_kw") == 0
    plant = {a.name: a for a in windy.site.assets}
    part = windy.horizon.hours.sum() / HOURS_OF_YEAR
    yearly = {name: a.capital.annuity() * part for name, a in plant.items() if a.capital is not None}
    chain = kwh(windy, "electrolyser", "power_kw") + 0.05 * kwh(windy, "compressor", "hydrogen_kw")
    used = chain + kwh(windy, "site", "served_kw") + _drawn(windy, "haber_bosch") + _drawn(windy, "methanol_line")
    common = yearly["wind"] + yearly["pv"] + yearly["battery"]
    wear = 0.08 * kwh(windy, "battery", "discharge_kw")
    starts = float(windy.schedule.asset("electrolyser", "start").sum()) * 390 * 10
    cells = 5 * yearly["electrolyser"]  # what a module cost is in the file
    whole = chain / used * (common + wear) + starts + yearly["hydrogen_tank"] + cells
    lcoh = rows(shown, "Products")["hydrogen"][-1]
    assert lcoh == pytest.approx(whole / (made_kwh(windy) / H2), rel=1e-3)


def _drawn(plan: Plan, asset: str) -> float:
    return kwh(plan, asset, "electricity_kw")


@needs_profiles
def test_without_wind_the_backup_keeps_the_synthesis_alive_and_ammonia_bears_its_carbon(becalmed: Plan) -> None:
    burnt = kwh(becalmed, "backup", "power_kw")
    assert burnt > 24 * 2400
    made = rows(report_data(becalmed), "Products")
    kg, carbon = made["ammonia"][0], made["ammonia"][3]
    assert isinstance(kg, float)
    assert isinstance(carbon, float)
    assert carbon > 1
    # No more than all that was emitted; the site and methanol bear the rest.
    assert kg * carbon < 0.72 * burnt


@needs_profiles
def test_a_week_without_a_grid_shows_no_demand_charge_and_carbon_dioxide_in_kg(shown: ReportData) -> None:
    assert not [note for note in shown.notes if "demand charge" in note]
    units = {balance.carrier: balance.unit for balance in shown.balances}
    assert units["co2"] == "kg/h"
    assert units["hydrogen"] == "kW"
    page = render(shown)
    assert "Levelised cost [CNY/kg]" in page
    assert np.isfinite([v for v in rows(shown, "Products")["ammonia"] if isinstance(v, float)]).all()
