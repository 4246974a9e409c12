"""A park of twenty assets on five hundred different days: how fast, how near to the optimum, on which rung.

Times are processor time of one process that solves one day after the other with what it compiled once: the data of the
day into the problem, the search, the audit. On a machine that nobody else uses that is the time on the clock.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmarks.cases.park import Day, day
from benchmarks.rows import Measured, row
from dispatch.ladder.climb import climb
from dispatch.problem import Problem
from dispatch.solver.highs import Limits

PRODUCT = ("benchmarks/cases/park.py", "benchmarks/topics/scheduler/park_days.py", "dispatch")
GAP = 1e-3
DAYS = 500
# What an operator would wait: the search ends with what it has, and its gap is counted as it is.
SECONDS = 4.5
# Every seventh day is planned with the one after it, 192 quarter-hours; the others have 96.
LONG_EVERY = 7
SCENARIO_DAYS, SCENARIOS = 40, 10


@dataclass(frozen=True)
class Solved:
    """One day's outcome; seconds are processor time."""

    label: str
    steps: int
    scenarios: int
    update_s: float
    search_s: float
    rung: str
    gap: float
    objective: float
    nodes: int
    rounds: int
    passed: bool

    @property
    def seconds(self) -> float:
        return self.update_s + self.search_s


def solve_day(problems: dict[tuple[int, int], Problem], made: Day) -> Solved:
    """Into the problem of its size, which is compiled where there is none yet; compiling is not timed."""
    key = (made.inputs.horizon.steps, made.inputs.scenarios)
    if key not in problems:
        problems[key] = Problem(made.site, made.inputs, template=True)
    problem = problems[key]
    began = time.process_time()
    problem.update(made.inputs, site=made.site, weights=made.weights)
    updated = time.process_time()
    climbed = climb(problem, Limits(gap=GAP, seconds=SECONDS))
    ended = time.process_time()
    proof = climbed.schedule.proof
    return Solved(
        made.label,
        *key,
        updated - began,
        ended - updated,
        proof.quality,
        proof.gap,
        proof.objective,
        proof.nodes,
        proof.rounds,
        climbed.audit.passed and not climbed.audit.relaxed,
    )


def solved(count: int = DAYS, scenarios: int = 1) -> tuple[Solved, ...]:
    """The days, each run once however it is asked for."""
    return _solved(count, scenarios)


@cache
def _solved(count: int, scenarios: int) -> tuple[Solved, ...]:
    """All days, once per process: several rows read the same run."""
    problems: dict[tuple[int, int], Problem] = {}
    longer = [1 + (number % LONG_EVERY == LONG_EVERY - 1) * (scenarios == 1) for number in range(count)]
    return tuple(solve_day(problems, day(number, days=days, scenarios=scenarios)) for number, days in enumerate(longer))


def quantile(share: float, *, count: int = DAYS, scenarios: int = 1) -> float:
    return float(np.quantile([found.seconds for found in solved(count, scenarios)], share))


@row("scheduler", name="park of 20 assets, 500 days, p50", unit="s", bar="<= 0.5", slow=True, inputs=PRODUCT)
def median_seconds() -> float:
    return quantile(0.5)


@row("scheduler", name="park of 20 assets, 500 days, p99", unit="s", bar="<= 5", slow=True, inputs=PRODUCT)
def slowest_seconds() -> float:
    return quantile(0.99)


@row("scheduler", name="days with a gap of at most 0.1 %", unit="%", bar=">= 99", slow=True, inputs=PRODUCT)
def near_the_optimum() -> float:
    """Of days whose optimum is nearly nothing the gap means little: a cent is enough there."""
    close = [found.gap <= GAP or found.gap * abs(found.objective) <= 0.01 for found in solved()]
    return 100.0 * float(np.mean(close))


@row("scheduler", name="days without an answer that passes the audit", unit="", bar="== 0", slow=True, inputs=PRODUCT)
def unanswered() -> int:
    return sum(not found.passed for found in solved())


@row("scheduler", name="days on a rung below incumbent", unit="", bar="<= 5", slow=True, inputs=PRODUCT)
def lower_rungs() -> Measured:
    """Beside it, as the reference, how many are on the first rung."""
    rungs = Counter(found.rung for found in solved())
    return Measured(sum(rungs.values()) - rungs["optimal"] - rungs["incumbent"], float(rungs["optimal"]))


@row("scheduler", name="park of 20 assets, 10 scenarios, p50", unit="s", bar="<= 5", slow=True, inputs=PRODUCT)
def scenario_seconds() -> float:
    return quantile(0.5, count=SCENARIO_DAYS, scenarios=SCENARIOS)
