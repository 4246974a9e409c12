"""Filled entries are those that cvxpy itself writes, whatever has changed; what cannot change is computed once."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
import pytest

from dispatch.problem import NetworkLimits, Problem
from dispatch.site import Site
from dispatch.solver.entries import Entries, Numbers
from tests.parks import battery, given, grid, hours, load, park, unit

HORIZON = hours(6)
DEMAND = np.array([40.0, 60, 90, 120, 70, 30])


def site(**fields: Any) -> Site:
    connected: dict[str, Any] = {"grid": {"network": "example", "bus_of": {"main": "MV 1"}}}
    return park(grid(), unit(min_kw=20, start_cost=5, min_up_h=2, **fields), battery(), load(), **connected)


def problem(described: Site, **how: Any) -> Problem:
    return Problem(described, given(described, HORIZON, {("load", "demand_kw"): DEMAND}), **how)


def by_cvxpy(made: Problem) -> Numbers:
    """The way of the library, from the problem's present values."""
    data, chain, _ = made._problem.get_problem_data(
        cp.HIGHS, enforce_dpp=True, canon_backend=cp.COO_CANON_BACKEND, solver_opts={}
    )
    data, inverse = chain.solver.apply(data["param_prob"])
    offset = float(inverse["offset"])
    return Numbers(data["c"], offset, data["A"].tocsc(), data["b"], data["lower_bounds"], data["upper_bounds"])


def assert_same(ours: Numbers, theirs: Numbers) -> None:
    assert ours.offset == pytest.approx(theirs.offset)
    assert (abs(ours.rows - theirs.rows)).max() <= 1e-12
    for name in ("cost", "limit", "lower", "upper"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-14, err_msg=name)


def test_new_demand_and_state_give_what_a_compilation_from_scratch_gives() -> None:
    made = problem(site())
    state = {"unit": {"on_before_h": 1.0, "power_before_kw": 55.0}, "battery": {"start_fill": 0.9}}
    made.update(given(made.site, HORIZON, {("load", "demand_kw"): DEMAND[::-1]}, state=state))
    assert_same(made.compiled._entries.numbers(), by_cvxpy(made))


def test_a_template_takes_another_sites_ratings_in_all_places() -> None:
    made = problem(site(), template=True)
    other = site(max_kw=77.0, cost_per_kwh=0.3, ramp_up_kw_per_h=11.0)
    made.update(given(other, HORIZON, {("load", "demand_kw"): DEMAND * 1.1}), site=other)
    assert_same(made.compiled._entries.numbers(), by_cvxpy(made))
    before, made.compiled._entries = made.compiled._entries.numbers().rows, Entries(made.compiled._program)
    assert (abs(before - made.compiled._entries.numbers().rows)).max() == 0


def test_network_limits_change_coefficients() -> None:
    made = problem(site(), network_slots=1)
    first = made.compiled._entries.numbers().rows
    limits = NetworkLimits(np.full((1, 1, 6), -0.7), np.arange(6.0)[None, :])
    made.update(limits=limits)
    now = made.compiled._entries.numbers()
    assert_same(now, by_cvxpy(made))
    assert (abs(now.rows - first)).max() == pytest.approx(0.7)


def test_where_only_limits_and_prices_change_the_coefficients_are_computed_once() -> None:
    made = problem(site())
    first = made.compiled.matrices()
    made.update(given(made.site, HORIZON, {("load", "demand_kw"): DEMAND * 2}))
    second = made.compiled.matrices()
    assert second.rows is first.rows
    assert (second.row_upper != first.row_upper).any()
    assert problem(site(), template=True).compiled.matrices().rows is not first.rows


def test_bounds_that_are_parameters_follow_them() -> None:
    top = cp.Parameter(3, value=np.array([1.0, 2, 3]))
    x = cp.Variable(3, bounds=[np.zeros(3), top])
    whole = cp.Problem(cp.Maximize(cp.sum(x)), [cp.sum(x) <= 100])
    data, _, _ = whole.get_problem_data(cp.HIGHS, enforce_dpp=True, canon_backend=cp.COO_CANON_BACKEND, solver_opts={})
    entries = Entries(data["param_prob"])
    top.value = np.array([7.0, 8, 9])
    assert np.asarray(entries.numbers().upper).tolist() == [7, 8, 9]
