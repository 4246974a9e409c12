from __future__ import annotations

import copy
import dataclasses
from functools import cache

import numpy as np
import pandas as pd
import pytest

from grid_models.errors import GridError
from grid_models.limits import Limits
from grid_models.network import Network
from grid_models.opf import least_excess, optimal_power_flow
from grid_models.opf_reference import Case, matpower_case, priced_case, reference_cost
from grid_models.power_flow import Injections, solve_batch
from grid_models.resources import Resources, Supply
from grid_models.socp import Relaxation, largest_excess

# MATPOWER's optima [$/h] of these cases.
PUBLISHED = {"case9": 5296.69, "case14": 8081.53, "case30": 576.89}


@cache
def case(name: str) -> Case:
    return matpower_case(name)


@pytest.fixture(scope="module")
def fed(case33: Network) -> Case:
    """Four generators on case33bw, cheaper than the import, and a voltage limit that stops them."""
    most = np.array([[2500.0], [1500.0], [2000.0], [2500.0]])
    price, steep = np.array([[0.03], [0.06], [0.05], [0.04]]), np.array([[1e-5], [1e-5], [2e-5], [5e-6]])
    resources = Resources(("17", "21", "24", "32"), 0.0 * most, most, -0.4 * most, 0.4 * most, price, steep)
    top = np.where(case33.voltage_max_pu == 1.0, 1.0, 1.03)
    return priced_case(case33, resources, Supply(0.09), Limits.of(case33, voltage_max_pu=top))


@pytest.mark.parametrize("name", ["case9", "case14", "case30"])
def test_the_cost_is_pandapowers_and_the_published_one(name: str) -> None:
    c = case(name)
    found = optimal_power_flow(c.network, c.resources, c.supply, c.background, c.limits)
    cost = float(found.cost[0]) + c.fixed_cost
    assert cost == pytest.approx(PUBLISHED[name], rel=1e-5)
    assert cost == pytest.approx(reference_cost(c), rel=1e-5)
    assert found.excess_pu[0] < 1e-6
    bound = Relaxation(c.network, c.resources.bus, c.limits).bound(c.resources, c.supply, c.background)
    assert 0.99 * cost < bound.lower_bound[0] + c.fixed_cost <= cost * (1.0 + 1e-7)


def test_a_radial_network_costs_what_pandapower_says_and_the_bound_is_tight(fed: Case) -> None:
    found = optimal_power_flow(fed.network, fed.resources, fed.supply, fed.background, fed.limits)
    assert float(found.cost[0]) == pytest.approx(reference_cost(fed), rel=1e-5)
    bound = Relaxation(fed.network, fed.resources.bus, fed.limits).bound(fed.resources, fed.supply, fed.background)
    assert bound.lower_bound[0] == pytest.approx(float(found.cost[0]), rel=1e-5)
    assert bound.lower_bound[0] <= float(found.cost[0]) * (1.0 + 1e-7)
    flows = solve_batch(fed.network, Injections(fed.resources.bus, found.p_kw, found.q_kvar), fed.background)
    assert largest_excess(flows, fed.limits)[0] < 1e-6
    np.testing.assert_allclose(found.import_kw, flows.slack_p_kw, atol=1e-3)
    assert flows.vm_pu.max() == pytest.approx(1.03, abs=1e-5)  # the limit binds


def test_a_poor_start_ends_at_the_same_cost(fed: Case) -> None:
    start = np.zeros((4, 1)), -0.4 * fed.resources.p_max_kw
    data = fed.network, fed.resources, fed.supply, fed.background, fed.limits
    poor, good = optimal_power_flow(*data, start), optimal_power_flow(*data)
    assert poor.cost[0] == pytest.approx(good.cost[0], rel=1e-6)
    assert poor.rounds[0] > good.rounds[0]
    assert poor.rounds[0] < 30


