"""Unit commitment against an implementation that shares nothing with ours, on small cuts of published instances."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import pglib
from benchmarks.methods.uc_reference import cut, optimum
from benchmarks.rows import row
from dispatch.problem import Problem
from dispatch.solve import solve
from dispatch.solver.highs import Limits

FAMILIES = ("ca", "ferc", "rts_gmlc")
UNITS, HOURS = 6, 12


def difference(small: dict[str, Any]) -> float:
    """Relative, between parkwatt's proven optimum and the other's."""
    expected = optimum(small)
    reached = solve(Problem(*pglib.read(small)), Limits(gap=1e-9)).proof.objective
    return abs(reached - expected) / abs(expected)


@row(
    "scheduler",
    name=f"pglib-uc, cuts of {UNITS} units x {HOURS} h: largest relative difference to an independent optimum",
    unit="",
    bar="<= 1e-6",
    slow=True,
    inputs=("benchmarks/cases/pglib.py", "benchmarks/methods", "dispatch"),
)
def largest_difference() -> float:
    """One cut of every instance that is here, each with other units."""
    paths = [path for family in FAMILIES for path in pglib.instances(family)]
    return max(difference(cut(pglib.load(path), UNITS, HOURS, seed)) for seed, path in enumerate(paths))
