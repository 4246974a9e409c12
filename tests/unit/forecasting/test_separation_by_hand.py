"""The steps of telling sun and wind from a load, each on a few numbers that are worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.clock import DAY_NS
from forecasting.net_load_separation import _Days, _Fit, _fitted, _parts, _seen_in, _shifts, _wind, equator_deg
from forecasting.targets import Place

PLACE = Place(52.0, 5.0, "Europe/Amsterdam")


def test_what_a_day_departs_from_is_the_mean_of_the_others_of_its_kind() -> None:
    """Monday 1, Tuesday 2, Wednesday 6: 1 − (2 + 6)/2, 2 − (1 + 6)/2, 6 − (1 + 2)/2; a lone Sunday has none."""
    sunday = pd.Timestamp("2023-06-04T01:00Z").as_unit("ns").value
    end = sunday + DAY_NS * np.arange(4)
    days = _Days(end, 1, PLACE)
    assert days.departures(np.array([9.0, 1.0, 2.0, 6.0])).ravel()[1:].tolist() == [-3.0, -1.5, 4.5]
    assert np.isnan(days.departures(np.array([9.0, 1.0, 2.0, 6.0])).ravel()[0])
    week = _Days(end[0] + DAY_NS * np.arange(9), 1, PLACE)
    assert week.alike[0].tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 0]  # Sundays and Saturdays up to a week away


def test_machines_give_their_rating_from_their_rated_wind_on() -> None:
    """Cubes above 3 m/s: rated 9, 11 or 13 m/s at 9 m/s gives 1, 702/1304 and 702/2170."""
    found = _wind(4, np.array([3.0, 9.0, 13.0, 20.0]))
    np.testing.assert_allclose(found[:, 1], [1.0, 702 / 1304, 702 / 2170])
    assert found[:, 0].tolist() == [0.0, 0.0, 0.0]
    assert found[:, 2].tolist() == found[:, 3].tolist() == [1.0, 1.0, 1.0]


def test_clocks_are_looked_for_four_hours_either_way_the_nearest_first() -> None:
    assert _shifts(24) == [0, -1, 1, -2, 2, -3, 3, -4, 4]


def test_modules_lie_towards_the_equator_on_both_halves_of_the_earth() -> None:
    assert equator_deg(Place(52.0, 5.0, "UTC")) == 180.0
    assert equator_deg(Place(-33.0, 151.0, "UTC")) == 0.0


@pytest.mark.parametrize(
    ("net", "shift", "sign"),
    [
        ([100.0, -2.0, -4.0, -6.0], 1, 1.0),
        ([-4.0, -6.0, -8.0, 100.0], -1, 1.0),
        ([100.0, 2.0, 4.0, 6.0], 1, -1.0),
    ],
)
def test_what_a_shift_brings_round_from_the_other_end_is_not_fitted(net: list[float], shift: int, sign: float) -> None:
    """Twice the shape 1, 2, 3, 4, an hour late or early; the 100 stands where the other end would come in."""
    fit = _fitted(np.array([net]), [np.array([[1.0, 2.0, 3.0, 4.0]])], shift, sign)
    assert fit.amounts == pytest.approx([2.0], rel=1e-6)
    assert fit.left == pytest.approx(0.0, abs=1e-6)


def test_a_part_below_a_hundredth_of_the_range_is_noise() -> None:
    """A range of 100 kW: 1.5 kW are a plant, .5 are none; two half-hours late are one hour."""
    net, shapes = np.array([0.0, 100.0, 50.0, 40.0]), (np.array([[1.0, 2.0, 3.0, 4.0]]), np.empty((0, 4)))
    for amount, capacity in ((1.5, 1.5), (0.5, 0.0)):
        found = _parts(_Fit(np.array([amount]), 2, -1.0, 1.0), net, shapes, 48, 4.0)
        assert found.solar_capacity_kw == capacity
        assert found.solar_kw.tolist() == [3 * capacity, 4 * capacity, capacity, 2 * capacity]
        assert found.load_kw.tolist() == (found.solar_kw - net).tolist()
        assert (found.shift_h, found.explained, found.feed_in_positive) == (1.0, 0.75, True)


def test_what_varies_more_than_in_the_dark_is_sun() -> None:
    """Squares by time of day 4, 16, 100, 4; dark are the first and the last: 0, 12/16 and 96/100 of it are sun."""
    rest = np.array([[2.0, 4.0, 10.0, -2.0], [-2.0, -4.0, -10.0, 2.0]])
    night = _seen_in(rest, np.tile([0.0, 0.3, 1.0, 0.0], 2))
    assert night == pytest.approx([0.0, 3.0, 9.6, 0.0, 0.0, -3.0, -9.6, 0.0])
    # Where it is never dark, the calmest time of day stands for it.
    assert _seen_in(rest, np.tile([0.5, 0.3, 1.0, 0.5], 2)) == pytest.approx(night)
    assert _seen_in(rest, np.zeros(8)).tolist() == [0.0] * 8
