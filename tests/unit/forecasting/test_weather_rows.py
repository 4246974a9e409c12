from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.clock import HOUR_NS
from forecasting.weather_rows import weather_at

ISSUE = pd.Timestamp("2024-03-01T00:00Z")
HOURS = pd.date_range(ISSUE, periods=4, freq="1h")


def at(name: str, values: list[float], hour: float) -> float:
    known = Archive.empty().with_forecast("sky", name, ISSUE, ISSUE, HOURS, values).as_of(ISSUE)
    middle = np.array([[ISSUE.as_unit("ns").value + int(hour * HOUR_NS)]])
    found = weather_at(known, "sky", np.array([ISSUE.as_unit("ns").value]), middle)
    assert found is not None
    return float(found.columns[name][0, 0])


def test_between_350_and_10_degrees_lies_north() -> None:
    assert at("wind_direction_10m", [350.0, 10.0, 30.0, 50.0], 0.75) == pytest.approx(5.0)
    assert at("wind_direction_10m", [350.0, 10.0, 30.0, 50.0], 0.25) == pytest.approx(355.0)
    assert at("wind_direction_10m", [10.0, 350.0, 340.0, 330.0], 0.75) == pytest.approx(355.0)


def test_a_value_at_the_stamp_lies_on_the_line_and_a_mean_half_a_step_earlier() -> None:
    assert at("temperature_2m", [1.0, 3.0, 5.0, 7.0], 1.5) == pytest.approx(4.0)
    assert at("shortwave_radiation", [100.0, 300.0, 500.0, 700.0], 1.5) == pytest.approx(500.0)
