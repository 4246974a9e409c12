"""Two stages of learning: what each farm's weather says, then what all farms' forecasts together say.

Stage one is a forest per farm on its own and its neighbours' weather. It is grown in folds of whole weeks, so that
there are forecasts of the past by trees that had not seen it. Stage two learns from these, of the farm in the hours
around and of the neighbours, and from the last powers: boosted quantiles on them and little else, and a forest with all
of the farm's own weather. The answer averages the quantiles of stage one, moved by its own last error as that fades,
and of stage two; where a recent power is known the forest, which would drown it in weather, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecasting.learners.base import Fitted, Frame
from forecasting.learners.boosted import Boosted
from forecasting.learners.extra_trees import ExtraTrees, ExtraTreesFitted
from forecasting.models.wind.boosted_mean import Means
from forecasting.models.wind.shifts import Bounds
from forecasting.models.wind.wakes import Sectors

Floats = NDArray[np.float64]
FOLDS = 5
FOLD_DAYS = 8.0  # longer than a spell of weather
LEAF_CASES = 8.0
FIRST = ExtraTrees(trees=14)
FOREST = ExtraTrees(trees=50, seed=FOLDS)
BOOSTED = Boosted(rounds=100, depth=5, learning_rate=0.06, min_rows=60, leaf_blocks=0.0, row_share=0.5)
# What the boosted quantiles see beside stage one: with all of the weather again they fit its noise a second time.
NARROW = re.compile(r"first_|corrected_|error|last_|power_age|run_lead_h|hour|speed_\d+(_5h|_runs|_runs_apart)?$")
ERROR_MEMORY_H = 3.0
ERROR_FADES_H = (4.0, 12.0)
WITHOUT_WIND = ExtraTrees(trees=20, leaf_rows=30, name="without_wind")


@dataclass(frozen=True)
class Folds:
    """Spells of `length_days` from the first day of training on, dealt out in turn."""

    first_day: int
    last_day: int
    length_days: float

    def of(self, day: NDArray[np.int64]) -> NDArray[np.int64]:
        """Fold (N,) of each day, −1 after the last day of training."""
        fold = ((day - self.first_day) / self.length_days).astype(np.int64) % FOLDS
        return np.where(day <= self.last_day, fold, -1)


@dataclass(frozen=True, eq=False)
class Crossed:
    """One forest per fold, each grown without it; quantiles and means of new rows are those of all forests."""

    forests: tuple[ExtraTreesFitted, ...]
    folds: Folds

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q)."""
        return np.asarray(np.mean([forest.predict(rows) for forest in self.forests], axis=0))

    def mean(self, rows: Frame) -> Floats:
        """Conditional mean (N,) of all forests."""
        return np.asarray(np.mean([forest.mean(rows) for forest in self.forests], axis=0))

    def unseen_mean(self, rows: Frame) -> Floats:
        """Conditional mean (N,), of days of training by the forest that has not seen them, of later ones by all."""
        fold = self.folds.of(rows.block)
        found = np.full(len(rows), np.nan)
        for number, forest in enumerate(self.forests):
            if (inside := fold == number).any():
                found[inside] = forest.mean(rows.take(inside))
        if (later := fold < 0).any():
            found[later] = self.mean(rows.take(later))
        return found


def folds_over(day: NDArray[np.int64]) -> Folds:
    """Folds of the days of training: whole weeks go together, less of a history too short for that."""
    span = int(day.max() - day.min()) + 1
    return Folds(int(day.min()), int(day.max()), max(min(FOLD_DAYS, span / (2 * FOLDS)), 1.0))


def leaf_rows(repeats: float) -> int:
    """Least rows of a leaf where each interval is seen from so many issue times: the same hour again is no new case.

    On 2010 of GEFCom2012, where it is seen twice or more, leaves of 12 and 25 rows err .9 and 1.2 % less than of 5.
    """
    return max(round(LEAF_CASES * repeats), 1)


