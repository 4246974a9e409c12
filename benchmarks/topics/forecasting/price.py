"""Day-ahead prices of the test years against the published ensembles, issued day by day with what was known before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.datasets import epf_dayahead_prices as epf
from benchmarks.datasets import gefcom2014_price as gefcom
from benchmarks.rows import CannotMeasure, Measured, row
from forecasting import scores
from forecasting.clock import DAY_NS
from forecasting.models.price.days import known_days, prices
from forecasting.models.price.hindcast import Hindcast, hindcast

Floats = NDArray[np.float64]
PRODUCT = (
    "benchmarks/topics/forecasting/price.py",
    "benchmarks/datasets/epf_dayahead_prices.py",
    "benchmarks/datasets/gefcom2014_price.py",
    "forecasting",
)
LEVELS = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
DNN, LEAR = "DNN Ensemble", "LEAR Ensemble"
SURE = 0.05  # probability of a better mean error by chance alone
YEAR = 364


@dataclass(frozen=True)
class Score:
    """Mean absolute errors [money/MWh], ours and theirs; by day; coverage of the 90 % band."""

    ours: float
    dnn: float
    lear: float
    p_ours_better: float
    coverage: float
    pinball: float


def _issued(market: epf.Market, count: int, levels: Floats) -> Hindcast:
    known = market.archive.as_of(pd.Timestamp(market.last * DAY_NS, tz="UTC"))
    return hindcast(known, epf.TARGET, epf.PLACE, market.last, count, levels)


def median_of(found: Hindcast, levels: Floats) -> Floats:
    return found.quantiles[..., int(np.argmin(np.abs(levels - 0.5)))]


@cache
def scored(name: str) -> Score:
    """One market: forecasts first, then what came and what others said."""
    market = epf.load(name)
    found = _issued(market, epf.TEST_DAYS, LEVELS)
    actual = prices_of(market, epf.TEST_DAYS)
    others = epf.opponents(name)
    error = {who: np.abs(others[who] - actual).mean(axis=1) for who in (DNN, LEAR)}
    own = np.abs(median_of(found, LEVELS) - actual).mean(axis=1)
    return Score(
        float(own.mean()),
        float(error[DNN].mean()),
        float(error[LEAR].mean()),
        scores.diebold_mariano(own, error[DNN]).p_first_better,
        scores.coverage(actual, found.quantiles, LEVELS),
        scores.mean_pinball(actual, found.quantiles, LEVELS),
    )


def prices_of(market: epf.Market, count: int) -> Floats:
    """What came, (days, 24)."""
    after = market.archive.as_of(pd.Timestamp((market.last + 1) * DAY_NS, tz="UTC"))
    series = prices(after, epf.TARGET)
    return known_days(after, epf.TARGET, epf.PLACE, series, market.last).price[-count:]


@row("forecasting", name="day-ahead prices: markets with a lower MAE than the DNN ensemble", unit="", bar=">= 3",
     slow=True, inputs=PRODUCT)  # fmt: skip
def better() -> Measured:
    """Reference: the number of markets."""
    found = [scored(name) for name in epf.markets()]
    return Measured(sum(one.ours < one.dnn for one in found), len(found))


@row("forecasting", name="day-ahead prices: markets where Diebold-Mariano is sure of it (5 %)", unit="", bar=">= 3",
     slow=True, inputs=PRODUCT)  # fmt: skip
def sure() -> Measured:
    """One-sided, errors of the hours of a day as one loss. Reference: the number of markets."""
    found = [scored(name) for name in epf.markets()]
    return Measured(sum(one.p_ours_better < SURE for one in found), len(found))


@row("forecasting", name="day-ahead prices: MAE / LEAR ensemble's, mean of markets", unit="", bar="< 1",
     slow=True, inputs=PRODUCT)  # fmt: skip
def against_lear() -> Measured:
    """Reference: the same of the DNN ensemble."""
    found = [scored(name) for name in epf.markets()]
    return Measured(
        float(np.mean([one.ours / one.lear for one in found])), float(np.mean([one.dnn / one.lear for one in found]))
    )


@row("forecasting", name="day-ahead prices: 90 % band, furthest coverage of a market from 0.90", unit="", bar="<= 0.03",
     slow=True, inputs=PRODUCT)  # fmt: skip
def coverage() -> float:
    return max(abs(scored(name).coverage - 0.9) for name in epf.markets())


def _against_dnn(name: str) -> Callable[[], Measured]:
    def ratio() -> Measured:
        one = scored(name)
        return Measured(one.ours / one.dnn, one.ours)

    return ratio


def _markets() -> tuple[str, ...]:
    """Those on this machine; where there are none, the rows above say why nothing is measured."""
    try:
        return epf.markets()
    except CannotMeasure:
        return ()


for _name in _markets():
    row("forecasting", name=f"day-ahead prices, {_name}: MAE / DNN ensemble's (reference: the MAE)", unit="", bar="< 1",
        slow=True, inputs=PRODUCT)(_against_dnn(_name))  # fmt: skip


def climatology(market: epf.Market, count: int, levels: Floats) -> Floats:
    """Quantiles (count, 24, Q) of the prices of the year before, by hour and by working day or not."""
    price = prices_of(market, count + YEAR)
    working = (np.arange(market.last - count - YEAR + 1, market.last + 1) + 3) % 7 < 5
    found = np.empty((count, price.shape[1], len(levels)))
    for day in range(count):
        past = price[day : day + YEAR][working[day : day + YEAR] == working[day + YEAR]]
        found[day] = np.quantile(past, levels, axis=0).T
    return found


@row("forecasting", name="GEFCom2014 price, last half year day by day: pinball, 99 levels / climatology's", unit="",
     bar="< 0.5", slow=True, inputs=PRODUCT)  # fmt: skip
def gefcom_price() -> Measured:
    """Reference: the pinball itself [USD/MWh]. The dates of the official tasks are not in the files."""
    market, count = gefcom.load(), gefcom.SCORED_DAYS
    found, actual = _issued(market, count, gefcom.LEVELS), prices_of(market, count)
    ours = scores.mean_pinball(actual, found.quantiles, gefcom.LEVELS)
    plain = scores.mean_pinball(actual, climatology(market, count, gefcom.LEVELS), gefcom.LEVELS)
    return Measured(ours / plain, ours)
