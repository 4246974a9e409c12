from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.archive import Archive, Measured
from forecasting.observed import came, free, means_over, with_dark_hours
from forecasting.targets import Kind, Place, Target

STEP = 15 * 60 * 10**9


def measured(ends: np.ndarray, values: np.ndarray) -> Measured:
    return Measured(ends * STEP, ends * STEP, values)


def test_means_keep_energy_and_know_what_is_missing() -> None:
    ends = np.array([1, 2, 3, 4, 6, 7, 8])
    values = np.array([1.0, 2.0, 3.0, 4.0, 6.0, np.nan, 8.0])
    found = means_over(measured(ends, values), np.array([0, 2, 4, 5, 6, 8]) * STEP)
    np.testing.assert_allclose(found, [1.5, 3.5, np.nan, 6.0, np.nan])


def test_parts_of_steps_and_what_lies_outside() -> None:
    found = means_over(measured(np.arange(1, 5), np.arange(1.0, 5.0)), np.array([-2, 0, 0.5, 1.5, 4, 5]) * STEP)
    np.testing.assert_allclose(found, [np.nan, 1.0, 1.5, (0.5 * 2 + 3 + 4) / 2.5, np.nan])
    assert np.isnan(means_over(measured(np.array([1]), np.array([1.0])), np.array([0, 1]) * STEP)).all()


@given(st.integers(0, 2**32 - 1))
def test_a_mean_lies_between_what_it_is_of(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=40)
    edges = np.sort(rng.choice(np.arange(0, 41), 6, replace=False)).astype(np.int64)
    found = means_over(measured(np.arange(1, 41), values), edges * STEP)
    for k, (a, b) in enumerate(pairwise(edges)):
        assert found[k] == pytest.approx(values[a:b].mean())


EQUATOR = Place(0.0, 0.0, "UTC")
ROOF = Target("roof", "pv", 100.0, "works")
HOUR = 3_600 * 10**9
START = pd.Timestamp("2024-03-20T00:00Z")


@pytest.mark.parametrize(("kind", "counts"), [("wind", [0.0, 5.0]), ("pv", [0.0, 5.0]), ("net_load", [-3.0, 5.0])])
def test_what_a_plant_draws_for_itself_is_no_output(kind: Kind, counts: list[float]) -> None:
    target = Target("one", kind, 100.0, "works")
    ends = pd.to_datetime(np.array([1, 2]) * STEP, utc=True)
    known = Archive.empty().with_measurements("works", "one", ends, [-3.0, 5.0]).as_of("1970-01-02T00:00Z")
    assert came(known, target, np.arange(3) * STEP).tolist() == counts


@pytest.mark.parametrize(("kind", "kept"), [("wind", [1.0, 2.0, np.nan, np.nan, 5.0]), ("load", [1.0, 2, 3, 4, 5])])
def test_what_was_held_back_is_not_what_could_come(kind: Kind, kept: list[float]) -> None:
    """The log of half hours says of the second one that it was: both of its quarter-hours count as unknown."""
    ends = pd.to_datetime(np.arange(1, 6) * STEP, utc=True)
    halves = pd.to_datetime(np.array([2, 4, 6]) * STEP, utc=True)
    archive = Archive.empty().with_measurements("works", "one", ends, np.arange(1.0, 6.0))
    known = archive.with_measurements("works", "one_curtailed", halves, [0.0, 1.0, np.nan]).as_of("1970-01-02T00:00Z")
    target = Target("one", kind, 100.0, "works")
    np.testing.assert_array_equal(free(known, target).value, kept)
    np.testing.assert_array_equal(came(known, target, np.arange(6) * STEP), kept)


def roof(*hours: tuple[int, float]) -> Archive:
    """Readings of hours that end so many hours after the start, known 20 minutes later."""
    ends = START + pd.to_timedelta([hour for hour, _ in hours], unit="h")
    return Archive.empty().with_measurements(
        "works", "roof", ends, [value for _, value in hours], pd.Timedelta("20min")
    )


def by_hour(archive: Archive) -> dict[int, float]:
    rows = archive.rows()["works", "roof"]
    assert (rows.available_ns - rows.valid_ns == HOUR // 3).all()
    return dict(zip(((rows.valid_ns - START.value) // HOUR).tolist(), rows.value.tolist(), strict=True))


def test_a_logger_that_sleeps_at_night_said_0() -> None:
    """At the equator in March the sun is up from 6:07 to 18:07 UTC: hours that end at 20 to 6 lie in the dark.

    The third day is lost: of it the night that follows the second day is known, and no other.
    """
    days = [(24 * day + hour, 50.0) for day in (0, 1, 3) for hour in range(8, 18)]
    found = by_hour(with_dark_hours(roof(*days, (20, np.nan)), [ROOF], EQUATOR))
    dark = {24 * day + hour for day in range(4) for hour in (*range(7), *range(20, 25))}
    assert {hour for hour, value in found.items() if value == 0.0} == {h for h in dark if 17 < h < 41 + 24}
    assert {hour for hour, value in found.items() if value == 50.0} == {hour for hour, _ in days}
    assert np.isfinite(list(found.values())).all()


def test_a_logger_that_writes_its_nights_and_a_wind_farm_stay_as_they_are() -> None:
    whole = roof(*((hour, 0.0) for hour in range(30)), *((hour, 7.0) for hour in range(40, 60)))
    assert by_hour(with_dark_hours(whole, [ROOF], EQUATOR)) == by_hour(whole)
    days = roof(*((24 * day + hour, 50.0) for day in (0, 1) for hour in range(8, 18)))
    assert by_hour(with_dark_hours(days, [replace(ROOF, kind="wind")], EQUATOR)) == by_hour(days)
