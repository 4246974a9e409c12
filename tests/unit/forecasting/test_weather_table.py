"""A user's own table of weather as a provider."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import ForecastError
from forecasting.weather.base import WeatherRun
from forecasting.weather.named import named

NOW = pd.Timestamp("2024-03-29T12:00Z")
END = NOW + pd.Timedelta("1D")


def fetch(path: Path, text: str) -> WeatherRun:
    path.write_text(text)
    return named([f"table:{path.name}"], folder=path.parent).fetch(52.5, 13.4, NOW, END, NOW)


def test_one_forecast_counts_as_issued_now(tmp_path: Path) -> None:
    rows = "".join(f"2024-03-29T{h}:00+01:00,{h},\n" for h in (13, 14, 15))
    run = fetch(tmp_path / "w.csv", "time,temperature_2m,wind_speed_100m\n" + rows)
    assert run.issue_time == run.available_at == NOW
    assert list(run.valid_time) == list(pd.date_range("2024-03-29T12:00Z", periods=3, freq="1h"))
    np.testing.assert_array_equal(run.columns["temperature_2m"], [13, 14, 15])
    assert np.isnan(run.columns["wind_speed_100m"]).all()
    assert run.notes[0].startswith("weather of w.csv: taken as it stands for 52.5, 13.4")


def test_of_many_runs_the_latest_that_was_known_is_given(tmp_path: Path) -> None:
    cells = [(day, lead) for day in (27, 28, 29) for lead in (13, 14)]
    rows = [f"2024-03-{d}T00:00Z,2024-03-{d}T{h}:00Z,2024-03-{d}T12:30Z,{d}\n" for d, h in cells]
    run = fetch(tmp_path / "w.csv", "issue_time,time,available_at,temperature_2m\n" + "".join(rows))
    assert run.issue_time == pd.Timestamp("2024-03-28T00:00Z")  # that of the 29th is known half an hour later
    assert run.available_at == pd.Timestamp("2024-03-28T12:30Z")
    np.testing.assert_array_equal(run.columns["temperature_2m"], [28, 28])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,kw\n2024-03-29T13:00Z,1\n", r"no column is one of weather; it has \['time', 'kw'\]"),
        ("temperature_2m\n1\n", "no column of times"),
        ("time,temperature_2m\n2024-03-29 13:00,1\n2024-03-29 14:00,1\n", "has no offset"),
        ("time,temperature_2m\n2024-03-29T13:00Z,1\n2024-03-29T14:00Z,300\n", "300 °C, which no temperature_2m is"),
        (
            "issue_time,time,temperature_2m\n2024-03-30T00:00Z,2024-03-30T13:00Z,1\n2024-03-30T00:00Z,2024-03-30T14:00Z,1\n",
            "no run was known at 2024-03-29T12:00Z",
        ),
    ],
)
def test_what_is_no_weather_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ForecastError, match=says):
        fetch(tmp_path / "w.csv", text)
