"""A history of which nothing was known until just now: months of meter data in one upload."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.clock import HOUR_NS
from forecasting.forecast import Forecast, forecast
from tests.unit.forecasting.synthetic import BERLIN, LOAD, TARGETS, archive, day_edges, ends

EDGES = day_edges("2023-06-10")
ISSUE = pd.Timestamp("2023-06-09T10:00", tz=BERLIN.time_zone)
END = ends("2023-03-01", 100.41)  # until the issue


def uploaded(before: pd.Timedelta, end: pd.DatetimeIndex = END, of: float = 1.0) -> Archive:
    """All targets; the first share `of` them was received so long before the issue, the rest as it came."""
    rows = archive(end).rows()
    moment = (ISSUE - before).value

    def late(available_ns: np.ndarray) -> np.ndarray:
        first = np.arange(len(available_ns)) < of * len(available_ns)
        return np.where(first, np.maximum(available_ns, moment), available_ns)

    return Archive.of_rows({key: replace(one, available_ns=late(one.available_ns)) for key, one in rows.items()})


def ask(of: Archive) -> Forecast:
    return forecast(TARGETS, of, BERLIN, ISSUE, EDGES)


@pytest.fixture(scope="module")
def by_and_by() -> Forecast:
    """What is said of a history that came with a quarter of an hour's delay."""
    return ask(archive(END))


@pytest.mark.parametrize(
    ("minutes", "share"),
    [pytest.param(1, 1.0, id="just now"), pytest.param(10 * 1440, 0.9, id="ten days ago, and by and by since")],
)
def test_the_forecast_is_that_of_a_history_that_came_by_and_by(by_and_by: Forecast, minutes: int, share: float) -> None:
    found = ask(uploaded(pd.Timedelta(minutes=minutes), of=share))
    for name, of_capacity in (("wind", 500.0), ("roof", 100.0), ("offices", 80.0)):
        assert found.central[name] == pytest.approx(by_and_by.central[name], abs=0.06 * of_capacity)
        width, usual = (np.ptp(each.quantiles[name], axis=1).mean() for each in (found, by_and_by))
        assert width == pytest.approx(usual, rel=0.2)
    assert found.inputs_used["offices"]["measurements"] == by_and_by.inputs_used["offices"]["measurements"]


def test_a_meter_that_has_long_been_silent_gives_usual_days_and_a_note() -> None:
    end = ends("2023-03-01", 30)  # 70 days of silence: no past forecast with data as old could have known any
    found = forecast([LOAD], archive(end, (LOAD,)), BERLIN, ISSUE, EDGES)
    local = EDGES[:-1].tz_convert(BERLIN.time_zone)
    assert found.central["offices"] == pytest.approx(np.full(len(local), 30.0), rel=0.1)  # a Saturday
    assert "offices: 30 days of history too old to try a model on, so quantiles by time of day" in found.notes


def test_nothing_is_learnt_from_issues_that_knew_nothing() -> None:
    """Fifteen days ahead on 29 days of history: of the two past issues the first lies before anything was known."""
    end = ends("2023-05-11", 29.41)
    edges = pd.date_range(ISSUE.ceil("h") + pd.Timedelta(hours=20), periods=15 * 24, freq="1h")
    found = forecast([LOAD], archive(end, (LOAD,)), BERLIN, ISSUE, edges)
    local = edges[:-1].tz_convert(BERLIN.time_zone)
    busy = (local.hour >= 7) & (local.hour < 19) & (local.weekday < 5)
    for part, usual_kw in ((busy, 80.0), (~busy, 30.0)):
        assert found.central["offices"][part].mean() == pytest.approx(usual_kw, rel=0.1)
    assert end[-1].value <= ISSUE.value < end[-1].value + HOUR_NS
