from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_models.convert import to_network
from grid_models.errors import GridError
from grid_models.limits import Limits, violations
from grid_models.network import Network
from grid_models.power_flow import Injections, solve_batch
from grid_models.resources import Resources, Supply
from grid_models.socp import Relaxation, largest_excess

BUSES = ("17", "24", "32")
WHEN = pd.DatetimeIndex(["2016-06-20 12:00"])


def resources(most_kw: float, kvar: float = 500.0, steps: int = 1, price: float = 0.05) -> Resources:
    one = np.ones((3, steps))
    return Resources(BUSES, 0.0 * one, most_kw * one, -kvar * one, kvar * one, price * one, 1e-5 * one)


@pytest.fixture(scope="module")
def radial(case33: Network) -> Relaxation:
    return Relaxation(case33, BUSES)


def test_a_tight_solution_is_an_ac_solution(case33: Network, radial: Relaxation) -> None:
    background = case33.background(WHEN)
    asked = resources(1500.0)
    answer = radial.bound(asked, Supply(0.08), background)
    assert answer.exact.all()
    assert answer.cone_gap_pu.max() < 1e-7
    flows = solve_batch(case33, Injections(BUSES, answer.p_kw, answer.q_kvar), background)
    np.testing.assert_allclose(answer.vm_pu, flows.vm_pu, atol=1e-6)
    np.testing.assert_allclose(answer.import_kw, flows.slack_p_kw, atol=0.01)
    cost = asked.cost(answer.p_kw) + Supply(0.08).cost(answer.import_kw)
    assert answer.lower_bound[0] == pytest.approx(float(cost[0]), rel=1e-6)
    assert answer.lower_bound[0] <= cost[0] * (1.0 + 1e-9)


@pytest.mark.parametrize("name", ["semiurb", "cigre"])
def test_taps_shunts_and_parallel_transformers_are_those_of_the_network(
    name: str, request: pytest.FixtureRequest
) -> None:
    """With nothing to choose, the relaxation must reproduce the power flow; its least losses make it tight."""
    network: Network = request.getfixturevalue(name)
    background = network.background(WHEN)
    none = Resources((network.bus_names[-1],), *np.zeros((4, 1, 1)))
    limits = Limits.of(network, voltage_min_pu=0.5, voltage_max_pu=1.5, branch_loading_max_pu=2.0)
    answer = Relaxation(network, none.bus, limits).bound(none, Supply(1.0), background)
    flows = solve_batch(network, background)
    np.testing.assert_allclose(answer.vm_pu, flows.vm_pu, atol=1e-5)
    np.testing.assert_allclose(answer.import_kw, flows.slack_p_kw, rtol=1e-5)
    # Currents too: a limit just under the fullest branch makes the problem infeasible, one just above does not.
    fullest = float(np.nanmax(flows.branch_loading_pu))
    for factor, feasible in ((0.999, False), (1.001, True)):
        limits = Limits.of(network, voltage_min_pu=0.5, voltage_max_pu=1.5, branch_loading_max_pu=factor * fullest)
        assert Relaxation(network, none.bus, limits).bound(none, Supply(1.0), background).feasible[0] == feasible


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_ac_feasible_dispatch_is_cheaper_than_the_bound(case33: Network, radial: Relaxation, seed: int) -> None:
    rng = np.random.default_rng(seed)
    background = case33.background(WHEN)
    asked, supply = resources(1500.0, price=float(rng.uniform(-0.05, 0.1))), Supply(0.08)
    bound = radial.bound(asked, supply, background).lower_bound[0]
    p_kw, q_kvar = rng.uniform(0.0, 1500.0, (3, 20)), rng.uniform(-500.0, 500.0, (3, 20))
    around = background.at_steps(np.zeros(20, dtype=np.int64))
    flows = solve_batch(case33, Injections(BUSES, p_kw, q_kvar), around)
    fits = largest_excess(flows, Limits.of(case33)) == 0.0
    cost = (asked.linear * p_kw + asked.quadratic * p_kw**2).sum(axis=0) + supply.cost(flows.slack_p_kw)
    assert (cost[fits] >= bound - 1e-6 * abs(bound)).all()


