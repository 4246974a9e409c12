"""The audit passes a right plan and finds what is wrong with a wrong one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Horizon
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff, unit


@pytest.fixture(scope="module")
def schedule() -> Schedule:
    """Two scenarios with every sort of money and carbon in them."""
    pcc = grid(tariff=tariff(0.2, feed_in=0.1, demand=5.0), export_kw=50, carbon_intensity_kg_per_kwh=0.5)
    engine = unit(min_kw=10, start_cost=1, co2_kg_per_kwh=0.3)
    site = park(load(), pcc, battery(wear_cost_per_kwh=0.01), engine, objective={"carbon_price_per_t": 100})
    demand = np.array([[130.0, 240, 20, 190], [150, 210, 250, 10]])
    return solve(Problem(site, given(site, hours(4), {("load", "demand_kw"): demand}, scenarios=2)))


def told(schedule: Schedule) -> set[str]:
    return {violation.what for violation in audit(schedule).violations}


def with_kind(schedule: Schedule, kind: str, **fields: Any) -> Schedule:
    return replace(schedule, kinds={**schedule.kinds, kind: replace(schedule.kinds[kind], **fields)})


def bumped(values: np.ndarray, by: float, row: int = 1) -> np.ndarray:
    out = np.array(values, float)
    out[row, 0] += by
    return out


def test_a_right_plan_passes_and_says_how_much_was_looked_at(schedule: Schedule) -> None:
    result = audit(schedule)
    assert result.passed
    assert result.checked >= sum(s.series["power_kw"].size for s in schedule.kinds.values() if "power_kw" in s.series)


def test_a_bus_that_does_not_balance(schedule: Schedule) -> None:
    powers = {"demand": bumped(schedule.kinds["load"].power_kw["demand"], 0.01)}
    found = audit(with_kind(schedule, "load", power_kw=powers)).violations
    wanted = [("bus main", "does not balance", 0), ("load", "power at demand differs from its series", 0)]
    assert [(v.asset, v.what, v.step) for v in found] == wanted
    assert found[0].value == pytest.approx(0.01, abs=1e-4)


def test_a_wrong_bill(schedule: Schedule) -> None:
    pcc = schedule.kinds["grid_connection"]
    for fields in ({"cost_step": bumped(pcc.cost_step, 0.05)}, {"cost_period": bumped(pcc.cost_period, -0.05)}):
        assert told(with_kind(schedule, "grid_connection", **fields)) == {
            "money differs from its series",
            "money differs from its parts",
        }


def test_a_wrong_bill_that_agrees_with_the_stated_sum(schedule: Schedule) -> None:
    pcc = schedule.kinds["grid_connection"]
    wrong = with_kind(schedule, "grid_connection", cost_step=bumped(pcc.cost_step, 0.05))
    assert told(replace(wrong, money=schedule.money + np.array([0, 0.05]))) == {"money differs from its series"}


def test_wrong_carbon(schedule: Schedule) -> None:
    pcc = schedule.kinds["grid_connection"]
    wrong = with_kind(schedule, "grid_connection", co2_step_kg=pcc.co2_step_kg * 1.01)
    total = np.array([s.sum() for s in np.split((pcc.co2_step_kg * 0.01).sum(axis=1), 2)])
    assert told(replace(wrong, co2_kg=schedule.co2_kg + total)) == {"carbon differs from its series"}


@pytest.mark.parametrize(("field", "what"), [("money", "money differs"), ("co2_kg", "carbon differs")])
def test_a_stated_sum_that_is_not_the_sum(schedule: Schedule, field: str, what: str) -> None:
    wrong = replace(schedule, **{field: getattr(schedule, field) + np.array([0, 0.1])})
    assert told(wrong) == {f"{what} from its parts"}


def test_a_number_that_is_none_anywhere(schedule: Schedule) -> None:
    for kind, solved in schedule.kinds.items():
        for name, values in solved.series.items():
            hole = {**solved.series, name: bumped(values, np.nan, row=0)}
            assert f"{name} is not a number" in told(with_kind(schedule, kind, series=hole))
        for field in ("cost_step", "co2_step_kg"):
            assert told(with_kind(schedule, kind, **{field: bumped(getattr(solved, field), np.nan)})), (kind, field)
        ports = {port: bumped(power, np.nan) for port, power in solved.power_kw.items()}
        assert "does not balance" in told(with_kind(schedule, kind, power_kw=ports))
    assert told(replace(schedule, money=schedule.money * np.nan)) == {"money differs from its parts"}


def test_a_breach_in_the_last_scenario_only(schedule: Schedule) -> None:
    store: Solved = schedule.kinds["battery"]
    wrong = {**store.series, "stored_kwh": bumped(store.series["stored_kwh"], 3.0)}
    assert told(with_kind(schedule, "battery", series=wrong)) == {"content differs from its powers"}


def test_a_violation_reads_as_a_sentence(schedule: Schedule) -> None:
    powers = {"demand": bumped(schedule.kinds["load"].power_kw["demand"], 0.5)}
    found = audit(with_kind(schedule, "load", power_kw=powers)).violations[0]
    assert str(found) == "bus main: does not balance at 00:00: 0.5 kW, limit 0 kW"
    assert found.margin == pytest.approx(0.5)


def test_a_violation_is_told_by_the_clock_on_the_wall_and_one_of_the_whole_day_by_none() -> None:
    """25 October 2026 in Berlin, in hours: the third and fourth begin at 02:00, before and after the change."""
    horizon = Horizon.local_day(date(2026, 10, 25), "Europe/Berlin", 60)
    site = park(load(), grid(import_kw=100))
    schedule = solve(Problem(site, given(site, horizon, {("load", "demand_kw"): 40.0})))
    too_much = dict(schedule.kinds["grid_connection"].series)
    too_much["import_kw"] = too_much["import_kw"] + np.where(np.isin(np.arange(25), (2, 3)), 70.0, 0.0)
    found = audit(with_kind(schedule, "grid_connection", series=too_much)).violations
    above = [str(v) for v in found if v.what == "import above its limit"]
    assert above == [f"pcc: import above its limit at 02:00 {zone}: 110 kW, limit 100 kW" for zone in ("CEST", "CET")]
    money = next(str(v) for v in found if v.what == "money differs from its series")
    assert money.startswith("pcc: money differs from its series: ")


def test_the_bill_is_read_from_the_tariff_and_not_from_the_prices_of_the_solve() -> None:
    site = park(load(), grid(tariff=tariff(0.2)))
    series = {("load", "demand_kw"): 10.0, ("pcc", "import_price_per_kwh"): 0.3}
    assert told(solve(Problem(site, given(site, hours(2), series)))) == {"money differs from its series"}
