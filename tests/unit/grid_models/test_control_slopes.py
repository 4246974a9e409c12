"""Slopes under control against the controlled power flow itself, moved a little."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from grid_models.control import Controls, Droop, TapChanger, solve_controlled
from grid_models.control_slopes import controlled_slopes
from grid_models.convert import to_network
from grid_models.injections import Injections
from grid_models.linear import linearise
from tests.unit.grid_models.test_control import droops, injections, powers, with_taps

MOVED = ("Bus 10", "Bus 7")
_KW = 20.0


def at(p_kw: np.ndarray, kw: float = 0.0, kvar: float = 0.0, bus: str = "Bus 10") -> Injections:
    base = injections(p_kw)
    more = np.array([[kw], [kvar]]) * np.ones((2, p_kw.shape[1]))
    own = Injections(
        (*base.bus, "Bus 7"),
        np.vstack([base.p_kw, np.zeros((1, p_kw.shape[1]))]),
        np.vstack([base.q_kvar, np.zeros((1, p_kw.shape[1]))]),
    )
    row = own.bus.index(bus)
    own.p_kw[row] += more[0]
    own.q_kvar[row] += more[1]
    return own


@pytest.mark.parametrize("with_tap", [False, True])
def test_slopes_under_control_are_those_of_the_controlled_power_flow(cigre_net: Any, with_tap: bool) -> None:
    network = to_network(copy.deepcopy(with_taps(cigre_net)), "cigre with taps")
    p_kw = powers()[:, [0, 1, 4, 5, 6]]
    # Points inside a straight piece: at a corner of a characteristic there is no slope.
    own = tuple(replace(d, vm_pu=np.array([0.8, 1.2]), kvar_per_kva=np.array([1.5, -1.7])) for d in droops())
    controls = Controls(own, (TapChanger("Trafo 0-1", 0.985, 1.015),) if with_tap else ())
    found = solve_controlled(network, at(p_kw), None, controls)
    assert found.flows.converged.all()
    steps = np.array([4, 0, 2])
    slopes = controlled_slopes(network, at(p_kw), None, controls, found, MOVED, steps)
    for b, bus in enumerate(MOVED):
        for unit in ("kw", "kvar"):
            up, down = (
                solve_controlled(
                    network, at(p_kw, **{unit: sign * _KW}, bus=bus), None, controls, position=found.position
                ).flows
                for sign in (1, -1)
            )
            for what, mine, tolerance in (
                ("vm_pu", getattr(slopes, f"voltage_per_{unit}")[:, b], 2e-9),
                ("branch_loading_pu", getattr(slopes, f"loading_per_{unit}")[:, b], 2e-7),
                ("losses_kw", getattr(slopes, f"losses_per_{unit}")[b], 1e-4),
            ):
                seen = (getattr(up, what) - getattr(down, what))[..., steps] / (2 * _KW)
                # The size of a current has a kink at nothing, and at an end's becoming the larger one near it.
                used = found.flows.branch_loading_pu[:, steps] > 0.05 if what == "branch_loading_pu" else True
                error = np.where(used, mine - seen, 0.0)
                np.testing.assert_allclose(error, 0.0, atol=tolerance, err_msg=f"{what} by {unit} at {bus}")
    free = linearise(network, at(p_kw).at_steps(steps), None, MOVED).slopes
    row = network.bus_index(["Bus 10"])[0]
    assert (np.abs(slopes.voltage_per_kw[row, 0]) < 0.7 * np.abs(free.voltage_per_kw[row, 0])).all()


def test_without_droops_they_are_those_of_the_network_at_its_taps(cigre_net: Any) -> None:
    network = to_network(copy.deepcopy(with_taps(cigre_net)), "cigre with taps")
    p_kw = 1.2 * powers()
    controls = Controls(taps=(TapChanger("Trafo 0-1", 0.985, 1.015),))
    found = solve_controlled(network, at(p_kw), None, controls)
    steps = np.arange(p_kw.shape[1])
    slopes = controlled_slopes(network, at(p_kw), None, controls, found, MOVED, steps)
    still = linearise(network, at(p_kw), None, MOVED).slopes
    moved = (found.position != 0).any(axis=0)
    assert moved.any()
    np.testing.assert_allclose(slopes.voltage_per_kw[..., ~moved], still.voltage_per_kw[..., ~moved], atol=1e-12)
    assert np.abs(slopes.voltage_per_kw[..., moved] - still.voltage_per_kw[..., moved]).max() > 1e-8


def test_an_inverter_at_its_limit_answers_no_more(cigre_net: Any) -> None:
    network = to_network(copy.deepcopy(with_taps(cigre_net)), "cigre with taps")
    p_kw = powers()[:, [7]]
    full = Droop("Bus 10", np.array([0.8, 1.2]), np.array([1.5, -1.7]), 3600.0, p_kw=np.array([3600.0]))
    found = solve_controlled(network, at(p_kw), None, Controls((full,)))
    slopes = controlled_slopes(network, at(p_kw), None, Controls((full,)), found, MOVED, np.array([0]))
    free = linearise(network, at(p_kw), None, MOVED).slopes
    np.testing.assert_allclose(slopes.voltage_per_kw, free.voltage_per_kw, atol=1e-12)


def test_of_no_steps_there_are_no_slopes(cigre_net: Any) -> None:
    network = to_network(copy.deepcopy(with_taps(cigre_net)), "cigre with taps")
    controls = Controls(droops(), (TapChanger("Trafo 0-1", 0.985, 1.015),))
    found = solve_controlled(network, at(powers()), None, controls)
    slopes = controlled_slopes(network, at(powers()), None, controls, found, MOVED, np.zeros(0, dtype=np.int64))
    assert slopes.voltage_per_kw.shape == (len(network.bus_names), 2, 0)
    assert slopes.losses_per_kvar.shape == (2, 0)


def test_where_nothing_of_the_park_is_supplied_there_are_slopes_of_nothing(cigre_net: Any) -> None:
    """A branch out may leave the park dark: no bus, no injection, and a tap changer that still acts."""
    network = to_network(copy.deepcopy(with_taps(cigre_net)), "cigre with taps")
    nothing = Injections((), np.zeros((0, 2)), np.zeros((0, 2)))
    controls = Controls((), (TapChanger("Trafo 0-1", 0.985, 1.015),))
    found = solve_controlled(network, nothing, None, controls)
    slopes = controlled_slopes(network, nothing, None, controls, found, (), np.array([0, 1]))
    assert slopes.voltage_per_kw.shape == (len(network.bus_names), 0, 2)
