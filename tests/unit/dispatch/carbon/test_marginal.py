from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from dispatch.asset import Inputs
from dispatch.carbon.marginal import Dispatch, marginal
from dispatch.carbon.park import park_marginal
from dispatch.errors import AlignmentError, SolveError
from dispatch.problem import NetworkLimits, Problem
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits, Matrices, run
from tests.parks import battery, given, grid, hours, load, park, tariff, unit


def triangle(limit_13: float, load_3: float) -> Dispatch:
    """Two generators and a load on three equal lines, with the angles of nodes 2 and 3 as columns."""
    rows = np.array([[1, 0, 1, 1], [0, 1, -2, 1], [0, 0, 1, -2], [0, 0, 0, -1]], dtype=float)
    served, low = np.array([0, 0, load_3, limit_13]), np.array([0, 0, load_3, -np.inf])
    free, cost = np.array([0, 0, -np.inf, -np.inf]), np.array([20.0, 50.0, 0, 0])
    matrices = Matrices(
        cost, 0.0, sparse.csc_array(rows), low, served, free, np.full(4, np.inf), np.zeros(4, dtype=bool)
    )
    return Dispatch(matrices, np.array([0.9, 0.4, 0, 0]), np.arange(3))


def test_published_triangle_where_one_more_kwh_lowers_emissions(shared: Path) -> None:
    case = json.loads((shared / "golden" / "carbon.json").read_text())["T6_lme_triangle"]
    found = marginal(triangle(case["limit_13"], case["load3"]))
    np.testing.assert_allclose(found.price, case["LMP"])
    np.testing.assert_allclose(found.emissions, case["LME"], atol=1e-12)
    assert not found.degenerate.any()
    assert found.emitted == pytest.approx(60 * 0.9 + 30 * 0.4)
    assert found.unexplained([0, 0, 90]) == pytest.approx(66 + 0.1 * 90)


def test_where_two_plants_cost_the_same_left_and_right_differ() -> None:
    found = marginal(Dispatch(one_bus((30.0, 30.0)), np.array([0.9, 0.1]), np.array([0])))
    # With carbon a little dearer the clean one runs, a little cheaper (a prize on it) the dirty one.
    assert found.left[0] == pytest.approx(0.9)
    assert found.right[0] == pytest.approx(0.1)
    assert found.degenerate[0]


def one_bus(cost: tuple[float, float]) -> Matrices:
    return Matrices(
        np.array(cost),
        0.0,
        sparse.csc_array(np.ones((1, 2))),
        np.array([10.0]),
        np.array([10.0]),
        np.zeros(2),
        np.full(2, 100.0),
        np.zeros(2, dtype=bool),
    )


def test_the_price_of_carbon_decides_who_serves_the_next_kwh() -> None:
    dirty_and_clean = np.array([0.9, 0.1])
    free = marginal(Dispatch(one_bus((30.0, 50.0)), dirty_and_clean, np.array([0])))
    dear = marginal(Dispatch(one_bus((30.0, 50.0)), dirty_and_clean, np.array([0]), carbon_price=40.0))
    assert (free.emissions[0], free.price[0]) == (pytest.approx(0.9), pytest.approx(30.0))
    assert (dear.emissions[0], dear.price[0]) == (pytest.approx(0.1), pytest.approx(54.0))


def test_what_has_no_optimum_or_does_not_fit_is_refused() -> None:
    with pytest.raises(SolveError, match="no optimum"):
        marginal(triangle(-1.0, 90.0))
    fine = triangle(50.0, 90.0)
    with pytest.raises(AlignmentError, match="2 emissions for 4 columns"):
        marginal(Dispatch(fine.matrices, np.ones(2), fine.demand))


HORIZON = hours(8)
DEMAND = np.array([60.0, 55, 130, 240, 210, 180, 95, 70])