def crossed(rows: Frame, actual: Floats, folds: Folds, levels: Floats, repeats: float) -> Crossed:
    """Stage one of one farm, whose intervals are seen from `repeats` issue times."""
    fold = folds.of(rows.block)
    forests = []
    for number in range(FOLDS):
        others = fold != number
        forests.append(
            replace(FIRST, leaf_rows=leaf_rows(repeats), seed=number).fit(rows.take(others), actual[others], levels)
        )
    return Crossed(tuple(forests), folds)


def beside(first: Sequence[Floats], hour: int, run: NDArray[np.int64] | None = None) -> dict[str, Floats]:
    """Features (I, H) of stage two from stage one's means (I, H), those of the farm itself first.

    `hour` is the number of steps of an hour. At the ends of the horizon the outermost forecast stands for those beyond;
    with `run` (I, H), the step's own stands for those of other runs.
    """
    mean = first[0]
    around = {k: _moved(mean, k * hour, run) for k in range(-3, 4)}
    found = {f"first_{k:+d}h": values for k, values in around.items() if k}
    found |= {f"first_{number}": values for number, values in enumerate(first)}
    found["first_3h"] = (around[-1] + around[0] + around[1]) / 3
    found["first_7h"] = np.mean(list(around.values()), axis=0)
    found["first_of_all"] = known_mean(np.stack(first), axis=0)
    return found


def _moved(values: Floats, by: int, run: NDArray[np.int64] | None) -> Floats:
    at = np.clip(np.arange(values.shape[1]) + by, 0, values.shape[1] - 1)
    moved = values[:, at]
    return moved if run is None else np.where(run[:, at] == run, moved, values)


def recent_error(power: Floats, mean: Floats, step_h: float) -> Floats:
    """How far the last powers known (I, B) lay above stage one's means of them, (I,), the latest counting most."""
    weight = np.exp(-np.arange(power.shape[1])[::-1] * step_h / ERROR_MEMORY_H)
    return known_mean(power - mean, axis=1, weight=weight)


def corrected(mean: Floats, error: Floats, errors: Floats, age_h: Floats) -> dict[str, Floats]:
    """Features (I, H) from the farm's recent error (I,), all farms' (I,), and the age of the last power (I, H)."""
    shape = mean.shape
    fresh = np.isfinite(age_h)
    found = {
        "error": np.where(fresh, np.broadcast_to(error[:, None], shape), np.nan),
        "error_of_all": np.where(fresh, np.broadcast_to(errors[:, None], shape), np.nan),
    }
    for hours in ERROR_FADES_H:
        found[f"corrected_{hours:g}h"] = mean + found["error"] * np.exp(-np.maximum(age_h, 0.0) / hours)
    return found


def fading(error: Floats, age_h: Floats) -> Floats:
    """What is left (N,) of stage one's recent error (N,) at the age of the last power (N,); 0 where none is known."""
    left = error * np.exp(-np.maximum(age_h, 0.0) / ERROR_FADES_H[0])
    return np.where(np.isfinite(left), left, 0.0)


def known_mean(values: Floats, axis: int, weight: Floats | float = 1.0) -> Floats:
    """Mean of what is known along an axis, NaN where nothing is."""
    known = np.isfinite(values)
    total = (known * weight).sum(axis=axis)
    summed = (np.where(known, values, 0.0) * weight).sum(axis=axis)
    return np.asarray(np.where(total > 0, summed / np.where(total > 0, total, 1.0), np.nan))


@dataclass(frozen=True, eq=False)
class First:
    """Stage one of one farm: its curve with its sectors, its forests and the features they know."""

    sectors: Sectors
    forests: Crossed
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Members:
    """What answers for one farm: stage one, the members of stage two, and a forest for hours without wind."""

    first: First
    boosted: Fitted
    forest: Fitted
    without_wind: Fitted
    mean: Means
    names_second: tuple[str, ...]
    names_without: tuple[str, ...]
    bounds: Bounds


def averaged(parts: Sequence[Floats]) -> Floats:
    """Mean (N, Q) of the members' quantiles, rising along Q."""
    return np.sort(np.mean(parts, axis=0), axis=1)
