"""What is said of a plant in its first days: physics from the weather ahead, or from weather as it usually is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.archive.known import Known
from forecasting.clock import HOUR_NS, Ns
from forecasting.models.base import CannotForecast
from forecasting.models.physics_only import PhysicsOnly
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
