"""Days of a feeder for programs that forecast: the same history, stored weather, issue times and levels for all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import openstef_examples
from benchmarks.datasets.openstef_examples import LEVELS, Feeder
from benchmarks.rows import CannotMeasure
from forecasting.scores import pinball

Floats = NDArray[np.float64]
TRAINED_EVERY_DAYS = 14
THEIR_MODEL = "xgb"  # OpenSTEF's default


@dataclass(frozen=True)
class Days:
    """The first test days of a feeder; what is compared is the rCRPS of the day-ahead forecast."""

    feeder: str
    days: int

    def loaded(self) -> Feeder:
        """CannotMeasure where its file is not here."""
        found = [each for each in openstef_examples.feeders() if each.name == self.feeder]
        if not found:
            raise CannotMeasure(f"the feeder {self.feeder} is not here: set PARKWATT_SHARED to the folder with data/")
        return replace(found[0], issues=found[0].issues[: self.days])


def rcrps(actual: Floats, quantiles: Floats) -> float:
    """Relative continuous ranked probability score of quantiles (T, Q)."""
    low, high = np.nanquantile(actual, [0.05, 0.95])
    return float(2 * np.nanmean(pinball(actual, quantiles, LEVELS)) / (high - low))


def score(feeder: Feeder, quantiles: Floats) -> float:
    """Of all its test days one after the other."""
    return rcrps(np.concatenate([feeder.actual_kw(feeder.edges(issue)) for issue in feeder.issues]), quantiles)
