from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grid_models.convert import to_network
from grid_models.cross_check import assert_engines_agree
from grid_models.errors import GridError
from grid_models.library import load, set_ratio_taps
from grid_models.network import Network
from grid_models.power_flow import Injections, solve_batch

NOTHING = Injections((), np.zeros((0, 1)), np.zeros((0, 1)))


def test_a_network_is_loaded_once(semiurb: Network) -> None:
    assert load("simbench:1-MV-semiurb--0-sw") is load("simbench:1-MV-semiurb--0-sw")
    assert len(semiurb.bus_names) == 117
    assert len(set(semiurb.branch_names)) == len(semiurb.branch_names) == 123
    assert semiurb.voltage_max_pu[semiurb.bus_index(["MV2.101 Bus 25"])] == 1.055
    assert any("ODbL" in note for note in semiurb.notes)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("1-MV-semiurb--0-sw", "accepted is 'simbench:<code>'"),
        ("matpower:case9", "accepted is 'simbench:<code>'"),
        ("simbench:1-MV-semiurban--0-sw", "unknown SimBench code .*valid names are: 1-MV-semiurb--0-sw,"),
        ("pandapower:case33", "valid names are: case33bw,"),
        ("pandapower:_something", "unknown pandapower network"),
        ("file:there_is_no.json", "there_is_no.json' does not exist"),
        ("file:network.csv", r"accepted are .json and .xlsx"),
        ("file:case9.m", r"accepted are .json and .xlsx of pandapower; pandapower.converter.from_mpc reads a case"),
        (
            "pandapower:create_cigre_network_mv?with_derr=all",
            "unknown argument .* 'with_derr'; valid names are: with_der",
        ),
        ("pandapower:create_cigre_network_mv?with_der=some", "does not accept 'with_der=some': .*pv_wind"),
        ("pandapower:create_cigre_network_mv?with_der", "accepted is <name>=<value>"),
        ("pandapower:create_cigre_network_mv?with_der=all&with_der=all", "'with_der' .* is given twice"),
    ],
)
def test_a_wrong_spec_says_what_is_right(spec: str, message: str) -> None:
    with pytest.raises(GridError, match=message):
        load(spec)


def test_a_file_gives_the_network_that_was_saved(cigre: Network, cigre_net: Any, tmp_path: Path) -> None:
    import pandapower

    path = tmp_path / "cigre.json"
    pandapower.to_json(cigre_net, str(path))
    saved = load(f"file:{path}")  # its numbers are those of the source to 15 digits, hence not the same hash
    assert saved.content_hash == load(f"file:{path}").content_hash
    np.testing.assert_allclose(solve_batch(saved, NOTHING).vm_pu, solve_batch(cigre, NOTHING).vm_pu, atol=1e-10)
    cigre_net.line.loc[0, "length_km"] *= 1.5
    pandapower.to_json(cigre_net, str(path))
    assert load(f"file:{path}").content_hash != saved.content_hash
    path.write_text("{}")
    with pytest.raises(GridError, match=r"cigre\.json"):
        load(f"file:{path}")


def test_arguments_in_the_name_reach_the_function(cigre: Network) -> None:
    with_der = load("pandapower:create_cigre_network_mv?with_der=all")
    assert with_der.profiles.at_nameplate()[0].sum() > cigre.profiles.at_nameplate()[0].sum() + 1000.0
    short = load("pandapower:create_kerber_landnetz_freileitung_1?n_lines=5&l_lines_in_km=0.05")
    assert len(short.bus_names) == 7
    lines_km = short.reference.net.line["length_km"] if short.reference else []
    assert set(lines_km) == {0.05}


def test_a_workbook_gives_the_network_that_was_saved(cigre: Network, cigre_net: Any, tmp_path: Path) -> None:
    import pandapower

    pytest.importorskip("openpyxl", reason="pandapower reads workbooks with it")
    pytest.importorskip("xlsxwriter", reason="pandapower writes workbooks with it")
    path = tmp_path / "cigre.xlsx"
    pandapower.to_excel(cigre_net, str(path))
    np.testing.assert_allclose(
        solve_batch(load(f"file:{path}"), NOTHING).vm_pu, solve_batch(cigre, NOTHING).vm_pu, atol=1e-10
    )


def test_a_file_that_cannot_be_read_says_what_was_wrong_first(cigre_net: Any, tmp_path: Path) -> None:
    """Of a workbook whose numbers are none pandapower tries the old format next, which lacks another sheet."""
    import pandapower

    openpyxl = pytest.importorskip("openpyxl", reason="pandapower reads workbooks with it")
    pytest.importorskip("xlsxwriter", reason="pandapower writes workbooks with it")
    path = tmp_path / "cigre.xlsx"
    pandapower.to_excel(cigre_net, str(path))
    book = openpyxl.load_workbook(path)
    column = [cell.value for cell in book["line"][1]].index("length_km") + 1
    book["line"].cell(2, column).value = "2,5"
    book.save(path)
    with pytest.raises(GridError, match=r"cigre\.xlsx' cannot be read by pandapower: could not convert .*'2,5'"):
        load(f"file:{path}")
    (tmp_path / "other.json").write_text('{"a": 1}', "utf-8")
    with pytest.raises(GridError, match="it is no network as pandapower saves it"):
        load(f"file:{tmp_path / 'other.json'}")


