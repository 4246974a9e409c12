"""What is said of a plant in its first days: physics from the weather ahead, or from weather as it usually is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.archive.known import Known
from forecasting.cases import case_of
from forecasting.clock import HOUR_NS, Ns
from forecasting.models.base import CannotForecast
from forecasting.models.physics_only import GAIN_DAYS, PhysicsOnly, gain
from forecasting.models.usual_weather import UsualWeather
from forecasting.physics import WindFarm
from forecasting.targets import Place, Target

PLACE = Place(50.0, 9.0, "Europe/Berlin")
FARM = WindFarm(((0.0, 3.0, 12.0, 25.0), (0.0, 0.0, 2000.0, 2000.0)), 80.0)
TARGET = Target("wind", "wind", 2000.0, "hill", farm=FARM, weather=("sky",))
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
START = pd.Timestamp("2024-03-01T00:00Z")
DAYS = 20


def known(speed_m_s: float, measured_days: int, ahead: bool, share: float = 1.0) -> Known:
    """Weather of one speed, a run a day; power is a share of what the curve gives."""
    archive = Archive.empty()
    for day in range(DAYS + ahead):
        issue = START + pd.Timedelta(days=day)
        valid = pd.date_range(issue, periods=25 + 24 * (ahead and day == DAYS), freq="1h")
        archive = archive.with_forecast("sky", "wind_speed_80m", issue, issue, valid, np.full(len(valid), speed_m_s))
    if measured_days:
        end = pd.date_range(
            START + pd.Timedelta(days=DAYS - measured_days, hours=1), periods=24 * measured_days, freq="1h"
        )
        power = share * 2000.0 * (speed_m_s - 3.0) / 9.0
        archive = archive.with_measurements("hill", "wind", end, np.full(len(end), power), pd.Timedelta(0))
    return archive.as_of(START + pd.Timedelta(days=DAYS))


def changing(measured_days: int, at_h: int) -> Known:
    """As `known` at an hour of the last day, but the wind differs from day to day and power is .7 of the curve's."""
    archive, speeds = Archive.empty(), 4.0 + 5.0 * np.random.default_rng(3).random(DAYS + 1)
    for day in range(DAYS + 1):
        issue = START + pd.Timedelta(days=day)
        # Runs of one day each, the last of two: what lies ahead is known.
        valid = issue + pd.to_timedelta(np.arange(25 + 24 * (day == DAYS)), unit="h")
        speed = np.full(len(valid), speeds[day])
        archive = archive.with_forecast("sky", "wind_speed_80m", issue, issue, valid, speed)
    end = pd.date_range(START + pd.Timedelta(days=DAYS - measured_days, hours=1), periods=24 * measured_days, freq="1h")
    number = ((end - pd.Timedelta("1h") - START) // pd.Timedelta("1D")).to_numpy()
    power = 0.7 * 2000.0 * (speeds[number] - 3.0) / 9.0
    archive = archive.with_measurements("hill", "wind", end, power, pd.Timedelta(0))
    return archive.as_of(START + pd.Timedelta(days=DAYS, hours=at_h))


@pytest.mark.parametrize("at_h", [0, 12])
def test_every_measured_hour_counts_for_the_gain_whenever_the_plan_is_made(at_h: int) -> None:
    """At noon the runs known at the beginning of each past noon reach to midnight only."""
    seen = changing(6, at_h)
    ahead = edges()[:13] + 12 * HOUR_NS
    found = gain(case_of(seen, TARGET, PLACE, ahead, GAIN_DAYS))
    # Six days at .7 against three at 1; what is lost at the break of the day is an hour's interpolation.
    assert found == pytest.approx(0.8, abs=0.01)


def test_usual_weather_reads_each_past_day_by_its_own_run() -> None:
    seen = changing(6, 12)
    ahead = edges() + 24 * HOUR_NS  # none of the runs known at a past noon reaches the day after it
    view = seen.with_runs_before((START + pd.Timedelta(days=DAYS)).as_unit("ns").value)
    said = UsualWeather().train(view, (TARGET,), PLACE, ahead - seen.time_ns, LEVELS).quantiles(view, ahead)["wind"]
    assert (np.diff(said, axis=1) > 0).all()
    assert pytest.approx(said[:, 2].mean(), rel=0.4) == 0.8 * 2000 * 2.5 / 9


def edges() -> Ns:
    first = (START + pd.Timedelta(days=DAYS)).as_unit("ns").value
    return first + np.arange(25) * HOUR_NS


def test_physics_of_the_weather_ahead_has_a_band_and_takes_a_gain_from_what_was_measured() -> None:
    plain = PhysicsOnly().train(known(7.5, 0, True), (TARGET,), PLACE, edges() - edges()[0], LEVELS)
    found = plain.quantiles(known(7.5, 0, True), edges())["wind"]
    np.testing.assert_allclose(found[:, 2], 1000.0)  # half-way up the curve
    assert (np.diff(found, axis=1) > 0).all()
    assert "so physics" in plain.notes["wind"][0]
    weak = plain.quantiles(known(7.5, 6, True, share=0.7), edges())["wind"]
    # Six days at .7 against three at 1: the gain is .8.
    np.testing.assert_allclose(weak[:, 2], 800.0, rtol=1e-6)


def test_without_weather_ahead_the_usual_one_stands_in_until_the_plant_has_a_past() -> None:
    model = UsualWeather().train(known(7.5, 0, False), (TARGET,), PLACE, edges() - edges()[0], LEVELS)
    found = model.quantiles(known(7.5, 5, False), edges())["wind"]
    assert found[:, 2] == pytest.approx(1000.0, rel=0.02)
    physics = PhysicsOnly().train(known(7.5, 5, True), (TARGET,), PLACE, edges() - edges()[0], LEVELS)
    with pytest.raises(CannotForecast, match="no weather under"):
        physics.quantiles(known(7.5, 5, False), edges())
    with pytest.raises(CannotForecast, match="no weather is known"):
        model.quantiles(Archive.empty().as_of(START), edges())
