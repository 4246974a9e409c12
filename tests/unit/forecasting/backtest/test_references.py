from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.backtest.references import REFERENCES, Past, Reference, _clock
from forecasting.clock import HOUR_NS, instant_ns, utc_index
from forecasting.models.base import CannotForecast
from forecasting.targets import Place, Target

UTC = Place(0.0, 0.0, "UTC")
LEVELS = np.array([0.1, 0.5, 0.9])
WIND = Target("wind", "wind", 100.0, "park")
PV = Target("pv", "pv", 100.0, "park")
LOAD = Target("load", "load", float("inf"), "park")
ISSUE = instant_ns("2023-03-06T12:00Z", "issue")  # a Monday
EDGES = instant_ns("2023-03-07T00:00Z", "edge") + np.arange(25) * HOUR_NS


def answer(name: str, target: Target, values: np.ndarray, edges: np.ndarray = EDGES) -> np.ndarray:
    """Quantiles of a reference from hourly values that end at the issue."""
    end = utc_index(ISSUE - np.arange(len(values) - 1, -1, -1) * HOUR_NS)
    archive = Archive.empty().with_measurements("park", target.name, end, values, pd.Timedelta(0))
    known = archive.as_of(utc_index(np.array([ISSUE]))[0])
    trained = Reference(name).train(known, [target], UTC, edges - ISSUE, LEVELS)
    return trained.quantiles(known, edges)[target.name]


def hours(days: int) -> np.ndarray:
    """Hour of the day in which each of the hourly intervals up to the issue lies."""
    return (np.arange(days * 24) + 12) % 24


def test_the_clock_of_a_long_past_reaches_to_the_last_interval() -> None:
    """A year of hours and a day: the last one begins an hour before the end."""
    end = ISSUE + np.arange(-8759, 1) * HOUR_NS
    found = _clock(Past(end, np.zeros(8760), HOUR_NS), EDGES[1:], LOAD, Place(52.0, 13.0, "Europe/Berlin"))
    assert len(found.ahead) == 8760 + (EDGES[-1] - ISSUE) // HOUR_NS


def test_climatology_is_the_quantile_of_the_hour() -> None:
    rng = np.random.default_rng(0)
    values = hours(60) + rng.choice([0.0, 10.0, 20.0], 1440)
    found = answer("climatology", PV, values)
    for hour in (0, 7, 23):
        seen = values[hours(60) == hour][-45:]
        np.testing.assert_allclose(found[hour], np.quantile(seen, LEVELS), atol=4)
    assert (np.diff(found, axis=1) >= 0).all()


def test_climatology_keeps_weekends_apart() -> None:
    start = pd.Timestamp(ISSUE, tz="UTC") - pd.Timedelta(hours=60 * 24)
    weekend = (start + pd.to_timedelta(np.arange(1440), "h")).weekday >= 5
    found = answer("climatology", LOAD, np.where(weekend, 10.0, 80.0))
    assert (found == 80.0).all()


def test_persistence_of_wind_is_the_last_value_of_others_the_last_day() -> None:
    assert answer("persistence", WIND, np.full(480, 30.0))[:, 1] == pytest.approx(30.0)
    found = answer("persistence", PV, hours(30).astype(float))
    np.testing.assert_allclose(found[:, 1], np.arange(24))


def test_smart_persistence_forgets_what_does_not_last() -> None:
    rng = np.random.default_rng(1)
    noise = np.clip(50 + 10 * rng.standard_normal(2400), 0, 100)
    noise[-1] = 100.0
    plain, smart = (answer(name, WIND, noise)[:, 1] for name in ("persistence", "smart persistence"))
    assert abs(smart - 50).mean() < abs(plain - 50).mean() / 3
    lasting = 50 + 40 * np.sin(np.arange(2400) / 400)
    kept = answer("smart persistence", WIND, lasting)[0, 1]
    assert kept == pytest.approx(lasting[-1], abs=6)


def test_spread_is_that_of_past_errors() -> None:
    rng = np.random.default_rng(2)
    values = np.repeat(50 + rng.uniform(-20, 20, 100), 24)
    found = answer("persistence", PV, values)
    width = found[:, 2] - found[:, 0]
    errors = np.diff(values.reshape(-1, 24)[:, 0], 2)
    assert width.mean() == pytest.approx(np.quantile(errors, 0.9) - np.quantile(errors, 0.1), rel=0.5)


def test_gaps_are_not_zeros() -> None:
    values = np.full(960, 40.0)
    values[-30:] = np.nan
    values[100:140] = np.nan
    for reference in REFERENCES:
        np.testing.assert_allclose(answer(reference.name, WIND, values), 40.0)


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda r: r.name)
def test_without_a_past_there_is_no_answer(reference: Reference) -> None:
    with pytest.raises(CannotForecast):
        answer(reference.name, WIND, np.full(30, np.nan))
    with pytest.raises(CannotForecast, match="equal steps"):
        answer(reference.name, WIND, np.ones(300), np.array([EDGES[0], EDGES[1], EDGES[3]]))
