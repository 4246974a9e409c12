"""How fast a model is stated and handed to the solver: parkwatt beside linopy and Pyomo, one model, one process.

The peers come with the extra ``bench`` (``make bench TOPIC=scheduler`` installs it). What is timed is the same for all:
from arrays in memory (parkwatt: from a read config) to a HiGHS object that holds the model; imports and the first,
small model are not counted. Repeats take turns, so that a noisy moment meets all of them; the best of each counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks.cases import layer
from benchmarks.peers.interface import find, silent
from benchmarks.rows import row
from dispatch.asset import Inputs
from dispatch.problem import Problem
from dispatch.solver.highs import load

REPEATS = 5
FACTORS = (1.01, 1.02, 1.03, 1.04, 1.05)
SIZE = "50 units x 96 + 20 batteries"
INPUTS = ("benchmarks/cases", "benchmarks/peers", "benchmarks/topics/scheduler/layer.py", "dispatch", "locks/bench.txt")


@dataclass(frozen=True)
class Ours:
    """A built problem, and how long new demand takes to reach the solver."""

    problem: Problem
    inputs: Inputs

    @classmethod
    def build(cls, case: layer.Case) -> Ours:
        described, inputs = layer.site(case)
        return cls(Problem(described, inputs), inputs)

    def held(self, *, relaxed: bool = False) -> Any:
        matrices = self.problem.compiled.matrices()
        return load(matrices, np.zeros_like(matrices.integer) if relaxed else None)

    def again(self, factor: float) -> None:
        """Demand times ``factor`` into the compiled problem, until HiGHS holds it."""
        key = ("demand", "demand_kw")
        self.problem.update(replace(self.inputs, series={key: self.inputs.series[key] * factor}))
        self.held()


def seconds(work: Callable[[], object]) -> float:
    with silent():
        began = time.perf_counter()
        work()
        return time.perf_counter() - began


def rivals() -> dict[str, Callable[[layer.Case], object]]:
    """Each peer's way from arrays to a solver that holds the model, by name."""
    linopy, pyomo = find("linopy"), find("pyomo")
    return {
        "linopy": lambda case: linopy.to_solver(linopy.build(case)),
        "linopy gathered": lambda case: linopy.to_solver(linopy.build(case, gathered=True)),
        "pyomo": lambda case: pyomo.to_solver(pyomo.build(case)),
    }


@cache
def measured() -> dict[str, float]:
    """Best seconds by layer; ``again`` is our re-solve, ``in place`` is linopy's change of a model its solver holds."""
    ways = rivals()
    case, small = layer.case(), layer.case(units=5, batteries=3, steps=6)
    described, inputs = layer.site(case)
    seconds(Ours.build(small).held)
    for way in ways.values():
        seconds(partial(way, small))
    found: dict[str, list[float]] = {name: [] for name in (*ways, "parkwatt")}
    for _ in range(REPEATS):
        found["parkwatt"].append(seconds(lambda: load(Problem(described, inputs).compiled.matrices())))
        for name, way in ways.items():
            found[name].append(seconds(partial(way, case)))
    ours = Ours.build(case)
    linopy = find("linopy")
    model = linopy.build(case)
    with silent():
        solver = linopy.held(model)
    demand = case.fleet.demand_kw
    in_place = [seconds(partial(linopy.demand_in_place, model, solver, demand * f)) for f in FACTORS]
    again = [seconds(partial(ours.again, factor)) for factor in FACTORS]
    return {name: min(values) for name, values in found.items()} | {
        "again": min(again),
        "in place": min(in_place),
    }


def times_ours(name: str, ours: str = "parkwatt") -> float:
    return measured()[name] / measured()[ours]


@row("scheduler", name=f"build + compile, linopy over ours: {SIZE}", unit="x", bar=">= 5", slow=True, inputs=INPUTS)
def linopy_over_ours() -> float:
    return times_ours("linopy")


@row(
    "scheduler",
    name="build + compile, linopy with windows gathered by hand over ours",
    unit="x",
    bar=">= 2",
    slow=True,
    inputs=INPUTS,
)
def linopy_gathered_over_ours() -> float:
    """The same model with the costly part written below linopy's operators: the best we could do for it."""
    return times_ours("linopy gathered")


@row("scheduler", name=f"build + compile, Pyomo over ours: {SIZE}", unit="x", bar=">= 10", slow=True, inputs=INPUTS)
def pyomo_over_ours() -> float:
    """Pyomo hands over by its persistent interface."""
    return times_ours("pyomo")


@row("scheduler", name="new demand, linopy rebuild over our re-solve", unit="x", bar=">= 100", slow=True, inputs=INPUTS)
def rebuild_over_resolve() -> float:
    """Solver time excluded; ours ends, as a rebuild does, when a fresh HiGHS object holds the model."""
    return times_ours("linopy", "again")


@row("scheduler", name="new demand, linopy in place over our re-solve", unit="x", bar=">= 2", slow=True, inputs=INPUTS)
def in_place_over_resolve() -> float:
    """linopy compares the whole model with what its solver holds and passes on the difference."""
    return times_ours("in place", "again")


@row(
    "scheduler",
    name="largest relative difference between the layers' relaxed optima",
    unit="",
    bar="<= 1e-6",
    slow=True,
    inputs=INPUTS,
)
def relaxed_difference() -> float:
    """The layers state one model: its linear relaxation has one optimum."""
    return difference(layer.case())


def difference(case: layer.Case) -> float:
    models = [Ours.build(case).held(relaxed=True)]
    with silent():
        for name in ("linopy", "pyomo"):
            module = find(name)
            models.append(module.to_solver(module.build(case, relaxed=True)))
    reached = [relaxed_optimum(model) for model in models]
    return max(abs(value - reached[0]) for value in reached) / abs(reached[0])


def relaxed_optimum(solver: Any) -> float:
    solver.setOptionValue("output_flag", False)
    solver.run()
    status = solver.modelStatusToString(solver.getModelStatus())
    if status != "Optimal":
        raise RuntimeError(f"the relaxation ended {status}")
    return float(solver.getInfo().objective_function_value)