def test_compiled_once_it_answers_other_data(case33: Network) -> None:
    background = case33.background(WHEN)
    relaxation = Relaxation(case33, BUSES)
    cheap = relaxation.bound(resources(1500.0), Supply(0.08), background)
    dear = relaxation.bound(resources(500.0), Supply(0.2), background)
    fresh = Relaxation(case33, BUSES).bound(resources(500.0), Supply(0.2), background)
    assert dear.lower_bound[0] == pytest.approx(fresh.lower_bound[0], rel=1e-6)
    assert dear.lower_bound[0] > 1.5 * cheap.lower_bound[0]
    held = relaxation.bound(resources(1500.0), Supply(0.08, p_min_kw=1000.0), background)
    assert held.import_kw[0] == pytest.approx(1000.0, rel=1e-5)
    assert held.lower_bound[0] > cheap.lower_bound[0]


def test_a_free_voltage_at_the_slack_never_costs_more(case33: Network) -> None:
    background = case33.background(WHEN)
    limits = Limits.of(case33, voltage_min_pu=0.95, voltage_max_pu=1.05)
    relaxation = Relaxation(case33, BUSES, limits)
    held, free = (
        relaxation.bound(resources(1500.0), Supply(0.08, voltage_is_free=f), background) for f in (False, True)
    )
    assert free.lower_bound[0] < held.lower_bound[0]
    slack = np.isin(case33.ac.bus_node, case33.ac.slack_node)
    assert held.vm_pu[slack, 0] == pytest.approx(1.0, abs=1e-6)


def test_an_infeasible_relaxation_is_a_proof(case33: Network) -> None:
    limits = Limits.of(case33, voltage_min_pu=0.99)
    answer = Relaxation(case33, BUSES, limits).bound(resources(10.0, 10.0), Supply(0.08), case33.background(WHEN))
    assert not answer.feasible[0]
    assert answer.lower_bound[0] == np.inf
    assert np.isnan(answer.p_kw).all()
    assert not answer.exact.any()


def test_least_excess_proves_what_cannot_be_mended_and_reaches_it(case33: Network) -> None:
    """Two steps: as it is, and with a load that no limit forgives."""
    background = case33.background(WHEN).at_steps(np.array([0, 0]))
    heavy = Injections(background.bus, background.p_kw * np.array([0.5, 1.2]), background.q_kvar * np.array([0.5, 1.2]))
    limits = Limits.of(case33, voltage_min_pu=0.95)
    asked = resources(200.0, 50.0, steps=2)
    answer = Relaxation(case33, BUSES, limits).least_excess(asked, heavy)
    assert answer.proven_pu[0] == 0.0
    assert answer.reached_pu[0] < 1e-6
    assert 0.01 < answer.proven_pu[1] <= answer.reached_pu[1]
    assert answer.reached_pu[1] == pytest.approx(answer.proven_pu[1], rel=0.1)
    # No dispatch that is tried does better than what is proven.
    rng = np.random.default_rng(0)
    tried = Injections(BUSES, rng.uniform(0.0, 200.0, (3, 50)), rng.uniform(-50.0, 50.0, (3, 50)))
    flows = solve_batch(case33, tried, heavy.at_steps(np.ones(50, dtype=np.int64)))
    assert largest_excess(flows, limits).min() >= answer.proven_pu[1]


