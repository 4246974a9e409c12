"""Broken networks: each is refused with the name of what is broken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from grid_models.convert import to_network
from grid_models.cross_check import assert_engines_agree
from grid_models.errors import GridError


def refused(net: Any) -> str:
    with pytest.raises(GridError) as caught:
        assert_engines_agree(to_network(net, "broken"))
    return str(caught.value)


def test_a_network_without_slack(cigre_net: Any) -> None:
    cigre_net.ext_grid["in_service"] = False
    assert "'broken' has no slack: it needs at least one ext_grid in service" in refused(cigre_net)
    cigre_net.ext_grid = cigre_net.ext_grid.iloc[:0]
    assert "has no slack" in refused(cigre_net)


def test_an_island_names_its_buses_and_what_is_open_at_its_border(cigre_net: Any) -> None:
    cigre_net.switch.loc[cigre_net.switch["et"] == "l", "closed"] = False
    (line,) = cigre_net.line.index[(cigre_net.line["from_bus"] == 12) | (cigre_net.line["to_bus"] == 12)]
    cigre_net.line.loc[line, "in_service"] = False
    message = refused(cigre_net)
    assert "no path to a slack for bus" in message
    assert repr(cigre_net.line.at[line, "name"]) in message
    assert "close a switch, add an ext_grid or set in_service=False" in message


@pytest.mark.parametrize(("column", "value"), [("length_km", 0.0), (["r_ohm_per_km", "x_ohm_per_km"], 0.0)])
def test_a_line_without_impedance(cigre_net: Any, column: Any, value: float) -> None:
    cigre_net.line.loc[4, column] = value
    message = refused(cigre_net)
    assert f"line {cigre_net.line.at[4, 'name']!r} has no impedance" in message
    assert "join its buses by a switch" in message


def test_a_transformer_without_impedance(cigre_net: Any) -> None:
    cigre_net.trafo.loc[0, ["vk_percent", "vkr_percent"]] = 0.0
    assert f"transformer {cigre_net.trafo.at[0, 'name']!r} has vk_percent 0" in refused(cigre_net)


def test_a_transformer_the_wrong_way_round(cigre_net: Any) -> None:
    high, low = cigre_net.trafo.loc[0, ["hv_bus", "lv_bus"]]
    cigre_net.trafo.loc[0, ["hv_bus", "lv_bus"]] = [low, high]
    message = refused(cigre_net)
    assert "is rated 110/20 kV and stands between buses of 20 and 110 kV; its sides are swapped" in message


def test_a_transformer_of_the_wrong_voltage(cigre_net: Any) -> None:
    cigre_net.trafo.loc[1, ["vn_hv_kv", "vn_lv_kv"]] = [20.0, 0.4]
    message = refused(cigre_net)
    assert "is rated 20/0.4 kV and stands between buses of 110 and 20 kV" in message
    assert "swapped" not in message


def test_a_line_between_two_voltages(cigre_net: Any) -> None:
    bus = int(cigre_net.line.at[5, "to_bus"])
    cigre_net.bus.loc[bus, "vn_kv"] = 0.4
    name, ends = cigre_net.line.at[5, "name"], cigre_net.bus.at[bus, "name"]
    message = refused(cigre_net)
    assert f"line {name!r} joins bus" in message
    assert f"bus {ends!r} of 0.4 kV; a line joins buses of one voltage" in message


def test_power_in_kw_where_mw_is_meant(cigre_net: Any) -> None:
    """Named one by one: the load alone could not be carried, let alone all of them."""
    cigre_net.line["max_i_ka"] = 0.2
    cigre_net.load["name"] = [f"customer {k}" for k in range(len(cigre_net.load))]
    cigre_net.load["p_mw"] *= 1e3
    message = refused(cigre_net)
    row = cigre_net.load[cigre_net.load["bus"] == 5].iloc[0]
    assert f"load {row['name']!r} has {row['p_mw']:g} MW at bus {cigre_net.bus.at[5, 'name']!r}" in message
    assert "is it in kW?" in message
    assert "and" in message


@pytest.mark.parametrize("column", ["x_ohm_per_km", "length_km"])
def test_ohms_and_lengths_off_by_a_thousand(cigre_net: Any, column: str) -> None:
    cigre_net.line["max_i_ka"] = 0.3
    cigre_net.line.loc[7, column] *= 1e3
    message = refused(cigre_net)
    assert f"line {cigre_net.line.at[7, 'name']!r} would lose" in message
    assert "is the impedance in mOhm or the length in m?" in message


def test_numbers_that_are_missing_and_buses_that_do_not_exist(cigre_net: Any) -> None:
    cigre_net.line.loc[2, "x_ohm_per_km"] = np.nan
    cigre_net.load.loc[3, "bus"] = 999
    cigre_net.bus.loc[4, "vn_kv"] = 0.0
    message = refused(cigre_net)
    assert f"line {cigre_net.line.at[2, 'name']!r} has x_ohm_per_km nan, a number is needed" in message
    assert f"load {cigre_net.load.at[3, 'name']!r} stands at bus 999, which is no bus" in message
    assert f"bus {cigre_net.bus.at[4, 'name']!r} has vn_kv 0.0, above 0 is needed" in message


def test_limits_that_are_no_numbers(cigre_net: Any) -> None:
    cigre_net.line["max_loading_percent"] = ["80 %", *[80.0] * (len(cigre_net.line) - 1)]
    assert "has max_loading_percent '80 %', a number or nothing is needed" in refused(cigre_net)


def test_all_mistakes_are_told_at_once_and_many_are_cut(cigre_net: Any) -> None:
    cigre_net.line["length_km"] = 0.0
    cigre_net.line["name"] = None
    message = refused(cigre_net)
    assert message.count("has no impedance") == 10
    assert message.endswith(f"; and {len(cigre_net.line) - 10} more")
    assert "line '#0' has no impedance" in message


def test_what_is_out_of_service_may_be_broken(cigre_net: Any) -> None:
    cigre_net.line.loc[14, ["length_km", "in_service"]] = [0.0, False]
    cigre_net.line["in_service"] = cigre_net.line["in_service"].astype(bool)
    assert_engines_agree(to_network(cigre_net, "sound"))


def test_load_beyond_what_the_network_carries_names_bus_branch_and_share(cigre_net: Any) -> None:
    cigre_net.load["p_mw"] *= 5.0
    message = refused(cigre_net)
    assert "pandapower finds no AC solution at" in message
    assert "finds one up to" in message
    for word in ("p.u.", "of its rating", "the largest power is that of bus", "draws"):
        assert word in message


def test_without_a_solution_even_without_load_the_extremes_are_named(cigre_net: Any, monkeypatch: Any) -> None:
    """Real networks that do so have absurd capacitances; the first place to look is told."""
    cigre_net.line.loc[3, "c_nf_per_km"] = 3e5
    cigre_net.line.loc[6, "x_ohm_per_km"] = 60.0
    cigre_net.line["max_i_ka"] = 99999.0
    message = refused(cigre_net)
    assert "does not converge even without load" in message
    assert f"the largest series impedance, {cigre_net.line.at[6, 'name']!r}" in message
    assert f"magnetising current, {cigre_net.line.at[3, 'name']!r}" in message


def test_a_solution_that_no_network_has_is_no_solution(cigre_net: Any) -> None:
    """Capacitance a thousand times too large: both engines find a voltage, and it is nonsense."""
    cigre_net.line.loc[3, "c_nf_per_km"] = 3e6
    message = refused(cigre_net)
    assert "without load bus 'Bus 5' is at" in message
    assert "0.5 to 1.5 is plausible; look at the capacitance" in message


def test_tables_without_optional_columns_are_read(cigre_net: Any) -> None:
    cigre_net.line = cigre_net.line.drop(columns=["max_loading_percent"], errors="ignore")
    assert pd.isna(to_network(cigre_net, "sound").branch_loading_max_pu).sum() == 0


@pytest.mark.parametrize(("table", "column"), [("bus", "vn_kv"), ("line", "length_km"), ("line", "parallel")])
def test_a_column_that_is_not_there(cigre_net: Any, table: str, column: str) -> None:
    cigre_net[table] = cigre_net[table].drop(columns=column)
    assert f"table {table!r} has no column {column!r}" in refused(cigre_net)


def test_limits_that_nothing_can_hold(cigre_net: Any) -> None:
    cigre_net.bus["min_vm_pu"], cigre_net.bus["max_vm_pu"] = 0.95, 1.05
    cigre_net.bus.loc[3, ["min_vm_pu", "max_vm_pu"]] = [1.05, 0.95]
    cigre_net.bus.loc[4, ["min_vm_pu", "max_vm_pu"]] = [95.0, 105.0]
    cigre_net.line.loc[2, "max_i_ka"] = 0.0
    message = refused(cigre_net)
    assert f"bus {cigre_net.bus.at[3, 'name']!r} has min_vm_pu 1.05 above max_vm_pu 0.95" in message
    assert f"bus {cigre_net.bus.at[4, 'name']!r} has min_vm_pu 95 and max_vm_pu 105; shares of the nominal" in message
    assert f"line {cigre_net.line.at[2, 'name']!r} has max_i_ka 0; above 0 is needed, or nothing for no" in message


def test_a_negative_length(cigre_net: Any) -> None:
    cigre_net.line.loc[4, "length_km"] = -2.0
    message = refused(cigre_net)
    assert f"line {cigre_net.line.at[4, 'name']!r} has length_km -2; above 0 is needed" in message
    assert "impedance" not in message


def test_two_sources_at_one_bus_that_hold_different_voltages(cigre_net: Any) -> None:
    import pandapower

    pandapower.create_ext_grid(cigre_net, 0, vm_pu=1.01, name="second")
    own = cigre_net.ext_grid.at[0, "vm_pu"]
    message = refused(cigre_net)
    assert f"is held at {own:g} p.u. and 0 degrees by external grid" in message
    assert "at 1.01 p.u. and 0 degrees by external grid 'second'; one set-point is needed" in message


def test_sources_that_are_out_of_step(cigre_net: Any) -> None:
    """CIGRE's transformers turn by 150°: a source behind one at 0° drives current around; 30° apart still solves."""
    import pandapower

    at = pandapower.create_ext_grid(cigre_net, 5, vm_pu=1.0)
    cigre_net.ext_grid["va_degree"] = 0.0
    cigre_net.trafo["shift_degree"] = 150.0
    assert "at the phase shifts (shift_degree) of transformers in a loop: they must match" in refused(cigre_net)
    cigre_net.ext_grid.loc[at, "va_degree"] = -120.0
    network = to_network(cigre_net, "apart")
    assert any("without load branch" in note and "they must match" in note for note in assert_engines_agree(network))
    cigre_net.ext_grid.loc[at, "va_degree"] = -150.0
    assert assert_engines_agree(to_network(cigre_net, "in step")) == ()


def test_what_a_network_does_not_limit_or_balance_is_noted(cigre_net: Any) -> None:
    import pandapower
    import pandapower.control

    cigre_net.line["max_i_ka"] = [np.nan, 145.0, *[0.145] * (len(cigre_net.line) - 2)]
    pandapower.create_asymmetric_load(cigre_net, 5, p_a_mw=0.02)
    pandapower.control.ConstControl(cigre_net, "load", "p_mw", 0)
    first, second = cigre_net.line["name"].iloc[:2]
    notes = to_network(cigre_net, "noted").notes
    assert f"lines with no max_i_ka, so that nothing limits their current: {first!r}" in notes
    assert f"lines with a max_i_ka above 50 (is it in A?), so that nothing limits their current: {second!r}" in notes
    assert any(note.startswith("1 unbalanced loads and generators count by the sum of their phases") for note in notes)
    assert "controllers of the network are not run: ConstControl" in notes
