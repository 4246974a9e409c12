"""Fixes in time: by how few steps a time must be moved, found by hand and tried by planning anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.explain import Explanation, explain_unmet, why_no_plan
from dispatch.explain.fixes import Fix
from dispatch.explain.times import SwitchChange, TimeChange, movable
from dispatch.explain.unmet import unmet
from dispatch.problem import Problem
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, unit

QUARTERS = 16


def planned(site: Site, demand: Any, mode: Mode | None = None, step_h: float = 0.25, **series: Any) -> Problem:
    steps = len(demand) if np.ndim(demand) else QUARTERS
    more = {("unit", name): value for name, value in series.items()}
    return Problem(site, given(site, hours(steps, step_h=step_h), {("load", "demand_kw"): demand} | more), mode)


def applied(problem: Problem, fix: Fix) -> Problem:
    """As a user would: the changed file, planned from scratch."""
    site, inputs = fix.apply(problem.site), fix.told(problem.inputs)
    series = dict(inputs.series) | site.known_series(problem.horizon)
    return Problem(site, replace(inputs, series=series), problem.mode)


def in_time(found: Explanation) -> list[Fix]:
    return [fix for fix in found.fixes if isinstance(fix.changes[0], TimeChange | SwitchChange)]


def depot(**session: Any) -> dict[str, Any]:
    stay = {"name": "bus_7", "charge_kw": 20, "arrival_kwh": 5, "departure_kwh": 20} | session
    return {"kind": "ev_fleet", "name": "depot", "bus": "main", "sessions": [stay], "charge_efficiency": 1.0}


@pytest.mark.parametrize(
    ("session", "texts"),
    [
        (
            {"arrival": "01:20", "departure": "02:20"},
            {
                "move departure of bus_7 of depot from 02:20 to 02:50",
                "move arrival of bus_7 of depot from 01:20 to 00:50",
            },
        ),
        (
            {"arrival": "2024-03-01T01:20+00:00", "departure": "2024-03-01T02:20+00:00"},
            {
                "move departure of bus_7 of depot from 2024-03-01 02:20 to 02:50",
                "move arrival of bus_7 of depot from 2024-03-01 01:20 to 00:50",
            },
        ),
    ],
)
def test_a_vehicle_that_leaves_too_early_may_leave_later_or_come_earlier(
    session: dict[str, Any], texts: set[str]
) -> None:
    # 10 kW are free, in the last third of its hour 6.7 kW in the mean of a quarter: 11.7 kWh, and 2.5 more with each
    # quarter that it stays: one is not enough.
    site = park(load(), grid(import_kw=20), depot(**session))
    problem = planned(site, 10.0)
    schedule = solve(problem)
    (found,) = explain_unmet(problem, schedule)
    assert found.unmet is not None
    assert found.unmet.text(problem.horizon).startswith("depot: energy that vehicles leave without: 3.333 kWh")
    assert {str(fix) for fix in in_time(found)} == texts
    for fix in in_time(found):
        again = applied(problem, fix)
        assert not unmet(again, solve(again))
        (change,) = fix.changes
        assert isinstance(change, TimeChange)
        nearly = applied(problem, Fix((replace(change, by_s=change.by_s / 2),), 0.0))
        assert unmet(nearly, solve(nearly))


def test_an_outage_of_the_connection_is_moved_as_a_whole_to_where_the_store_bridges_it() -> None:
    event = {"start": "2024-03-01T01:00+00:00", "end": "2024-03-01T01:30+00:00"}
    store = battery(energy_kwh=10, start_fill=1.0, charge_efficiency=1.0, discharge_efficiency=1.0)
    site = park(load(), grid(import_kw=100, planned_outages=[event]), store)
    demand = np.where((np.arange(QUARTERS) >= 2) & (np.arange(QUARTERS) < 8), 40.0, 10.0)
    problem = planned(site, demand)
    (found,) = explain_unmet(problem, solve(problem))
    texts = [str(fix) for fix in in_time(found)]
    # Half an hour takes 20 kWh of the 10 there are; with half of it where 10 kW are asked for, 12.5; outside it 5.
    assert texts == [
        "move planned_outages of pcc from 2024-03-01 01:00–2024-03-01 01:30 to 2024-03-01 00:00–2024-03-01 00:30",
        "move planned_outages of pcc from 2024-03-01 01:00–2024-03-01 01:30 to 2024-03-01 02:00–2024-03-01 02:30",
    ]
    for fix in in_time(found):
        again = applied(problem, fix)
        assert not unmet(again, solve(again))


def test_a_unit_that_must_stay_on_may_stop_sooner() -> None:
    engine = unit(min_kw=60, max_kw=90, min_up_h=3, on_before_h=1, power_before_kw=60)
    site = park(load(), engine, grid(import_kw=50, export_kw=15))
    problem = planned(site, [60, 60, 45, 45, *[20] * 12])
    found = why_no_plan(problem)
    assert [str(fix) for fix in in_time(found)] == ["lower min_up_h of unit from 3 to 2 h"]
    (fix,) = in_time(found)
    assert fix.short_kwh == 0
    assert audit(solve(applied(problem, fix))).passed
    (change,) = fix.changes
    assert isinstance(change, TimeChange)
    with pytest.raises(Exception, match="Infeasible"):
        solve(applied(problem, Fix((replace(change, by_s=change.by_s * 0.75),), 0.0)))


def test_a_switch_on_that_was_given_too_early_or_too_late_is_moved() -> None:
    site = park(load(), unit(min_kw=60, max_kw=90), grid(import_kw=20))
    on = np.r_[np.zeros(4), np.ones(12)]
    early = planned(site, np.r_[np.full(6, 10.0), np.full(10, 70.0)], Mode("given"), commitment=on)
    found = why_no_plan(early)
    assert [str(fix) for fix in in_time(found)] == ["switch unit on at 01:30 instead of 01:00"]
    assert audit(solve(applied(early, in_time(found)[0]))).passed
    late = planned(site, np.r_[np.full(2, 10.0), np.full(14, 70.0)], Mode("given"), commitment=on)
    (short,) = explain_unmet(late, solve(late))
    assert "switch unit on at 00:30 instead of 01:00" in {str(fix) for fix in in_time(short)}
    again = applied(late, in_time(short)[0])
    assert not unmet(again, solve(again))


def test_a_plan_that_leaves_less_undone_comes_before_a_cheaper_one() -> None:
    engine = unit(min_kw=60, max_kw=90, min_up_h=3, on_before_h=1, power_before_kw=60)
    site = park(load(), engine, grid(import_kw=5))
    problem = planned(site, [20.0, 20, 60, 60, 60, 60], step_h=1.0)
    found = why_no_plan(problem)
    short = [round(fix.short_kwh, 1) for fix in found.fixes]
    assert short == sorted(short)
    assert short[0] < short[-1]
    assert "kWh of what is wanted are missed" in found.text(problem.horizon, "EUR")


def test_what_a_time_cannot_mend_names_none() -> None:
    site = park(load(), grid(import_kw=8), depot(arrival="00:00", departure="03:30"))
    problem = planned(site, 10.0)
    for found in explain_unmet(problem, solve(problem)):
        assert in_time(found) == []


def test_a_stay_never_turns_inside_out() -> None:
    """An arrival after the departure would be a stay of nearly a day, to the day after."""
    site = park(load(), grid(), depot(arrival="01:00", departure="02:00"))
    problem = planned(site, 10.0)
    times = {time.field: time for time in movable(site, problem.inputs, {"depot"}, given=False)}
    assert set(times) == {"arrival of bus_7", "departure of bus_7"}
    for field, inward in (("arrival of bus_7", 1), ("departure of bus_7", -1)):
        times[field].moved(3 * inward, problem.horizon)
        with pytest.raises(ValueError, match="pass the other"):
            times[field].moved(4 * inward, problem.horizon)
        with pytest.raises(ValueError, match="pass the other"):
            times[field].moved(-4 * 24 * inward, problem.horizon)


def test_windows_events_and_hours_are_times_and_tariffs_are_not() -> None:
    event = {"start": "2024-03-01T01:00+00:00", "end": "2024-03-01T02:00+00:00"}
    press = {"kind": "deferrable", "name": "press", "bus": "main", "energy_kwh": 50, "max_kw": 40}
    site = park(
        load(),
        grid(planned_outages=[event]),
        press | {"window": {"daily": "01:00-03:00"}},
        press | {"name": "mill", "window": {"start": "2024-03-01T01:00+00:00", "end": "2024-03-01T03:00+00:00"}},
        unit(min_up_h=2, on_before_h=1),
    )
    problem = planned(site, 10.0)
    found = list(movable(site, problem.inputs, {a.name for a in site.assets}, given=False))
    assert {(t.asset, t.field) for t in found} == {
        ("pcc", "planned_outages"),
        ("press", "start of window"),
        ("press", "end of window"),
        ("mill", "start of window"),
        ("mill", "end of window"),
        ("unit", "min_up_h"),
    }
    ends = [t.moved(2, problem.horizon) for t in found if t.field == "end of window"]
    assert [(str(c).rpartition(" to ")[2]) for c in ends] == ["03:30", "03:30"]
    moved = ends[0].apply(site)
    assert next(a for a in moved.assets if a.name == "press").window.daily == "01:00-03:30"  # type: ignore[attr-defined]