def test_steps_are_dispatched_each_for_itself(fed: Case) -> None:
    def twice(
        array: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.hstack([array, 0.5 * array])

    r = fed.resources
    both = Resources(
        r.bus, r.p_min_kw.repeat(2, 1), twice(r.p_max_kw), twice(r.q_min_kvar), twice(r.q_max_kvar),
        r.linear.repeat(2, 1), r.quadratic.repeat(2, 1),
    )  # fmt: skip
    background = fed.background.at_steps(np.array([0, 0]))
    found = optimal_power_flow(fed.network, both, fed.supply, background, fed.limits)
    alone = optimal_power_flow(fed.network, r, fed.supply, fed.background, fed.limits)
    assert found.cost[0] == pytest.approx(alone.cost[0], rel=1e-6)
    assert found.cost[1] > found.cost[0]


def test_import_limits_hold(fed: Case) -> None:
    supply = Supply(0.01, p_max_kw=1200.0, q_min_kvar=-100.0, q_max_kvar=300.0)
    found = optimal_power_flow(fed.network, fed.resources, supply, fed.background, fed.limits)
    assert found.import_kw[0] == pytest.approx(1200.0, rel=1e-5)
    assert -100.001 <= found.import_kvar[0] <= 300.001
    priced = priced_case(fed.network, fed.resources, supply, fed.limits)
    assert float(found.cost[0]) == pytest.approx(reference_cost(priced), rel=1e-4)


def test_resources_at_the_slack_are_import_saved(case33: Network) -> None:
    slack = case33.bus_names[int(np.flatnonzero(np.isin(case33.ac.bus_node, case33.ac.slack_node))[0])]
    one = np.ones((1, 1))
    resources = Resources((slack,), 0.0 * one, 1000.0 * one, 0.0 * one, 0.0 * one, 0.05 * one)
    background = case33.background(pd.DatetimeIndex(["2016-01-01"]))
    nothing = np.zeros((1, 1)), np.zeros((1, 1))
    found = optimal_power_flow(case33, resources, Supply(0.09), background, start=nothing)
    assert found.p_kw[0, 0] == pytest.approx(1000.0, rel=1e-6)
    flows = solve_batch(case33, Injections((slack,), found.p_kw, found.q_kvar), background)
    np.testing.assert_allclose(found.import_kw, flows.slack_p_kw, rtol=1e-6)


def test_what_cannot_be_held_is_passed_by_little_and_said(fed: Case) -> None:
    limits = Limits.of(fed.network, voltage_min_pu=np.where(fed.network.voltage_max_pu == 1.0, 1.0, 1.02))
    little = dataclasses.replace(fed.resources, p_max_kw=fed.resources.p_max_kw * 0.01)
    bound = Relaxation(fed.network, little.bus, limits).bound(little, fed.supply, fed.background)
    assert not bound.feasible[0]
    found = optimal_power_flow(fed.network, little, fed.supply, fed.background, limits)
    assert found.excess_pu[0] > 0.1


def test_least_excess_goes_on_by_ac_where_the_relaxation_is_loose(semiurb: Network) -> None:
    """Export pushes the upper voltage: cones may burn power that the network cannot."""
    bus, one = ("MV2.101 Bus 25",), np.ones((1, 2))
    background = semiurb.background(pd.DatetimeIndex(["2016-06-20 12:00", "2016-06-20 12:00"]))
    must = np.array([[9500.0, 1000.0]])
    asked = Resources(bus, must, must + 500.0, -100.0 * one, 100.0 * one)
    answer = least_excess(semiurb, asked, background)
    grid = [(p, q) for p in (9500.0, 10000.0) for q in (-100.0, 100.0)]
    tried = Injections(bus, np.array([[p for p, _ in grid]]), np.array([[q for _, q in grid]]))
    flows = solve_batch(semiurb, tried, background.at_steps(np.zeros(4, dtype=np.int64)))
    best = float(largest_excess(flows, Limits.of(semiurb)).min())
    assert answer.proven_pu[0] <= answer.reached_pu[0] <= best + 1e-6
    assert answer.reached_pu[0] > 0.01
    assert answer.reached_pu[1] < 1e-6
    assert answer.proven_pu[1] == 0.0


def test_no_ac_solution_at_the_start_is_said(fed: Case) -> None:
    absurd = Injections(("17",), np.full((1, 1), -1e6), np.zeros((1, 1)))
    with pytest.raises(GridError, match="no AC solution at the start of the optimal power flow"):
        optimal_power_flow(fed.network, fed.resources, fed.supply, absurd, fed.limits)


def test_the_reference_says_what_it_cannot_do(fed: Case, case33: Network) -> None:
    with pytest.raises(GridError, match="carries no pandapower net"):
        priced_case(case33.without_reference(), fed.resources, fed.supply, fed.limits)
    broken = dataclasses.replace(fed, net=copy.deepcopy(fed.net))
    broken.net.bus["min_vm_pu"] = 1.09
    broken.net.bus["max_vm_pu"] = 1.1
    with pytest.raises(GridError, match="pandapower's optimal power flow does not converge"):
        reference_cost(broken)
    with pytest.raises(GridError, match="has no costs"):
        matpower_case("create_cigre_network_lv")
