"""Load: GEFCom2014's months against all who took part, and four feeders against OpenSTEF in the same run."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.datasets import gefcom2014_load
from benchmarks.rows import CannotMeasure, Measured, row
from forecasting.models.load.by_temperature import ByTemperature
from forecasting.scores import pinball

GEFCOM = (
    "forecasting/models/load",
    "forecasting/models/temperature.py",
    "forecasting/models/calendar.py",
    "forecasting/steps.py",
    "benchmarks/datasets/gefcom2014_load.py",
    "benchmarks/datasets/holidays.py",
    "benchmarks/topics/forecasting/load.py",
)
FIRST_SCORED = 4  # three tasks of trial came before


@cache
def month_scores_mw() -> dict[int, float]:
    """Mean pinball [MW] of each scored month, each forecast with a model trained on what came before it."""
    data = gefcom2014_load.load()
    found = {}
    for task in data.tasks():
        if task.number < FIRST_SCORED:
            continue
        known = data.archive.as_of(task.issue)
        edges_ns = task.edges.as_unit("ns").asi8
        levels = gefcom2014_load.LEVELS
        trained = ByTemperature().train(known, [data.target], data.place, edges_ns - known.time_ns, levels)
        quantiles_kw = trained.quantiles(known, edges_ns)[data.target.name]
        loss_kw = pinball(task.actual_kw, quantiles_kw, levels)
        found[task.number] = float(np.nanmean(loss_kw)) / gefcom2014_load.KW_PER_MW
    if not found:
        raise CannotMeasure("the load file ends before the first scored month")
    return found


def entrants_mw() -> list[float]:
    """Means over the same months of all entrants who handed in each of them, the best first."""
    table = gefcom2014_load.entrants()
    tasks = list(month_scores_mw())
    if missing := sorted(set(tasks) - set(table.columns)):
        raise CannotMeasure(f"the table of entrants has no tasks {missing}")
    return sorted(table[tasks].dropna().mean(axis=1).tolist())


@row(
    "forecasting",
    name="GEFCom2014 load, mean pinball of tasks 4-15 (reference: third of those complete)",
    unit="MW",
    bar="<= 7.956",
    slow=True,
    inputs=GEFCOM,
)
def gefcom_pinball() -> Measured:
    return Measured(float(np.mean(list(month_scores_mw().values()))), entrants_mw()[2])


@row(
    "forecasting",
    name="GEFCom2014 load, place among the entrants complete on these tasks",
    unit="place",
    bar="<= 3",
    slow=True,
    inputs=GEFCOM,
)
def gefcom_place() -> int:
    mine = float(np.mean(list(month_scores_mw().values())))
    return 1 + sum(other < mine for other in entrants_mw())
