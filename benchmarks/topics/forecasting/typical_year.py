"""A typical year as the only weather of a new plant: does the band hold, and is it wider than with forecasts?

PVOD's stations measured radiation, air and wind beside their power. What they measured on the days around, the day
itself and its neighbours left out, stands for the season of a typical year; the plant is new, with ten days of power.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import pvod
from benchmarks.rows import CannotMeasure, row
from forecasting.archive import Archive
from forecasting.clock import DAY_NS, Ns, utc_index
from forecasting.errors import ForecastError
from forecasting.ladder import Ladder
from forecasting.models.physics_only import PhysicsOnly
from forecasting.models.typical_weather import TypicalWeather
from forecasting.quantiles import LEVELS
from forecasting.targets import Target
from forecasting.weather.base import VARIABLES, WeatherRun, stored

Floats = NDArray[np.float64]
MEASURED = {
    "lmd_totalirrad": "shortwave_radiation",
    "lmd_temperature": "temperature_2m",
    "lmd_windspeed": "wind_speed_10m",
}
AROUND_DAYS, APART_DAYS, NEW_DAYS, EVERY = 15, 2, 10, 5
LIGHT_SHARE = 0.01
INPUTS = (
    "forecasting/models/typical_weather.py",
    "forecasting/models/physics_only.py",
    "forecasting/physics.py",
    "benchmarks/datasets/pvod.py",
    "benchmarks/topics/forecasting/typical_year.py",
)


@dataclass(frozen=True)
class Found:
    """Over daylight: covered by the 90 % band, and its width over that of physics with the forecast of the day."""

    covered: float
    wider: float


def new_plant(archive: Archive, target: Target, issue_ns: int) -> Archive:
    """What is known of a plant that began to be measured ten days before, without any weather."""
    rows = archive.rows()[target.site, target.name]
    few = (rows.valid_ns > issue_ns - NEW_DAYS * DAY_NS) & (rows.valid_ns <= issue_ns)
    return Archive.of_rows({(target.site, target.name): rows.take(few)})


def climate(archive: Archive, target: Target, issue_ns: int, edges_ns: Ns) -> WeatherRun:
    """What was measured beside it at the same hours of the days around, but two."""
    days = np.array([d for d in range(-AROUND_DAYS, AROUND_DAYS + 1) if abs(d) > APART_DAYS])
    season = {}
    for column, name in MEASURED.items():
        rows = archive.rows()[target.site, column]
        at = edges_ns[None, 1:] + days[:, None] * DAY_NS
        place = np.minimum(np.searchsorted(rows.valid_ns, at), len(rows) - 1)
        value = np.where(rows.valid_ns[place] == at, rows.value[place], np.nan)
        season[name] = value[np.isfinite(value).all(axis=1)]
    count = min(map(len, season.values()))
    season = {name: values[:count] for name, values in season.items()}
    now = utc_index(np.array([issue_ns]))[0]
    plain = {name: values[count // 2] for name, values in season.items()} if count else {}
    return WeatherRun("measured", now, now, utc_index(edges_ns[1:]), plain, season=season)


def both(data: pvod.Pvod, target: Target, issue_ns: int) -> tuple[Floats, Floats, str] | None:
    """Quantiles from the season alone, from the forecast of the day, and the rung of the first; None without either."""
    edges, plant = issue_ns + data.horizon_ns, replace(target, weather=(target.site,))
    own = new_plant(data.archive, target, issue_ns)
    run = climate(data.archive, target, issue_ns, edges)
    if not run.columns:
        return None
    now = utc_index(np.array([issue_ns]))[0]
    known = stored(own, target.site, run).as_of(now)
    weather = {key: rows for key, rows in data.archive.rows().items() if key[0] == target.site and key[1] in VARIABLES}
    try:
        answer = Ladder().train(known, [plant], data.place, data.horizon_ns, LEVELS).answers(known, edges)[target.name]
        told = own.merge(Archive.of_rows(weather)).as_of(now)
        return answer.quantiles, PhysicsOnly().one(told, plant, data.place, edges, LEVELS), answer.quality
    except ForecastError:
        return None


@cache
def found(days_before: int = 0) -> Found:
    """Every fifth day of the test, or of so many days before it."""
    data = pvod.load()
    issues = data.issues_ns[:-AROUND_DAYS:EVERY] - days_before * DAY_NS
    inside, width, total = 0, np.zeros(2), 0
    for target in data.targets:
        rows = data.archive.rows()[target.site, target.name]
        for issue in issues:
            answers = both(data, target, int(issue))
            if answers is None:
                continue
            season, forecast, rung = answers
            assert rung == TypicalWeather().name, rung
            ends = (issue + data.horizon_ns)[1:]
            place = np.minimum(np.searchsorted(rows.valid_ns, ends), len(rows) - 1)
            came = np.where(rows.valid_ns[place] == ends, rows.value[place], np.nan)
            light = (forecast[:, -1] > LIGHT_SHARE * target.capacity_kw) & np.isfinite(came)
            inside += int(((came >= season[:, 0]) & (came <= season[:, -1]))[light].sum())
            width += [(one[:, -1] - one[:, 0])[light].sum() for one in (season, forecast)]
            total += int(light.sum())
    if not total:
        raise CannotMeasure("no station measured radiation beside its power")
    return Found(inside / total, float(width[0] / width[1]))


@row("forecasting", name="typical year as the only weather: coverage of the 90 % band, from .90", unit="1",
     bar="<= 0.05", slow=True, inputs=INPUTS)  # fmt: skip
def coverage() -> float:
    return abs(found().covered - 0.9)


@row("forecasting", name="typical year as the only weather: width over that with the day's forecast", unit="1",
     bar=">= 1", slow=True, inputs=INPUTS)  # fmt: skip
def width() -> float:
    return found().wider
