"""What every weather provider gives: one run of the variables in `forecasting.weather_variables`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive import Archive
from forecasting.errors import ForecastError
from forecasting.weather_variables import (
    AT_THE_STAMP,
    BEFORE_THE_STAMP,
    CATALOGUE,
    UNITS,
    VARIABLES,
    WIND_DIRECTIONS_DEG,
    WIND_SPEEDS_M_S,
    Variable,
)

__all__ = [
    "AT_THE_STAMP",
    "BEFORE_THE_STAMP",
    "CATALOGUE",
    "UNITS",
    "VARIABLES",
    "WIND_DIRECTIONS_DEG",
    "WIND_SPEEDS_M_S",
    "Variable",
    "WeatherProvider",
    "WeatherRun",
    "season_site",
    "stored",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WeatherRun:
    """One run: columns[name] (N,) at valid_time (N,), NaN = missing; usable from available_at on.

    `notes` say what went wrong. Of climate, which is no forecast, `season` has what the same hours of the days around
    have, columns (D, N) each: what the weather of the run might as well be.
    """

    provider: str
    issue_time: pd.Timestamp
    available_at: pd.Timestamp
    valid_time: pd.DatetimeIndex
    columns: Mapping[str, Floats]
    notes: tuple[str, ...] = ()
    member: int = 0
    season: Mapping[str, Floats] = field(default_factory=dict)


def season_site(site: str) -> str:
    """Where an archive keeps the season of climate that was stored under a site; its members count from 1."""
    return f"{site} (climate)"


class WeatherProvider(Protocol):
    """Fetches forecasts for a point; every provider is such an object."""

    @property
    def name(self) -> str:
        """What notes and messages call it."""
        ...

    def fetch(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> WeatherRun:
        """The latest run known at `now` that covers [start, end]."""
        ...


def stored(archive: Archive, site: str, run: WeatherRun) -> Archive:
    """The archive with all columns of a run under `site`, and its season, where it has one, under a site of its own.

    Refuses a column of unknown name, as no model would use it.
    """
    if unknown := sorted(set(run.columns) - set(VARIABLES)):
        raise ForecastError(f"weather of {run.provider}: unknown columns {unknown}; known are {list(VARIABLES)}")
    for name in sorted(run.columns):
        values = run.columns[name]
        archive = archive.with_forecast(
            site, name, run.issue_time, run.available_at, run.valid_time, values, run.member
        )
        for number, row in enumerate(run.season.get(name, ()), start=1):
            times = (run.issue_time, run.available_at, run.valid_time)
            archive = archive.with_forecast(season_site(site), name, *times, row, number)
    return archive
