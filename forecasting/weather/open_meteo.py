"""Weather forecasts of Open-Meteo (open-meteo.com, data CC BY 4.0).

Hourly or quarter-hourly, world-wide, no key needed; customers of the service set OPEN_METEO_API_KEY.

The service does not say when its models ran, so a run counts as issued when it was fetched. Each answer is
kept on disk; a fresh one is reused, and when the service cannot be reached the last one stands in, with its
own issue time and a note.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from forecasting.errors import ForecastError
from forecasting.fetching import Ask, Service
from forecasting.weather.base import VARIABLES, WeatherRun
from forecasting.weather.open_meteo_format import Block, Resolution, read_block

PUBLIC_URL = "https://api.open-meteo.com"
KEY = "OPEN_METEO_API_KEY"
MOST_PAST_DAYS, MOST_FORECAST_DAYS = 92, 16
SPARE_DAYS = 3  # asked for beyond the end, so that the kept run can stand in through an outage of the service
# What the forecast's documentation lists; 100 m comes from other services only.
ASKED = tuple(name for name in VARIABLES if not name.endswith("_100m"))


@dataclass(frozen=True)
class OpenMeteoAccess:
    """How the services of Open-Meteo are reached.

    `base_url` may name an own instance; `cache_folder` None keeps nothing; `fresh_for_min` is the age to reuse.
    """

    base_url: str = PUBLIC_URL
    cache_folder: Path | None = None
    timeout_s: float = 20.0
    fresh_for_min: float = 60.0
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)
    public_url: ClassVar[str] = PUBLIC_URL

    @property
    def service(self) -> Service:
        """The door to it, with the customer's key where one is set."""
        key = os.environ.get(KEY, "")
        url = self.base_url
        if key and url == self.public_url:
            url = url.replace("https://", "https://customer-")
        return Service(
            "weather",
            url,
            cache_folder=self.cache_folder,
            timeout_s=self.timeout_s,
            secret_query={"apikey": key} if key else {},
            key_from=KEY,
            sleep=self.sleep,
        )


def point(latitude: float, longitude: float) -> dict[str, str]:
    """Place and units as all services of Open-Meteo take them."""
    return {
        "latitude": f"{latitude:.4f}",
        "longitude": f"{longitude:.4f}",
        "timezone": "UTC",
        "wind_speed_unit": "ms",
    }


def days_around(
    start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp, most_forecast_days: int = MOST_FORECAST_DAYS
) -> dict[str, str]:
    """`past_days` and `forecast_days` for [start, end], with days to spare.

    Raises ForecastError for days out of reach.
    """
    if end <= start:
        raise ForecastError(f"weather: the end {end} is not after the start {start}")
    today = now.tz_convert("UTC").normalize()
    back = max(0, (today - start.tz_convert("UTC").normalize()).days + 1)
    last = (end.tz_convert("UTC").normalize() - today).days
    if back > MOST_PAST_DAYS or last >= most_forecast_days:
        raise ForecastError(
            f"weather {start} … {end}: the service reaches {MOST_PAST_DAYS} days back "
            f"and {most_forecast_days} ahead of {now}"
        )
    return {"past_days": str(back), "forecast_days": str(min(max(1, last + 2 + SPARE_DAYS), most_forecast_days))}


def asked_around(path: str, query: Mapping[str, str], now: pd.Timestamp) -> Ask:
    """A question in days around today; a kept answer serves if it asked for at least these days."""

    def serves(kept: Mapping[str, str], at: pd.Timestamp) -> bool:
        age_days = int((now.tz_convert("UTC").normalize() - at.normalize()).days)
        ahead = int(kept["forecast_days"]) - age_days >= int(query["forecast_days"]) - SPARE_DAYS
        return ahead and int(kept["past_days"]) + age_days >= int(query["past_days"])

    return Ask(path, query, frozenset({"past_days", "forecast_days"}), serves)


@dataclass(frozen=True)
class OpenMeteo(OpenMeteoAccess):
    """The forecast, a blend of the best models for the place."""

    resolution: Resolution = "hourly"
    name: str = "open-meteo"

    def fetch(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> WeatherRun:
        """One run over [start, end]; at most 92 days back and 16 ahead of `now`.

        Raises ForecastError where the request is refused, the answer is not in the documented format, or
        nothing at all can be had.
        """
        service = self.service
        query = {
            **point(latitude, longitude),
            self.resolution: ",".join(ASKED),
            **days_around(start, end, now),
        }

        def read(body: Any) -> Block:
            known = {name: name for name in VARIABLES}
            return read_block(body, self.resolution, known, service.place).between(start, end, service.place)

        got = service.fetched(asked_around("/v1/forecast", query, now), now, self.fresh_for_min, read)
        notes = got.notes + got.value.notes
        return WeatherRun(self.name, got.at, got.at, got.value.valid_time, got.value.columns, notes)
