"""The tight form of commitment beside the plain one, on small cuts of published instances: optimum and relaxation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmarks.cases import pglib
from benchmarks.methods.uc_reference import cut
from benchmarks.rows import Measured, row
from dispatch.asset import Mode
from dispatch.problem import Problem
from dispatch.solve import solve
from dispatch.solver.highs import Limits, continuous

PRODUCT = ("benchmarks/cases/pglib.py", "benchmarks/methods", "dispatch")
FAMILIES = ("ca", "ferc", "rts_gmlc")
PER_FAMILY = 4
UNITS, HOURS = 8, 24


@dataclass(frozen=True)
class Bounds:
    """Of one cut: the optimum that each form reaches, and its relaxation."""

    optimum: dict[str, float]
    relaxed: dict[str, float]

    def gap(self, form: str) -> float:
        """How far a form's relaxation is below the optimum, as a share of it."""
        best = self.optimum["tight"]
        return (best - self.relaxed[form]) / abs(best)


@cache
def bounds() -> tuple[Bounds, ...]:
    """Cuts of the first instances of each family, each with other units."""
    paths = [path for family in FAMILIES for path in pglib.instances(family)[:PER_FAMILY]]
    found = []
    for seed, path in enumerate(paths):
        made = pglib.read(cut(pglib.load(path), UNITS, HOURS, seed))
        problems = {
            "tight": Problem(*made, Mode("exact")),
            "plain": Problem(*made, Mode("exact", formulation="plain")),
        }
        optimum = {form: solve(problem, Limits(gap=1e-6)).proof.objective for form, problem in problems.items()}
        relaxed = {form: continuous(problem.compiled.matrices()).objective for form, problem in problems.items()}
        found.append(Bounds(optimum, relaxed))
    return tuple(found)


@row("scheduler", name="forms of commitment on 12 cuts: largest relative difference of their optima", unit="",
     bar="<= 2e-6", slow=True, inputs=PRODUCT)  # fmt: skip
def largest_difference() -> float:
    return max(abs(b.optimum["plain"] / b.optimum["tight"] - 1) for b in bounds())


@row("scheduler", name="forms of commitment on 12 cuts: least lead of the tight relaxation over the plain", unit="",
     bar=">= -1e-7", slow=True, inputs=PRODUCT)  # fmt: skip
def least_lead() -> float:
    """Of the optimum: the tight form's bound is nowhere below the plain one's."""
    return min(b.gap("plain") - b.gap("tight") for b in bounds())


@row("scheduler", name="forms of commitment on 12 cuts: those whose tight relaxation is higher", unit="",
     bar=">= 6", slow=True, inputs=PRODUCT)  # fmt: skip
def strictly_tighter() -> int:
    return sum(b.gap("plain") - b.gap("tight") > 1e-5 for b in bounds())


@row("scheduler", name="forms of commitment on 12 cuts: mean gap of the relaxation, tight / plain", unit="",
     bar="<= 0.97", slow=True, inputs=PRODUCT)  # fmt: skip
def gap_ratio() -> Measured:
    """Beside it, as the reference, the plain form's mean gap."""
    tight, plain = (float(np.mean([b.gap(form) for b in bounds()])) for form in ("tight", "plain"))
    return Measured(tight / plain, plain)
