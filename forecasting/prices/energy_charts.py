"""Day-ahead prices of Energy-Charts (energy-charts.info, Fraunhofer ISE); no key needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import AnswerError, ForecastError
from forecasting.fetching import Ask, Service
from forecasting.prices.day_ahead import day_ahead_run
from forecasting.series_run import SeriesRun, require_period

PUBLIC_URL = "https://api.energy-charts.info"


@dataclass(frozen=True)
class EnergyCharts:
    """The provider for one bidding zone, such as DE-LU, FR or NO2."""

    zone: str
    base_url: str = PUBLIC_URL
    cache_folder: Path | None = None
    timeout_s: float = 20.0
    fresh_for_min: float = 30.0
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)
    name: str = "energy-charts"

    def fetch(self, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> SeriesRun:
        """Prices of the intervals that end in (start, end].

        Raises ForecastError for an unknown zone, and where no price is there yet.
        """
        require_period(start, end, "prices")
        service = Service(
            "prices", self.base_url, cache_folder=self.cache_folder, timeout_s=self.timeout_s, sleep=self.sleep
        )
        query = {"bzn": self.zone, "start": f"{start.tz_convert('UTC'):%Y-%m-%dT%H:%MZ}"}
        query["end"] = f"{end.tz_convert('UTC'):%Y-%m-%dT%H:%MZ}"
        place = f"{service.place}, zone {self.zone}"
        got = service.fetched(Ask("/price", query), now, self.fresh_for_min, lambda body: _read(body, place))
        starts, values, unit, notes = got.value
        run = day_ahead_run(self.name, place, starts, values, unit, got.at, got.notes + notes).between(start, end)
        if not np.isfinite(run.values).any():
            raise ForecastError(f"{place}: no price in {start} … {end}; the last there is begins at {starts[-1]}")
        return run


def _read(body: Any, place: str) -> tuple[pd.DatetimeIndex, np.ndarray, Any, tuple[str, ...]]:
    """Interval starts, prices and their unit from {"unix_seconds": […], "price": […], "unit": "EUR / MWh", …}."""
    if not isinstance(body, dict):
        raise AnswerError(f"{place}: the answer is a {type(body).__name__}, not an object")
    seconds, prices = body.get("unix_seconds"), body.get("price")
    if not isinstance(seconds, list) or not isinstance(prices, list) or len(seconds) != len(prices):
        raise AnswerError(
            f"{place}: 'unix_seconds' and 'price' were expected as lists of one length; "
            f"the answer has {sorted(map(str, body))}"
        )
    if not seconds:
        raise AnswerError(f"{place}: the answer holds no price")
    for name, column in (("unix_seconds", seconds), ("price", prices)):
        bad = [v for v in column if v is not None and (isinstance(v, bool) or not isinstance(v, int | float))]
        if bad or (name == "unix_seconds" and None in column):
            raise AnswerError(f"{place}: {(bad or [None])[0]!r} in {name!r} is not a number")
    starts = pd.DatetimeIndex(pd.to_datetime(seconds, unit="s", utc=True))
    values = np.array([np.nan if v is None else v for v in prices], dtype=np.float64)
    notes = (f"{place}: the service calls this question outdated",) if body.get("deprecated") else ()
    return starts, values, body.get("unit"), notes
