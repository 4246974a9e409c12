"""Readings that cannot be are missing and named; what is rare but real, or lasts, stays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.errors import ForecastError
from forecasting.plausible import plausible
from forecasting.targets import Kind, Target

ENDS = pd.date_range("2023-03-01T01:00Z", periods=200 * 24, freq="h")
NOON = 100 * 24 + 11  # ends at 12:00 of the hundredth day after the first: 9 June
INF = float("inf")


def cleaned(
    values: np.ndarray, kind: Kind = "load", capacity_kw: float = INF, ends: pd.DatetimeIndex = ENDS
) -> tuple[pd.Series, tuple[str, ...]]:
    archive = Archive.empty().with_measurements("works", "a", ends, values)
    known, notes = plausible(archive.as_of(ends[-1] + pd.Timedelta("1h")), [Target("a", kind, capacity_kw, "works")])
    found = known.measurements("works", "a")
    return pd.Series(found.value, pd.to_datetime(found.end_ns, utc=True)), notes.get("a", ())


def load() -> np.ndarray:
    """300 kW, by day 500 kW."""
    hour = ENDS.hour.to_numpy()
    return np.where((hour > 7) & (hour <= 18), 500.0, 300.0)


def sun() -> np.ndarray:
    """Up to 100 kW between six and six."""
    return 100.0 * np.maximum(np.sin(np.pi * (ENDS.hour.to_numpy() - 6) / 12), 0)


def with_value(values: np.ndarray, at: int | slice | np.ndarray, value: float) -> np.ndarray:
    values[at] = value
    return values


@pytest.mark.parametrize(
    ("values", "kind", "capacity_kw", "says"),
    [
        (with_value(load(), NOON, 5000.0), "load", INF, "5000 kW at 2023-06-09T12:00Z is beyond 1500"),  # 3 x 500
        (with_value(load(), NOON, -120.0), "load", INF, "-120 kW at 2023-06-09T12:00Z is below 0"),
        (with_value(sun(), NOON, 1e5), "pv", 100.0, "100000 kW at 2023-06-09T12:00Z is beyond 150"),  # 1.5 x 100
        (with_value(sun(), NOON, -20.0), "pv", 100.0, "-20 kW at 2023-06-09T12:00Z is below 0"),
        (with_value(load() - 400, NOON, 1e5), "net_load", INF, "100000 kW at 2023-06-09T12:00Z is beyond "),
    ],
)
def test_a_single_reading_that_cannot_be_is_missing(
    values: np.ndarray, kind: Kind, capacity_kw: float, says: str
) -> None:
    found, (note,) = cleaned(values, kind, capacity_kw)
    assert note.startswith(f"a: {says}")
    assert note.endswith("counted as missing")
    assert np.flatnonzero(np.isnan(found)).tolist() == [NOON]
    rest = np.arange(len(values)) != NOON
    np.testing.assert_array_equal(found[rest], values[rest])


@pytest.mark.parametrize(
    ("values", "kind", "capacity_kw"),
    [
        (load(), "load", INF),
        (with_value(load(), NOON, 1400.0), "load", INF),  # less than 3 x 500
        (with_value(load(), np.arange(11, 200 * 24, 30 * 24), 2500.0), "load", INF),  # tested on seven days
        (with_value(load(), slice(NOON, NOON + 24), 5000.0), "load", INF),  # a day of it is no slip
        (with_value(load(), slice(NOON, None), 5e5), "load", INF),  # the meter changed its unit
        (np.where(np.arange(len(ENDS)) < 100 * 24, 0.0, load()), "load", INF),
        (with_value(sun(), 3, -0.9), "pv", 100.0),  # less than 1 % is stand-by, which models take as 0
        (with_value(load() - 400, NOON, -900.0), "net_load", INF),
        (with_value(load(), NOON, 5e5), "price", INF),
    ],
)
def test_what_can_be_stays(values: np.ndarray, kind: Kind, capacity_kw: float) -> None:
    found, notes = cleaned(values, kind, capacity_kw)
    assert not notes
    np.testing.assert_array_equal(found, values)


def test_readings_above_the_capacity_stay_and_are_named_with_it() -> None:
    """Where most are above 1.5 times the capacity it is the capacity that is wrong, and forecasts stop there."""
    found, (note,) = cleaned(5 * sun(), "pv", 100.0)
    np.testing.assert_array_equal(found, 5 * sun())
    # sin(π h/12) > 1.02/5 at h = 1 … 11: eleven hours of 200 days.
    assert note == (
        "a: 2200 readings, such as 500 kW at 2023-03-01T12:00Z, are above its capacity of 100 kW, the most that is "
        "ever forecast: check the capacity"
    )
    assert cleaned(1.01 * sun(), "pv", 100.0)[1] == ()


def test_a_plant_that_was_larger_is_held_to_what_it_was() -> None:
    half = ENDS[100 * 24]
    values = np.where(half >= ENDS, 3.0, 1.0) * sun()
    archive = Archive.empty().with_measurements("works", "a", ENDS, values)
    shrunk = Target("a", "pv", 100.0, "works", past_capacities=((half.value, 300.0),))
    _, notes = plausible(archive.as_of(ENDS[-1] + pd.Timedelta("1h")), [shrunk])
    assert not notes


def windy() -> np.ndarray:
    """A farm of 100 kW whose power never repeats but at its rating, where it often stands for ten hours."""
    hour = np.arange(len(ENDS))
    value = 50 + 49 * np.sin(hour * 0.7310585)
    return np.where(hour % 72 < 10, 100.0, value)


@pytest.mark.parametrize("kind", ["wind", "load"])
def test_a_meter_that_sticks_is_missing_while_it_does(kind: Kind) -> None:
    length = 8 if kind == "wind" else 30
    at = slice(60 * 24 + 20, 60 * 24 + 20 + length)
    values = with_value(windy(), at, 33.3)
    found, (note,) = cleaned(values, kind, 100.0 if kind == "wind" else INF)
    hours = 6 if kind == "wind" else 24
    assert note == (
        f"a: {length} readings, such as 33.3 kW at 2023-04-30T21:00Z, are the same for {hours} h or more, "
        "so counted as missing"
    )
    assert np.flatnonzero(np.isnan(found)).tolist() == list(range(at.start, at.stop))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (windy(), "wind"),
        (with_value(windy(), slice(1500, 1505), 33.3), "wind"),  # five hours may be chance
        (with_value(windy(), slice(1500, 1540), 0.0), "wind"),  # nothing is a calm or a fault, and no stuck meter
        (with_value(with_value(windy(), slice(1500, 1510), 33.3), slice(2500, 2510), 33.3), "wind"),  # a set-point
        (np.repeat(windy()[:400], 12), "wind"),  # all in blocks of half a day
        (with_value(windy(), slice(1500, 1520), 33.3), "load"),  # a load may well stand for most of a day
        (with_value(with_value(windy(), slice(1500, 1530), 33.3), slice(2500, 2530), 33.3), "load"),  # its base
    ],
)
def test_what_stands_still_for_a_reason_stays(values: np.ndarray, kind: Kind) -> None:
    found, notes = cleaned(values, kind, 100.0 if kind == "wind" else INF)
    assert not notes
    np.testing.assert_array_equal(found, values)


def test_what_a_plant_draws_at_night_is_no_output() -> None:
    found, (note,) = cleaned(np.where(sun() > 0.01, sun(), -1.5), "pv", 100.0)
    # From six in the evening to six in the morning, with both ends: 13 of 24 hours.
    assert (
        note
        == "a: 2600 readings, such as -1.5 kW at 2023-03-01T01:00Z, are below 0, a plant's own use, so counted as 0"
    )
    np.testing.assert_allclose(found, np.where(sun() > 0.01, sun(), 0.0))


def test_a_sign_that_is_reversed_is_refused() -> None:
    with pytest.raises(
        ForecastError, match=r"works/a at 2023-03-01T01:00Z: -300 kW is negative \(4800 of 4800 values\)"
    ):
        cleaned(-load())


def test_the_bound_is_of_what_is_known_then() -> None:
    """What comes later is not looked at."""
    archive = Archive.empty().with_measurements("works", "a", ENDS, with_value(load(), NOON, 5000.0))
    known, notes = plausible(archive.as_of(ENDS[NOON]), [Target("a", "load", INF, "works")])
    assert not notes
    assert known.measurements("works", "a").value.max() == 500


def test_the_finer_grid_of_a_meter_decides_and_longer_intervals_are_means() -> None:
    hours, quarters = ENDS[: 30 * 24], pd.date_range(ENDS[30 * 24 - 1], periods=97, freq="15min")[1:]
    for first, second, expected in (
        (hours, quarters, "720 readings up to 2023-03-31T00:00Z"),
        (
            pd.date_range("2023-02-28T00:15Z", ENDS[0] - pd.Timedelta("1h"), freq="15min"),
            hours,
            "720 readings up to 2023-03-31T00:00Z",
        ),
    ):
        ends = first.append(second)
        values = np.arange(len(ends), dtype=float) + 100
        found, (note,) = cleaned(values, ends=ends)
        assert expected in note
        assert "longer intervals than the meter's 15 min" in note
        assert (np.diff(found.index.as_unit("ns").asi8) == 15 * 60 * 10**9).all()
        np.testing.assert_allclose(
            found.resample("1h", closed="right", label="right").mean()[hours], values[ends.get_indexer(hours)]
        )


def test_a_stamp_beside_the_grid_is_dropped() -> None:
    ends = ENDS.to_series().reset_index(drop=True)
    ends[300] += pd.Timedelta("7min")
    found, (note,) = cleaned(load(), ends=pd.DatetimeIndex(ends))
    assert (
        note
        == "a: left out for lying beside the meter's 60-min grid: 1 of its readings, the first at 2023-03-13T13:07Z"
    )
    assert len(found) == len(ENDS) - 1


def test_gaps_are_no_longer_intervals() -> None:
    ends = pd.date_range(ENDS[0], ENDS[-1], freq="15min")
    keep = np.random.default_rng(0).random(len(ends)) > 0.4
    found, notes = cleaned(np.full(keep.sum(), 300.0), ends=ends[keep])
    assert not notes
    assert len(found) == keep.sum()
