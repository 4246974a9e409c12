"""Three-winding transformers against pandapower's own, and one worked out by hand."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from grid_models.contingency import without_branches
from grid_models.convert import to_network
from grid_models.cross_check import assert_engines_agree
from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.power_flow import solve_batch
from grid_models.three_winding import with_stars


def substation(**changed: Any) -> Any:
    """110/20/10 kV with a customer on both lower levels."""
    import pandapower as pp

    net = pp.create_empty_network()
    high, middle, low = (int(pp.create_bus(net, kv, name=f"{kv:g} kV")) for kv in (110.0, 20.0, 10.0))
    pp.create_ext_grid(net, high, vm_pu=1.02)
    pp.create_transformer3w(net, high, middle, low, "63/25/38 MVA 110/20/10 kV", name="T")
    for name, value in changed.items():
        net.trafo3w[name] = value
    ends = [int(pp.create_bus(net, kv, name=f"end {kv:g} kV")) for kv in (20.0, 10.0)]
    pp.create_line(net, middle, ends[0], 4.0, "NA2XS2Y 1x240 RM/25 12/20 kV", name="middle")
    pp.create_line(net, low, ends[1], 2.0, "NA2XS2Y 1x240 RM/25 6/10 kV", name="low")
    pp.create_load(net, ends[0], 6.0, 2.0)
    pp.create_load(net, ends[1], 3.0, 1.0)
    return net


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"tap_pos": 5, "shift_mv_degree": 30.0, "shift_lv_degree": 150.0},
        {"tap_pos": -2, "tap_side": "mv"},
        {"tap_pos": 3, "tap_side": "lv", "loss_side": "mv"},
    ],
)
def test_voltages_losses_and_loadings_are_those_of_pandapower(changed: dict[str, Any]) -> None:
    import pandapower as pp

    net = substation(**changed)
    network = to_network(copy.deepcopy(net), "substation")
    assert_engines_agree(network)
    p_kw, q_kvar = network.profiles.at_nameplate()
    flows = solve_batch(network, Injections(network.bus_names, p_kw, q_kvar))
    pp.runpp(net, calculate_voltage_angles=True, numba=False)
    own = network.bus_index(list(net.bus["name"]))
    np.testing.assert_allclose(flows.vm_pu[own, 0], net.res_bus["vm_pu"], atol=1e-8)
    assert flows.slack_p_kw[0] == pytest.approx(net.res_ext_grid.at[0, "p_mw"] * 1e3, abs=1e-3)
    assert flows.slack_q_kvar[0] == pytest.approx(net.res_ext_grid.at[0, "q_mvar"] * 1e3, abs=1e-3)
    legs = network.branch_index(["T hv", "T mv", "T lv"])
    highest = flows.branch_loading_pu[legs, 0].max()
    at_terminals = net.res_trafo3w.at[0, "loading_percent"] / 100
    # The star's end of a leg counts too: with the iron in a lower leg it carries the magnetising current on top.
    assert at_terminals - 1e-6 <= highest <= at_terminals + (0.01 if "loss_side" in changed else 1e-6)
    assert any("'T' stand as three branches each" in note for note in network.notes)


def test_the_legs_of_a_star_by_hand() -> None:
    """Pairs of 10, 4 and 12 % on 40, 20 and 20 MVA, all reactance: .25, .2 and .6 %/MVA.

    Legs: (.25 + .6 − .2)/2 = .325, (.25 + .2 − .6)/2 = −.075 and (.6 + .2 − .25)/2 = .275 %/MVA, each times the rating
    of its winding: 13 % of 40, −3 % of 40 and 5.5 % of 20 MVA.
    """
    rated = {"sn_hv_mva": 40.0, "sn_mv_mva": 40.0, "sn_lv_mva": 20.0}
    shorted = {"vk_hv_percent": 10.0, "vk_mv_percent": 4.0, "vk_lv_percent": 12.0}
    net, _ = with_stars(substation(**rated, **shorted, vkr_hv_percent=0.0, vkr_mv_percent=0.0, vkr_lv_percent=0.0), "x")
    assert list(net.trafo["vk_percent"]) == pytest.approx([13.0, -3.0, 5.5])
    assert list(net.trafo["sn_mva"]) == [40.0, 40.0, 20.0]
    assert net.trafo3w.empty


def test_a_switch_opens_its_winding_and_a_leg_may_fail() -> None:
    import pandapower as pp

    net = substation()
    pp.create_switch(net, 1, 0, et="t3", closed=False)
    with pytest.raises(GridError, match="no path to a slack for bus '20 kV', 'end 20 kV'"):
        to_network(net, "open")
    left = without_branches(to_network(substation(), "x"), ["T lv"])
    assert left.lost_buses == ("10 kV", "end 10 kV")


def test_one_that_is_out_of_service_is_left_out() -> None:
    net = substation()
    net.trafo3w["in_service"] = False
    assert with_stars(net, "x") == (net, ())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"vk_lv_percent": np.nan}, "'T' has no vk_lv_percent, a number is needed"),
        ({"tap_at_star_point": True}, "has a tap at the star"),
        ({"tap_dependency_table": True}, "has values by tap position"),
    ],
)
def test_what_no_leg_can_stand_for_is_refused(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(GridError, match=told):
        to_network(substation(**changed), "x")
