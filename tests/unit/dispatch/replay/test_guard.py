"""The guard of a peak: a plan that is followed raises no billed peak while others can give instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.planning.comparison import follow
from dispatch.problem import Problem
from dispatch.replay.plant import Decisions, decisions, executed
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff

LOSSLESS = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "end_penalty_per_kwh": 0.0}
NOTHING: Decisions = {"battery": {"charge_kw": np.zeros((1, 4)), "discharge_kw": np.zeros((1, 4))}}


def built(
    demand: Any, *others: dict[str, Any], store: dict[str, Any] | None = None, series: Any = None, **pcc: Any
) -> Problem:
    fields = {"tariff": tariff(0.2, demand=30.0), "expected_peak_kw": 50.0} | pcc
    site = park(load(), battery(**LOSSLESS | (store or {})), grid(**fields), *others)
    return Problem(site, given(site, hours(4), {("load", "demand_kw"): demand, **(series or {})}))


def followed(problem: Problem, planned: Decisions) -> Schedule:
    done = executed(problem, planned)
    assert audit(done).violations == ()
    return done


def imports(problem: Problem, planned: Decisions) -> Array:
    return followed(problem, planned).asset("pcc", "import_kw")


def test_a_store_gives_what_would_raise_the_peak() -> None:
    done = followed(built(np.array([40.0, 70, 45, 55])), NOTHING)
    assert done.asset("pcc", "import_kw") == pytest.approx([40, 50, 45, 50])
    assert done.asset("battery", "discharge_kw") == pytest.approx([0, 20, 0, 5])


def test_charging_is_what_gives_way_first() -> None:
    charging: Decisions = {"battery": {"charge_kw": np.full((1, 4), 10.0), "discharge_kw": np.zeros((1, 4))}}
    done = followed(built(np.array([35.0, 45, 48, 20]), store={"start_fill": 0.0}), charging)
    assert done.asset("pcc", "import_kw") == pytest.approx([45, 50, 50, 30])
    assert done.asset("battery", "charge_kw") == pytest.approx([10, 5, 2, 10])


def test_what_no_store_can_give_the_grid_gives_and_no_load_is_shed() -> None:
    done = followed(built(np.array([40.0, 70, 45, 70]), store={"start_fill": 0.25}), NOTHING)
    assert done.asset("pcc", "import_kw") == pytest.approx([40, 50, 45, 65])
    assert done.asset("load", "shed_kw") == pytest.approx([0] * 4)


def test_what_a_store_gave_early_it_does_not_have_as_planned_and_the_grid_gives_it() -> None:
    late: Decisions = {"battery": {"charge_kw": np.zeros((1, 4)), "discharge_kw": np.array([[0.0, 0, 0, 30]])}}
    done = followed(built(np.array([70.0, 40, 40, 40]), store={"start_fill": 0.3}), late)
    assert done.asset("pcc", "import_kw") == pytest.approx([50, 40, 40, 30])
    assert done.asset("battery", "discharge_kw") == pytest.approx([20, 0, 0, 10])


def test_a_store_that_is_wanted_later_at_the_limit_of_the_connection_spares_no_peak() -> None:
    """30 kWh for the evening's 90 kW beside 60 of import; 5 of them given at noon would be 5 of load shed then."""
    late: Decisions = {"battery": {"charge_kw": np.zeros((1, 4)), "discharge_kw": np.array([[0.0, 0, 0, 30]])}}
    done = followed(built(np.array([55.0, 40, 40, 90]), store={"start_fill": 0.3}, import_kw=60.0), late)
    assert done.asset("load", "shed_kw") == pytest.approx([0] * 4, abs=1e-6)
    assert done.asset("battery", "discharge_kw") == pytest.approx([0, 0, 0, 30])
    assert done.asset("pcc", "import_kw") == pytest.approx([55, 40, 40, 60])


def test_a_plan_over_scenarios_guards_the_path_that_is_published() -> None:
    site = park(load(), battery(**LOSSLESS), grid(tariff=tariff(0.2, demand=30.0), expected_peak_kw=50.0))
    paths = np.array([[40.0, 45, 45, 40], [60.0, 90, 90, 60]])
    plan = solve(Problem(site, given(site, hours(4), {("load", "demand_kw"): paths}, scenarios=2)))
    came = Problem(site, given(site, hours(4), {("load", "demand_kw"): np.array([60.0, 45, 45, 40])}))
    own = plan.kinds["grid_connection"].series["peak_kw"][0].max()
    assert own < plan.kinds["grid_connection"].series["peak_kw"][1].max()
    done = follow(came, plan)
    assert audit(done).violations == ()
    assert done.kinds["grid_connection"].series["import_kw"].max() == pytest.approx(own)


def test_a_peak_that_the_plan_pays_for_is_free_to_be_used() -> None:
    """A plan that knew of 90 kW and an empty store pays for 90; what then comes may be met up to that."""
    plan_of = built(np.array([90.0, 60, 60, 60]), store={"start_fill": 0.0, "charge_kw": 1e-3})
    published = decisions(plan_of, solve(plan_of))
    assert published["grid_connection"]["unbilled_kw"] == pytest.approx(np.full((1, 4), 90.0))
    came = built(np.array([95.0, 85, 60, 60]), store={"start_fill": 1.0})
    assert imports(came, {**NOTHING, "grid_connection": published["grid_connection"]}) == pytest.approx(
        [90, 85, 60, 60]
    )
    assert imports(came, NOTHING) == pytest.approx([50, 50, 50, 50])


def test_without_a_demand_charge_or_without_a_plan_nothing_is_guarded() -> None:
    demand = np.array([40.0, 70, 45, 55])
    assert imports(built(demand, tariff=tariff(0.2), expected_peak_kw=0.0), NOTHING) == pytest.approx(demand)


def test_the_hours_that_a_charge_leaves_out_are_not_guarded() -> None:
    by_day = tariff(0.2, demand=30.0)
    by_day["components"][1]["calendar"] = {"hours": ["01:00-03:00"]}
    assert imports(built(70.0, tariff=by_day), NOTHING) == pytest.approx([70, 50, 50, 70])


def test_a_line_sells_less_before_a_peak_rises() -> None:
    line = {"kind": "direct_line", "name": "wind", "bus": "main", "technology": "wind", "rated_kw": 100.0}
    line |= {"price_per_kwh": 0.3, "export_kw": 100.0, "export_price_per_kwh": 0.1, "loads": ["load"]}
    series = {("wind", "available_kw"): np.full(4, 30.0)}
    problem = built(np.array([60.0, 90, 60, 60]), line, store={"start_fill": 0.0}, series=series)
    sold: Decisions = {"direct_line": {"own_use_kw": np.full((1, 4), 10.0), "sold_kw": np.full((1, 4), 20.0)}}
    done = followed(problem, NOTHING | sold)
    assert done.asset("pcc", "import_kw") == pytest.approx([50, 60, 50, 50])
    assert done.asset("wind", "sold_kw") == pytest.approx([20, 0, 20, 20])


def test_a_store_that_holds_reserve_ready_is_not_asked() -> None:
    product = {"kind": "reserve", "name": "spin", "required_kw": 10.0}
    demand = np.array([40.0, 70, 45, 55])
    with_reserve = built(demand, product)
    assert executed(with_reserve, NOTHING).asset("pcc", "import_kw") == pytest.approx(demand)
