"""The exact mode against optima that somebody else published: Egret's small unit-commitment test cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.cases import egret, pglib
from benchmarks.rows import CannotMeasure, row
from dispatch.problem import Problem
from dispatch.solve import solve
from dispatch.solver.highs import Limits

# egret/models/tests/test_unit_commitment.py, test_int_objvals; 28 to 49 units, 24 h.
PUBLISHED = {
    "test_case_1": 4201915.017320504,
    "test_case_2": 5454367.7670904165,
    "test_case_3": 5999272.361123627,
    "test_case_4": 5461120.3231092375,
    "test_case_5": 6062406.32677043,
}


def folder() -> Path:
    """Where the files are, beside those of pglib-uc; Egret's licence goes with them, so they are not kept here."""
    path = pglib.folder().parent / "egret_uc"
    if not path.is_dir():
        raise CannotMeasure(f"Egret's test cases are not here: put test_case_*.json into data/{path.name}")
    return path


def case(name: str) -> dict[str, Any]:
    """The instance in the form of pglib-uc."""
    return egret.to_pglib(json.loads((folder() / f"{name}.json").read_text("utf-8")))


def difference(name: str) -> float:
    """Relative, between our proven optimum and the published one."""
    reached = solve(Problem(*pglib.read(case(name))), Limits(gap=1e-9, nodes=1_000_000)).proof
    if reached.gap > 1e-8:
        raise RuntimeError(f"{name}: not proven, gap {reached.gap:.2g}")
    return abs(reached.objective / PUBLISHED[name] - 1)


@row(
    "scheduler",
    name="Egret's five test cases: largest relative difference to the published optima",
    unit="",
    bar="<= 1e-9",
    slow=True,
    inputs=("benchmarks/cases", "dispatch"),
)
def largest_difference() -> float:
    return max(difference(name) for name in PUBLISHED)
