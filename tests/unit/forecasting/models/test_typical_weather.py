"""A typical year as the only weather: a rung of its own, as wide as the climate leaves it open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.clock import utc_index
from forecasting.forecast import forecast
from forecasting.models.base import CannotForecast
from forecasting.models.typical_weather import TypicalWeather
from forecasting.physics import PvPlant, WindFarm, clear_sky_w_m2, pv_power_kw, sun_at
from forecasting.quantiles import LEVELS
from forecasting.situations import inputs_of, without_climate
from forecasting.targets import Place, Target
from forecasting.weather.base import WeatherRun, season_site, stored
from forecasting.weather.typical import TypicalYear
from tests.unit.forecasting.test_typical_year import pvgis_hourly, pvgis_typical

PLACE = Place(45.0, 8.0, "Etc/GMT-1")
PLANT = PvPlant(100.0, 20.0, 180.0, 45.0, 8.0, losses=0.1)
ROOF = Target("roof", "pv", 100.0, "park", plant=PLANT)
FARM = WindFarm(((0.0, 3.0, 12.0, 25.0), (0.0, 0.0, 2000.0, 2000.0)), 10.0)
HILL = Target("hill", "wind", 2000.0, "park", farm=FARM)
NOW = pd.Timestamp("2024-06-10T00:00Z")
EDGES = pd.date_range(NOW, periods=25, freq="1h")
HOURS = pd.date_range("2023-12-31T00:00Z", "2025-01-02T00:00Z", freq="1h")


def sky(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Of a climate, a year of radiation and wind by the hour that ends."""
    rng = np.random.default_rng(seed)
    middle = HOURS - pd.Timedelta("30min")
    day = np.arange(len(HOURS)) // 24
    clear = clear_sky_w_m2(PLANT, middle, sun_at(PLANT, middle))["ghi"]
    return clear * rng.beta(1.3, 0.8, day[-1] + 1)[day], 8 * rng.weibull(2.0, day[-1] + 1)[day]


def typical(now: pd.Timestamp = NOW, seed: int = 1) -> WeatherRun:
    """A run of a typical year with its season, as the provider makes it of a file."""
    ghi, wind = sky(seed)
    ends = pd.date_range(now, periods=26, freq="1h")
    at = HOURS.get_indexer(ends)
    around = at[None, :] + 24 * np.arange(-15, 16)[:, None]
    columns = {"shortwave_radiation": ghi, "wind_speed_10m": wind}
    season = {name: values[around] for name, values in columns.items()}
    return WeatherRun("tmy", now, now, ends, {n: v[at] for n, v in columns.items()}, ("of a typical year",), 0, season)


def archive(run: WeatherRun | None, measured_days: int = 0, share: float = 1.0) -> Archive:
    found = Archive.empty() if run is None else stored(Archive.empty(), "park", run)
    if measured_days:
        end = pd.date_range(NOW - pd.Timedelta(days=measured_days), NOW, freq="1h")[1:]
        ghi, _ = sky(2)
        power = share * pv_power_kw(
            PLANT, end.insert(0, end[0] - pd.Timedelta("1h")), {"ghi_w_m2": ghi[HOURS.get_indexer(end)]}
        )
        found = found.with_measurements("park", "roof", end, power, pd.Timedelta(0))
    return found


def said(found: Archive, *targets: Target) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    made = forecast(targets, found, PLACE, NOW, EDGES, scenarios=2)
    return dict(made.quantiles), dict(made.quality)


def test_it_is_a_rung_of_its_own_with_its_name() -> None:
    quantiles, quality = said(archive(typical()), ROOF, HILL)
    assert quality == {"roof": "typical_weather", "hill": "typical_weather"}
    made = forecast([ROOF], archive(typical()), PLACE, NOW, EDGES, scenarios=2)
    assert any("physics with the season of a typical year" in note for note in made.notes)
    for name, values in quantiles.items():
        assert (np.diff(values, axis=1) >= 0).all(), name
    assert quantiles["roof"].max() <= 100
    assert (quantiles["roof"][:2] == 0).all()


