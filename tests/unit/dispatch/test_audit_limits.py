"""Each limit of the audit at its edge: what is just within it passes, what is just beyond it is told, either way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.test_audit import told, with_kind

STEPS, BUSES = 3, ("main", "heat", "cold")


@pytest.fixture(scope="module")
def schedule() -> Schedule:
    """Two scenarios, reserve, an outage, a wish for carbon: something of everything the audit looks at."""
    pcc = grid(tariff=tariff(0.2, feed_in=0.1, demand=5.0), export_kw=50, carbon_intensity_kg_per_kwh=0.5)
    engine = unit(min_kw=10, start_cost=1, co2_kg_per_kwh=0.3, spinning_reserve=True)
    needs = [
        {"kind": "reserve", "name": way, "direction": way, "required_kw": 10.0, "penalty_per_kwh": 0.5}
        for way in ("up", "down")
    ]
    blackout = {"kind": "outage", "name": "blackout", "loads": ["load"], "critical_share": 0.9, "survival_h": 2}
    assets = (load(), pcc, battery(wear_cost_per_kwh=0.01), engine, *needs, blackout)
    wish = {"emissions_max_t_per_tce": 0.2, "penalty_per_t": 20.0, "penalty_per_kwh": 0.005}
    site = park(*assets, objective={"carbon_price_per_t": 100}, wishes=[wish])
    demand = np.array([[130.0, 240, 120], [150, 210, 250]])
    return solve(Problem(site, given(site, hours(STEPS), {("load", "demand_kw"): demand}, scenarios=2)))


def shifted(values: np.ndarray, by: float, row: int = 1) -> np.ndarray:
    out = np.array(values, float)
    out[row] += by
    return out


def with_power(schedule: Schedule, by: float, row: int = 1) -> Schedule:
    """The load's power so much higher than its series says, in one step."""
    powers = np.array(schedule.kinds["load"].power_kw["demand"])
    powers[row, 1] += by
    return with_kind(schedule, "load", power_kw={"demand": powers})


def test_all_of_it_passes(schedule: Schedule) -> None:
    found = audit(schedule)
    assert found.passed
    assert found.checked == sum(values.size for solved in schedule.kinds.values() for values in solved.series.values())


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("row", [0, 1])
def test_a_bus_may_be_off_by_a_watt_and_a_little_of_what_flows(schedule: Schedule, way: int, row: int) -> None:
    flowing = sum(np.abs(power[row, 1]) for s in schedule.kinds.values() for power in s.power_kw.values())
    room = 1e-3 + 1e-7 * (1 + flowing)
    assert "does not balance" not in told(with_power(schedule, way * 0.9 * room, row))
    found = [v for v in audit(with_power(schedule, way * 1.1 * room, row)).violations if v.what == "does not balance"]
    assert [(v.asset, v.step, v.limit) for v in found] == [("bus main", 1, 0.0)]
    assert found[0].value == pytest.approx(way * 1.1 * room, rel=1e-3)


def test_a_large_flow_may_be_off_by_more(schedule: Schedule) -> None:
    """100 MW in and out of one bus leave room for 20 W; that the flows themselves are wrong is told apart."""
    pcc = np.array(schedule.kinds["grid_connection"].power_kw["electricity"])
    pcc[1, 1] += 1e5
    large = with_kind(schedule, "grid_connection", power_kw={"electricity": pcc})
    room = 1e-7 * 2e5
    assert "does not balance" not in told(with_power(large, -1e5 + 0.9 * room))
    assert "does not balance" in told(with_power(large, -1e5 + 1.2 * room))


def test_losses_count_at_their_bus_and_where_one_is_named(schedule: Schedule) -> None:
    loss = np.zeros((2, STEPS))
    loss[1, 2] = 5.0
    found = audit(replace(schedule, loss_kw=loss, losses_at="heat")).violations
    assert [(v.asset, v.step, v.value) for v in found] == [("bus heat", 2, -5.0)]
    assert audit(replace(schedule, loss_kw=loss)).passed
    assert audit(replace(schedule, losses_at="heat")).passed
    both = replace(schedule, loss_kw=np.full((2, STEPS), 5.0), losses_at="cold")
    assert [v.asset for v in audit(both).violations] == ["bus cold"] * 2 * STEPS


@pytest.mark.parametrize("field", ["reserve_up_kw", "reserve_down_kw"])
@pytest.mark.parametrize("scenario", [0, 1])
def test_reserve_that_lacks_is_told_and_more_of_it_is_not(schedule: Schedule, field: str, scenario: int) -> None:
    spare = schedule.per_step(field, scenario).min()
    solved = schedule.kinds["thermal"]
    what = f"{field} asked for and not held"
    less = with_kind(schedule, "thermal", **{field: shifted(getattr(solved, field), -spare - 0.002, scenario)})
    found = [v for v in audit(less).violations if v.what == what]
    assert {(v.asset, v.limit, v.unit) for v in found} == {("site", 0.0, "kW")}
    more = with_kind(schedule, "thermal", **{field: shifted(getattr(solved, field), 5.0, scenario)})
    assert what not in told(more)