def mixed_park() -> Site:
    clean = grid(import_kw=150, carbon_intensity_kg_per_kwh=0.2, tariff=tariff(0.25))
    dirty = unit("coal", max_kw=80, cost_per_kwh=0.11, co2_kg_per_kwh=0.95, ramp_up_kw_per_h=45)
    peak = unit("gas", max_kw=120, min_kw=20, cost_per_kwh=0.31, co2_kg_per_kwh=0.45, start_cost=3)
    store = battery(charge_efficiency=0.93, discharge_efficiency=0.93, min_fill=0.1, max_fill=0.9)
    return park(clean, dirty, peak, store, load(value_of_lost_load_per_kwh=50), objective={"carbon_price_per_t": 40})


def planned(site: Site, demand: np.ndarray) -> Problem:
    inputs = inputs_of(site, demand)
    problem = Problem(site, inputs)
    solve(problem, Limits(gap=0.0))
    return problem


def inputs_of(site: Site, demand: np.ndarray) -> Inputs:
    return given(site, HORIZON, {("load", "demand_kw"): demand})


def test_a_parks_rates_are_its_finite_differences() -> None:
    site = mixed_park()
    problem = planned(site, DEMAND)
    found = park_marginal(problem)
    assert found.emitted_kg == pytest.approx(float(problem.total.co2_kg.value[0]))
    whole = {v.id: np.round(v.value) for v in problem._problem.variables() if v.attributes["boolean"]}
    assert whole, "the park has units that are on or off"
    for step in range(8):
        if found.degenerate[0, 0, step]:
            continue
        emitted = [held_emissions(problem, site, step, change) for change in (-0.01, 0.01)]
        assert found.kg_per_kwh[0, 0, step] == pytest.approx((emitted[1] - emitted[0]) / 0.02, abs=1e-5)
    assert not found.degenerate.all()


def held_emissions(problem: Problem, site: Site, step: int, more_kw: float) -> float:
    """Emissions with a little more demand in one step and the whole numbers of the plan."""
    point, demand = problem.point(), DEMAND.copy()
    demand[step] += more_kw
    problem.update(inputs_of(site, demand))
    matrices = problem.compiled.matrices()
    lower, upper = matrices.col_lower.copy(), matrices.col_upper.copy()
    lower[matrices.integer] = upper[matrices.integer] = np.round(point[matrices.integer])
    answer = run(replace(matrices, col_lower=lower, col_upper=upper, integer=np.zeros_like(matrices.integer)), Limits())
    problem.take(answer.x)
    emitted = float(problem.total.co2_kg.value[0])
    problem.update(inputs_of(site, DEMAND))
    problem.take(point)
    return emitted


def test_a_store_carries_the_rate_of_another_hour() -> None:
    """Where the connection is full, one more kWh comes from the store, with what it loses on the way."""
    site = park(
        grid(import_kw=200, carbon_intensity_kg_per_kwh=0.5, tariff=tariff(0.3)),
        battery(charge_efficiency=0.9, discharge_efficiency=0.8, start_fill=0.5, end_fill_min=0.5),
        load(value_of_lost_load_per_kwh=50),
    )
    rate = park_marginal(planned(site, DEMAND)).kg_per_kwh[0, 0]
    np.testing.assert_allclose(rate[[0, 1, 2]], 0.5)
    np.testing.assert_allclose(rate[3], 0.5 / (0.9 * 0.8))


def test_behind_a_full_network_one_more_kwh_is_made_beside_it() -> None:
    """A unit sells all that the network takes: what the load draws more, it makes more, and sells no less."""
    site = park(
        grid(export_kw=500, carbon_intensity_kg_per_kwh=0.2, tariff=tariff(0.4, feed_in=0.3)),
        unit("coal", max_kw=300, cost_per_kwh=0.1, co2_kg_per_kwh=0.95),
        load(),
        grid={"network": "test", "bus_of": {"main": "node"}},
    )
    problem = Problem(site, given(site, hours(3), {("load", "demand_kw"): np.full(3, 50.0)}), network_slots=1)
    problem.update(limits=NetworkLimits(np.ones((1, 1, 3)), np.full((1, 3), 100.0)))
    solve(problem, Limits(gap=0.0))
    np.testing.assert_allclose(park_marginal(problem).kg_per_kwh[0, 0], 0.95)
