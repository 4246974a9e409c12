"""Carbon intensity of Great Britain: the Carbon Intensity API of the system operator (NESO); no key needed.

Half-hours; what was measured, and forecasts 48 hours ahead for the country or one of its regions. The service does
not say when a forecast was made, so it counts as issued when it was fetched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecasting.errors import AnswerError, ForecastError
from forecasting.fetching import Ask, Fetched, Service
from forecasting.intensity.base import VARIABLE, intensity_run, number_in
from forecasting.series_run import SeriesRun, require_period, windows

PUBLIC_URL = "https://api.carbonintensity.org.uk"
MOST_DAYS = 14  # of one question
AHEAD = pd.Timedelta(hours=48)
STAMP = "%Y-%m-%dT%H:%MZ"
Part = Literal["actual", "forecast"]


@dataclass(frozen=True)
class GreatBritain:
    """The provider.

    Attributes:
        part: "actual" for what was measured, "forecast" for the next 48 hours.
        region: 1 … 17 as the service numbers them, None for the country; regions have forecasts only.
        delay_min: from the end of a half-hour to its measured value [min].
    """

    part: Part = "actual"
    region: int | None = None
    base_url: str = PUBLIC_URL
    cache_folder: Path | None = None
    timeout_s: float = 20.0
    fresh_for_min: float = 15.0
    delay_min: float = 30.0
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)
    name: str = "gb-carbon-intensity"

    def __post_init__(self) -> None:
        """Refuses what the service does not have."""
        if self.part not in ("actual", "forecast"):
            raise ForecastError(f"carbon intensity of GB: part {self.part!r}; accepted: actual, forecast")
        if self.region is not None and self.part == "actual":
            raise ForecastError("carbon intensity of GB: regions have forecasts only; accepted: part forecast")

    def fetch(self, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> SeriesRun:
        """What was measured up to `now`, or the forecast at `now`, of the half-hours that end in (start, end]."""
        require_period(start, end, "carbon intensity")
        service = Service(
            "carbon intensity",
            self.base_url,
            cache_folder=self.cache_folder,
            timeout_s=self.timeout_s,
            sleep=self.sleep,
        )
        run = self._measured(service, start, end, now) if self.part == "actual" else self._forecast(service, now)
        run = run.between(start, end)
        if not len(run.values):
            raise ForecastError(f"{service.place}: no {self.part} value in {start} … {end} at {now}")
        return run

    def _measured(self, service: Service, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> SeriesRun:
        last = min(end, now).tz_convert("UTC").ceil("30min")
        if now <= start:
            raise ForecastError(f"{service.place}: {start} is not before {now}; nothing was measured yet")
        answers = [
            self._asked(service, Ask(f"/intensity/{a:{STAMP}}/{b:{STAMP}}", {}), now)
            for a, b in windows(start.tz_convert("UTC"), last, MOST_DAYS)
        ]
        starts = answers[0].value[0].append([answer.value[0] for answer in answers[1:]])
        values = np.concatenate([answer.value[1] for answer in answers])
        at = max(answer.at for answer in answers)
        notes = tuple(note for answer in answers for note in answer.notes)
        return intensity_run(
            self.name,
            service.place,
            starts,
            values,
            delay=pd.Timedelta(minutes=self.delay_min),
            fetched_at=at,
            notes=notes,
        )

    def _forecast(self, service: Service, now: pd.Timestamp) -> SeriesRun:
        since = now.tz_convert("UTC").floor("30min")
        country = f"/intensity/{since:{STAMP}}/fw48h"
        path = country if self.region is None else f"/regional{country}/regionid/{self.region}"
        # The last forecast may stand in while it still reaches ahead.
        ask = Ask(path, {}, serves=lambda _query, at: at > now - AHEAD, kept_as=f"/fw48h/{self.region}")
        got = self._asked(service, ask, now)
        return intensity_run(
            self.name, service.place, got.value[0], got.value[1], issued=got.at, fetched_at=got.at, notes=got.notes
        )

    def _asked(self, service: Service, ask: Ask, now: pd.Timestamp) -> Fetched[tuple[pd.DatetimeIndex, np.ndarray]]:
        return service.fetched(ask, now, self.fresh_for_min, lambda body: _read(body, self.part, service.place))


def _read(body: Any, part: Part, place: str) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Starts and values of {"data": [{"from": …, "to": …, "intensity": {"forecast": …, "actual": …}}, …]}."""
    rows = body.get("data") if isinstance(body, dict) else None
    rows = rows.get("data") if isinstance(rows, dict) else rows  # of a region
    if not isinstance(rows, list) or not rows:
        raise AnswerError(f"{place}: 'data' was expected as a list of half-hours, got {str(body)[:80]}")
    if bad := [r for r in rows if not isinstance(r, dict) or not isinstance(r.get("intensity"), dict)]:
        raise AnswerError(f"{place}: 'from', 'to' and 'intensity' were expected, got {str(bad[0])[:80]}")
    spans = [
        pd.DatetimeIndex(pd.to_datetime([row.get(name) for row in rows], utc=True, errors="coerce", format="ISO8601"))
        for name in ("from", "to")
    ]
    wrong = np.asarray((spans[1] - spans[0]) != pd.Timedelta(minutes=30))
    if wrong.any():
        at = rows[int(np.argmax(wrong))]
        raise AnswerError(f"{place}: {at.get('from')!r} … {at.get('to')!r} is not a half-hour")
    return spans[0], np.array([number_in(row["intensity"].get(part), VARIABLE, place) for row in rows])
