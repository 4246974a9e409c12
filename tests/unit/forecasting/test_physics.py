from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pvlib
import pytest

from forecasting.errors import ForecastError
from forecasting.physics import (
    PvPlant,
    SingleAxis,
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


def test_a_machine_cuts_in_and_out_at_the_true_speed_in_air_of_any_density() -> None:
    """Thin air (.82) slows 24 m/s to 21 of the curve, where it is full; beyond 25 it stands, as in dense air.

    Below rated it is the corrected speed: 10 (.82/1.225)^(1/3) = 8.7476, (8.7476 − 3)/9 · 2000 = 1277.25.
    """
    farm = WindFarm(((0.0, 3.0, 12.0, 25.0, 25.01), (0.0, 0.0, 2000.0, 2000.0, 0.0)), 100)
    thin = wind_power_kw(farm, [10.0, 24.0, 26.0, 28.0], 0.82)
    np.testing.assert_allclose(thin, [1277.25, 2000, 0, 0], atol=0.05)
    dense = wind_power_kw(farm, [2.95, 12.0, 24.9, 26.0], 1.4)
    np.testing.assert_allclose(dense, [0, 2000, 2000, 0], atol=1e-9)


def test_a_machine_that_gives_way_to_storm_does_so_at_the_true_speed() -> None:
    """From 25 to 30 m/s it comes down to nothing: 60 % are left at 27, whatever the air."""
    farm = WindFarm(((3.0, 12.0, 25.0, 30.0), (0.0, 2000.0, 2000.0, 0.0)), 100)
    for density in (0.82, 1.225, 1.4):
        np.testing.assert_allclose(wind_power_kw(farm, [27.0, 30.0], density), [1200, 0], atol=1e-9)


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


def chain(plant: PvPlant, weather: dict[str, np.ndarray], turns: SingleAxis) -> np.ndarray:
    """AC power as pvlib itself makes it, step by step."""
    middle = SUMMER[:-1] + pd.Timedelta("7min30s")
    sun = pvlib.solarposition.get_solarposition(middle, plant.latitude_deg, plant.longitude_deg, altitude=0)
    stand = pvlib.tracking.singleaxis(
        sun.apparent_zenith, sun.azimuth, turns.axis_tilt_deg, turns.axis_azimuth_deg, turns.max_angle_deg,
        turns.backtrack, turns.ground_cover_ratio,
    )  # fmt: skip
    light = pvlib.irradiance.get_total_irradiance(
        stand.surface_tilt, stand.surface_azimuth, sun.apparent_zenith, sun.azimuth,
        weather["dni_w_m2"], weather["ghi_w_m2"], weather["dhi_w_m2"],
        dni_extra=pvlib.irradiance.get_extra_radiation(middle), model="haydavies",
    ).poa_global.fillna(0)  # fmt: skip
    cell = pvlib.temperature.faiman(light, weather["temperature_deg_c"], weather["wind_speed_m_s"])
    dc = pvlib.pvsystem.pvwatts_dc(light, cell, plant.peak_kw, plant.temperature_coefficient_per_k)
    dc = (dc * (1 - plant.losses)).clip(0, plant.peak_kw)
    nominal, most = plant.inverter_efficiency or 1.0, plant.inverter_kw or np.inf
    return pvlib.inverter.pvwatts(dc, most / nominal, nominal).where(sun.elevation > 0, 0).to_numpy()


def test_rows_that_turn_and_an_inverter_are_pvlibs() -> None:
    noon = np.clip(np.sin((np.arange(96) - 20) / 58 * np.pi), 0, None)
    weather = {"ghi_w_m2": 850 * noon, "dni_w_m2": 800 * np.sqrt(noon), "dhi_w_m2": 100 * noon}
    weather |= {"temperature_deg_c": np.full(96, 25.0), "wind_speed_m_s": np.full(96, 2.0)}
    up = solar_elevation_deg(SUMMER[:-1] + pd.Timedelta("7min30s"), 39.8, 116.5) > 0
    for turns in (SingleAxis(), SingleAxis(10.0, 170.0, 45.0, 0.5, backtrack=False)):
        plant = replace(PLANT, tracker=turns, inverter_kw=700.0, inverter_efficiency=0.96, losses=0.05)
        found = pv_power_kw(plant, SUMMER, weather)
        np.testing.assert_allclose(found[up], chain(plant, weather, turns)[up], atol=1e-6)
        assert found.max() == pytest.approx(700)  # flat top
        fixed = pv_power_kw(replace(plant, tracker=None), SUMMER, weather)
        assert found.sum() > 1.1 * fixed.sum()


def test_modules_that_turn_face_the_sun_at_noon_and_turn_east_in_the_morning() -> None:
    """Beam alone, axis from north to south: with the sun due south at height h the rows lie flat and get sin h."""
    beam = {"ghi_w_m2": np.zeros(96), "dni_w_m2": np.full(96, 800.0), "dhi_w_m2": np.zeros(96)}
    bare = PvPlant(1000.0, 0.0, 180.0, 39.8, 116.5, temperature_coefficient_per_k=0.0, losses=0.0)
    turning = pv_power_kw(replace(bare, tracker=SingleAxis(backtrack=False, max_angle_deg=90.0)), SUMMER, beam)
    height = np.deg2rad(solar_elevation_deg(SUMMER[:-1] + pd.Timedelta("7min30s"), 39.8, 116.5))
    noon = int(height.argmax())
    assert turning[noon] == pytest.approx(800 * np.sin(height[noon]), rel=1e-3)
    flat = pv_power_kw(bare, SUMMER, beam)
    assert turning[noon - 20] > 1.3 * flat[noon - 20]
    assert (turning[height > 0.05] >= flat[height > 0.05] - 1e-6).all()


def test_an_inverter_clips_and_a_steeper_coefficient_costs_more() -> None:
    """1000 kW of modules at 25 °C of air: the cells' warmth above 25 °C costs γ each; the rest is clipped at 500."""
    sun = {"ghi_w_m2": np.full(96, 700.0), "dni_w_m2": np.full(96, 600.0), "dhi_w_m2": np.full(96, 150.0)}
    sun |= {"temperature_deg_c": np.full(96, 25.0), "wind_speed_m_s": np.full(96, 1.0)}
    open_ = pv_power_kw(PLANT, SUMMER, sun)
    clipped = pv_power_kw(replace(PLANT, inverter_kw=500.0), SUMMER, sun)
    np.testing.assert_allclose(clipped, np.minimum(open_, 500.0))
    assert clipped.max() == 500
    cold = pv_power_kw(replace(PLANT, temperature_coefficient_per_k=0.0), SUMMER, sun)[48]
    warmer_k = cold / 860 * 1000 / (25 + 6.84)  # cold = 1000 · G/1000 · .86, and Faiman's warming by G
    assert open_[48] == pytest.approx(cold * (1 - 0.0035 * warmer_k))
    steep = pv_power_kw(replace(PLANT, temperature_coefficient_per_k=-0.005), SUMMER, sun)[48]
    assert steep == pytest.approx(cold * (1 - 0.005 * warmer_k))
