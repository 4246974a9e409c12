"""How exactly another decision is priced, and that it says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dispatch.explain import what_if
from dispatch.explain.whatif import told
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.solve import solve
from dispatch.solver import highs
from dispatch.solver.highs import Answer, Limits, Matrices
from tests.parks import battery, given, grid, hours, load, park


def half_full() -> tuple[Problem, Schedule]:
    """A store that may be emptied gives in place of imports at .2; to charge it first loses energy."""
    site = park(load(), battery(start_fill=0.5, end_fill_min=0.0), grid(import_kw=500))
    problem = Problem(site, given(site, hours(4), {("load", "demand_kw"): 100.0}))
    return problem, solve(problem)


@pytest.mark.parametrize(("plan_gap", "asked"), [(0.0, 1e-6), (8e-5, 8e-5), (0.02, 1e-3)])
def test_a_decision_is_priced_as_exactly_as_the_plan_and_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch, plan_gap: float, asked: float
) -> None:
    problem, schedule = half_full()
    limits, run = [], highs.run

    def noted(matrices: Matrices, within: Limits, **more: Any) -> Answer:
        limits.append(within)
        return run(matrices, within, **more)

    monkeypatch.setattr(highs, "run", noted)
    proved = replace(schedule, proof=replace(schedule.proof, gap=plan_gap))
    what_if(problem, proved, "battery", "00:00", charge_kw=20, discharge_kw=0)
    assert {(one.gap, one.nodes <= 200) for one in limits} == {(asked, True)}


def test_a_cost_that_is_not_well_known_says_so() -> None:
    problem, schedule = half_full()
    less = what_if(problem, schedule, "battery", "00:00", charge_kw=20, discharge_kw=0)
    assert "give or take" not in told(less, problem)
    assert f"costs {less.cost:,.2f} EUR more, give or take {less.cost / 2:,.2f} (" in told(
        replace(less, uncertain=less.cost / 2), problem
    )