def test_its_band_is_wider_than_that_of_a_forecast_and_holds_the_climate() -> None:
    quantiles, _ = said(archive(typical()), ROOF, HILL)
    forecast_run = replace(typical(), season={})
    sharp, quality = said(archive(forecast_run), ROOF, HILL)
    assert quality == {"roof": "latest_nwp", "hill": "latest_nwp"}
    for name in quantiles:
        width, narrow = (float((q[:, -1] - q[:, 0]).sum()) for q in (quantiles[name], sharp[name]))
        assert width > 1.15 * narrow, name
    inside = []
    middle = EDGES[:-1] + pd.Timedelta("30min")
    clear = clear_sky_w_m2(PLANT, middle, sun_at(PLANT, middle))["ghi"]
    rng = np.random.default_rng(5)
    for _ in range(60):
        blows = np.full(24, 8 * rng.weibull(2.0))
        came = {
            "roof": pv_power_kw(PLANT, EDGES, {"ghi_w_m2": clear * rng.beta(1.3, 0.8)}),
            "hill": np.interp(blows, *map(np.array, FARM.turbine)) * (blows < 25),
        }
        for name, values in came.items():
            use = values > 0.0 if name == "roof" else np.ones(24, dtype=bool)
            low, high = quantiles[name][use, 0], quantiles[name][use, -1]
            inside.append(((values[use] >= low - 1e-9) & (values[use] <= high + 1e-9)).mean())
    assert 0.83 < np.mean(inside) < 0.97


def test_what_was_measured_moves_it_and_then_takes_over() -> None:
    middle = said(archive(typical()), ROOF)[0]["roof"][:, 3].sum()
    some, quality = said(archive(typical(), 12, share=0.6), ROOF)
    assert quality == {"roof": "typical_weather"}
    assert 0.7 < some["roof"][:, 3].sum() / middle < 0.92
    _, quality = said(archive(typical(), 30), ROOF)
    assert quality == {"roof": "own_past"}


def test_climate_is_not_taken_for_the_newest_run_of_a_forecast() -> None:
    """A service fails and a typical year stands in under the same name: the runs of the service are what they were."""
    before = replace(typical(NOW - pd.Timedelta(hours=12)), season={})
    both = stored(stored(Archive.empty(), "park", before), "park", typical())
    known = without_climate(both.as_of(NOW), ("park",))
    assert {run.issue_ns for run in known.runs("park", "shortwave_radiation")} == {before.issue_time.value}
    assert inputs_of(known, replace(ROOF, weather=("park",)))
    assert len(both.as_of(NOW).runs("park", "shortwave_radiation")) == 2
    alone = without_climate(archive(typical()).as_of(NOW), ("park", "park"))
    assert inputs_of(alone, replace(ROOF, weather=("park",))) == []


def test_without_a_season_it_says_so() -> None:
    known = archive(None, 5).as_of(NOW)
    target = replace(ROOF, weather=("park",))
    model = TypicalWeather().train(known, [target], PLACE, np.arange(25), LEVELS)
    with pytest.raises(CannotForecast, match="no typical year that would tell its power"):
        model.quantiles(known, EDGES.as_unit("ns").asi8)
    assert "season of a typical year" in model.notes["roof"][0]


def test_the_provider_brings_the_days_around(tmp_path: Path) -> None:
    start, end = NOW, NOW + pd.Timedelta("1D")
    one = TypicalYear(pvgis_typical(tmp_path / "year.csv")).fetch(45, 8, start, end, NOW)
    assert one.season["temperature_2m"].shape == (31, len(one.valid_time))
    np.testing.assert_array_equal(one.season["temperature_2m"][15], one.columns["temperature_2m"])
    three = TypicalYear(pvgis_hourly(tmp_path / "hours.json")).fetch(45, 8, start, end, NOW)
    assert len(three.season["temperature_2m"]) == 60
    assert set(np.unique(three.season["temperature_2m"])) == {15.0, 16.0, 17.0}
    kept = stored(Archive.empty(), "park", one).as_of(NOW)
    assert len(kept.members(season_site("park"), "temperature_2m")) == 31
    newyear = TypicalYear(pvgis_typical(tmp_path / "year.csv")).fetch(
        45, 8, pd.Timestamp("2023-12-31T00:00Z"), pd.Timestamp("2024-01-02T00:00Z"), NOW
    )
    assert np.isfinite(newyear.season["shortwave_radiation"]).all()
    assert utc_index(np.array([NOW.value]))[0] == NOW
