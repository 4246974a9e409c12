"""Egret's tight unit commitment in its own environment: `egret_run.py PROBLEM.json ANSWER.json`.

The problem holds cases in Egret's own form (one bus, thermal units, a load). Its model is Pyomo's, and its own list of
solvers has no HiGHS: Pyomo's interface in memory solves it.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any


def main(problem_file: str, answer_file: str) -> None:
    """Solve the small case, then the case, then the case with other demand in a model of its own."""
    warnings.simplefilter("ignore")  # those of a program that is not ours
    logging.disable(logging.CRITICAL)
    problem = json.loads(Path(problem_file).read_text(encoding="utf-8"))
    gap = problem["gap"]
    solved(built(problem["small"]), gap)
    began = time.perf_counter()
    model = built(problem["data"])
    build_s = time.perf_counter() - began
    first = solved(model, gap)
    solve_s = time.perf_counter() - began - build_s
    began = time.perf_counter()
    again = solved(built(problem["again"]), gap)
    answer = {
        "objective": first,
        "build_s": build_s,
        "solve_s": solve_s,
        "again_s": time.perf_counter() - began,
        "again_objective": again,
        "status": "optimal",
        "solver": f"HiGHS {version('highspy')}, gap {gap:g}",
    }
    Path(answer_file).write_text(json.dumps(answer), encoding="utf-8")


def built(case: dict[str, Any]) -> Any:
    from egret.data.model_data import ModelData
    from egret.models.unit_commitment import SlackType, create_tight_unit_commitment_model

    return create_tight_unit_commitment_model(ModelData(case), slack_type=SlackType.BUS_BALANCE)


def solved(model: Any, gap: float) -> float:
    """The least cost; RuntimeError where the search ended otherwise."""
    from pyomo.contrib.solver.common.results import TerminationCondition
    from pyomo.contrib.solver.solvers.highs import Highs

    found = Highs().solve(model, rel_gap=gap, load_solutions=True)
    if found.termination_condition != TerminationCondition.convergenceCriteriaSatisfied:
        raise RuntimeError(f"Egret's model ended with {found.termination_condition}")
    return float(found.incumbent_objective)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
