"""Why and what if: does the first suggested fix work, how long does an explanation take."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache

import numpy as np

from benchmarks.cases.broken_parks import Broken, broken
from benchmarks.rows import row
from dispatch.audit import audit
from dispatch.errors import SolveError
from dispatch.explain import Explanation, Priced, explain_unmet, what_if, why_no_plan
from dispatch.explain.unmet import unmet
from dispatch.problem import Problem
from dispatch.solve import solve

PRODUCT = ("benchmarks/cases/broken_parks.py", "configs", "dispatch")
PARKS = 30


@cache
def explained() -> tuple[tuple[Broken, Explanation | None, float, float], ...]:
    """Each park with its explanation, seconds to explain and seconds to solve."""
    out = []
    for seed in range(PARKS):
        park = broken(seed)
        problem = Problem(park.site, park.inputs)
        began = time.perf_counter()
        try:
            schedule = solve(problem)
        except SolveError:
            schedule = None
        solved = time.perf_counter()
        found = [why_no_plan(problem)] if schedule is None else explain_unmet(problem, schedule)
        done = time.perf_counter()
        served = [e for e in found if e.unmet is None or e.unmet.elastic.kind == "load"]
        out.append((park, served[0] if served else None, done - solved, solved - began))
    return tuple(out)


def mended(park: Broken, explanation: Explanation | None) -> bool:
    """Written into the park, planned from scratch: the plan passes the audit and serves all demand."""
    if explanation is None or not explanation.fixes:
        return False
    site = explanation.fixes[0].apply(park.site)
    series = dict(park.inputs.series) | site.known_series(park.inputs.horizon)
    problem = Problem(site, replace(park.inputs, series=series))
    try:
        schedule = solve(problem)
    except SolveError:
        return False
    left = [u for u in unmet(problem, schedule) if u.elastic.kind == "load"]
    return audit(schedule).passed and not left


@row(
    "scheduler",
    name="broken parks mended by the first fix suggested, of 30",
    unit="share",
    bar="== 1",
    slow=True,
    inputs=PRODUCT,
)
def share_mended() -> float:
    """Demand that a park cannot serve, or no plan at all: the cheapest fix, applied, makes a plan that serves all."""
    return float(np.mean([mended(park, explanation) for park, explanation, _, _ in explained()]))


@row(
    "scheduler",
    name="broken parks that need their fix, of 30",
    unit="share",
    bar="== 1",
    slow=True,
    inputs=PRODUCT,
)
def share_broken() -> float:
    """None of them serves its demand as it is: the row above would else show nothing."""

    def lacks(park: Broken) -> bool:
        problem = Problem(park.site, park.inputs)
        try:
            return any(u.elastic.kind == "load" for u in unmet(problem, solve(problem)))
        except SolveError:
            return True

    return float(np.mean([lacks(park) for park, *_ in explained()]))


@row("scheduler", name="explanation of a broken park, median", unit="s", bar="<= 10", slow=True, inputs=PRODUCT)
def median_seconds() -> float:
    """Members, amounts and all fixes of one contradiction."""
    return float(np.median([seconds for *_, seconds, _ in explained()]))


@row("scheduler", name="explanation over one solve, median", unit="ratio", bar="<= 100", slow=True, inputs=PRODUCT)
def median_ratio() -> float:
    """Same parks, same run. A solve of them takes tens of milliseconds; an explanation tries every fix it names."""
    return float(np.median([seconds / solving for *_, seconds, solving in explained()]))


@row("scheduler", name="prices of limits and one what-if over one solve", unit="ratio", bar="<= 10", inputs=PRODUCT)
def asking_ratio() -> float:
    """Of a park that has a plan; nothing is compiled again."""
    park = broken(1)
    problem = Problem(park.site, park.inputs)
    began = time.perf_counter()
    schedule = solve(problem)
    solved = time.perf_counter()
    Priced(problem, schedule).limits()
    what_if(problem, schedule, "store", "10:00", charge_kw=0, discharge_kw=0)
    return (time.perf_counter() - solved) / (solved - began)
