"""The soiling of a plant in the archive: its performance ratio by day, and the rain on it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive import Known
from forecasting.clock import DAY_NS, HOUR_NS, utc_text
from forecasting.errors import ForecastError
from forecasting.models.solar.past import Days, Past, days_of, past_of, ratio
from forecasting.models.solar.weather import Weather
from forecasting.soiling import Cleaning, Soiling, cleaning, dry_chance, state_of
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
RAIN = "precipitation"
DAYS = 365
AHEAD_DAYS, USUAL_DAYS = 90, 30
SEASON_DAYS = 45  # a day is bright by the standard of its season


def cleaning_of(
    known: Known, target: Target, place: Place, cost: float, price_per_kwh: float, ahead_days: int = AHEAD_DAYS
) -> tuple[Soiling, Cleaning]:
    """State of a plant, and what cleaning it today for `cost` brings over the days ahead at a price of its energy.

    A day ahead brings what the last `USUAL_DAYS` known days would have brought with clean modules. ForecastError
    where neither rain nor a performance ratio is known.

    The ratio is measured over modelled power, so it holds what the weather forecast had wrong: with some months of it
    that is noise about the slope.
    """
    by_day, rain, step_h = _history(known, target, place)
    state = _state(by_day, rain)
    clean = by_day.modelled[by_day.modelled > 0][-USUAL_DAYS:].mean() * step_h * state.clean_ratio
    energy, price = np.full(ahead_days, clean), np.full(ahead_days, price_per_kwh)
    return state, cleaning(state, energy, price, dry_chance(rain, ahead_days), cost)


def _history(known: Known, target: Target, place: Place) -> tuple[Days, Floats, float]:
    """Days of the plant, the rain on each [mm], and the length of a step [h]."""
    weather = Weather(known)
    edges_ns = np.array([known.time_ns, known.time_ns + HOUR_NS])
    past = past_of(weather, target, place, edges_ns, DAYS)
    by_day = days_of(past)
    return by_day, rain_mm(weather, past, by_day.first, len(by_day.measured)), past.grid.step_h


def _state(by_day: Days, rain: Floats) -> Soiling:
    share = ratio(by_day.measured, by_day.modelled, 0.0)
    season = pd.Series(by_day.modelled).rolling(SEASON_DAYS, center=True, min_periods=1).max().to_numpy()
    bright = ratio(by_day.modelled, season, 0.0)
    return state_of(share, np.nan_to_num(bright), rain)


def rain_mm(weather: Weather, past: Past, first: int, count: int) -> Floats:
    """Rain [mm] on the plant in each of so many solar days (D,): as measured beside it, else as forecast."""
    known, target = weather.known, past.target
    for site in (target.site, *target.weather):
        measured = known.measurements(site, RAIN)
        if len(measured.value):
            day = past.day(measured.end_ns - 1) - first
            use = (day >= 0) & (day < count) & np.isfinite(measured.value)
            return np.bincount(day[use], measured.value[use], minlength=count).astype(np.float64)
    hour_ns = past.grid.start_ns // DAY_NS * DAY_NS + np.arange(0, (count + 2) * DAY_NS, HOUR_NS)
    found = weather.columns_at(target.weather, (RAIN,), hour_ns, hour_ns + HOUR_NS // 2)
    if RAIN not in found:
        raise ForecastError(
            f"{target.name}: no {RAIN} is known under {target.site} or {list(target.weather)} before "
            f"{utc_text(known.time_ns)}; without rain dirt is not told from other losses"
        )
    day = past.day(hour_ns) - first
    use = (day >= 0) & (day < count) & np.isfinite(found[RAIN])
    return np.bincount(day[use], found[RAIN][use], minlength=count).astype(np.float64)