def test_what_cannot_be_solved_is_refused_by_name(cigre_net: Any) -> None:
    import pandapower

    cigre_net.line.loc[cigre_net.line["to_bus"] == 11, "in_service"] = False
    lonely = cigre_net.bus.loc[11, "name"]
    touching = (cigre_net.line["from_bus"] == 11) | (cigre_net.line["to_bus"] == 11)
    cigre_net.line.loc[touching, "in_service"] = False
    with pytest.raises(GridError, match=f"no path to a slack for bus '{lonely}'"):
        to_network(cigre_net, "islanded")
    cigre_net.bus.loc[11, "in_service"] = False
    assert lonely not in to_network(cigre_net, "bus out of service").bus_names
    pandapower.create_xward(cigre_net, 5, ps_mw=0, qs_mvar=0, pz_mw=0, qz_mvar=0, r_ohm=1, x_ohm=1, vm_pu=1)
    with pytest.raises(GridError, match="'xward' are not supported"):
        to_network(cigre_net, "with an extended ward")
    cigre_net.ext_grid["in_service"] = False
    with pytest.raises(GridError, match="has no slack"):
        to_network(cigre_net, "dead")


def test_a_network_that_breaks_down_at_nameplate_is_refused(cigre_net: Any) -> None:
    cigre_net.load["p_mw"] *= 5.0
    with pytest.raises(GridError, match=r"finds no AC solution at .*nameplate"):
        assert_engines_agree(to_network(cigre_net, "overloaded"))


def test_the_guard_refuses_a_network_the_engines_see_differently(cigre: Network) -> None:
    assert_engines_agree(cigre)
    for field, factor, what in (("x_pu", 1.02, "voltage"), ("rated_from_ka", 0.9, "loading")):
        wrong = dataclasses.replace(cigre.ac, **{field: getattr(cigre.ac, field) * factor})
        with pytest.raises(GridError, match=f"refused: the {what} of"):
            assert_engines_agree(dataclasses.replace(cigre, ac=wrong))


def test_simbench_taps_work_only_once_they_are_said_to_be_ratio_taps(cigre_net: Any) -> None:
    """The trap of SimBench's empty tap_changer_type: pandapower 3 then ignores the position."""
    trafo = cigre_net.trafo
    trafo[["tap_side", "tap_neutral", "tap_min", "tap_max", "tap_pos"]] = ["hv", 0.0, -9.0, 9.0, -2.0]
    trafo[["tap_step_percent", "tap_changer_type"]] = [1.5, None]

    def voltage_pu() -> np.ndarray[Any, Any]:
        network = to_network(cigre_net, "taps")
        assert_engines_agree(network)
        return solve_batch(network, NOTHING).vm_pu[network.bus_index(["Bus 1"])]

    ignored = voltage_pu()
    set_ratio_taps(cigre_net)
    assert (cigre_net.trafo["tap_changer_type"] == "Ratio").all()
    np.testing.assert_allclose(voltage_pu() / ignored, 1.0 / 0.97, atol=1e-3)


def test_signs_of_the_tables_become_injections(cigre_net: Any) -> None:
    import pandapower

    cigre_net.load = cigre_net.load.iloc[:0]
    pandapower.create_load(cigre_net, bus=4, p_mw=0.3, q_mvar=0.1, scaling=0.5)
    pandapower.create_sgen(cigre_net, bus=5, p_mw=0.2, q_mvar=0.05)
    pandapower.create_storage(cigre_net, bus=6, p_mw=0.4, max_e_mwh=1.0)  # charging
    pandapower.create_load(cigre_net, bus=7, p_mw=9.0, in_service=False)
    network = to_network(cigre_net, "signs")
    p_kw, q_kvar = (array[:, 0] for array in network.profiles.at_nameplate())
    at = [network.bus_names.index(cigre_net.bus.loc[b, "name"]) for b in (4, 5, 6, 7)]
    np.testing.assert_allclose(p_kw[at], [-150.0, 200.0, -400.0, 0.0])
    np.testing.assert_allclose(q_kvar[at], [-50.0, 50.0, 0.0, 0.0])


def test_names_are_unique_and_never_empty(cigre_net: Any) -> None:
    cigre_net.bus["name"] = cigre_net.bus["name"].astype(object)
    cigre_net.bus.loc[[3, 4], "name"] = "twin"
    cigre_net.bus.loc[5, "name"] = None
    names = to_network(cigre_net, "names").bus_names
    assert {"twin #3", "twin #4", "bus 5"} <= set(names)
    assert len(set(names)) == len(names)


def test_voltage_dependent_loads_are_noted(cigre_net: Any) -> None:
    cigre_net.load["const_z_p_percent"] = 30.0
    (note,) = to_network(cigre_net, "zip").notes
    assert note.startswith(f"{len(cigre_net.load)} loads depend on voltage")
