"""Swap stations: the inventory, who is served, and what waiting for a cheap hour may cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.asset import Rows
from dispatch.assets.swap_station import SwapStation
from dispatch.audit import audit
from dispatch.errors import DataError
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff


def station(**fields: Any) -> dict[str, Any]:
    """Ten batteries of 50 kWh that come in empty; 50 kW fill one in an hour."""
    base = {"kind": "swap_station", "name": "swap", "bus": "main", "batteries": 10, "battery_kwh": 50.0}
    base |= {"returned_fill": 0.0, "charge_kw": 200.0, "battery_charge_kw": 50.0, "charge_efficiency": 1.0}
    return base | {"swaps_per_h": 2.0, "start_full": 4.0, "end_full_min": 0.0, "end_penalty": 0.0} | fields


def problem(price: list[float], scenarios: int = 1, state: Any = None, **fields: Any) -> Problem:
    site = park(load(), grid(tariff=hourly_tariff(price)), station(**fields))
    return Problem(site, given(site, hours(len(price)), {("load", "demand_kw"): 0.0}, scenarios, state))


def plan(price: list[float], **fields: Any) -> Schedule:
    made = problem(price, **fields)
    assert audit(rule_based(made)).violations == ()
    schedule = solve(made)
    assert audit(schedule).violations == ()
    return schedule


def hourly(*values: float) -> list[dict[str, Any]]:
    return [
        {"start": f"2024-03-01T{h:02}:00Z", "end": f"2024-03-01T{h + 1:02}:00Z", "value": v}
        for h, v in enumerate(values)
    ]


def missed(schedule: Schedule) -> list[str]:
    solved = schedule.kinds["swap_station"]
    return SwapStation.missed(solved.rows, schedule.inputs, solved.series)


def test_it_charges_in_the_cheap_hour_what_is_swapped_later() -> None:
    # Six swaps, four full ones at the start: two more by the end of the second hour, and the first is cheap.
    schedule = plan([0.1, 0.5, 0.5])
    assert schedule.asset("swap", "charge_kw") == pytest.approx([100, 0, 0], abs=1e-6)
    assert schedule.asset("swap", "full") == pytest.approx([4, 2, 0], abs=1e-6)
    assert schedule.money[0] == pytest.approx(100 * 0.1)


def test_losses_and_what_comes_back_decide_what_a_battery_takes() -> None:
    # 30 kWh fill one that comes back at 40 %, 37.5 kWh at the bus.
    schedule = plan([0.1, 0.5, 0.5], returned_fill=0.4, charge_efficiency=0.8)
    assert schedule.asset("swap", "charge_kw").sum() == pytest.approx(2 * 37.5)


def test_a_swap_takes_what_was_full_before() -> None:
    schedule = plan([0.1, 0.1], start_full=0.0)
    assert schedule.asset("swap", "swaps") == pytest.approx([0, 2], abs=1e-6)
    assert schedule.asset("swap", "unserved") == pytest.approx([2, 0], abs=1e-6)
    assert schedule.penalty[0] == pytest.approx(2 * 200)
    assert missed(schedule) == ["swap: 2.0 swaps not served"]


def test_a_swap_that_costs_more_than_it_is_worth_is_not_served() -> None:
    cheap, dear = (plan([0.1, 0.1], start_full=0.0, unserved_penalty=p) for p in (4.0, 6.0))
    assert cheap.asset("swap", "charge_kw").sum() == pytest.approx(0, abs=1e-6)
    assert cheap.penalty[0] == pytest.approx(4 * 4)
    assert dear.asset("swap", "charge_kw").sum() == pytest.approx(100)


def test_chargers_and_empty_batteries_limit_the_charge() -> None:
    # No battery is empty at first; two come in, and each takes 20 kW.
    few = plan([0.1, 0.1], start_full=10.0, end_full_min=10.0, end_penalty=99.0, battery_charge_kw=20.0)
    assert few.asset("swap", "charge_kw")[0] == pytest.approx(40)
    many = plan([0.1], start_full=0.0, end_full_min=10.0, end_penalty=99.0)
    assert many.asset("swap", "charge_kw") == pytest.approx([200])
    assert many.asset("swap", "full") == pytest.approx([4])


def test_full_ones_are_kept_at_their_price() -> None:
    schedule = plan([0.1, 0.5], swaps_per_h=0.0, full_min=6.0, few_penalty_per_h=100.0)
    assert schedule.asset("swap", "full") == pytest.approx([6, 6])
    cheap = plan([0.1, 0.5], swaps_per_h=0.0, full_min=6.0, few_penalty_per_h=1.0)
    assert cheap.asset("swap", "full") == pytest.approx([4, 4])
    assert cheap.penalty[0] == pytest.approx(2 * 2 * 1.0)
    assert missed(cheap) == ["swap: up to 2.0 full batteries fewer than 6 to be kept"]
    assert missed(schedule) == []


def test_nobody_comes_and_the_station_stands() -> None:
    schedule = plan([0.1], swaps_per_h=0.0)
    assert schedule.money[0] == pytest.approx(0)
    assert schedule.asset("swap", "full") == pytest.approx([4])


def test_demand_by_the_hour_and_a_full_station() -> None:
    schedule = plan([0.5, 0.1, 0.5], swaps_per_h=hourly(0, 0, 10), start_full=10.0)
    assert schedule.asset("swap", "swaps") == pytest.approx([0, 0, 10], abs=1e-6)
    assert schedule.asset("swap", "charge_kw").sum() == pytest.approx(0, abs=1e-6)


def test_the_rule_fills_at_once_and_the_next_window_starts_where_this_one_is() -> None:
    made = problem([0.5, 0.5, 0.5])
    ruled = rule_based(made)
    assert ruled.asset("swap", "charge_kw") == pytest.approx([200, 200, 200])
    solved = ruled.kinds["swap_station"]
    carried = SwapStation.carry(solved.rows, made.inputs, solved.series, 2)
    assert carried == {"swap": {"start_full": pytest.approx(4 + 2 * (4 - 2))}}
    later = solve(problem([0.5], state=carried, swaps_per_h=9.0))
    assert later.asset("swap", "swaps") == pytest.approx([8])


def test_the_charge_is_the_same_in_every_scenario() -> None:
    made = problem([0.1, 0.5], scenarios=2)
    demand = made.inputs.series["swap", "swaps_per_h"]
    series = {**made.inputs.series, ("swap", "swaps_per_h"): np.vstack([demand, 3 * demand])}
    made.update(replace(made.inputs, series=series))
    schedule = solve(made)
    assert audit(schedule).violations == ()
    found = schedule.kinds["swap_station"].series
    assert found["charge_kw"][0] == pytest.approx(found["charge_kw"][1])
    assert found["swaps"][1].sum() > found["swaps"][0].sum()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"start_full": 11.0}, "start_full 11 must be at most the station's 10 batteries"),
        ({"full_min": 12.0}, "full_min 12 must be at most"),
        ({"returned_fill": 1.0}, "less than 1"),
    ],
)
def test_a_station_that_cannot_be_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        park(load(), station(**fields))


def test_a_negative_demand_is_refused() -> None:
    with pytest.raises(DataError, match="swaps_per_h of 'swap' is -1"):
        plan([0.1], swaps_per_h=-1.0)


def test_rows_of_several_stations_stand_apart() -> None:
    site = park(load(), grid(), station(), station(name="other", start_full=0.0))
    schedule = solve(Problem(site, given(site, hours(2), {("load", "demand_kw"): 0.0})))
    rows: Rows[Any] = schedule.kinds["swap_station"].rows
    assert rows.names == ("swap", "other")
    assert schedule.asset("other", "unserved")[0] == pytest.approx(2)
    assert schedule.asset("swap", "unserved") == pytest.approx([0, 0], abs=1e-6)
