"""Carbon intensity: two days ahead every day, with nothing known that came later, against two simple forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.datasets import carbon_intensity
from benchmarks.datasets.carbon_intensity import HORIZON_H, LEVELS, Zone
from benchmarks.rows import CannotMeasure, Measured, row
from forecasting.models import carbon_intensity as models

Floats = NDArray[np.float64]
INPUTS = (
    "forecasting/models",
    "forecasting/learners",
    "benchmarks/datasets/carbon_intensity.py",
    "benchmarks/topics/forecasting/carbon.py",
)
TEST_YEARS = 2
TRAINED_EVERY_DAYS = 91
SHORT_TEST_SHARE = 1 / 3
CLIMATE_DAYS = 28
MEDIAN = int(np.argmin(np.abs(LEVELS - 0.5)))


@dataclass(frozen=True)
class Scores:
    """Mean absolute errors [g/kWh] of ours and the simple forecasts; share inside the 90 % band."""

    mae: float
    held: float
    day_before: float
    climatology: float
    covered: float

    @property
    def persistence(self) -> float:
        """The better of the last value held and the last whole day repeated."""
        return min(self.held, self.day_before)


def scored(zone: Zone, first: pd.Timestamp) -> Scores:
    """A forecast at midnight UTC of each day from `first` on, trained anew every `TRAINED_EVERY_DAYS`."""
    rows, trained = [], None
    for number, issue in enumerate(zone.issues(first)):
        known = zone.archive.as_of(issue)
        edges = zone.edges(issue)
        edges_ns = edges.as_unit("ns").asi8
        if trained is None or number % TRAINED_EVERY_DAYS == 0:
            trained = models.model().train(known, [zone.target], zone.place, edges_ns - known.time_ns, LEVELS)
        quantiles = trained.quantiles(known, edges_ns)[zone.target.name]
        actual = zone.actual.reindex(edges[:-1]).to_numpy(dtype=np.float64)
        band = (quantiles[:, 0] <= actual) & (actual <= quantiles[:, -1])
        rest = [np.abs(actual - plain) for plain in _plain(zone, issue, edges)]
        rows.append(
            np.stack([np.abs(actual - quantiles[:, MEDIAN]), *rest, np.where(np.isfinite(actual), band, np.nan)])
        )
    if not rows:
        raise CannotMeasure(f"carbon intensity of {zone.name}: the series is too short to test")
    return Scores(*(float(v) for v in np.nanmean(np.stack(rows), axis=(0, 2))))


def _plain(zone: Zone, issue: pd.Timestamp, edges: pd.DatetimeIndex) -> tuple[Floats, Floats, Floats]:
    """The last value held, the last whole day repeated, and the mean by hour of the last four weeks."""
    past = zone.actual[: issue - pd.Timedelta("1h") - carbon_intensity.DELAY].dropna()
    starts = edges[:-1]
    day = past.iloc[-24:]
    by_hour = past[past.index >= issue - pd.Timedelta(days=CLIMATE_DAYS)]
    return (
        np.full(len(starts), past.iloc[-1]),
        day.groupby(day.index.hour).mean().reindex(starts.hour).to_numpy(dtype=np.float64),
        by_hour.groupby(by_hour.index.hour).mean().reindex(starts.hour).to_numpy(dtype=np.float64),
    )


@cache
def long_scores() -> Scores:
    """The last two years of each long series, the mean over them."""
    zones = carbon_intensity.long_series()
    if not zones:
        raise CannotMeasure("no series of several years is there")
    each = [scored(zone, (zone.actual.index[-1] - pd.DateOffset(years=TEST_YEARS)).ceil("D")) for zone in zones]
    return Scores(*(float(np.mean([getattr(s, f) for s in each])) for f in Scores.__dataclass_fields__))


@cache
def short_scores(name: str) -> Scores:
    """The last third of a series of one year."""
    for zone in carbon_intensity.short_series():
        if zone.name == name:
            span = zone.actual.index[-1] - zone.actual.index[0]
            return scored(zone, (zone.actual.index[-1] - SHORT_TEST_SHARE * span).ceil("D"))
    raise CannotMeasure(f"no series of {name} is there")


@row(
    "forecasting",
    name=f"carbon intensity, Great Britain, last two years, {HORIZON_H} h: MAE (reference: the better simple forecast)",
    unit="g/kWh",
    bar="> 0",
    slow=True,
    inputs=INPUTS,
)
def mae() -> Measured:
    scores = long_scores()
    return Measured(scores.mae, min(scores.persistence, scores.climatology))


@row("forecasting", name="carbon intensity: skill over persistence", unit="1", bar="> 0", slow=True, inputs=INPUTS)
def over_persistence() -> float:
    scores = long_scores()
    return 1 - scores.mae / scores.persistence


@row("forecasting", name="carbon intensity: skill over climatology", unit="1", bar="> 0", slow=True, inputs=INPUTS)
def over_climatology() -> float:
    scores = long_scores()
    return 1 - scores.mae / scores.climatology


@row(
    "forecasting",
    name="carbon intensity: distance of the 90 % band's coverage from .90",
    unit="1",
    bar="<= 0.03",
    slow=True,
    inputs=INPUTS,
)
def coverage() -> Measured:
    return Measured(abs(long_scores().covered - 0.9), None)


def _short(name: str) -> float:
    scores = short_scores(name)
    return 1 - scores.mae / min(scores.persistence, scores.climatology)


@row("forecasting", name="carbon intensity, France 2020: skill", unit="1", bar="> 0", slow=True, inputs=INPUTS)
def france() -> float:
    return _short("fr")


@row("forecasting", name="carbon intensity, Germany 2020: skill", unit="1", bar="> 0", slow=True, inputs=INPUTS)
def germany() -> float:
    return _short("ger")


@row("forecasting", name="carbon intensity, Great Britain 2020: skill", unit="1", bar="> 0", slow=True, inputs=INPUTS)
def britain_with_mix() -> float:
    return _short("gb")
