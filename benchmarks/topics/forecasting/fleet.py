"""Speed for many sites: a made-up fleet (benchmarks/datasets/made_up_fleet.py) of 100 sites, a year of quarter-hours.

All in a process of its own on one thread, in seconds of processor time, so that neighbours on the machine do not count.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from benchmarks.datasets.made_up_fleet import Made, make
from benchmarks.memory import peak_mb
from benchmarks.processes import run
from benchmarks.rows import row
from forecasting.archive.known import Known
from forecasting.clock import DAY_NS, utc_index
from forecasting.fleet import Fleet, FleetTrained, forecast_fleet
from forecasting.ladder import Ladder
from forecasting.quantiles import LEVELS
from forecasting.scores import pinball

SITES, DAYS, SCENARIOS = 100, 365, 100
OWN_SITES, OWN_ISSUES = 5, 4
REPEATS = 3
INPUTS = (
    "forecasting",
    "benchmarks/datasets/made_up_fleet.py",
    "benchmarks/topics/forecasting/fleet.py",
)


def timed(work: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Least seconds of processor time, and what came of it."""
    best, found = np.inf, None
    for _ in range(repeats):
        start = time.process_time()
        found = work()
        best = min(best, time.process_time() - start)
    return best, found


def measure() -> dict[str, float]:
    """Everything, in this process."""
    made = make(SITES, DAYS)
    known = as_of(made, made.issue_ns)
    horizon = made.edges_ns - made.issue_ns
    train_s, trained = timed(lambda: Fleet().train(known, made.targets, made.place, horizon, LEVELS))
    edges = utc_index(made.edges_ns)
    forecast_s, _ = timed(lambda: forecast_fleet(trained, made.archive, edges[0], edges, scenarios=SCENARIOS), REPEATS)
    held_mb = peak_mb()
    together_s, together = timed(lambda: trained.quantiles(known, made.edges_ns), REPEATS)
    each_s, each = timed(lambda: one_by_one(trained, known, made), REPEATS)
    return {
        "train_s_per_site": train_s / SITES,
        "forecast_s_per_site": forecast_s / SITES,
        "peak_mb": held_mb,
        "loop_over_batch": each_s / together_s,
        "apart": max(float(np.abs(each[name] - together[name]).max()) for name in together),
        **against_own(made, trained, together_s / SITES),
    }


def one_by_one(trained: FleetTrained, known: Known, made: Made) -> Mapping[str, Any]:
    """The loop that a user without `quantiles` of many would write."""
    names = [target.name for target in made.targets]
    return {name: trained.only([name]).quantiles(known, made.edges_ns)[name] for name in names}


def against_own(made: Made, trained: FleetTrained, together_s: float) -> dict[str, float]:
    """The ladder's own model of each of a few sites, learnt from that site alone: its time and its loss."""
    targets = made.targets[:OWN_SITES]
    issues = made.issue_ns - np.arange(OWN_ISSUES) * DAY_NS // 2
    climbers = [
        Ladder().train(as_of(made, int(issues[-1])), (t,), made.place, made.edges_ns - made.issue_ns, LEVELS)
        for t in targets
    ]
    for target, climber in zip(targets, climbers, strict=True):  # trained, so that the loop only predicts
        climber.quantiles(as_of(made, made.issue_ns), made.edges_ns)
        assert target.name in climber.rungs
    known = as_of(made, made.issue_ns)
    own_s, _ = timed(lambda: [climber.quantiles(known, made.edges_ns) for climber in climbers], REPEATS)
    loss = np.zeros(2)
    for issue in issues:
        known, edges = as_of(made, int(issue)), made.edges_ns - made.issue_ns + issue
        fleet = trained.quantiles(known, edges)
        first = int((issue - made.start_ns) // (edges[1] - edges[0]))
        for k, (target, climber) in enumerate(zip(targets, climbers, strict=True)):
            came = made.actual[k, first : first + len(edges) - 1]
            own = climber.quantiles(known, edges)[target.name]
            loss += [pinball(came, found, LEVELS).mean() / came.mean() for found in (fleet[target.name], own)]
    return {"own_loop_over_batch": own_s / OWN_SITES / together_s, "loss_over_own": float(loss[0] / loss[1])}


def as_of(made: Made, time_ns: int) -> Known:
    """What was known at an instant."""
    return made.archive.as_of(utc_index(np.array([time_ns]))[0])


@cache
def measured() -> dict[str, float]:
    """The same in a process of its own, so that its peak of memory is its own."""
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    tell = "from benchmarks.topics.forecasting import fleet; sys.stdout.write(json.dumps(fleet.measure()))"
    ran = run([sys.executable, "-c", f"import json, sys; {tell}"], extra=one)
    if ran.status:
        raise RuntimeError(ran.output[-500:])
    found: dict[str, float] = json.loads(ran.output.splitlines()[-1])
    return found


def _row(name: str, key: str, unit: str, bar: str) -> None:
    @row("forecasting", name=f"fleet of {SITES}: {name}", unit=unit, bar=bar, slow=True, inputs=INPUTS)
    def value() -> float:
        return measured()[key]


_row("training on a year of quarter-hours, per site", "train_s_per_site", "s", "<= 2")
_row("384 steps with 100 joint scenarios, per site", "forecast_s_per_site", "s", "<= 0.02")
_row("peak memory", "peak_mb", "MB", "<= 2000")
_row("loop over sites and batch, same model: largest difference", "apart", "kW", "== 0")
_row("loop over sites over batch, same model, time", "loop_over_batch", "1", ">= 50")
_row("loop over each site's own model over batch, time", "own_loop_over_batch", "1", ">= 50")
_row("pinball loss over that of each site's own model", "loss_over_own", "1", "<= 1.05")
