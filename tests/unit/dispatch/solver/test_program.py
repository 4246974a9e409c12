"""A linear program that stays in its solver finds what a new one would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.errors import SolveError
from dispatch.problem import Problem
from dispatch.solver.highs import continuous
from dispatch.solver.program import Program
from tests.parks import battery, given, grid, hours, load, park, tariff, unit

DEMAND = 160 + 60 * np.sin(np.arange(6) / 1.7)


def test_a_program_finds_what_a_new_solver_finds_wherever_it_begins() -> None:
    units = [unit(f"unit{k}", min_kw=31, max_kw=55 + 2 * k, cost_per_kwh=0.17 + 0.013 * k) for k in range(4)]
    site = park(grid(import_kw=200, tariff=tariff(0.16, demand=2.0)), *units, battery(), load())
    problem = Problem(site, given(site, hours(6), {("load", "demand_kw"): DEMAND}), Mode("convex"))
    matrices = problem.compiled.matrices()
    random = np.random.default_rng(0)
    program = Program(matrices)
    for turn in range(6):
        other = replace(
            matrices,
            cost=matrices.cost * random.uniform(0.8, 1.2, matrices.cost.size) if turn % 2 else matrices.cost,
            col_upper=np.where(random.uniform(size=matrices.cost.size) < 0.05, matrices.col_lower, matrices.col_upper),
        )
        found = program.solve(other, float(turn % 3))
        try:
            alone = continuous(other)
        except SolveError:
            assert found is None
            continue
        assert found is not None
        assert found.objective == pytest.approx(alone.objective, rel=1e-6)
