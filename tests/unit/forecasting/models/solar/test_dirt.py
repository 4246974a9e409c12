from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.errors import ForecastError
from forecasting.models.solar.dirt import soiling_of
from forecasting.soiling import dirt_days
from tests.unit.forecasting.models.solar.plants import FIRST, PLACE, issue, made

DAYS, RATE = 60, 0.01


def _dirty(measured: bool) -> Archive:
    """A plant that loses 1 % a day between rains on days 20 and 40."""
    targets, archive = made(DAYS, count=1, seed=3)
    one = targets[0]
    rain = np.zeros(DAYS)
    rain[[20, 40]] = 10.0
    rows = archive.rows()[one.site, one.name]
    day = (rows.valid_ns - 1 - FIRST.as_unit("ns").value) // (24 * 3600 * 10**9)
    value = rows.value * (1 - RATE * dirt_days(rain))[day]
    dirty = type(rows)(rows.issue_ns, rows.valid_ns, rows.available_ns, rows.member, value)
    archive = Archive.of_rows(dict(archive.rows()) | {(one.site, one.name): dirty})
    for number in range(DAYS):
        start = FIRST + pd.Timedelta(days=number)
        end = start + pd.to_timedelta(np.arange(1, 25), unit="h")
        hourly = np.zeros(24)
        hourly[2:5] = rain[number] / 3
        if measured:
            archive = archive.with_measurements(one.site, "precipitation", end, hourly, pd.Timedelta(0))
        else:
            archive = archive.with_forecast(one.site, "precipitation", start, start, end, hourly)
    return archive


@pytest.mark.parametrize("measured", [True, False])
def test_a_plants_dirt_is_found_from_its_power_and_the_rain_on_it(measured: bool) -> None:
    targets, _ = made(DAYS, count=1, seed=3)
    found = soiling_of(_dirty(measured).as_of(issue(DAYS)), targets[0], PLACE)
    assert found.dirt_days == pytest.approx(DAYS - 41, abs=1)
    assert found.rate_low < RATE < found.rate_high
    assert found.rate_per_day == pytest.approx(RATE, rel=0.5)


def test_without_rain_nothing_is_said() -> None:
    targets, archive = made(DAYS, count=1, seed=3)
    with pytest.raises(ForecastError, match="no precipitation is known under roof0"):
        soiling_of(archive.as_of(issue(DAYS)), targets[0], PLACE)
