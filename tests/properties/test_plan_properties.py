"""What holds for every plan: limits of the network, which come as data, never make it cheaper."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from dispatch.audit import audit
from dispatch.problem import NetworkLimits, Problem
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff

STEPS, SLOTS = 6, 2


@pytest.fixture(scope="module")
def problem() -> Problem:
    random = np.random.default_rng(4)
    wind = {"kind": "wind", "name": "wind", "bus": "yard", "rated_kw": 100}
    cable = {"kind": "cable", "name": "cable", "bus": "main", "far_bus": "yard", "rating_kw": 90}
    site = park(
        load(),
        wind,
        cable,
        battery(),
        grid(export_kw=60, tariff=tariff(0.2, 0.08)),
        buses=[{"name": "main"}, {"name": "yard"}],
        grid={"network": "none", "bus_of": {"main": "a", "yard": "b"}},
    )
    series = {
        ("load", "demand_kw"): random.uniform(10, 60, STEPS),
        ("wind", "available_kw"): random.uniform(0, 100, STEPS),
    }
    return Problem(site, given(site, hours(STEPS), series), network_slots=SLOTS)


def cost(problem: Problem, limits: NetworkLimits) -> float:
    problem.update(limits=limits)
    schedule = solve(problem)
    assert audit(schedule).passed
    used = np.einsum("kbt,bt->kt", limits.coefficient, schedule.injection_kw(("main", "yard")))
    over = np.maximum(used - limits.bound_kw, 0).sum(axis=0)
    assert schedule.limit_excess_kw[0] == pytest.approx(over, abs=1e-4), "what is passed is stated and paid for"
    return schedule.proof.objective


@settings(max_examples=25)
@for_all(
    st.lists(st.floats(-1, 1), min_size=SLOTS * 2 * STEPS, max_size=SLOTS * 2 * STEPS),
    st.lists(st.floats(-80, 120), min_size=SLOTS * STEPS, max_size=SLOTS * STEPS),
    st.floats(0, 50),
)
def test_network_limits_never_make_a_plan_cheaper_and_wider_ones_never_dearer(
    problem: Problem, factors: list[float], bounds: list[float], wider: float
):
    coefficient = np.round(np.array(factors).reshape(SLOTS, 2, STEPS), 3)
    bound = np.round(np.array(bounds).reshape(SLOTS, STEPS), 1)
    free = cost(problem, NetworkLimits.none(SLOTS, 2, STEPS))
    held = cost(problem, NetworkLimits(coefficient, bound))
    looser = cost(problem, NetworkLimits(coefficient, bound + wider))
    slack = 1e-6 + 1e-4 * abs(held)
    assert looser <= held + slack
    assert held >= free - slack
