from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_models.contingency import expanded
from grid_models.errors import GridError
from grid_models.network import Network
from grid_models.power_flow import Flows, Injections, solve_batch, solve_reference, unsolved


def assert_same(a: Flows, b: Flows) -> None:
    assert a.converged.all()
    assert b.converged.all()
    assert np.abs(a.vm_pu - b.vm_pu).max() < 1e-8
    np.testing.assert_allclose(a.branch_loading_pu, b.branch_loading_pu, atol=1e-7)
    for name in ("branch_from_kw", "branch_to_kw", "slack_p_kw", "slack_q_kvar", "losses_kw"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=0.01, err_msg=name)


@pytest.mark.parametrize("day", ["2016-06-20", "2016-01-20"])
def test_both_engines_agree_on_a_day_of_background(semiurb: Network, inject: Any, day: str) -> None:
    background = semiurb.background(pd.date_range(day, periods=96, freq="15min"))
    wind_and_pv = inject({"MV2.101 Bus 25": np.linspace(0.0, 3000.0, 96), "MV2.101 Bus 116": [-800.0] * 96})
    reference = solve_reference(semiurb, wind_and_pv, background)
    assert_same(reference, solve_batch(semiurb, wind_and_pv, background))
    assert np.ptp(reference.vm_pu) > 0.01  # the agreement is about something


@pytest.mark.parametrize("name", ["cigre", "case33"])
def test_both_engines_agree_at_load_and_under_strong_export(name: str, request: pytest.FixtureRequest) -> None:
    network: Network = request.getfixturevalue(name)
    p_kw, q_kvar = network.profiles.at_nameplate()
    factor = np.array([[0.0, 0.3, 1.0, -1.0]])
    injections = Injections(network.bus_names, p_kw * factor, q_kvar * factor)
    assert_same(solve_reference(network, injections), solve_batch(network, injections))


def test_generation_raises_the_voltage_and_lowers_the_import(semiurb: Network, inject: Any) -> None:
    bus = "MV2.101 Bus 25"
    flows = solve_batch(semiurb, inject({bus: [-1000.0, 0.0, 1000.0]}))
    (row,) = semiurb.bus_index([bus])
    assert (np.diff(flows.vm_pu[row]) > 1e-3).all()
    np.testing.assert_allclose(flows.slack_p_kw, [1000.0, 0.0, -1000.0], atol=60.0)


def test_losses_are_what_the_branches_take_up(cigre: Network) -> None:
    p_kw, q_kvar = cigre.profiles.at_nameplate()
    for solve in (solve_batch, solve_reference):
        flows = solve(cigre, Injections(cigre.bus_names, p_kw, q_kvar))
        taken_kw = (flows.branch_from_kw + flows.branch_to_kw).sum(axis=0)
        np.testing.assert_allclose(flows.losses_kw, taken_kw, atol=1e-3)
        assert flows.losses_kw[0] > 100.0


def test_branch_ends_belong_to_their_branch(semiurb: Network, inject: Any) -> None:
    """What enters a bus over its branches is what is drawn there: tracing builds on these indices."""
    flows = solve_batch(semiurb, inject({"MV2.101 Bus 60": [-700.0]}))
    entering = np.zeros(len(semiurb.bus_names))
    np.add.at(entering, semiurb.branch_from, -flows.branch_from_kw[:, 0])
    np.add.at(entering, semiurb.branch_to, -flows.branch_to_kw[:, 0])
    (row,) = semiurb.bus_index(["MV2.101 Bus 60"])
    assert entering[row] == pytest.approx(700.0, abs=1e-3)
    others = [k for k, name in enumerate(semiurb.bus_names) if k != row and "HV1" not in name and "bar" not in name]
    np.testing.assert_allclose(entering[others], 0.0, atol=1e-3)


def test_a_step_without_solution_is_missing_and_spoils_no_other(semiurb: Network, inject: Any) -> None:
    bus = "MV2.101 Bus 25"
    injections = inject({bus: [100.0, 1e6, 100.0]})
    for solve in (solve_batch, solve_reference):
        flows = solve(semiurb, injections)
        assert flows.converged.tolist() == [True, False, True]
        for values in (flows.vm_pu, flows.branch_loading_pu, flows.branch_from_kw, flows.branch_to_kw):
            assert np.isnan(values[:, 1]).all()
        assert np.isnan(flows.slack_p_kw[1])
        assert np.isnan(flows.losses_kw[1])
        np.testing.assert_allclose(flows.vm_pu[:, 0], flows.vm_pu[:, 2], atol=1e-9)


def test_shunts_and_fixed_elements_stay_in_the_network(cigre_net: Any) -> None:
    import pandapower

    from grid_models.convert import to_network

    pandapower.create_shunt(cigre_net, bus=5, q_mvar=-1.0, p_mw=0.05)
    pandapower.create_ward(cigre_net, bus=6, ps_mw=0.2, qs_mvar=0.1, pz_mw=0.1, qz_mvar=0.05)
    network = to_network(cigre_net, "cigre with shunts")
    nothing = Injections((), np.zeros((0, 1)), np.zeros((0, 1)))
    batch = solve_batch(network, nothing)
    assert_same(solve_reference(network, nothing), batch)
    assert batch.slack_p_kw[0] > 350.0  # shunt 50, ward 200 + 100, less what the voltage takes off, plus losses


