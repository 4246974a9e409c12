"""Reference park E, a data-centre campus: quarter-hour days, work that moves, carbon-free shares step by step."""

from __future__ import annotations

import numpy as np

from benchmarks.cases.known_days import DAYS, runs
from benchmarks.rows import Measured, row
from dispatch.matching import matched

INPUTS = ("benchmarks/cases/known_days.py", "benchmarks/topics/assets/parks_campus.py", "configs", "dispatch")
PARK = "campus"


@row("assets", name=f"park E, {DAYS} quarter-hour days, p50", unit="s", bar="<= 10", slow=True, inputs=INPUTS)
def median_seconds() -> float:
    return float(np.median([run.seconds for run in runs(PARK)]))


@row("assets", name=f"park E, {DAYS} quarter-hour days, worst", unit="s", bar="<= 10", slow=True, inputs=INPUTS)
def worst_seconds() -> float:
    return max(run.seconds for run in runs(PARK))


@row("assets", name="park E, widest gap of these days", unit="%", bar="<= 0.5", slow=True, inputs=INPUTS)
def widest_gap() -> float:
    return 100 * max(run.gap for run in runs(PARK))


@row("assets", name="park E, days whose plan the audit does not pass", unit="", bar="== 0", slow=True, inputs=INPUTS)
def not_passed() -> int:
    return sum(not run.passed for run in runs(PARK))


@row("assets", name="park E, carbon-free step by step, mean of these days", unit="%", bar=">= 0", slow=True,
     inputs=INPUTS)  # fmt: skip
def carbon_free() -> Measured:
    """The reference is what a claim by volume over each day would say."""
    found = [matched(run.site, run.schedule) for run in runs(PARK)]
    return Measured(100 * float(np.mean([one.cfe for one in found])),
                    100 * float(np.mean([one.by_volume for one in found])))  # fmt: skip


@row("assets", name="park E, batch work done in the other hall", unit="%", bar=">= 0", slow=True, inputs=INPUTS)
def moved() -> float:
    """Of all batch work of these days."""
    sent, done = 0.0, 0.0
    for run in runs(PARK):
        series, hours = run.schedule.kinds["data_centre"].series, run.schedule.inputs.horizon.hours
        sent += float((series["sent_kw"] @ hours).sum())
        done += sum(float((flow @ hours).sum()) for name, flow in series.items() if name.startswith("batch_"))
    return 100 * sent / done
