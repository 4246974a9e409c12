from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grid_models.costs import Case, case_of, case_of_net
from grid_models.errors import GridError
from grid_models.library import load
from grid_models.opf import optimal_power_flow
from grid_models.opf_reference import reference_cost


def cost(case: Case) -> float:
    found = optimal_power_flow(case.network, case.resources, case.supply, case.background, case.limits)
    assert found.excess_pu[0] < 1e-6
    return float(found.cost[0]) + case.fixed_cost


# By MATPOWER 7 [$/h], and None where pandapower's data are others; those are held to pandapower's own optimum.
@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("case9", 5296.69),
        ("case39", 41864.18),
        ("case5", None),  # branch limits are currents: MATPOWER 17 551.89
        ("case6ww", None),  # likewise: 3 143.97
        ("case24_ieee_rts", None),  # likewise: 63 352.21
        ("case_ieee30", None),  # MATPOWER 8 906.14
        pytest.param("case118", None, marks=pytest.mark.slow),  # MATPOWER 129 660.69
    ],
)
def test_a_loaded_case_is_dispatched_by_its_own_costs(name: str, published: float | None) -> None:
    case = case_of(load(f"pandapower:{name}"))
    found = cost(case)
    assert found == pytest.approx(reference_cost(case), rel=1e-6)
    if published is not None:
        assert found == pytest.approx(published, abs=0.01)


def test_case57_of_pandapower_has_no_dispatch_within_its_limits() -> None:
    """pandapower's own optimal power flow does not converge on it; MATPOWER's data give 41 737.79."""
    case = case_of(load("pandapower:case57"))
    with pytest.raises(GridError, match="pandapower's optimal power flow does not converge"):
        reference_cost(case)
    found = optimal_power_flow(case.network, case.resources, case.supply, case.background, case.limits)
    assert found.excess_pu[0] > 0.1


def test_the_voltage_of_the_external_grid_is_free_or_held() -> None:
    network = load("pandapower:case9")
    assert cost(case_of(network, voltage_is_free=False)) == pytest.approx(5311.91, abs=0.01)
    assert cost(case_of(network)) == pytest.approx(5296.69, abs=0.01)


def two_machines() -> Any:
    """60 MW of load, a short line, a machine and the external grid; kV and ohms make losses of a few watts."""
    import pandapower as pp

    net = pp.create_empty_network()
    for _ in range(2):
        pp.create_bus(net, 110.0, min_vm_pu=0.9, max_vm_pu=1.1)
    pp.create_line_from_parameters(net, 0, 1, 1.0, 1e-6, 1e-3, 0.0, 1.0)
    pp.create_load(net, 1, p_mw=60.0)
    limits = {"min_q_mvar": -100.0, "max_q_mvar": 100.0}
    pp.create_ext_grid(net, 0, min_p_mw=0.0, max_p_mw=100.0, **limits)
    pp.create_gen(net, 1, p_mw=10.0, min_p_mw=10.0, max_p_mw=50.0, **limits)
    return net


def test_areas_of_cost_are_filled_from_the_cheapest_on() -> None:
    """The machine costs 10 to 20 MW, 30 to 40 MW and 50 beyond; the import 20 to 15 MW, then 40.

    60 MW: 20 by the machine at 10, 15 imported at 20, 20 more by the machine at 30, 5 more imported at 40:
    200 + 300 + 600 + 200 = 1 300.
    """
    import pandapower as pp

    net = two_machines()
    pp.create_pwl_cost(net, 0, "gen", [[0.0, 20.0, 10.0], [20.0, 40.0, 30.0], [40.0, 60.0, 50.0]])
    pp.create_pwl_cost(net, 0, "ext_grid", [[0.0, 15.0, 20.0], [15.0, 100.0, 40.0]])
    case = case_of_net(net, "two machines")
    assert case.element == (("gen", 0), ("gen", 0), ("gen", 0), ("ext_grid", 0))
    np.testing.assert_allclose(case.resources.p_min_kw[:, 0], [10e3, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(case.resources.p_max_kw[:, 0], [20e3, 20e3, 10e3, 85e3])
    np.testing.assert_allclose(case.resources.q_min_kvar[:, 0], [-100e3, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(case.resources.q_max_kvar[:, 0], [100e3, 0.0, 0.0, 0.0])
    assert cost(case) == pytest.approx(1300.0, abs=0.1)
    net.pwl_cost.at[0, "points"] = [[5.0, 20.0, 10.0], [20.0, 60.0, 30.0]]
    # 5 · 10 for the first point, as pandapower counts it, and 15 · 10 to 20 MW; 15 · 20 imported; then 25 · 30.
    assert cost(case_of_net(net, "two machines")) == pytest.approx(50.0 + 150.0 + 300.0 + 750.0, abs=0.1)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0.0, 20.0, 30.0], [20.0, 60.0, 10.0]], "slopes that never fall"),
        ([[0.0, 20.0, 10.0], [30.0, 60.0, 30.0]], "areas that follow each other"),
        ([[0.0, 20.0, 10.0]], "covers 0 to 20 MW, its bounds are 10 to 50 MW"),
    ],
)
def test_costs_that_no_convex_program_can_hold_are_refused(points: list[list[float]], message: str) -> None:
    import pandapower as pp

    net = two_machines()
    pp.create_pwl_cost(net, 0, "gen", points)
    with pytest.raises(GridError, match=message):
        case_of_net(net, "two machines")


def test_what_is_missing_is_named() -> None:
    import pandapower as pp

    with pytest.raises(GridError, match="carries no pandapower net with costs"):
        case_of(load("pandapower:case9").without_reference())
    net = two_machines()
    pp.create_poly_cost(net, 0, "load", 3.0)
    with pytest.raises(GridError, match="costs of table 'load' are not carried"):
        case_of_net(net, "loads")
    net = two_machines()
    pp.create_poly_cost(net, 0, "gen", 3.0)
    net.gen["max_p_mw"] = np.nan
    with pytest.raises(GridError, match="gen 0 has no max_p_mw"):
        case_of_net(net, "bounds")
    net = two_machines()
    pp.create_poly_cost(net, 0, "gen", 3.0, cq1_eur_per_mvar=1.0)
    with pytest.raises(GridError, match="costs of reactive power"):
        case_of_net(net, "reactive")
