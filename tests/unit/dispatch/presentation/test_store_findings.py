"""What an operator is told about stores: starts outside the band, bands that nothing holds, and life used."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.presentation.findings import findings
from dispatch.presentation.page import report_data
from dispatch.problem import Problem
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff
from tests.unit.dispatch.planned import planned

PLAIN = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "end_penalty_per_kwh": 0.0}


def told(*assets: dict[str, Any], demand: Any = 1.0, count: int = 4) -> list[tuple[str, str]]:
    site = park(load(), *assets)
    inputs = given(site, hours(count), {("load", "demand_kw"): demand})
    plan = planned(site, inputs, schedule=solve(Problem(site, inputs)))
    return [(f.severity, f.text) for f in findings(plan)]


def test_a_start_outside_the_band_is_told_with_the_way_back() -> None:
    texts = told(grid(), battery(**PLAIN, min_fill=0.6, start_fill=0.05))
    assert ("warning", "battery: 5.0% full at the start, outside its band of 60% to 100%; back by 02:00") in texts


def test_a_band_that_nothing_holds_is_told_as_a_relaxation() -> None:
    texts = told(battery(**PLAIN, min_fill=0.3, start_fill=0.2), demand=0.0)
    assert (
        "warning",
        "relaxed: battery: outside its band, with nothing to bring it back, for 4 h, by up to 10 kWh",
    ) in texts
    assert (
        "warning",
        "battery: 20.0% full at the start, outside its band of 30% to 100%; not back before the end",
    ) in texts


def test_a_battery_inside_its_band_is_told_by_its_cycles_alone() -> None:
    pcc = grid(export_kw=500, tariff=hourly_tariff([0.1, 0.9, 0.1, 0.9], feed_in=1.0))
    mine = [t for t in told(pcc, battery(**PLAIN, start_fill=0.5, cell_temperature_degc=30)) if "battery" in t[1]]
    assert len(mine) == 1
    severity, text = mine[0]
    # The two dear hours take 50 kWh each, of which one cheap hour brings 50: three swings of 50 kWh.
    assert severity == "info"
    assert text.startswith("battery: 0.75 equivalent full cycles, the deepest 50%; at 30 degC that is 0.0")
    assert "years if all days were like it" in text


def test_the_reserve_to_hold_is_a_set_point_and_what_it_is_made_of_is_not() -> None:
    site = park(load(), grid(), battery(), {"kind": "reserve", "name": "up", "required_kw": 5})
    inputs = given(site, hours(2), {("load", "demand_kw"): 1.0})
    shown = report_data(planned(site, inputs, schedule=solve(Problem(site, inputs))))
    names = {line.name: line.values for line in shown.setpoints}
    assert min(names["battery.reserve_up_kw"]) == pytest.approx(5)
    assert not [name for name in names if "more_" in name or "less_" in name]
