"""Ensemble forecasts of Open-Meteo: the same run many times, from slightly different starts.

Member 0 is the control run; members 1 … n come from perturbed starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import ForecastError
from forecasting.weather.base import VARIABLES, WeatherRun
from forecasting.weather.open_meteo import OpenMeteoAccess, asked_around, days_around, point
from forecasting.weather.open_meteo_format import Block, read_block

ENSEMBLE_URL = "https://ensemble-api.open-meteo.com"
MOST_FORECAST_DAYS = 35
MOST_MEMBERS = 99
# What the service's documentation lists for most models.
ASKED = (
    "temperature_2m",
    "relative_humidity_2m",
    "surface_pressure",
    "cloud_cover",
    "wind_speed_10m",
    "wind_direction_10m",
    "wind_speed_80m",
    "wind_speed_100m",
    "wind_direction_100m",
    "wind_speed_120m",
    "shortwave_radiation",
    "direct_normal_irradiance",
    "diffuse_radiation",
    "precipitation",
    "snowfall",
)
MEMBER = re.compile(r"(?P<name>.+?)(?:_member(?P<number>\d{2}))?")


def _split(answered: str) -> tuple[str, int]:
    """Variable and member of a column's name."""
    found = MEMBER.fullmatch(answered)
    assert found is not None
    return found["name"], int(found["number"] or 0)


@dataclass(frozen=True)
class Ensemble(OpenMeteoAccess):
    """The service; `model` as its documentation names it."""

    base_url: str = ENSEMBLE_URL
    model: str = "icon_seamless"
    name: str = "ensemble"
    public_url: ClassVar[str] = ENSEMBLE_URL

    def fetch(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> WeatherRun:
        """The control run."""
        return self.members(latitude, longitude, start, end, now)[0]

    def members(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> tuple[WeatherRun, ...]:
        """All members of one run, the control run first.

        Raises ForecastError where the answer has no control run, and as every provider does.
        """
        service = self.service
        query = {
            **point(latitude, longitude),
            "hourly": ",".join(ASKED),
            "models": self.model,
            **days_around(start, end, now, MOST_FORECAST_DAYS),
        }
        known = {name: name for name in ASKED}
        known |= {f"{name}_member{k:02d}": name for name in ASKED for k in range(1, MOST_MEMBERS + 1)}

        def read(body: Any) -> Block:
            return read_block(body, "hourly", known, service.place).between(start, end, service.place)

        got = service.fetched(asked_around("/v1/ensemble", query, now), now, self.fresh_for_min, read)
        by_member: dict[int, dict[str, NDArray[Any]]] = {}
        for answered, values in got.value.columns.items():
            name, number = _split(answered)
            by_member.setdefault(number, {})[name] = values
        if 0 not in by_member:
            raise ForecastError(f"{service.place}: no control run in the answer, only members {sorted(by_member)}")
        notes = got.notes + got.value.notes
        return tuple(
            self._run(got.at, got.value.valid_time, by_member[number], number, notes if number == 0 else ())
            for number in sorted(by_member)
        )

    def _run(
        self,
        at: pd.Timestamp,
        valid: pd.DatetimeIndex,
        columns: Mapping[str, NDArray[Any]],
        member: int,
        notes: tuple[str, ...],
    ) -> WeatherRun:
        ordered = {name: columns[name] for name in VARIABLES if name in columns}
        return WeatherRun(self.name, at, at, valid, ordered, notes, member)
