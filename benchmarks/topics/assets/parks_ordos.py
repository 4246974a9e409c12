"""Reference park B, Ordos: quarter-hour days, and how much of the use is direct and proved step by step."""

from __future__ import annotations

import numpy as np

from benchmarks.cases.known_days import DAYS, runs
from benchmarks.rows import Measured, row
from dispatch.matching import matched

INPUTS = ("benchmarks/cases/known_days.py", "benchmarks/topics/assets/parks_ordos.py", "configs", "dispatch")
PARK, GAP = "ordos", 5e-3


@row("assets", name=f"park B, {DAYS} quarter-hour days, p50", unit="s", bar="<= 10", slow=True, inputs=INPUTS)
def median_seconds() -> float:
    return float(np.median([run.seconds for run in runs(PARK, gap=GAP)]))


@row("assets", name=f"park B, {DAYS} quarter-hour days, worst", unit="s", bar="<= 60", slow=True, inputs=INPUTS)
def worst_seconds() -> float:
    return max(run.seconds for run in runs(PARK, gap=GAP))


@row("assets", name="park B, widest gap of these days", unit="%", bar="<= 0.5", slow=True, inputs=INPUTS)
def widest_gap() -> float:
    return 100 * max(run.gap for run in runs(PARK, gap=GAP))


@row("assets", name="park B, days whose plan the audit does not pass", unit="", bar="== 0", slow=True, inputs=INPUTS)
def not_passed() -> int:
    return sum(not run.passed for run in runs(PARK, gap=GAP))


@row("assets", name="park B, direct share of all use of these days", unit="%", bar=">= 80", slow=True, inputs=INPUTS)
def direct() -> Measured:
    """Over the days together, as a year's rule counts; the reference is the share of these days that reach 80 %."""
    found = [matched(run.site, run.schedule) for run in runs(PARK, gap=GAP)]
    used = sum(float(one.use_kw @ one.horizon.hours) for one in found)
    own = sum(float(one.direct_kw @ one.horizon.hours) for one in found)
    return Measured(100 * own / used, 100 * float(np.mean([one.direct_share >= 0.8 for one in found])))


@row("assets", name="park B, direct and contracted step by step, mean", unit="%", bar=">= 80", slow=True, inputs=INPUTS)
def proved() -> float:
    """What stores held at the start has no known origin and counts as nothing."""
    return 100 * float(np.mean([matched(run.site, run.schedule).green_share for run in runs(PARK, gap=GAP)]))
