from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import ForecastError
from forecasting.physics import (
    PvPlant,
    WindFarm,
    air_density_kg_per_m3,
    hub_speed_m_s,
    pv_power_kw,
    solar_elevation_deg,
    turbine_curve,
    turbine_names,
    wind_power_kw,
)

PLANT = PvPlant(1000.0, 30.0, 180.0, 39.8, 116.5)
SUMMER = pd.date_range("2023-06-20T16:00Z", periods=97, freq="15min")  # 21 June, local day in China


def test_the_density_correction_of_a_power_curve() -> None:
    """v (1.3/1.225)^(1/3) on the curve (4 m/s, 300 kW), (5, 400), (6, 500); outside the curve nothing."""
    farm = WindFarm(((4.0, 5.0, 6.0), (300.0, 400.0, 500.0)), hub_height_m=100)
    found = wind_power_kw(farm, [2.0, 5.5, 7.0], 1.3)
    np.testing.assert_allclose(found, [0, 461.00290572, 0], atol=1e-8)


def test_wind_power_counts_machines_and_keeps_missing_missing() -> None:
    curve = ((3.0, 12.0, 25.0), (0.0, 2000.0, 2000.0))
    found = wind_power_kw(WindFarm(curve, 100, count=3), [np.nan, 20.0, 30.0])
    np.testing.assert_array_equal(found, [np.nan, 6000.0, 0.0])
    assert wind_power_kw(WindFarm(curve, 100, count=3, rated_kw=5000.0), [20.0])[0] == 5000


def test_a_named_turbine_has_its_published_curve() -> None:
    speed, power = turbine_curve("E-126/4200")
    assert "E-126/4200" in turbine_names()
    assert max(power) == pytest.approx(4200, rel=0.01)
    assert list(speed) == sorted(speed)
    assert power[0] == 0
    with pytest.raises(ForecastError, match="E-126/4200"):
        turbine_curve("E126/4200")


@pytest.mark.parametrize(
    "curve", [((4.0,), (1.0,)), ((4.0, 3.0), (1.0, 2.0)), ((3.0, 4.0), (1.0, -2.0)), ((3.0, 4.0), (1.0,))]
)
def test_a_curve_that_is_none_is_refused(curve: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    with pytest.raises(ForecastError, match="power curve"):
        wind_power_kw(WindFarm(curve, 100), [5.0])


def test_dry_air_at_the_standard_atmosphere() -> None:
    assert air_density_kg_per_m3(15.0, 1013.25) == pytest.approx(1.225, abs=1e-3)


def test_hub_speed_between_and_beyond_the_heights() -> None:
    z0 = 0.1
    speeds = {z: np.array([8 * np.log(z / z0) / np.log(10 / z0), np.nan]) for z in (10.0, 80.0, 120.0)}
    inside = hub_speed_m_s(speeds, 100.0)
    assert inside[0] == pytest.approx(
        8 * np.log(100 / z0) / np.log(10 / z0), rel=1e-12
    )  # a log profile is kept exactly
    assert np.isnan(inside[1])
    assert hub_speed_m_s(speeds, 80.0)[0] == pytest.approx(speeds[80.0][0])
    assert hub_speed_m_s(speeds, 150.0)[0] > speeds[120.0][0]
    assert hub_speed_m_s({10.0: np.array([7.0])}, 100.0)[0] == pytest.approx(7 * 10 ** (1 / 7))
    falling = {10.0: np.array([9.0]), 80.0: np.array([6.0])}
    assert hub_speed_m_s(falling, 120.0)[0] == pytest.approx(6.0)  # no extrapolated fall
    with pytest.raises(ForecastError, match="wind speed"):
        hub_speed_m_s({}, 100.0)


def test_clear_sky_power_over_a_summer_day() -> None:
    power = pv_power_kw(PLANT, SUMMER)
    elevation = solar_elevation_deg(SUMMER[:-1] + pd.Timedelta("7min30s"), 39.8, 116.5)
    assert (power[elevation < -1] == 0).all()
    assert 600 < power.max() < 860
    assert abs(int(power.argmax()) - 49) <= 2  # solar noon at 116.5° E is about 12:16 in China
    hours = power.sum() * 0.25
    assert 5.0 < hours / 1000 < 7.0  # kWh per kW of a clear June day at 40° N


def test_the_sun_is_taken_at_the_middle_of_the_interval() -> None:
    fine = pv_power_kw(PLANT, pd.date_range("2023-06-20T22:00Z", periods=61, freq="1min"))
    hour = pv_power_kw(PLANT, pd.date_range("2023-06-20T22:00Z", periods=2, freq="1h"))
    assert hour[0] == pytest.approx(fine.mean(), rel=0.03)


def test_no_light_no_power_and_no_weather_no_answer() -> None:
    dull = {"ghi_w_m2": np.zeros(96)}
    assert pv_power_kw(PLANT, SUMMER, dull).max() == 0
    missing = {"ghi_w_m2": np.full(96, np.nan)}
    found = pv_power_kw(PLANT, SUMMER, missing)
    assert np.isnan(found[48])
    assert found[0] == 0  # at night no weather is needed
    with pytest.raises(ForecastError, match="ghi_w_m2"):
        pv_power_kw(PLANT, SUMMER, {"temperature_deg_c": np.zeros(96)})


def test_heat_costs_power_and_wind_gives_some_back() -> None:
    sun = {"ghi_w_m2": np.full(96, 700.0), "dni_w_m2": np.full(96, 600.0), "dhi_w_m2": np.full(96, 150.0)}
    noon = 48

    def at(temperature: float, wind: float) -> float:
        more = {"temperature_deg_c": np.full(96, temperature), "wind_speed_m_s": np.full(96, wind)}
        return float(pv_power_kw(PLANT, SUMMER, sun | more)[noon])

    assert at(0, 1) > at(35, 1)
    assert at(35, 8) > at(35, 1)
    assert at(10, 1) / at(20, 1) == pytest.approx(1 + 10 * 0.0035 / (1 - 0.0035 * 15), rel=0.03)


def test_power_is_never_above_the_peak() -> None:
    bright = {"ghi_w_m2": np.full(96, 1300.0), "dni_w_m2": np.full(96, 1100.0), "dhi_w_m2": np.full(96, 200.0)}
    cold = bright | {"temperature_deg_c": np.full(96, -30.0)}
    ideal = PvPlant(1000.0, 20.0, 180.0, 39.8, 116.5, losses=0.0)
    assert pv_power_kw(ideal, SUMMER, cold).max() == 1000.0
