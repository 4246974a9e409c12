"""Weather for a plan: asked of a provider, or given by somebody who has it already."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.archive import Archive
    from forecasting.errors import UnavailableError
    from forecasting.weather.base import WeatherProvider, WeatherRun


@dataclass(frozen=True)
class GivenWeather:
    """A weather provider that has one run, which somebody else fetched.

    Attributes:
        issued: when it was issued, and known.
        ends: (N,) ends of its intervals [s, UTC].
        columns: by variable with its unit, (N,).
    """

    issued: datetime
    ends: Array
    columns: Mapping[str, Array]
    name: str = "weather as given"

    def fetch(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> WeatherRun:
        """The run, wherever and whenever it is asked for; what it is of, its giver knows."""
        import pandas as pd

        from forecasting.weather.base import WeatherRun

        del latitude, longitude, start, end, now
        valid = pd.DatetimeIndex(pd.to_datetime(self.ends, unit="s", utc=True))
        issued = pd.Timestamp(self.issued)
        return WeatherRun(self.name, issued, issued, valid, dict(self.columns))


def asked_run(
    site: Site,
    horizon: Horizon,
    provider: WeatherProvider,
    now: pd.Timestamp | None,
    progress: Callable[[str], None],
) -> WeatherRun | UnavailableError:
    """The run of a provider that covers the horizon, or why no service answered.

    A service that cannot be reached is no reason for no plan: the ladder forecasts from what else is known. What was
    refused, or is no file, somebody has to mend.

    Raises:
        DataError: the question is refused, or nobody says where the site is.
    """
    import pandas as pd

    from forecasting.errors import ForecastError, UnavailableError

    if site.latitude_deg is None or site.longitude_deg is None:
        raise DataError("weather needs 'latitude_deg' and 'longitude_deg' in the park's file")
    progress(f"asking {provider.name} for weather")
    edges = pd.DatetimeIndex(horizon.edges).tz_localize("UTC")
    asked = now if now is not None else pd.Timestamp(horizon.start)
    try:
        return provider.fetch(site.latitude_deg, site.longitude_deg, edges[0], edges[-1], asked)
    except UnavailableError as silent:
        return silent
    except ForecastError as error:
        raise DataError(str(error)) from error
    except OSError as error:  # the folder of kept runs
        raise DataError(f"weather: {error.filename}: {error.strerror or error}") from error


def with_run(archive: Archive, site: Site, run: WeatherRun) -> Archive:
    """The archive with a run under the site's name.

    Raises:
        DataError: it has columns that no model knows.
    """
    from forecasting.errors import ForecastError
    from forecasting.weather.base import stored

    try:
        return stored(archive, site.name, run)
    except ForecastError as error:
        raise DataError(str(error)) from error


def run_hash(run: WeatherRun) -> str:
    """SHA-256 of all that a run says."""
    content = [run.issue_time.isoformat().encode(), run.valid_time.as_unit("s").asi8.tobytes()]
    for name in sorted(run.columns):
        content += [name.encode(), np.asarray(run.columns[name], np.float64).tobytes()]
    return _digest(b"".join(content))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
