"""Gas boilers: efficiency in time, minimum load, starts and ramps, and fuel counted once where it enters."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.audit import audit
from dispatch.config.references import reference_problems
from dispatch.errors import DataError
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.thermal_parks import grid, hours, point_signal, problem, relaxed, supply, tariff


def boiler(**fields: Any) -> dict[str, Any]:
    base = {"kind": "gas_boiler", "name": "boiler", "fuel_bus": "gas", "heat_bus": "heat", "heat_kw": 100}
    return base | {"efficiency": 0.95} | fields


def electric(**fields: Any) -> dict[str, Any]:
    base = {"kind": "electric_boiler", "name": "rod", "bus": "main", "heat_bus": "heat", "electric_kw": 200}
    return base | {"efficiency": 1.0} | fields


def costly(**fields: Any) -> dict[str, Any]:
    return boiler(start_cost=5.0, min_load_fraction=0.1, **fields)


GAS = supply("gas", 0.04, co2_kg_per_kwh=0.198)
GRID = grid(tariff=tariff(0.3))


def test_heat_costs_and_emits_what_its_gas_does_and_that_once() -> None:
    made = problem(boiler(), GAS, GRID, demand={"heat": [95.0, 0, 19]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("boiler", "fuel_kw") == pytest.approx([100, 0, 20], abs=1e-6)
        assert schedule.money[0] == pytest.approx(120 * 0.04)
        assert schedule.co2_kg[0] == pytest.approx(120 * 0.198)
        assert audit(schedule).violations == ()


def test_its_rating_is_that_of_the_output_and_what_is_beyond_is_shed() -> None:
    made = problem(boiler(), GAS, GRID, demand={"heat": [130.0]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("boiler", "heat_kw") == pytest.approx([100])
        assert schedule.asset("heat_load", "shed_kw") == pytest.approx([30])


def test_the_efficiency_may_change_in_time() -> None:
    made = problem(boiler(efficiency=point_signal(0.8, 1.04)), GAS, GRID, demand={"heat": [80.0, 52]})
    assert solve(made).asset("boiler", "fuel_kw") == pytest.approx([100, 50])


def test_an_efficiency_of_nothing_is_refused_with_its_time() -> None:
    with pytest.raises(DataError, match="'boiler' would make 0 kW of heat per kW of input at 2024-03-01T01:00"):
        problem(boiler(efficiency=point_signal(0.8, 0.0)), GAS, GRID, demand={"heat": [80.0, 52]})


def test_it_makes_steam_as_well_and_no_cold() -> None:
    steam = problem(boiler(heat_bus="steam"), GAS, GRID, demand={"steam": [95.0]})
    assert solve(steam).asset("boiler", "fuel_kw") == pytest.approx([100])
    raw = {"buses": [{"name": "gas", "carrier": "gas"}, {"name": "c", "carrier": "cold"}], "latitude_deg": 0}
    (found,) = [p for p in reference_problems(raw | {"assets": [boiler(heat_bus="c")]}) if "heat_bus" in p.path]
    assert found.message == "bus 'c' carries cold"
    assert "a bus for heat or steam: none yet" in found.accepted


def test_fuel_that_is_limited_limits_it() -> None:
    made = problem(boiler(), GAS | {"max_kw": 50}, GRID, demand={"heat": [95.0]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("boiler", "heat_kw") == pytest.approx([47.5])
        assert schedule.asset("heat_load", "shed_kw") == pytest.approx([47.5])
        assert audit(schedule).violations == ()


def test_the_relaxation_of_a_demand_above_the_minimum_load_is_tight() -> None:
    made = problem(boiler(min_load_fraction=0.5), electric(), GAS, GRID, demand={"heat": [95.0, 60]})
    assert solve(made).proof.objective == pytest.approx(relaxed(made)) == pytest.approx(155 / 0.95 * 0.04)


def test_the_relaxation_of_a_demand_below_it_is_not_and_whole_numbers_catch_it() -> None:
    """Relaxed, it would burn 30 / .95 · .04 = 1.26; off, the rod makes 30 · .3 = 9."""
    made = problem(boiler(min_load_fraction=0.5), electric(), GAS, GRID, demand={"heat": [30.0]})
    assert relaxed(made) == pytest.approx(30 / 0.95 * 0.04)
    plan = solve(made)
    assert plan.asset("boiler", "on") == pytest.approx([0], abs=1e-6)
    assert plan.money[0] == pytest.approx(9.0)
    assert audit(plan).violations == ()


def test_a_start_is_paid_once_and_it_stays_on_where_that_is_cheaper() -> None:
    plan = solve(problem(costly(), electric(), GAS, GRID, demand={"heat": [95.0, 19, 95]}))
    assert plan.asset("boiler", "on") == pytest.approx([1, 1, 1])
    assert plan.money[0] == pytest.approx(5 + 220 * 0.04)
    kept = solve(problem(costly(on_before_h=3), electric(), GAS, GRID, demand={"heat": [95.0]}))
    assert kept.money[0] == pytest.approx(100 * 0.04)


def test_a_ramp_leaves_the_rest_to_others() -> None:
    """From 20 kW of fuel it rises by a fifth of 100 / .95 an hour: 41.05, then 62.1; the rod makes the rest at .3."""
    slow = boiler(ramp_fraction_per_h=0.2, input_before_kw=20.0)
    plan = solve(problem(slow, electric(), GAS, GRID, demand={"heat": [95.0, 95]}))
    rise = 0.2 * 100 / 0.95
    assert plan.asset("boiler", "fuel_kw") == pytest.approx([20 + rise, 20 + 2 * rise])
    assert plan.asset("rod", "heat_kw") == pytest.approx([95 - 0.95 * (20 + rise), 95 - 0.95 * (20 + 2 * rise)])
    free = problem(slow | {"input_before_kw": None}, electric(), GAS, GRID, demand={"heat": [95.0]})
    assert solve(free).asset("boiler", "fuel_kw") == pytest.approx([100]), "nobody knows what was before"


def test_where_nothing_asks_for_whole_numbers_there_are_none() -> None:
    linear = problem(boiler(), GAS, GRID, demand={"heat": [95.0]})
    whole = problem(boiler(min_load_fraction=0.1), GAS, GRID, demand={"heat": [95.0]})
    assert not linear.compiled.matrices().integer.any()
    assert whole.compiled.matrices().integer.any()
    mixed = problem(boiler(), boiler(name="other", min_load_fraction=0.5), GAS, GRID, demand={"heat": [20.0]})
    plan = solve(mixed)
    assert plan.asset("boiler", "on") == pytest.approx([1]), "always on beside one that is decided"
    assert plan.asset("other", "on") == pytest.approx([0], abs=1e-6)
    assert audit(plan).violations == ()


def test_must_run_of_plant_that_is_always_on_is_refused() -> None:
    with pytest.raises(ValueError, match="must_run says nothing of plant that is always on"):
        problem(boiler(must_run=True), GAS, GRID, demand={"heat": [20.0]})


def test_hours_of_a_quarter_have_ramps_of_a_quarter() -> None:
    made = problem(boiler(ramp_fraction_per_h=0.4, input_before_kw=0.0), electric(), GAS, GRID,
                   demand={"heat": [95.0] * 3}, step_h=0.25)  # fmt: skip
    step = 0.4 * 0.25 * 100 / 0.95
    assert solve(made).asset("boiler", "fuel_kw") == pytest.approx([step, 2 * step, 3 * step])
    assert made.horizon.steps == hours(3).steps
