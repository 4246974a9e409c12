"""Prices or carbon intensity from the user's own file, as a provider like any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from forecasting.errors import ForecastError
from forecasting.importing.files import Stamp, read_series
from forecasting.intensity.base import UNIT, VARIABLE, intensity_run
from forecasting.prices.day_ahead import MARKET_ZONE, day_ahead_run
from forecasting.series_run import SeriesRun, require_period

# Units as people write them: what to multiply with to come to the archive's.
PER_MWH = {"MWh": 1.0, "kWh": 1_000.0}
INTENSITIES = {"g/kWh": 1.0, "kg/MWh": 1.0, "kg/kWh": 1_000.0, "t/MWh": 1_000.0}


@dataclass(frozen=True)
class SeriesFile:
    """One column of a CSV or Parquet file.

    Attributes:
        unit: "EUR/MWh" (any currency; kWh too) for prices, one of g/kWh, kg/MWh, kg/kWh, t/MWh for intensity.
        time_zone: of times without an offset.
        stamp: which end of its interval the file stamps.
        delay_min: from the end of an interval to its measured intensity [min].
        intensity: name of an intensity in the archive.
    """

    path: Path
    column: str
    unit: str
    time_zone: str = MARKET_ZONE
    time_column: str | None = None
    stamp: Stamp = "start"
    delay_min: float = 60.0
    intensity: str = VARIABLE

    @property
    def name(self) -> str:
        """The file's own name."""
        return f"file {self.path.name}"

    @property
    def kind(self) -> Literal["price", "intensity"]:
        """What the unit says it holds."""
        return "intensity" if self.unit in INTENSITIES else "price"

    def fetch(self, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> SeriesRun:
        """What the file holds of the intervals that end in (start, end], as far as it was known at `now`.

        That a value stands in the file does not say since when: it counts as known after the usual delay, or since
        its auction's publication.
        """
        require_period(start, end, str(self.path))
        scale, unit = self._unit()
        series = read_series(
            self.path,
            self.column,
            time_column=self.time_column,
            time_zone=self.time_zone,
            unit_scale=scale,
            stamp=self.stamp,
        )
        index, values = pd.DatetimeIndex(series.index), series.to_numpy(dtype=np.float64)
        starts = index if self.stamp == "start" else index - (index[1] - index[0])
        place = f"{self.path}, column {self.column!r}"
        if self.kind == "price":
            run = day_ahead_run(self.name, place, starts, values, unit, None)
        else:
            delay = pd.Timedelta(minutes=self.delay_min)
            named = self.intensity
            run = intensity_run(self.name, place, starts, values, delay=delay, fetched_at=None, variable=named)
        run = run.between(start, end)
        run = run.take(np.asarray(run.available_at <= now))
        if not np.isfinite(run.values).any():
            raise ForecastError(
                f"{place}: no value of {start} … {end} known at {now}; it holds {index[0]} … {index[-1]}"
            )
        return run

    def _unit(self) -> tuple[float, str]:
        if self.unit in INTENSITIES:
            return INTENSITIES[self.unit], UNIT
        currency, _, energy = self.unit.partition("/")
        if energy.strip() not in PER_MWH:
            accepted = f"a currency per MWh or kWh, or {list(INTENSITIES)}"
            raise ForecastError(f"{self.path}: unit {self.unit!r} is unknown; accepted: {accepted}")
        return PER_MWH[energy.strip()], f"{currency.strip()} / MWh"
