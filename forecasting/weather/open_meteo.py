"""Weather forecasts of Open-Meteo (open-meteo.com, data CC BY 4.0).

Hourly or quarter-hourly, world-wide, no key needed.

The service does not say when its models ran, so a run counts as issued when it was fetched. Each answer is
kept on disk; a fresh one is reused, and when the service cannot be reached the last one stands in, with its
own issue time and a note.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import ForecastError
from forecasting.weather.base import CATALOGUE, UNITS, VARIABLES, WeatherRun

Floats = NDArray[np.float64]
PUBLIC_URL = "https://api.open-meteo.com"
MOST_PAST_DAYS, MOST_FORECAST_DAYS = 92, 16
ATTEMPTS = 4
LONGEST_WAIT_S = 60.0
# What the forecast's documentation lists; 100 m comes from other services only.
ASKED = tuple(name for name in VARIABLES if not name.endswith("_100m"))


class _UnavailableError(Exception):
    """The service did not answer, or said to come back later; an older run may stand in."""

    def __init__(self, text: str, wait_s: float | None = None) -> None:
        super().__init__(text)
        self.wait_s = wait_s


@lru_cache(maxsize=1)
def user_agent() -> str:
    """How requests introduce themselves."""
    from importlib import metadata

    try:
        version = metadata.version("parkwatt")
    except metadata.PackageNotFoundError:
        version = "0"
    return f"parkwatt/{version} (+https://pypi.org/project/parkwatt)"


@dataclass(frozen=True)
class OpenMeteo:
    """The provider. `base_url` may name an own instance; `cache_folder` None keeps nothing.

    `fresh_for` is the age [min] to reuse.
    """

    base_url: str = PUBLIC_URL
    cache_folder: Path | None = None
    resolution: Literal["hourly", "minutely_15"] = "hourly"
    timeout_s: float = 20.0
    fresh_for_min: float = 60.0
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)
    name: str = "open-meteo"

    def fetch(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> WeatherRun:
        """One run over [start, end]; at most 92 days back and 16 ahead of `now`.

        Raises ForecastError where the request is refused, the answer is not in the documented format, or
        nothing at all can be had.
        """
        query = self._query(latitude, longitude, start, end, now)
        cached = self._cached(query, now)
        if cached is not None and now - cached[0] <= pd.Timedelta(minutes=self.fresh_for_min):
            return self._run(cached[1], cached[0], start, end, ())
        try:
            body = self._download(query)
            run = self._run(body, now, start, end, ())
        except _UnavailableError as failure:
            if cached is None:
                raise ForecastError(
                    f"weather from {self.base_url}: {failure}, and no earlier run is kept for this place"
                ) from failure
            note = f"weather from {self.base_url}: {failure}; the run of {cached[0]:%Y-%m-%dT%H:%MZ} stands in"
            return self._run(cached[1], cached[0], start, end, (note,))
        self._keep(query, now, body)
        return run

    def _query(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> dict[str, str]:
        if end <= start:
            raise ForecastError(f"weather: the end {end} is not after the start {start}")
        today = now.tz_convert("UTC").normalize()
        back = max(0, (today - start.tz_convert("UTC").normalize()).days + 1)
        # Three days more than needed, so that the kept run can stand in through an outage of the service.
        ahead = max(1, (end.tz_convert("UTC").normalize() - today).days + 5)
        if back > MOST_PAST_DAYS or (end.tz_convert("UTC").normalize() - today).days >= MOST_FORECAST_DAYS:
            raise ForecastError(
                f"weather {start} … {end}: the service reaches {MOST_PAST_DAYS} days back "
                f"and {MOST_FORECAST_DAYS} ahead of {now}"
            )
        return {
            "latitude": f"{latitude:.4f}",
            "longitude": f"{longitude:.4f}",
            self.resolution: ",".join(ASKED),
            "timezone": "UTC",
            "wind_speed_unit": "ms",
            "past_days": str(back),
            "forecast_days": str(min(ahead, MOST_FORECAST_DAYS)),
        }

    def _download(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The answer; tries again with growing pauses, or the pause the service asks for, while that can help."""
        for attempt in range(ATTEMPTS):
            try:
                return self._once(query)
            except _UnavailableError as failure:
                if attempt == ATTEMPTS - 1:
                    raise
                pause_s = failure.wait_s if failure.wait_s is not None else 2.0**attempt
                if pause_s > LONGEST_WAIT_S:
                    raise
                self.sleep(pause_s)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _once(self, query: Mapping[str, str]) -> dict[str, Any]:
        import httpx

        url = f"{self.base_url.rstrip('/')}/v1/forecast"
        try:
            answer = httpx.get(url, params=dict(query), timeout=self.timeout_s, headers={"User-Agent": user_agent()})
        except httpx.InvalidURL as error:
            raise ForecastError(f"weather base_url {self.base_url!r}: {error}") from error
        except httpx.HTTPError as error:
            raise _UnavailableError(f"no answer ({type(error).__name__})") from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _UnavailableError(
                f"answer {answer.status_code}{_reason(answer.text)}", _retry_after_s(answer.headers)
            )
        if answer.status_code != 200:
            raise ForecastError(
                f"weather from {self.base_url}: request refused, {answer.status_code}{_reason(answer.text)}"
            )
        try:
            body = answer.json()
        except ValueError as error:
            raise _UnavailableError("the answer is not whole JSON") from error
        if not isinstance(body, dict):
            raise ForecastError(f"weather from {self.base_url}: the answer is a {type(body).__name__}, not an object")
        if body.get("error"):
            raise ForecastError(f"weather from {self.base_url}: request refused{_reason(answer.text)}")
        return body

    def _run(
        self,
        body: Mapping[str, Any],
        issue: pd.Timestamp,
        start: pd.Timestamp,
        end: pd.Timestamp,
        notes: tuple[str, ...],
    ) -> WeatherRun:
        block, units = body.get(self.resolution), body.get(f"{self.resolution}_units")
        if not isinstance(block, dict) or not isinstance(units, dict) or not isinstance(block.get("time"), list):
            raise ForecastError(
                f"weather from {self.base_url}: no {self.resolution!r} with 'time' and units in the answer; "
                f"it has {sorted(body)}"
            )
        if body.get("utc_offset_seconds") not in (0, None):
            raise ForecastError(
                f"weather from {self.base_url}: times are {body['utc_offset_seconds']} s off UTC; UTC was asked for"
            )
        valid = pd.DatetimeIndex(pd.to_datetime(block["time"], utc=True, errors="coerce"))
        if valid.hasnans or not valid.is_monotonic_increasing or not valid.is_unique or not len(valid):
            raise ForecastError(f"weather from {self.base_url}: 'time' is not a rising list of times")
        columns = {name: self._values(block, units, name, len(valid)) for name in VARIABLES if name in block}
        if not columns:
            raise ForecastError(f"weather from {self.base_url}: none of {list(VARIABLES)} in the answer")
        # One stamp more on each side, so that every instant inside can be interpolated.
        step = valid[1] - valid[0] if len(valid) > 1 else pd.Timedelta(0)
        inside = np.asarray((valid >= start - step) & (valid <= end + step))
        if not inside.any():
            raise ForecastError(
                f"weather from {self.base_url}: the run holds {valid[0]} … {valid[-1]}, not {start} … {end}"
            )
        cut = {name: values[inside] for name, values in columns.items()}
        return WeatherRun(self.name, issue, issue, valid[inside], cut, notes)

    def _values(self, block: Mapping[str, Any], units: Mapping[str, Any], name: str, count: int) -> Floats:
        """One column; null is NaN. Refused: another unit, another length, text, an infinite or absurd value."""
        place = f"weather from {self.base_url}, {name}"
        if units.get(name) != UNITS[name]:
            raise ForecastError(f"{place}: unit {units.get(name)!r}; {UNITS[name]!r} was asked for")
        raw = block[name]
        if not isinstance(raw, list) or len(raw) != count:
            raise ForecastError(f"{place}: {len(raw) if isinstance(raw, list) else raw!r} values for {count} times")
        if bad := [v for v in raw if v is not None and (isinstance(v, bool) or not isinstance(v, int | float))]:
            raise ForecastError(f"{place}: {bad[0]!r} is not a number")
        values = np.array([np.nan if v is None else v for v in raw], dtype=np.float64)
        if np.isinf(values).any():
            raise ForecastError(f"{place}: an infinite value")
        if CATALOGUE[name].least == 0 and (values < 0).any():
            raise ForecastError(f"{place}: {np.nanmin(values):g} {UNITS[name]} is negative")
        return values

    def _stem(self, query: Mapping[str, str]) -> str:
        # The days asked for change with the clock; the place and the columns are what makes a run the same.
        same = {key: value for key, value in query.items() if key not in ("past_days", "forecast_days")}
        text = json.dumps([self.base_url, sorted(same.items())])
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def _keep(self, query: Mapping[str, str], issue: pd.Timestamp, body: Mapping[str, Any]) -> None:
        if self.cache_folder is None:
            return
        self.cache_folder.mkdir(parents=True, exist_ok=True)
        path = self.cache_folder / f"{self._stem(query)}-{issue.tz_convert('UTC'):%Y%m%dT%H%M%SZ}.json"
        part = path.with_suffix(".part")
        part.write_text(
            json.dumps({"query": dict(query), "issue_time": issue.isoformat(), "body": body}),
            encoding="utf-8",
        )
        part.replace(path)

    def _cached(self, query: Mapping[str, str], now: pd.Timestamp) -> tuple[pd.Timestamp, dict[str, Any]] | None:
        """The latest kept run of this place that was issued by `now` and asked for at least these days.

        Damaged files are passed over.
        """
        if self.cache_folder is None or not self.cache_folder.is_dir():
            return None
        for path in sorted(self.cache_folder.glob(f"{self._stem(query)}-*.json"), reverse=True):
            try:
                kept = json.loads(path.read_text(encoding="utf-8"))
                issue = pd.Timestamp(kept["issue_time"]).tz_convert("UTC")
                asked, body = kept["query"], dict(kept["body"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
            age_days = (now.normalize() - issue.normalize()).days
            reaches = int(asked["forecast_days"]) - age_days >= int(query["forecast_days"]) - 3
            if issue <= now and reaches and int(asked["past_days"]) + age_days >= int(query["past_days"]):
                return issue, body
        return None


def _reason(text: str) -> str:
    """What the error body {"error": true, "reason": "..."} says."""
    try:
        reason = json.loads(text).get("reason")
    except (ValueError, AttributeError):
        return ""
    return f": {reason}" if reason else ""


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The pause asked for [s], given in seconds or as a date."""
    asked = headers.get("retry-after")
    if asked is None:
        return None
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    from email.utils import parsedate_to_datetime

    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return None
    return max(0.0, until.timestamp() - time.time())
