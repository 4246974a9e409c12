"""Reference park D: five carriers, and heat that falls from level to level."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from dispatch.accounts.cascade import Link, levels, links
from dispatch.config.park import load_site
from dispatch.plan import Plan
from dispatch.presentation.chain_answers import heat_cascade
from dispatch.presentation.page import report_data
from dispatch.report import render
from tests.unit.dispatch.parks.measured import known_day, needs_profiles, planned_day, rows

TITLE = "Energy cascade: which level feeds which"
LEVELS = ("heat_90c", "heat_60c", "heat_40c", "cold_7c")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return planned_day(*known_day("sino_german", date(2016, 10, 14)))


@pytest.fixture(scope="module")
def cascade(plan: Plan) -> dict[str, Link]:
    return {link.plant: link for link in links(plan.site, plan.schedule)}


def kwh(plan: Plan, asset: str, series: str) -> float:
    return float(plan.schedule.asset(asset, series) @ plan.horizon.hours)


def test_it_has_the_five_carriers_and_its_pv() -> None:
    site = load_site("sino_german")
    assert {bus.carrier for bus in site.buses} == {"electricity", "heat", "cold", "gas", "hydrogen"}
    assert [a.peak_kw for a in site.assets if a.kind == "pv"] == [16_000]  # type: ignore[attr-defined]
    assert site.planning.step_minutes == 15


@needs_profiles
def test_the_plan_holds_and_serves_everybody(plan: Plan) -> None:
    assert not plan.audit.violations
    assert plan.schedule.proof.gap <= 1e-3
    for asset in plan.site.assets:
        if asset.kind == "load":
            assert kwh(plan, asset.name, "shed_kw") == pytest.approx(0, abs=0.1)


@needs_profiles
def test_what_comes_to_a_level_leaves_it(plan: Plan, cascade: dict[str, Link]) -> None:
    for level in LEVELS:
        came = sum(link.given_kwh for link in cascade.values() if link.sink == level)
        went = sum(link.taken_kwh for link in cascade.values() if link.source == level)
        assert came == pytest.approx(went, abs=1)
    for told in levels(plan.site, plan.schedule):
        assert told.supplied_kwh == pytest.approx(told.stored_kwh + told.used_kwh + told.handed_on_kwh, abs=1)


@needs_profiles
def test_heat_falls_and_loses_a_hundredth_in_each_exchanger(plan: Plan, cascade: dict[str, Link]) -> None:
    degrees = {bus.name: bus.temperature_degc for bus in plan.site.buses}
    for name, hot, cold in (("exchanger_90_60", "heat_90c", "heat_60c"), ("exchanger_60_40", "heat_60c", "heat_40c")):
        link = cascade[name]
        assert (link.source, link.sink) == (hot, cold)
        assert link.taken_kwh > 100
        assert link.given_kwh == pytest.approx(0.99 * link.taken_kwh, rel=1e-4)
    for link in cascade.values():
        if link.source in LEVELS and link.sink in LEVELS and link.source != link.sink:
            assert (degrees[link.source] or 0) > (degrees[link.sink] or 0)


@needs_profiles
def test_each_plant_gives_what_its_equation_says(plan: Plan, cascade: dict[str, Link]) -> None:
    chiller, electric = cascade["absorption_chiller"], cascade["electric_chiller"]
    assert chiller.given_kwh == pytest.approx(0.7 * chiller.taken_kwh, rel=1e-3)
    assert (electric.source, electric.given_kwh) == ("mv", pytest.approx(5.5 * electric.taken_kwh, rel=1e-3))
    engine = cascade["engine_1"]
    assert engine.source == "gas"
    assert engine.given_kwh <= 0.43 * engine.taken_kwh + 1  # no more heat than electricity
    waste = cascade["compressor_cooling"]
    assert (waste.source, waste.taken_kwh) == (None, 0)
    assert waste.given_kwh == pytest.approx(kwh(plan, "compressor_cooling", "taken_kw"), rel=1e-3)
    demand = cascade["radiators"]
    assert (demand.source, demand.sink) == ("heat_60c", None)
    assert demand.taken_kwh == pytest.approx(kwh(plan, "radiators", "served_kw"), rel=1e-3)


@needs_profiles
def test_the_report_shows_the_cascade(plan: Plan, cascade: dict[str, Link]) -> None:
    data = report_data(plan)
    by_level, by_link = rows(data, TITLE), rows(data, TITLE, table=1)
    assert list(by_level) == ["heat_90c (90 °C)", "heat_60c (60 °C)", "heat_40c (40 °C)", "cold_7c (7 °C)"]
    source, sink, taken, given = by_link["exchanger_90_60"]
    assert (source, sink) == ("heat_90c (90 °C)", "heat_60c (60 °C)")
    assert (taken, given) == (cascade["exchanger_90_60"].taken_kwh, cascade["exchanger_90_60"].given_kwh)
    assert by_link["radiators"][3] is None
    assert by_link["compressor_cooling"][0] == "outside"
    from_other = by_level["heat_60c (60 °C)"][1]
    assert from_other == pytest.approx(given)
    page = render(data)
    assert TITLE in page
    assert "heat_60c (60 °C)" in page


@needs_profiles
def test_hydrogen_serves_the_buses_of_the_depot(plan: Plan) -> None:
    delivered = kwh(plan, "bus_depot", "delivered_kg_per_h")
    assert 100 - 1e-3 <= delivered <= 160 + 1e-3
    made = rows(report_data(plan), "Products")["hydrogen"]
    stored = plan.schedule.asset("hydrogen_tank", "stored_kwh")[-1] / 33.33 - 0.4 * 300
    burnt = kwh(plan, "fuel_cell", "hydrogen_kw") / 33.33
    assert made[0] == pytest.approx(delivered + stored + burnt, abs=0.1)
    assert np.isfinite(float(made[4] or 0))


@needs_profiles
def test_levels_that_nothing_joins_are_no_cascade(plan: Plan) -> None:
    assert [answer.title for answer in heat_cascade(plan)] == [TITLE]
    apart = planned_day(*known_day("yizhuang", date(2016, 10, 14)))
    assert len(levels(apart.site, apart.schedule)) == 2
    assert list(heat_cascade(apart)) == []