def test_what_stands_at_the_slack_counts_in_the_import(cigre_net: Any) -> None:
    import pandapower

    from grid_models.convert import to_network

    slack = int(cigre_net.ext_grid["bus"].iloc[0])
    pandapower.create_shunt(cigre_net, bus=slack, q_mvar=0.0, p_mw=0.4)
    network = to_network(cigre_net, "shunt at the slack")
    own = Injections((cigre_net.bus.loc[slack, "name"],), np.array([[1000.0]]), np.zeros((1, 1)))
    batch = solve_batch(network, own)
    assert_same(solve_reference(network, own), batch)
    assert batch.slack_p_kw[0] < -500.0


def test_ratings_and_transformer_losses_are_read_as_pandapower_means_them(cigre_net: Any) -> None:
    from grid_models.convert import to_network

    cigre_net.line["max_i_ka"] = 0.2
    cigre_net.line[["df", "parallel"]] = [0.8, 2]
    cigre_net.trafo["df"] = 0.7
    cigre_net.trafo[["pfe_kw", "i0_percent"]] = [200.0, 3.0]
    # The series impedance split unevenly between the sides: the shunt of the model differs by side.
    cigre_net.trafo["leakage_resistance_ratio_hv"] = 0.1
    cigre_net.trafo["leakage_reactance_ratio_hv"] = 0.1
    network = to_network(cigre_net, "derated")
    assert network.ac.to_b_pu.any()
    p_kw, q_kvar = network.profiles.at_nameplate()
    injections = Injections(network.bus_names, p_kw, q_kvar)
    batch = solve_batch(network, injections)
    assert_same(solve_reference(network, injections), batch)
    assert batch.branch_loading_pu.max() > 0.1


def test_names_that_are_not_buses_are_answered_with_the_closest(semiurb: Network, inject: Any) -> None:
    with pytest.raises(
        GridError, match=r"unknown bus 'MV2.101 Bus 255'; valid names are: MV2\.101 Bus .*MV2\.101 Bus 25,"
    ):
        solve_batch(semiurb, inject({"MV2.101 Bus 255": [1.0]}))


def test_mismatched_and_missing_injections_are_refused(semiurb: Network, inject: Any) -> None:
    with pytest.raises(GridError, match=r"'MV2.101 Bus 25', step 1 is nan; 1 such"):
        inject({"MV2.101 Bus 25": [1.0, float("nan")]})
    with pytest.raises(GridError, match=r"shape \(1, steps\), got \(2, 1\)"):
        Injections(("a",), np.zeros((2, 1)), np.zeros((2, 1)))
    with pytest.raises(GridError, match="p_kw has shape"):
        Injections(("a",), np.zeros((1, 1)), np.zeros((1, 2)))
    day = semiurb.background(pd.date_range("2016-06-20", periods=3, freq="15min"))
    with pytest.raises(GridError, match="2 steps, the background has 3"):
        solve_batch(semiurb, inject({"MV2.101 Bus 25": [1.0, 1.0]}), day)


@settings(max_examples=15)
@given(
    st.lists(st.floats(-2000.0, 2000.0), min_size=5, max_size=5),
    st.integers(1, 7),
    st.floats(0.0, 1.0),
)
def test_batches_keep_the_balance_and_ignore_how_they_are_cut(
    semiurb: Network, powers_kw: list[float], chunk: int, share: float
) -> None:
    bus = "MV2.101 Bus 60"
    p_kw = np.array([powers_kw])
    whole = solve_batch(semiurb, Injections((bus,), p_kw, p_kw * 0.1))
    parts = np.vstack([p_kw * share, p_kw * (1.0 - share)])
    split = solve_batch(semiurb, Injections((bus, bus), parts, parts * 0.1), chunk_steps=chunk)
    np.testing.assert_allclose(split.vm_pu, whole.vm_pu, atol=1e-10)
    assert (whole.losses_kw > 0.0).all()
    np.testing.assert_allclose(whole.slack_p_kw + p_kw[0], whole.losses_kw, atol=1e-6)


def test_a_worker_solves_batches_without_pandapower(semiurb: Network, inject: Any, tmp_path: Path) -> None:
    light = semiurb.without_reference()
    injections = inject({"MV2.101 Bus 25": [500.0]})
    with pytest.raises(GridError, match="carries no pandapower net"):
        solve_reference(light, injections)
    file = tmp_path / "network.pickle"
    file.write_bytes(pickle.dumps((light, injections)))
    code = (
        "import pickle, sys; from pathlib import Path; from grid_models.power_flow import solve_batch;"
        f"network, injections = pickle.loads(Path({str(file)!r}).read_bytes());"
        "print(solve_batch(network, injections).vm_pu.max(), network.content_hash,"
        " {'pandapower', 'simbench'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    voltage, digest, heavy = run.stdout.split(maxsplit=2)
    assert float(voltage) == solve_batch(semiurb, injections).vm_pu.max()
    assert digest == semiurb.content_hash
    assert heavy.strip() == "set()"


def test_a_step_without_a_solution_names_no_engine(cigre: Network) -> None:
    """And neither does what is put where nothing was solved."""
    p_kw = np.array([[-500.0, -1e6]])
    flows = solve_batch(cigre, Injections(("Bus 6",), p_kw, np.zeros((1, 2))))
    assert flows.engine.tolist() == ["power-grid-model", ""]
    assert solve_reference(cigre, Injections(("Bus 6",), p_kw, np.zeros((1, 2)))).engine.tolist() == ["pandapower", ""]
    assert expanded(flows, cigre, 4, np.array([0, 2])).engine.tolist() == ["power-grid-model", "", "", ""]
    assert unsolved((1,), flows.engine.dtype).tolist() == [""]
    assert unsolved((1,), bool).tolist() == [False]
