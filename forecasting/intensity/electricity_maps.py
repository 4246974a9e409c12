"""Carbon intensity of Electricity Maps (electricitymaps.com), world-wide, with a key.

Consumption-based (imports counted with the intensity of where they come from), per hour; ELECTRICITY_MAPS_API_KEY
holds the token.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecasting.errors import AnswerError, ForecastError
from forecasting.fetching import Ask, Service
from forecasting.intensity.base import intensity_run, number_in
from forecasting.series_run import SeriesRun, require_period, windows

PUBLIC_URL = "https://api.electricitymaps.com"
KEY = "ELECTRICITY_MAPS_API_KEY"
MOST_DAYS = 10  # of one question
HORIZON_H = 72
Part = Literal["history", "forecast"]


@dataclass(frozen=True)
class ElectricityMaps:
    """The provider for one zone, such as DE, FR or US-CAL-CISO.

    Attributes:
        part: "history" for what was, "forecast" for the next 72 hours (not in every plan of the service).
        factors: "lifecycle" or "direct" emission factors.
        delay_min: from the end of an hour to its first value, where the answer does not say when it came [min].
    """

    zone: str
    part: Part = "history"
    factors: Literal["lifecycle", "direct"] = "lifecycle"
    base_url: str = PUBLIC_URL
    cache_folder: Path | None = None
    timeout_s: float = 20.0
    fresh_for_min: float = 30.0
    delay_min: float = 120.0
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)
    name: str = "electricity-maps"

    def __post_init__(self) -> None:
        """Refuses what the service does not have."""
        if self.part not in ("history", "forecast"):
            raise ForecastError(f"carbon intensity: part {self.part!r}; accepted: history, forecast")

    def fetch(self, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> SeriesRun:
        """What was up to `now`, or the forecast known at `now`, of the hours that end in (start, end]."""
        require_period(start, end, "carbon intensity")
        service = self._service()
        if self.part == "forecast":
            run = self._forecast(service, now)
        else:
            run = self._history(service, start, min(end, now).ceil("h"), now)
        run = run.between(start, end)
        if not len(run.values):
            raise ForecastError(f"{service.place}, zone {self.zone}: no {self.part} in {start} … {end} at {now}")
        return run

    def _service(self) -> Service:
        key = os.environ.get(KEY, "")
        if not key:
            raise ForecastError(f"carbon intensity from Electricity Maps: no key; set {KEY} to your token")
        return Service(
            "carbon intensity",
            self.base_url,
            cache_folder=self.cache_folder,
            timeout_s=self.timeout_s,
            secret_headers={"auth-token": key},
            key_from=KEY,
            sleep=self.sleep,
        )

    def _history(self, service: Service, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> SeriesRun:
        place = f"{service.place}, zone {self.zone}"
        rows: list[dict[str, Any]] = []
        notes: tuple[str, ...] = ()
        at = now
        for a, b in windows(start.tz_convert("UTC"), end.tz_convert("UTC"), MOST_DAYS):
            span = {"start": f"{a:%Y-%m-%dT%H:%M:%SZ}", "end": f"{b:%Y-%m-%dT%H:%M:%SZ}"}
            query = {"zone": self.zone, **span, "emissionFactorType": self.factors}
            ask = Ask("/v3/carbon-intensity/past-range", query)
            got = service.fetched(ask, now, self.fresh_for_min, lambda body: self._rows(body, "data", place))
            rows += got.value
            notes += got.notes
            at = min(at, got.at)
        if not rows:
            raise ForecastError(f"{place}: no value in {start} … {end}")
        starts, values = _columns(rows, place)
        if estimated := sum(row.get("isEstimated") is True for row in rows):
            notes += (f"{place}: {estimated} of {len(rows)} hours are the service's estimate",)
        delay = pd.Timedelta(minutes=self.delay_min)
        return intensity_run(self.name, place, starts, values, delay=delay, fetched_at=at, notes=notes)

    def _forecast(self, service: Service, now: pd.Timestamp) -> SeriesRun:
        place = f"{service.place}, zone {self.zone}"
        query = {"zone": self.zone, "horizonHours": str(HORIZON_H), "emissionFactorType": self.factors}
        ask = Ask("/v3/carbon-intensity/forecast", query)

        def read(body: Any) -> tuple[list[dict[str, Any]], pd.Timestamp]:
            rows = self._rows(body, "forecast", place)
            made = pd.to_datetime(body.get("updatedAt"), utc=True, errors="coerce")
            if not isinstance(made, pd.Timestamp):
                raise AnswerError(f"{place}: updatedAt {body.get('updatedAt')!r} is not a time")
            return rows, made

        got = service.fetched(ask, now, self.fresh_for_min, read)
        rows, made = got.value
        if not rows:
            raise ForecastError(f"{place}: the forecast is empty")
        starts, values = _columns(rows, place)
        return intensity_run(
            self.name, place, starts, values, issued=min(made, got.at), fetched_at=got.at, notes=got.notes
        )

    def _rows(self, body: Any, name: str, place: str) -> list[dict[str, Any]]:
        """The rows of {"zone": …, "data" or "forecast": [{"datetime": …, "carbonIntensity": …}, …]}."""
        rows = body.get(name) if isinstance(body, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise AnswerError(f"{place}: {name!r} was expected as a list of hours, got {str(body)[:80]}")
        if (zone := body.get("zone", self.zone)) != self.zone:
            raise AnswerError(f"{place}: the answer is of zone {zone!r}")
        kinds = {row.get("emissionFactorType", self.factors) for row in rows}
        if kinds - {self.factors}:
            raise AnswerError(f"{place}: {sorted(map(str, kinds))} factors; {self.factors} ones were asked for")
        return rows


def _columns(rows: list[dict[str, Any]], place: str) -> tuple[pd.DatetimeIndex, np.ndarray]:
    stamps = [row.get("datetime") for row in rows]
    starts = pd.DatetimeIndex(pd.to_datetime(stamps, utc=True, errors="coerce", format="ISO8601"))
    if starts.hasnans:
        raise AnswerError(f"{place}: datetime {stamps[int(np.argmax(starts.isna()))]!r} is not a time")
    return starts, np.array([number_in(row.get("carbonIntensity"), "carbonIntensity", place) for row in rows])
