"""What the network asks of a plan, in numbers done by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.problem import Problem
from dispatch.solve import solve
from dispatch.terms.network import LossTangent
from tests.parks import given, grid, hours, load, park, tariff

PV: dict[str, Any] = {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 400}
FIXED: dict[str, Any] = {"mode": "fixed", "power_factor": 0.8, "direction": "injecting"}


def test_a_tangent_without_injection_is_its_point_less_the_way_back() -> None:
    """Two buses: L = l₀ − g·p₀ − h·q₀ in each step."""
    tangent = LossTangent(
        loss_kw=np.array([10.0, 20.0]),
        coefficient=np.array([[-0.1, 0.05], [0.2, 0.0]]),
        coefficient_kvar=np.array([[-0.04, 0.03], [0.0, 0.01]]),
        injection_kw=np.array([[-100.0, 60.0], [-20.0, 7.0]]),
        injection_kvar=np.array([[-50.0, -40.0], [9.0, 100.0]]),
    )
    # 10 − (.1·100 − .2·20) − .04·50 and 20 − .05·60 + .03·40 − .01·100
    assert tangent.constant_kw == pytest.approx([10 - 6 - 2, 20 - 3 + 1.2 - 1])


def test_a_plan_pays_the_losses_of_the_tangent_at_its_own_injection() -> None:
    """50 kW of load and 100 kW of PV that gives .75 kvar per kW: p = 50, q = 75 − 37.5."""
    on = {"network": "x", "bus_of": {"main": "node"}, "losses_at": "main", "neighbours": False}
    site = park(
        load(power_factor=0.8),
        grid(export_kw=1000, tariff=tariff(0.2, feed_in=0.1)),
        PV | {"reactive": FIXED},
        grid=on,
    )
    series = {("load", "demand_kw"): 50.0, ("pv", "available_kw"): 100.0}
    problem = Problem(site, given(site, hours(1), series), network_slots=1)
    one = np.ones((1, 1))
    problem.update(losses=LossTangent(np.array([8.0]), 0.02 * one, 0.1 * one, 40.0 * one, 20.0 * one))
    schedule = solve(problem)
    assert schedule.loss_kw is not None
    lost = 8 + 0.02 * (50 - 40) + 0.1 * (37.5 - 20)
    assert schedule.loss_kw[0] == pytest.approx([lost])
    assert schedule.asset("pcc", "export_kw") == pytest.approx([50 - lost])