@pytest.mark.parametrize("field", ["supply_kw", "unclean_kw", "reserve_up_kw", "reserve_down_kw"])
@pytest.mark.parametrize("way", [1, -1])
def test_what_a_kind_states_beside_its_power_is_held_against_its_account(
    schedule: Schedule, field: str, way: int
) -> None:
    values = getattr(schedule.kinds["thermal"], field)
    what = f"{field} differs from its series"
    assert what in told(with_kind(schedule, "thermal", **{field: shifted(values, way * 0.0015)}))
    assert what not in told(with_kind(schedule, "thermal", **{field: shifted(values, way * 0.0005)}))


@pytest.mark.parametrize("way", [1, -1])
def test_a_power_that_differs_is_told_either_way(schedule: Schedule, way: int) -> None:
    what = "power at demand differs from its series"
    assert what in told(with_power(schedule, way * 0.0015))
    assert what not in told(with_power(schedule, way * 0.0005))


def test_more_lacks_in_an_outage_than_is_stated(schedule: Schedule) -> None:
    what = "more would lack in an outage than stated"
    series = schedule.kinds["outage"].series
    name = next(name for name, values in series.items() if "unserved" in name)

    def stated(by: float) -> Schedule:
        return with_kind(schedule, "outage", series={**series, name: shifted(series[name], by, 0)})

    found = [v for v in audit(stated(-0.5)).violations if v.what == what]
    assert {(v.asset, v.limit, v.unit) for v in found} == {("blackout", 0.0, "kWh")}
    assert what in told(stated(-0.02))
    assert what not in told(stated(0.5))


@pytest.mark.parametrize("large", [1e6, -1e6])
def test_sums_may_be_off_by_a_millionth(schedule: Schedule, large: float) -> None:
    for field, step, what in (
        ("money", "cost_step", "money differs from its parts"),
        ("co2_kg", "co2_step_kg", "carbon differs from its parts"),
    ):
        values = np.array(getattr(schedule.kinds["thermal"], step))
        values[1, 0] += large
        other = with_kind(schedule, "thermal", **{step: values})
        total = getattr(schedule, field) + np.array([0, large])
        room = 0.01 + 1e-6 * abs(total[1])
        assert what not in told(replace(other, **{field: total}))
        for way in (1, -1):
            assert what in told(replace(other, **{field: total + np.array([0, way * 1.1 * room])}))
            assert what not in told(replace(other, **{field: total + np.array([0, way * 0.9 * room])}))


@pytest.mark.parametrize(
    ("field", "what"), [("cost_step", "money"), ("co2_step_kg", "carbon"), ("penalty_step", "penalty")]
)
@pytest.mark.parametrize("way", [1, -1])
def test_what_a_kind_costs_may_be_off_by_a_cent(schedule: Schedule, field: str, what: str, way: int) -> None:
    values = np.array(getattr(schedule.kinds["thermal"], field))
    for by, is_told in ((0.02, True), (0.005, False)):
        other = values.copy()
        other[1, 0] += way * by
        found = told(with_kind(schedule, "thermal", **{field: other}))
        assert (f"{what} differs from its series" in found) == is_told


def test_a_large_bill_may_be_off_by_a_millionth() -> None:
    """At 10 million an energy price of 1000 a kWh makes, the room is ten."""
    site = park(load(), grid(import_kw=1e5, tariff=tariff(1000.0)))
    found = solve(Problem(site, given(site, hours(1), {("load", "demand_kw"): 1e4})))
    cost, what = found.kinds["grid_connection"].cost_step, "money differs from its series"
    for by, is_told in ((9.0, False), (-9.0, False), (11.0, True), (-11.0, True)):
        wrong = with_kind(found, "grid_connection", cost_step=cost + by)
        assert (what in told(wrong)) == is_told


def test_a_wish_that_is_missed_by_more_than_stated(schedule: Schedule) -> None:
    assert any(values.any() for values in schedule.wish_over_kg.values())
    nothing = {text: 0 * values for text, values in schedule.wish_over_kg.items()}
    assert audit(replace(schedule, wish_over_kg=nothing)).violations


def test_a_number_that_is_none_is_held_against_zero(schedule: Schedule) -> None:
    series = schedule.kinds["load"].series
    hole = with_kind(schedule, "load", series={**series, "shed_kw": shifted(series["shed_kw"], np.nan)})
    found = [v for v in audit(hole).violations if v.what == "shed_kw is not a number"]
    assert [(v.asset, v.step, v.limit) for v in found] == [("load", step, 0.0) for step in range(STEPS)]


@pytest.mark.parametrize("way", [1, -1])
def test_reactive_power_beyond_the_power_factor_either_way(way: int) -> None:
    free: dict[str, Any] = {"mode": "free", "rated_kva": 400, "power_factor_min": 0.8}
    panel = {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 400, "reactive": free}
    on = {"network": "x", "bus_of": {"main": "node"}}
    site = park(load(), grid(export_kw=1000), panel, grid=on)
    series = {("load", "demand_kw"): 50.0, ("pv", "available_kw"): 100.0}
    found = solve(Problem(site, given(site, hours(2), series), network_slots=1))
    most = found.asset("pv", "power_kw")[0] * 0.75
    for share, is_told in ((1.01, True), (0.99, False)):
        other = replace(found, reactive_kvar={"pv": np.full((1, 2), way * share * most)})
        assert ("power factor below its least" in told(other)) == is_told
