"""Bounds and optima of one line of resistance alone, worked out by hand.

10 kV, 1 Ω: on a base of 1 MVA r = 1 Ω · 1 MVA / (10 kV)² = .01. From a slack at 1 p.u. a load P at voltage v draws the
current i = P / v, with v = 1 − r i. So 9 MW have v = .9, i = 10 and take 9 + r i² = 10 MW from the slack; 11 MW put in
have v = 1.1, i = 10. Bus b stands on one node with bus c, where power comes and goes.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from grid_models.convert import to_network
from grid_models.limits import Limits
from grid_models.network import Network
from grid_models.opf import optimal_power_flow
from grid_models.resources import Resources, Supply
from grid_models.socp import LeastExcess, Relaxation, node_limits

TEN_PU_KA = 10.0 / (sqrt(3.0) * 10.0)


def line(rated_ka: float = 10.0, *, from_both_sides: bool = False) -> Network:
    import pandapower as pp

    net = pp.create_empty_network(sn_mva=1.0)
    a, b, c = (pp.create_bus(net, 10.0, name=name) for name in "abc")
    pp.create_ext_grid(net, a, vm_pu=1.0)
    pp.create_line_from_parameters(net, a, b, 1.0, 1.0, 1e-9, 0.0, rated_ka, name="line")
    pp.create_switch(net, b, c, et="b", closed=True)
    if from_both_sides:
        d = pp.create_bus(net, 10.0, name="d")
        pp.create_ext_grid(net, d, vm_pu=1.0)
        pp.create_line_from_parameters(net, d, c, 1.0, 1.0, 1e-9, 0.0, rated_ka, name="other line")
    return to_network(net, "line")


def fixed(kw: float) -> Resources:
    one = np.ones((1, 1))
    return Resources(("c",), kw * one, kw * one, 0.0 * one, 0.0 * one)


def excess(network: Network, kw: float, **limits: float | np.ndarray) -> LeastExcess:
    return Relaxation(network, ("c",), Limits.of(network, **limits)).least_excess(fixed(kw))


@pytest.mark.parametrize("of_b_and_c", [(0.95, 0.9), (0.9, 0.95)])
def test_buses_on_one_node_have_the_tightest_of_their_limits(of_b_and_c: tuple[float, float]) -> None:
    """.95² − .9² = 2 · .95 e, so e = .0925 / 1.9; the limit nearest to nothing anywhere is .8, at the slack."""
    network = line()
    low, high = np.array([0.8, *of_b_and_c]), np.array([1.2, *(1.9 - limit for limit in of_b_and_c)])
    found = node_limits(network.ac, Limits.of(network, voltage_min_pu=low, voltage_max_pu=high))
    np.testing.assert_allclose(np.sort(found), [[0.8, 0.95], [0.95, 1.2]])
    answer = excess(network, -9000.0, voltage_min_pu=low, voltage_max_pu=1.2, branch_loading_max_pu=2.0)
    assert answer.proven_pu[0] == pytest.approx(0.8 * (sqrt(1.0 + 2.0 * 0.0925 / 1.9 / 0.8) - 1.0), abs=1e-6)
    assert answer.reached_pu[0] == pytest.approx(0.05, abs=1e-6)


def test_a_current_too_high_is_proven_to_be_so() -> None:
    """i = 10 of 10 rated, .8 allowed: 10² = 8² (1 + 2 e / .8), so e = .225; and .8 (√(1 + 2 e / .8) − 1) = .2."""
    answer = excess(line(TEN_PU_KA), -9000.0, voltage_min_pu=0.8, voltage_max_pu=1.2, branch_loading_max_pu=0.8)
    assert answer.proven_pu[0] == pytest.approx(0.2, abs=1e-6)
    assert answer.reached_pu[0] == pytest.approx(0.2, abs=1e-6)


def test_a_voltage_too_high_is_lowered_by_no_more_current_than_the_line_may_carry() -> None:
    """v² = 1.22 − r² c and c ≤ 10² (1 + 2 e), so 1.05² + 2 · 1.05 e = 1.22 − .01 (1 + 2 e): e = .1075 / 2.12."""
    answer = excess(
        line(TEN_PU_KA),
        11000.0,
        voltage_min_pu=0.9,
        voltage_max_pu=np.array([1.2, 1.05, 1.05]),
        branch_loading_max_pu=1.0,
    )
    assert answer.proven_pu[0] == pytest.approx(0.9 * (sqrt(1.0 + 2.0 * 0.1075 / 2.12 / 0.9) - 1.0), abs=1e-6)
    assert answer.reached_pu[0] == pytest.approx(0.05, abs=1e-6)


def test_what_is_bought_has_its_own_prices() -> None:
    """10 MW at .08 and 1e-6 per kWh and kW: 800 + 100."""
    network = line()
    wide = Limits.of(network, voltage_min_pu=0.8, voltage_max_pu=1.2)
    load, supply = fixed(-9000.0), Supply(0.08, 1e-6)
    bound = Relaxation(network, ("c",), wide).bound(load, supply)
    assert bound.lower_bound[0] == pytest.approx(900.0, rel=1e-6)
    assert bound.import_kw[0] == pytest.approx(10_000.0, rel=1e-6)
    assert bound.exact.all()
    found = optimal_power_flow(network, load, supply, limits=wide)
    assert found.cost[0] == pytest.approx(900.0, rel=1e-6)
    assert found.import_kvar[0] == pytest.approx(0.0, abs=1e-3)


def test_a_cone_that_is_not_tight_is_no_ac_solution() -> None:
    """11 MW in, 1.09 allowed: 1.22 − r² c = 1.09², so r² c = .0319, P = 100 · .0319 − 11 = −7.81; r² P² is .0061."""
    limits = Limits.of(line(), voltage_min_pu=0.9, voltage_max_pu=np.array([1.2, 1.09, 1.09]))
    found = Relaxation(line(), ("c",), limits).bound(fixed(11_000.0), Supply(0.08))
    assert found.feasible.all()
    assert found.cone_gap_pu[0] == pytest.approx(0.0319 - 1e-4 * 7.81**2, abs=1e-5)
    assert not found.exact.any()


def test_what_comes_nearest_to_the_limits_comes_before_the_least_losses() -> None:
    """1.05 asked for where power may come: i = 5, 5.25 MW at least; no losses are at nothing, .05 too low."""
    network, one = line(), np.ones((1, 1))
    limits = Limits.of(network, voltage_min_pu=np.array([0.9, 1.05, 1.05]), voltage_max_pu=1.2)
    free = Resources(("c",), 0.0 * one, 11_000.0 * one, 0.0 * one, 0.0 * one)
    answer = Relaxation(network, ("c",), limits).least_excess(free)
    assert answer.proven_pu[0] == 0.0
    assert answer.p_kw[0, 0] == pytest.approx(5250.0, rel=1e-4)
    assert answer.reached_pu[0] == pytest.approx(0.0, abs=1e-5)


def test_two_slacks_are_one_supply() -> None:
    """18 MW fed from both sides: 10 MW from each."""
    network = line(from_both_sides=True)
    wide = Limits.of(network, voltage_min_pu=0.8, voltage_max_pu=1.2)
    bound = Relaxation(network, ("c",), wide).bound(fixed(-18_000.0), Supply(0.05))
    assert bound.import_kw[0] == pytest.approx(20_000.0, rel=1e-6)
    assert bound.lower_bound[0] == pytest.approx(1000.0, rel=1e-6)
    found = optimal_power_flow(network, fixed(-18_000.0), Supply(0.05), limits=wide)
    assert found.cost[0] == pytest.approx(1000.0, rel=1e-6)


@pytest.mark.parametrize(("bounds", "kvar"), [({"q_max_kvar": -100.0}, 100.0), ({"q_min_kvar": 100.0}, -100.0)])
def test_reactive_power_that_is_bought_has_bounds_of_its_own(bounds: dict[str, float], kvar: float) -> None:
    """A line without reactance takes none: what may not come from the slack, or must, goes on at the other end."""
    one = np.ones((1, 1))
    asked = Resources(("c",), -9000.0 * one, -9000.0 * one, -2000.0 * one, 2000.0 * one)
    supply = Supply(0.05, p_min_kw=0.0, p_max_kw=20_000.0, **bounds)
    wide = Limits.of(line(), voltage_min_pu=0.8, voltage_max_pu=1.2)
    for found in (
        Relaxation(line(), ("c",), wide).bound(asked, supply),
        optimal_power_flow(line(), asked, supply, limits=wide),
    ):
        assert found.q_kvar[0, 0] == pytest.approx(kvar, abs=1.0)


def test_each_branch_is_held_against_its_own_limit() -> None:
    """18 MW from both sides: i = 10 of 10 on each line, of which one may carry 2 and the other .8 of its rating."""
    network = line(TEN_PU_KA, from_both_sides=True)
    limits = {"voltage_min_pu": 0.8, "voltage_max_pu": 1.2, "branch_loading_max_pu": np.array([2.0, 0.8])}
    answer = excess(network, -18_000.0, **limits)
    assert answer.proven_pu[0] == pytest.approx(0.2, abs=1e-6)
    assert answer.reached_pu[0] == pytest.approx(0.2, abs=1e-6)


def test_of_parallel_lines_one_may_be_written_the_other_way_round() -> None:
    """Two of 2 Ω for one of 1 Ω: i = 5 on each, at both its ends."""
    import pandapower as pp

    net = pp.create_empty_network(sn_mva=1.0)
    a, c = (pp.create_bus(net, 10.0, name=name) for name in "ac")
    pp.create_ext_grid(net, a, vm_pu=1.0)
    for start, end in ((a, c), (c, a)):
        pp.create_line_from_parameters(net, start, end, 1.0, 2.0, 1e-9, 0.0, TEN_PU_KA / 2.0, name=f"from {start}")
    network = to_network(net, "both ways")
    for most, feasible in ((1.01, True), (0.99, False)):
        limits = Limits.of(network, voltage_min_pu=0.8, voltage_max_pu=1.2, branch_loading_max_pu=most)
        found = Relaxation(network, ("c",), limits).bound(fixed(-9000.0), Supply(0.05))
        assert found.feasible[0] == feasible


def test_the_voltage_at_the_slack_is_chosen_within_the_limits_of_all_its_buses() -> None:
    """The higher the fewer losses: at 1.05, which bus e allows, 5 MW have v = 1 and i = 5, and take 5.25 MW."""
    import pandapower as pp

    net = pp.create_empty_network(sn_mva=1.0)
    a, c, e = (pp.create_bus(net, 10.0, name=name) for name in "ace")
    pp.create_ext_grid(net, a, vm_pu=1.02)
    pp.create_switch(net, a, e, et="b", closed=True)
    pp.create_line_from_parameters(net, a, c, 1.0, 1.0, 1e-9, 0.0, 10.0, name="line")
    network = to_network(net, "free")
    limits = Limits.of(network, voltage_min_pu=0.9, voltage_max_pu=np.array([1.2, 1.2, 1.05]))
    supply = Supply(0.1, voltage_is_free=True)
    found = optimal_power_flow(network, fixed(-5000.0), supply, limits=limits, start=2 * (np.zeros((1, 1)),))
    assert found.slack_vm_pu[0] == pytest.approx(1.05, abs=1e-5)
    assert found.import_kw[0] == pytest.approx(5250.0, rel=1e-5)
    assert found.cost[0] == pytest.approx(525.0, rel=1e-5)
    bound = Relaxation(network, ("c",), limits).bound(fixed(-5000.0), supply)
    assert bound.lower_bound[0] == pytest.approx(525.0, rel=1e-6)


def test_what_stands_at_the_slack_is_no_import() -> None:
    """1 MW and 300 kvar put in there go out again, and no line carries them."""
    one = np.ones((1, 1))
    there = Resources(("a",), 1000.0 * one, 1000.0 * one, 300.0 * one, 300.0 * one)
    found = optimal_power_flow(line(), there, Supply(0.1), start=(1000.0 * one, 300.0 * one))
    assert found.import_kw[0] == pytest.approx(-1000.0, abs=1e-3)
    assert found.import_kvar[0] == pytest.approx(-300.0, abs=1e-3)
    assert found.cost[0] == pytest.approx(-100.0, abs=1e-4)


def test_a_limit_in_per_cent_is_a_share() -> None:
    """80 % of one line, none given of the other: .8 and 1."""
    import pandapower as pp

    net = pp.create_empty_network(sn_mva=1.0)
    a, c = (pp.create_bus(net, 10.0, name=name) for name in "ac")
    pp.create_ext_grid(net, a)
    for name, most in (("one", 80.0), ("two", np.nan)):
        pp.create_line_from_parameters(net, a, c, 1.0, 1.0, 0.1, 0.0, 1.0, name=name, max_loading_percent=most)
    assert to_network(net, "limits").branch_loading_max_pu.tolist() == [0.8, 1.0]
