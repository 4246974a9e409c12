"""Usual days: what came at the same time of day, by kind of day where there are enough of a kind."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from forecasting.learners.base import Frame
from forecasting.learners.usual import Usual, UsualFitted

LEVELS = np.array([0.1, 0.5, 0.9])


def learnt(days: int, kind_of_day: NDArray[np.int64]) -> tuple[UsualFitted, Frame]:
    """Hours of days whose value is the hour, and ten more on days of kind 1."""
    hour, day = np.tile(np.arange(24), days), np.repeat(np.arange(days), 24)
    kind = kind_of_day[day]
    rows = Frame(np.stack([hour, kind], axis=1).astype(np.float32), ("hour", "day_class"), day)
    return Usual(classes="day_class").fit(rows, hour + 10.0 * kind, LEVELS), rows


def test_days_of_a_kind_of_which_there_are_enough_are_told_apart() -> None:
    fitted, rows = learnt(21, (np.arange(21) % 4 == 3).astype(int))
    told = fitted.predict(rows)
    assert told[:, 1] == pytest.approx(rows.column("hour") + 10 * rows.column("day_class"))


@pytest.mark.parametrize("of_the_kind", [1, 2, 3])
def test_of_too_few_days_of_a_kind_the_time_of_day_is_still_known(of_the_kind: int) -> None:
    """Three Saturdays of hours are three values each: the other days say more of an hour than all hours do."""
    fitted, rows = learnt(21, (np.arange(21) >= 21 - of_the_kind).astype(int))
    told = fitted.predict(rows)[-24:, 1]
    assert told == pytest.approx(np.arange(24))


def test_where_a_time_of_day_was_hardly_ever_seen_the_whole_day_stands_for_it() -> None:
    hour, day = np.tile(np.arange(12), 10), np.repeat(np.arange(10), 12)
    rows = Frame(hour[:, None].astype(np.float32), ("hour",), day)
    night = Frame(np.array([[20.0]], np.float32), ("hour",), np.array([9]))
    assert Usual().fit(rows, hour.astype(float), LEVELS).predict(night)[0, 1] == pytest.approx(5.5)


def test_days_count_by_how_near_they_are_in_the_season_of_this_year_and_the_last() -> None:
    """Of 365 days the newest and the oldest are neighbours; half a year from them a day counts e^-9.

    Of the first 121 days the last 30 have 100. With weights exp(-(d/60)^2) those are 60 (√π/2) erf(1/2) = 27.7 of
    60 (√π/2) erf(2) = 52.9: more than half.
    """
    day = np.arange(365)
    value = np.where(np.abs(day - 182) <= 91, 100.0, 0.0)
    rows = Frame(np.zeros((365, 1), np.float32), ("hour",), day)
    plain, season = (Usual(per_day=1, window_h=0.0, last_blocks=400, season_blocks=of) for of in (None, 60.0))
    assert plain.fit(rows, value, LEVELS).predict(rows)[0, 1:].tolist() == [100.0, 100.0]
    assert season.fit(rows, value, LEVELS).predict(rows)[0].tolist() == [0.0, 0.0, 0.0]
    until, came = rows.take(day <= 120), value[day <= 120]
    assert plain.fit(until, came, LEVELS).predict(until)[0].tolist() == [0.0, 0.0, 100.0]
    assert season.fit(until, came, LEVELS).predict(until)[0].tolist() == [0.0, 100.0, 100.0]
