"""Two weeks of park A at 15 minutes, run again by every method: what planning again is worth, and what it takes."""

from __future__ import annotations

import os
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.rows import CannotMeasure, Measured, row
from dispatch.config.park import CONFIGS, load_site
from dispatch.executor import executor
from dispatch.replay import METHODS, Case, Journal, Replayed, Settings, replay
from dispatch.replay.results import Line, lines
from dispatch.signals import Horizon
from dispatch.sources import gather
from forecasting.embedded import is_installed

PRODUCT = ("configs", "dispatch", "forecasting")
FIRST, DAYS = date(2016, 10, 1), 14
# About a two-thousandth of what a window costs.
KEEP_BELOW_CNY = 20.0
# Two thirds of what the import passed a plan by at its worst, in a week of rolling plans without a margin (571 kW).
PEAK_MARGIN_KW = 400.0


def park_a() -> Case:
    """The two weeks; the network is left out, as no re-plan proves itself on it."""
    if not is_installed():
        raise CannotMeasure("the embedded profiles are not installed: pip install parkwatt[simbench]")
    site = load_site("yizhuang")
    rolling = site.planning.rolling.model_copy(
        update={"keep_plan_below": KEEP_BELOW_CNY, "peak_margin_kw": PEAK_MARGIN_KW}
    )
    site = site.model_copy(update={"planning": site.planning.model_copy(update={"rolling": rolling})})
    span = Horizon.local_day(FIRST, site.time_zone, site.planning.step_minutes, days=DAYS)
    sources = gather(site, span, CONFIGS / "parks", with_network=False)
    return Case(site, span, sources.actual, sources.archive, Settings(methods=METHODS))


@lru_cache(maxsize=1)
def fortnight() -> Replayed:
    """All methods, once for all rows; PARKWATT_REPLAY_JOURNAL names a folder to go on from."""
    kept = os.environ.get("PARKWATT_REPLAY_JOURNAL")
    return replay(park_a(), executor("processes"), Journal(Path(kept) if kept else None))


def line(method: str) -> Line:
    return next(found for found in lines(fortnight()) if found.method == method)


def regret(method: str) -> float:
    found = line(method).regret
    if found is None:
        raise RuntimeError("perfect foresight was not run")
    return found


@row("scheduler", name="replay: regret of rolling / cost of perfect foresight", unit="", bar="<= 0.15", slow=True,
     inputs=PRODUCT)  # fmt: skip
def regret_of_rolling() -> Measured:
    """What planning every 15 minutes costs more than knowing everything; the reference is day-ahead only."""
    best = line("perfect").cost
    return Measured(regret("rolling") / best, regret("day_ahead") / best)


@row("scheduler", name="replay: regret of rolling / regret of day-ahead only", unit="", bar="<= 1", slow=True,
     inputs=PRODUCT)  # fmt: skip
def regret_against_day_ahead() -> float:
    return regret("rolling") / regret("day_ahead")


@row("scheduler", name="replay: regret of scenarios / regret of day-ahead only", unit="", bar="<= 1", slow=True,
     inputs=PRODUCT)  # fmt: skip
def regret_of_scenarios() -> float:
    return regret("rolling_scenarios") / regret("day_ahead")


@row("scheduler", name="replay: least regret of any method", unit="CNY", bar=">= -50", slow=True, inputs=PRODUCT)
def least_regret() -> float:
    """Perfect foresight is a bound but for its gap of 1e-4: nothing may undercut it by more."""
    return min(regret(method) for method in METHODS)


@row("scheduler", name="replay: seconds per re-plan, p50", unit="s", bar="<= 0.5", slow=True, inputs=PRODUCT)
def seconds_per_plan() -> float:
    """Reading what is known, filling the compiled problem, solving, auditing: 1344 times."""
    return float(np.median(fortnight().ran["rolling"].seconds))


@row("scheduler", name="replay: problems compiled for 1344 re-plans", unit="", bar="<= 1", slow=True, inputs=PRODUCT)
def compiled() -> int:
    return fortnight().ran["rolling"].compiled


@row("scheduler", name="replay: jumps of state at all seams of all methods", unit="", bar="== 0", slow=True,
     inputs=PRODUCT)  # fmt: skip
def jumps() -> int:
    """Content, hours on and off, output and peaks handed on, against those of the whole path walked without seams."""
    ledgers = fortnight().ledgers
    if sum(of.seams for of in ledgers.values()) < 3 * 1344 / 2:
        raise RuntimeError("too few seams were looked at")
    return sum(len(of.jumps) for of in ledgers.values())


@row("scheduler", name="replay: violations of the whole path, all methods", unit="", bar="== 0", slow=True,
     inputs=PRODUCT)  # fmt: skip
def violations() -> int:
    return sum(len(of.violations) for of in fortnight().ledgers.values())


@row("scheduler", name="replay: plan changes with the threshold / without", unit="", bar="<= 0.5", slow=True,
     inputs=PRODUCT)  # fmt: skip
def fewer_changes() -> float:
    return line("rolling_kept").changes / line("rolling").changes


@row("scheduler", name="replay: cost of keeping plans / cost", unit="", bar="<= 0.005", slow=True, inputs=PRODUCT)
def cost_of_keeping() -> float:
    return (regret("rolling_kept") - regret("rolling")) / line("rolling").cost
