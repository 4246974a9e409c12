"""The cost–CO₂ fronts of reference parks A and B, convex commitment: how long a point takes, and what the points are.

A cold solve is the whole way from the compiled problem to an audited plan, with nothing that another solve has left
behind; a point of the front comes to an audited plan, too, with its recovery of whole numbers. Both are timed in one
process, the cold solve several times, in processor time of their thread: others that work here do not count, nor do
threads of the linear algebra that spin while they wait (they doubled a point's time and not its duration). The
cleanest point's time includes the search for what can be reached.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np

from benchmarks.cases.known_days import known_day
from benchmarks.rows import Measured, row
from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.config.park import CONFIGS, load_site
from dispatch.front import Front, front
from dispatch.planning.outlook import look_ahead
from dispatch.problem import Problem
from dispatch.signals import Horizon
from dispatch.solve import solve
from dispatch.solver.highs import Limits
from dispatch.sources import gather

PRODUCT = ("benchmarks/cases/known_days.py", "benchmarks/topics/carbon/front.py", "configs", "dispatch")
PARKS = {"A": "yizhuang", "B": "ordos"}
POINTS, AGAIN = 15, 5
KNOWN, FORECAST = "the day as it came", "the day as forecast, in scenarios"
DAYS = (KNOWN, FORECAST)


@dataclass(frozen=True)
class Traced:
    """A front, and the cold solve that it is measured against [s]."""

    found: Front
    cold_s: float

    @property
    def seconds(self) -> np.ndarray:
        """(point,)"""
        return np.array([point.seconds for point in self.found.points])


@cache
def traced(name: str, days: str) -> Traced:
    """The front of the park's embedded day, once per process."""
    problem, gap = problem_of(name, days)
    cold = []
    for _ in range(AGAIN):
        began = time.thread_time()
        audit(solve(problem, Limits(gap=gap)))
        cold.append(time.thread_time() - began)
    front(problem, 3)  # importing and first touches are no part of a point
    return Traced(front(problem, POINTS), float(np.median(cold)))


def problem_of(name: str, days: str) -> tuple[Problem, float]:
    """The compiled problem, and the gap that the park's plans are proved to."""
    if days == KNOWN:
        site, inputs = known_day(name)
        return Problem(site, inputs, Mode("convex")), site.planning.gap
    site = load_site(name)
    known_day(name)  # are the data there?
    assert site.embedded is not None
    planning = site.planning
    day = date.fromisoformat(site.embedded.day)
    horizon = Horizon.local_day(day, site.time_zone, planning.step_minutes, planning.days)
    sources = gather(site, horizon, CONFIGS / "parks", with_network=False)
    issue = horizon.start - timedelta(hours=planning.issue_before_h)
    outlook = look_ahead(site, horizon, sources.archive, issue, weather_site=sources.weather)
    problem = Problem(site, outlook.inputs, Mode("convex"))
    problem.update(weights=outlook.weights)
    return problem, planning.gap


def rows_of(letter: str, name: str, days: str) -> None:
    """The park's rows on one kind of day."""
    what = f"front of park {letter}, {days}"

    def ratios() -> np.ndarray:
        run = traced(name, days)
        return run.seconds / run.cold_s

    def named(text: str, unit: str, bar: str, measure: Callable[[], Measured | float]) -> None:
        row("carbon", name=f"{what}: {text}", unit=unit, bar=bar, slow=True, inputs=PRODUCT)(measure)

    def median() -> Measured:
        """Beside it, as the reference, the cold solve's seconds."""
        return Measured(float(np.median(ratios())), traced(name, days).cold_s)

    def mean() -> float:
        return float(ratios().mean())

    def altogether() -> float:
        """Ends, bound of the least emissions and compiling the problem anew included."""
        run = traced(name, days)
        return run.found.seconds / len(run.found.points) / run.cold_s

    named("time per point over a cold solve, median", "", "<= 0.3", median)
    named("time per point over a cold solve, mean", "", "<= 0.3", mean)
    named("everything per point over a cold solve", "", "<= 0.5", altogether)
    named("points, none better than another", "", f">= {POINTS}", lambda: len(traced(name, days).found.points))
    named("points that the audit does not pass", "", "== 0", lambda: not_passed(traced(name, days).found))
    named("widest proven gap", "%", "<= 0.01", lambda: 100 * max(p.gap for p in traced(name, days).found.points))
    named("by how much a slope falls towards cleaner", "", "<= 0.001", lambda: dent(traced(name, days).found))


def not_passed(found: Front) -> int:
    return sum(bool(audit(point.schedule).violations) for point in found.points)


def dent(found: Front) -> float:
    """Where the front is convex no slope is below the one before it; relative to it, less what the gaps allow."""
    slope, cost = found.slope_per_t, np.array([point.cost for point in found.points])
    gap = np.array([point.gap for point in found.points]) * np.abs(cost)
    apart = -np.diff([point.co2_t for point in found.points])
    allowed = (gap[:-2] + 2 * gap[1:-1] + gap[2:]) / np.minimum(apart[1:], apart[:-1])
    return float(max(((slope[:-1] - slope[1:] - allowed) / np.abs(slope[:-1])).max(), 0.0))


for _letter, _name in PARKS.items():
    for _days in DAYS:
        rows_of(_letter, _name, _days)
