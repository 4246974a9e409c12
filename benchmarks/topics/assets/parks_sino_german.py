"""Reference park D: quarter-hour days of five carriers and three levels of heat."""

from __future__ import annotations

import numpy as np

from benchmarks.cases.known_days import DAYS, Run, runs
from benchmarks.rows import row
from dispatch.cascade import levels

INPUTS = ("benchmarks/cases/known_days.py", "benchmarks/topics/assets/parks_sino_german.py", "configs", "dispatch")
GAP = 0.001


def found() -> tuple[Run, ...]:
    return runs("sino_german", gap=GAP, scenarios=1)


@row("assets", name=f"park D, {DAYS} quarter-hour days, p50", unit="s", bar="<= 10", slow=True, inputs=INPUTS)
def median_seconds() -> float:
    return float(np.median([run.seconds for run in found()]))


@row("assets", name=f"park D, {DAYS} quarter-hour days, worst", unit="s", bar="<= 10", slow=True, inputs=INPUTS)
def worst_seconds() -> float:
    return max(run.seconds for run in found())


@row("assets", name="park D, widest gap of these days", unit="%", bar="<= 0.1", slow=True, inputs=INPUTS)
def widest_gap() -> float:
    """Of plans with whole numbers: bounds are those of the solver's search."""
    return 100 * max(run.gap for run in found())


@row("assets", name="park D, plans that the audit does not pass", unit="", bar="== 0", slow=True, inputs=INPUTS)
def not_passed() -> int:
    return sum(not run.passed for run in found())


@row("assets", name="park D, heat that arrives on a level out of a hotter one", unit="%", bar="> 0", slow=True,
     inputs=INPUTS)  # fmt: skip
def cascaded() -> float:
    """Of all heat that demand takes at 60 and 40 degC."""
    there = [x for run in found() for x in levels(run.site, run.schedule) if x.bus in ("heat_60c", "heat_40c")]
    return 100 * sum(x.from_above_kwh for x in there) / sum(x.used_kwh for x in there)
