from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.errors import ForecastError
from forecasting.models.solar.dirt import cleaning_of
from forecasting.soiling import dirt_days
from tests.unit.forecasting.models.solar.plants import FIRST, PLACE, issue, made

DAYS, RATE = 60, 0.01


def dirty(measured: bool) -> Archive:
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
    found, _ = cleaning_of(dirty(measured).as_of(issue(DAYS)), targets[0], PLACE, cost=50.0, price_per_kwh=0.5)
    assert found.dirt_days == pytest.approx(DAYS - 41, abs=1)
    assert found.rate_low < RATE < found.rate_high
    assert found.rate_per_day == pytest.approx(RATE, rel=0.5)


def test_without_rain_nothing_is_said() -> None:
    targets, archive = made(DAYS, count=1, seed=3)
    with pytest.raises(ForecastError, match="no precipitation is known under roof0"):
        cleaning_of(archive.as_of(issue(DAYS)), targets[0], PLACE, cost=50.0, price_per_kwh=0.5)


def test_what_cleaning_brings_is_the_loss_of_the_days_until_rain() -> None:
    targets, _ = made(DAYS, count=1, seed=3)
    known = dirty(measured=True).as_of(issue(DAYS))
    state, found = cleaning_of(known, targets[0], PLACE, cost=50.0, price_per_kwh=0.5, ahead_days=30)
    # Rain came on 2 of 60 days: over 30 days the chance that none has washed it falls to (1 − 3/62)^30.
    dry = ((1 - 3 / 62) ** np.arange(1, 31)).sum()
    rows = known.measurements(targets[0].site, targets[0].name)
    lately_kwh = (
        rows.value[-30 * 96 :].sum() / 4 / 30 if len(rows.value) > 60 * 90 else rows.value[-30 * 24 :].mean() * 24
    )
    assert found.gain == pytest.approx(lately_kwh * state.loss * 0.5 * dry, rel=0.35)
    twice = cleaning_of(known, targets[0], PLACE, cost=50.0, price_per_kwh=1.0, ahead_days=30)[1]
    assert twice.gain == pytest.approx(2 * found.gain)
