"""Open-Meteo's historical forecasts: the first hours of each past run, put together without gaps.

They are nearer to what happened than any forecast a day ahead was, so they count as known when they were
fetched, never earlier: good for learning how a plant answers to weather, not for scoring a forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from forecasting.errors import ForecastError
from forecasting.fetching import Ask
from forecasting.weather.base import VARIABLES, WeatherRun
from forecasting.weather.open_meteo import ASKED, OpenMeteoAccess, point
from forecasting.weather.open_meteo_format import Block, read_block

HISTORICAL_URL = "https://historical-forecast-api.open-meteo.com"
FIRST_DAY = pd.Timestamp("2022-01-01", tz="UTC")


@dataclass(frozen=True)
class HistoricalForecast(OpenMeteoAccess):
    """The service, hourly."""

    base_url: str = HISTORICAL_URL
    fresh_for_min: float = 24 * 60.0
    name: str = "historical-forecast"
    public_url: ClassVar[str] = HISTORICAL_URL

    def fetch(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> WeatherRun:
        """One unbroken series over [start, end], known from the moment it was fetched."""
        if end <= start:
            raise ForecastError(f"weather: the end {end} is not after the start {start}")
        if start < FIRST_DAY:
            raise ForecastError(f"weather {self.name}: {start} is before {FIRST_DAY:%Y-%m-%d}, where its data begin")
        service = self.service
        query = {
            **point(latitude, longitude),
            "hourly": ",".join(ASKED),
            "start_date": f"{start.tz_convert('UTC'):%Y-%m-%d}",
            "end_date": f"{(end.tz_convert('UTC') + pd.Timedelta(hours=1)):%Y-%m-%d}",
        }

        def read(body: Any) -> Block:
            known = {name: name for name in VARIABLES}
            return read_block(body, "hourly", known, service.place).between(start, end, service.place)

        got = service.fetched(Ask("/v1/forecast", query), now, self.fresh_for_min, read)
        notes = got.notes + got.value.notes
        return WeatherRun(self.name, got.at, got.at, got.value.valid_time, got.value.columns, notes)
