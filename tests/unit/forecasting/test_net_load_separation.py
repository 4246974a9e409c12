from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.clock import utc_index
from forecasting.errors import ForecastError
from forecasting.net_load_separation import Parts, split
from forecasting.physics import PvPlant, clear_sky_w_m2, pv_power_at_kw, sun_at
from forecasting.targets import Place

PLACE = Place(52.0, 5.0, "Europe/Amsterdam")
DAYS, PER_DAY = 35, 48
END = pd.date_range("2023-06-01T00:30Z", periods=DAYS * PER_DAY, freq="30min")
RNG = np.random.default_rng(4)


def _weather() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Irradiance as forecast, as it came, and wind."""
    plant = PvPlant(1.0, 25.0, 180.0, 52.0, 5.0)
    middle = END - pd.Timedelta("15min")
    clear = clear_sky_w_m2(plant, middle, sun_at(plant, middle))["ghi"]
    day = np.arange(len(END)) // PER_DAY
    said = clear * np.random.default_rng(1).uniform(0.2, 1.0, DAYS)[day]
    came = said * np.clip(
        1 + np.random.default_rng(2).normal(0, 0.25, len(END) // 4)[np.arange(len(END)) // 4], 0.1, 1.6
    )
    slow = np.repeat(np.random.default_rng(3).uniform(2, 13, DAYS * 2), PER_DAY // 2)
    return said, came, slow


def _net(solar_kw: float, wind_kw: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Net load with its true parts."""
    _, came, wind = _weather()
    plant = PvPlant(1.0, 25.0, 180.0, 52.0, 5.0)
    solar = solar_kw * pv_power_at_kw(plant, END - pd.Timedelta("15min"), {"ghi_w_m2": came})
    blown = wind_kw * np.clip((wind**3 - 27) / (11.0**3 - 27), 0, 1)
    local = END.tz_convert(PLACE.time_zone)
    load = np.where((local.hour >= 7) & (local.hour < 19) & (local.weekday < 5), 900.0, 400.0)
    load = load + np.random.default_rng(5).normal(0, 20, len(END))
    return load - solar - blown, solar, blown


def _found(net: np.ndarray, **more: float) -> Parts:
    said, _, wind = _weather()
    return split(net, END, PLACE, said, wind, **more)


def test_parts_are_found_from_net_load_and_weather_and_add_up() -> None:
    net, solar, wind = _net(800.0, 500.0)
    found = _found(net)
    assert np.corrcoef(found.solar_kw, solar)[0, 1] > 0.95
    assert np.corrcoef(found.wind_kw, wind)[0, 1] > 0.95
    assert found.solar_capacity_kw == pytest.approx(800.0, rel=0.25)
    assert found.wind_capacity_kw == pytest.approx(500.0, rel=0.25)
    np.testing.assert_allclose(found.load_kw, net + found.solar_kw + found.wind_kw)
    assert found.shift_h == 0.0
    assert not found.feed_in_positive
    assert 0.5 < found.explained <= 1.0


def test_what_the_net_load_shows_of_clouds_betters_what_was_forecast_of_them() -> None:
    net, solar, _ = _net(800.0, 0.0)
    said, _, _ = _weather()
    found = _found(net)
    plain = 800 * pv_power_at_kw(PvPlant(1.0, 25.0, 180.0, 52.0, 5.0), END - pd.Timedelta("15min"), {"ghi_w_m2": said})
    rmse = [float(np.sqrt(np.mean((part - solar) ** 2))) for part in (found.solar_kw, plain)]
    assert rmse[0] < 0.8 * rmse[1]
    dark = solar == 0
    assert float(found.solar_kw[dark].max()) < 30.0


def test_a_load_without_generation_is_left_whole() -> None:
    net, _, _ = _net(0.0, 0.0)
    found = _found(net)
    assert float(found.solar_kw.max()) < 60.0
    assert float(found.wind_kw.max()) < 60.0


def test_a_late_clock_and_a_meter_that_counts_feed_in_as_positive_are_found() -> None:
    net, solar, _ = _net(800.0, 300.0)
    late = np.roll(net, 4)
    found = _found(late)
    assert found.shift_h == 2.0
    assert np.corrcoef(found.solar_kw[8:], np.roll(solar, 4)[8:])[0, 1] > 0.95
    turned = _found(-net)
    assert turned.feed_in_positive
    assert np.corrcoef(turned.solar_kw, solar)[0, 1] > 0.95
    said, _, wind = _weather()
    for each in (turned, split(-net, END, PLACE, said, wind, like=turned)):
        assert each.feed_in_positive
        np.testing.assert_allclose(each.load_kw, net + each.solar_kw + each.wind_kw)


def test_a_known_peak_scales_and_missing_hours_are_no_zeros() -> None:
    net, solar, _ = _net(800.0, 0.0)
    holed = net.copy()
    holed[500:540] = np.nan
    found = _found(holed, solar_peak_kw=float(solar.max()))
    assert float(found.solar_kw.max()) == pytest.approx(float(solar.max()))
    assert np.isnan(found.load_kw[500:540]).all()
    assert np.isfinite(found.solar_kw).all()


def test_with_one_kind_of_weather_only_that_part_is_looked_for() -> None:
    net, _, _ = _net(800.0, 0.0)
    said, _, wind = _weather()
    assert split(net, END, PLACE, ghi_w_m2=said).wind_kw.max() == 0.0
    assert split(net, END, PLACE, wind_m_s=wind).solar_kw.max() == 0.0


def test_mistakes_are_named() -> None:
    net, _, _ = _net(100.0, 0.0)
    with pytest.raises(ForecastError, match="needed are 14 days"):
        split(net[: 3 * PER_DAY], END[: 3 * PER_DAY], PLACE)
    with pytest.raises(ForecastError, match="regular"):
        split(net, END.delete(5).insert(len(END) - 1, END[-1] + pd.Timedelta("2h")), PLACE)
    with pytest.raises(ForecastError, match="vary by 0"):
        split(np.zeros(len(END)), utc_index(END.as_unit("ns").asi8), PLACE)
