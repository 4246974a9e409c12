"""Earlier forecasts from Open-Meteo's previous-runs service: what was said 1 … 7 days before, since 2024.

For a valid time t the service gives, as `<variable>_previous_day<k>`, the value of a model run that started at
least k days before t. So of a run issued at s, the value for t is that with k = ⌈(t − s) / 24 h⌉: its model had
started by t − k · 24 h ≤ s. Nothing in such a run was computed from observations after s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import ForecastError
from forecasting.fetching import Ask
from forecasting.weather.base import WeatherRun
from forecasting.weather.open_meteo import OpenMeteoAccess, point
from forecasting.weather.open_meteo_format import Block, read_block

PREVIOUS_URL = "https://previous-runs-api.open-meteo.com"
MOST_LEAD_DAYS = 7
FIRST_DAY = pd.Timestamp("2024-01-01", tz="UTC")  # before it the service holds 2 m temperature of one model only
DAYS_AT_ONCE = 92
# What the service's documentation lists.
ASKED = (
    "temperature_2m",
    "relative_humidity_2m",
    "dew_point_2m",
    "surface_pressure",
    "cloud_cover",
    "wind_speed_10m",
    "wind_direction_10m",
    "wind_speed_80m",
    "wind_direction_80m",
    "wind_speed_120m",
    "wind_direction_120m",
    "shortwave_radiation",
    "direct_normal_irradiance",
    "diffuse_radiation",
    "precipitation",
    "snowfall",
)


def _named(name: str, lead_day: int) -> str:
    return name if lead_day == 0 else f"{name}_previous_day{lead_day}"


@dataclass(frozen=True)
class PreviousRuns(OpenMeteoAccess):
    """The service, as runs with issue times.

    Attributes:
        lead_days: how many days ahead each run reaches, 1 … 7.
        delay_h: from a model's start to the day its values can be had [h]; global models take 3.5 … 7 h.
    """

    base_url: str = PREVIOUS_URL
    lead_days: int = 4
    delay_h: float = 7.0
    name: str = "previous-runs"
    public_url: ClassVar[str] = PREVIOUS_URL

    def __post_init__(self) -> None:
        """Refuses a number of lead days the service does not have."""
        if not 1 <= self.lead_days <= MOST_LEAD_DAYS:
            raise ForecastError(f"weather previous-runs: lead_days {self.lead_days}; accepted: 1 … {MOST_LEAD_DAYS}")

    def fetch(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> WeatherRun:
        """The run issued `delay_h` before `now`, over the part of [start, end] it reaches."""
        block, at, notes = self._block(latitude, longitude, start, end, now)
        # From the answer's own time: a kept answer holds nothing that was computed after it came.
        issue = (at - pd.Timedelta(hours=self.delay_h)).floor("h")
        return self._issued(block.between(start, end, self.service.place), issue, at, notes)

    def runs(
        self,
        latitude: float,
        longitude: float,
        start: pd.Timestamp,
        end: pd.Timestamp,
        now: pd.Timestamp,
        *,
        every_h: float = 24.0,
    ) -> Iterator[WeatherRun]:
        """Runs issued each `every_h` from `start`'s hour on, with values up to `end`, oldest first."""
        ahead = pd.Timedelta(days=self.lead_days)
        first = start.tz_convert("UTC").ceil("h")
        last = min(end.tz_convert("UTC"), now.tz_convert("UTC") - pd.Timedelta(hours=self.delay_h))
        while first < last:
            until = min(first + pd.Timedelta(days=DAYS_AT_ONCE) - ahead, last)
            block, at, notes = self._block(latitude, longitude, first, min(until + ahead, end), now)
            issues = pd.date_range(first, until, freq=pd.Timedelta(hours=every_h), inclusive="left")
            for issue in issues[issues <= at - pd.Timedelta(hours=self.delay_h)]:
                ahead_only = np.asarray((block.valid_time > issue) & (block.valid_time <= issue + ahead))
                if ahead_only.any():
                    part = {name: values[ahead_only] for name, values in block.columns.items()}
                    yield self._issued(Block(block.valid_time[ahead_only], part), issue, issue, notes)
                    notes = ()
            first = issues[-1] + pd.Timedelta(hours=every_h)

    def _block(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> tuple[Block, pd.Timestamp, tuple[str, ...]]:
        if end <= start:
            raise ForecastError(f"weather: the end {end} is not after the start {start}")
        if start < FIRST_DAY:
            raise ForecastError(f"weather previous-runs: {start} is before {FIRST_DAY:%Y-%m-%d}, where its data begin")
        service = self.service
        known = {_named(name, day): name for name in ASKED for day in range(self.lead_days + 1)}
        query = {
            **point(latitude, longitude),
            "hourly": ",".join(known),
            "start_date": f"{start.tz_convert('UTC'):%Y-%m-%d}",
            "end_date": f"{(end.tz_convert('UTC') + pd.Timedelta(hours=1)):%Y-%m-%d}",
        }

        def read(body: Any) -> Block:
            return read_block(body, "hourly", known, service.place)

        got = service.fetched(Ask("/v1/forecast", query), now, self.fresh_for_min, read)
        return got.value, got.at, got.notes + got.value.notes

    def _issued(
        self, block: Block, issue: pd.Timestamp, fetched_at: pd.Timestamp, notes: tuple[str, ...]
    ) -> WeatherRun:
        """The run issued at `issue`, from the columns of all lead days."""
        lead = np.ceil((block.valid_time - issue) / pd.Timedelta(days=1)).to_numpy().astype(np.int64)
        reached = np.asarray(lead <= self.lead_days)
        lead = np.clip(lead, 0, self.lead_days)
        columns = {name: _by_lead(block.columns, name, lead, reached) for name in ASKED}
        found = {name: values for name, values in columns.items() if np.isfinite(values).any()}
        if not found:
            raise ForecastError(f"{self.service.place}: no value for a run of {issue:%Y-%m-%dT%H:%MZ}")
        available = max(issue + pd.Timedelta(hours=self.delay_h), fetched_at)
        return WeatherRun(self.name, issue, available, block.valid_time, found, notes)


def _by_lead(
    columns: Mapping[str, NDArray[np.float64]], name: str, lead: NDArray[np.int64], reached: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(N,) values of each time's own lead day; NaN where the service has none."""
    values = np.full(len(lead), np.nan)
    for day in np.unique(lead):
        if (column := columns.get(_named(name, int(day)))) is not None:
            chosen = (lead == day) & reached
            values[chosen] = column[chosen]
    return values