def test_least_excess_counts_overloads_and_high_voltages(semiurb: Network) -> None:
    """A generator that must run: what it exceeds is found on both kinds of limit."""
    bus = ("MV2.101 Bus 25",)
    background = semiurb.background(WHEN)
    for kw in (9500.0, 100.0):
        forced = Resources(bus, np.full((1, 1), kw), np.full((1, 1), kw), np.zeros((1, 1)), np.zeros((1, 1)))
        limits = Limits.of(semiurb)
        answer = Relaxation(semiurb, bus, limits).least_excess(forced, background)
        flows = solve_batch(semiurb, Injections(bus, forced.p_min_kw, forced.q_min_kvar), background)
        over = [b.margin for b in violations(semiurb, flows, limits)]
        assert answer.reached_pu[0] == pytest.approx(max(over, default=0.0), abs=1e-7)
        assert answer.proven_pu[0] <= answer.reached_pu[0] + 1e-9
        assert answer.proven_pu[0] >= 0.8 * answer.reached_pu[0] - 1e-9


def test_a_step_without_any_solution_says_nothing_about_the_others(case33: Network) -> None:
    asked, load = resources(10.0, steps=3), Injections(("17",), np.array([[-100.0, -1e6, 0.0]]), np.zeros((1, 3)))
    relaxation = Relaxation(case33, BUSES)
    answer = relaxation.least_excess(asked, load)
    assert np.isinf(answer.proven_pu).tolist() == [False, True, False]
    assert np.isnan(answer.reached_pu).tolist() == [False, True, False]
    assert np.isnan(answer.p_kw).any(axis=0).tolist() == [False, True, False]
    bound = relaxation.bound(asked, Supply(0.08), load)
    assert bound.feasible.tolist() == [True, False, True]
    assert bound.lower_bound[0] > bound.lower_bound[2]


def test_a_ring_is_bounded_but_never_called_exact(cigre_net: object) -> None:
    cigre_net.switch["closed"] = True  # type: ignore[attr-defined]
    ring = to_network(cigre_net, "ring")
    background = ring.background(WHEN)
    one = np.ones((1, 1))
    asked = Resources((ring.bus_names[5],), 0 * one, 2000.0 * one, -500.0 * one, 500.0 * one, 0.05 * one)
    answer = Relaxation(ring, asked.bus).bound(asked, Supply(0.08), background)
    flows = solve_batch(ring, Injections(asked.bus, answer.p_kw, answer.q_kvar), background)
    cost = float(asked.cost(answer.p_kw)[0] + Supply(0.08).cost(flows.slack_p_kw)[0])
    assert not answer.exact.any()
    assert answer.lower_bound[0] <= cost * (1 + 1e-6)
    assert answer.lower_bound[0] > 0.99 * cost


def test_wrong_arguments_are_named(case33: Network) -> None:
    with pytest.raises(GridError, match=r"this relaxation is of resources at \('17', .*, got \('1', '2', '3'\)"):
        Relaxation(case33, BUSES).bound(dataclasses.replace(resources(1.0), bus=("1", "2", "3")), Supply())
    with pytest.raises(GridError, match="resources at bus '17', step 0: p_min_kw 0 is above p_max_kw -1"):
        resources(-1.0)
    with pytest.raises(GridError, match="quadratic_per_kwh_kw must be at least 0, got -1"):
        dataclasses.replace(resources(1.0), quadratic_per_kwh_kw=-np.ones((3, 1)))
    with pytest.raises(GridError, match=r"linear_per_kwh must be finite and have shape \(3, 1\), got \(2, 1\)"):
        dataclasses.replace(resources(1.0), linear_per_kwh=np.zeros((2, 1)))
    with pytest.raises(GridError, match=r"p_min_kw must have shape \(2, steps\), got \(3, 1\)"):
        dataclasses.replace(resources(1.0), bus=("1", "2"))
    with pytest.raises(GridError, match="supply: a lower bound is above the upper one"):
        Supply(p_min_kw=2.0, p_max_kw=1.0)
    with pytest.raises(GridError, match=r"supply\.quadratic_per_kwh_kw must be at least 0, got -2"):
        Supply(quadratic_per_kwh_kw=-2.0)
