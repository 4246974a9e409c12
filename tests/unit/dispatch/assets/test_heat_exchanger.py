"""Heat exchangers: the cascade from hot to cold, and no way back."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.config.references import reference_problems
from dispatch.problem import Problem
from dispatch.replay.plant import decisions, executed
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.thermal_parks import grid, problem, supply


def exchanger(**fields: Any) -> dict[str, Any]:
    return {"kind": "heat_exchanger", "name": "plate", "hot_bus": "hot", "heat_bus": "heat", "hot_kw": 80} | fields


def test_heat_loses_its_share_on_the_way_and_stops_at_the_capacity() -> None:
    made = problem(exchanger(loss_fraction=0.1), supply("hot", 0.05), grid(), demand={"heat": [45.0, 90]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("plate", "hot_kw") == pytest.approx([50, 80])
        assert schedule.asset("heat_load", "shed_kw") == pytest.approx([0, 18], abs=1e-6)
        assert schedule.money[0] == pytest.approx(130 * 0.05)
        assert audit(schedule).violations == ()


def test_a_cascade_uses_heat_twice_over_before_it_buys_the_hottest() -> None:
    """Waste heat of 60 kW at the hot level serves 20 there and 40 of 50 below; the last 10 are bought below, at .08."""
    waste = {"kind": "waste_heat", "name": "kiln", "bus": "hot", "offered_kw": 60, "max_kw": 60}
    made = problem(
        exchanger(), waste, supply("heat", 0.08), supply("hot", 0.1), grid(), demand={"hot": [20.0], "heat": [50.0]}
    )
    plan = solve(made)
    assert plan.asset("plate", "heat_kw") == pytest.approx([40])
    assert plan.asset("kiln", "unused_kw") == pytest.approx([0], abs=1e-6)
    assert plan.money[0] == pytest.approx(10 * 0.08)


def test_the_rules_follow_a_cascade_of_three_levels() -> None:
    first, second = exchanger(hot_bus="hotter", heat_bus="hot", name="first"), exchanger(loss_fraction=0.2)
    buses = [{"name": "main"}, *({"name": n, "carrier": "heat"} for n in ("hotter", "hot", "heat"))]
    made = problem(first, second, supply("hotter", 0.05), grid(), demand={"heat": [40.0]}, buses=buses)
    for schedule in (solve(made), rule_based(made)):
        assert schedule.money[0] == pytest.approx(50 * 0.05)
        assert audit(schedule).violations == ()


def test_heat_that_lacks_at_two_levels_at_once_comes_through_both_exchangers() -> None:
    """Planned for less: the lower exchanger must not stop because the level that it draws from lacks heat too."""
    first, second = exchanger(hot_bus="hotter", heat_bus="hot", name="first"), exchanger(loss_fraction=0.2)
    buses = [{"name": "main"}, *({"name": n, "carrier": "heat"} for n in ("hotter", "hot", "heat"))]

    def levels(hot_kw: float, heat_kw: float) -> Problem:
        demand = {"hot": [hot_kw], "heat": [heat_kw]}
        return problem(first, second, supply("hotter", 0.05), grid(), demand=demand, buses=buses)

    expected, came = levels(5.0, 4.0), levels(15.0, 40.0)
    done = executed(came, decisions(expected, solve(expected)))
    assert audit(done).violations == ()
    assert done.asset("plate", "hot_kw") == pytest.approx([50])
    assert done.asset("first", "hot_kw") == pytest.approx([65])
    assert done.asset("heat_load", "shed_kw") == pytest.approx([0], abs=1e-6)


def test_it_carries_nothing_upwards() -> None:
    made = problem(exchanger(), supply("heat", 0.01), grid(), demand={"hot": [20.0]})
    assert solve(made).asset("hot_load", "shed_kw") == pytest.approx([20])


def levels(hot: Any, cold: Any, **fields: Any) -> list[str]:
    buses = [
        {"name": "hot", "carrier": "heat", "temperature_degc": hot},
        {"name": "heat", "carrier": "heat", "temperature_degc": cold},
        {"name": "tepid", "carrier": "heat", "temperature_degc": 30},
    ]
    raw = {"buses": buses, "assets": [exchanger(**fields)], "latitude_deg": 0, "longitude_deg": 0}
    return [f"{p.path}: {p.message}; {p.accepted}" for p in reference_problems(raw) if "assets" in p.path]


def test_a_colder_source_than_its_sink_is_refused_with_both_levels_and_what_would_do() -> None:
    (found,) = levels(45, 60)
    assert found.startswith("assets[0].heat_bus: 'heat' at 60 °C is hotter than 'hot' at 45 °C")
    assert found.endswith("a bus of at most 45 °C: tepid; or a heat pump")
    assert len(levels("45 degC", "60 °C")) == 1, "levels written with their unit"


@pytest.mark.parametrize(("hot", "cold"), [(90, 60), (60, 60), (None, 60), (90, None), ("warm", 60), ([1], 60)])
def test_a_hotter_source_or_an_unknown_level_is_accepted(hot: Any, cold: Any) -> None:
    assert levels(hot, cold) == []


def test_all_heat_lost_is_refused() -> None:
    with pytest.raises(ValidationError, match="loss_fraction"):
        problem(exchanger(loss_fraction=1.0), grid(), demand={"heat": [1.0]})
