"""Reference park C: weeks by the hour without a grid, proved to half a per cent."""

from __future__ import annotations

import numpy as np

from benchmarks.cases.known_days import DAYS, Run, runs
from benchmarks.rows import row
from dispatch.products import products

INPUTS = ("benchmarks/cases/known_days.py", "benchmarks/topics/assets/parks_chifeng.py", "configs", "dispatch")
GAP = 0.005


def found() -> tuple[Run, ...]:
    return runs("chifeng", gap=GAP, scenarios=1)


@row("assets", name=f"park C, {DAYS} weeks of hours, p50", unit="s", bar="<= 60", slow=True, inputs=INPUTS)
def median_seconds() -> float:
    return float(np.median([run.seconds for run in found()]))


@row("assets", name=f"park C, {DAYS} weeks of hours, worst", unit="s", bar="<= 60", slow=True, inputs=INPUTS)
def worst_seconds() -> float:
    return max(run.seconds for run in found())


@row("assets", name="park C, widest gap of these weeks", unit="%", bar="<= 0.5", slow=True, inputs=INPUTS)
def widest_gap() -> float:
    """Of plans with whole numbers: bounds are those of the solver's search."""
    return 100 * max(run.gap for run in found())


@row("assets", name="park C, plans that the audit does not pass", unit="", bar="== 0", slow=True, inputs=INPUTS)
def not_passed() -> int:
    return sum(not run.passed for run in found())


@row("assets", name="park C, CO2 of ammonia, all weeks", unit="t/t", bar="<= 4.5", slow=True, inputs=INPUTS)
def ammonia_carbon() -> float:
    """Fuels of the backup by what is made of them; 4.5 t/t is what the founding document says of coal-based ammonia."""
    made = [one for run in found() for one in products(run.site, run.schedule) if one.product == "ammonia"]
    return sum(one.kg * one.co2_kg_per_kg for one in made) / sum(one.kg for one in made)
