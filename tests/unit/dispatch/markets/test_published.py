"""Worked examples that others published, with their numbers."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from dispatch.markets.baselines.days import Days, Event, by_day
from dispatch.markets.baselines.estimate import baseline
from dispatch.markets.baselines.methods import Method, method
from dispatch.markets.catalogue import product
from dispatch.markets.delivery import delivered
from dispatch.markets.settlement import Facts, Terms, settle
from dispatch.signals import Array, Horizon

DAY = date(2026, 3, 30)
START = np.datetime64("2026-03-30T16:00:00", "s")


def paid(price_per_kwh: float, saved_kwh: float) -> int:
    """Cents for a saving over three hours at a price, without tolerances."""
    one = product("shanghai_vpp_response", DAY)
    one = one.model_copy(
        update={"delivery": one.delivery.model_copy(update={"nothing_below": 0.0, "full_from": 0.0, "paid_up_to": 1e6})}
    )
    hours = np.array([3.0])
    given = np.array([saved_kwh]) / hours
    terms = Terms(one, "up", hours, np.maximum(given, 1e-3), np.array([price_per_kwh]))
    return settle(terms, Facts(given), np.array([START]), np.array([START + np.timedelta64(3, "h")])).cents


def hourly(kw: Array, days: int, first: date) -> Days:
    return by_day(kw.ravel(), Horizon.local_day(first, "UTC", 60, days=days))


def test_portland_general_electric_peak_time_rebate() -> None:
    """Typical use 3.67 kWh, weather +1.1 kWh, actual 2.21 kWh: 2.56 kWh saved, at 1 $/kWh 2.56 $.

    Source: portlandgeneral.com, How are Peak Time Rebates calculated (10 similar days, events from 16 to 19 h).
    """
    first = date(2026, 1, 5)
    kw = np.full((21, 24), 0.8)
    kw[:, 16:19] = 3.67 / 3  # typical use during the event's hours
    kw[18, 12:15] = 0.8 + 1.1 / 3  # what the day's weather adds, seen in the hours before
    kw[18, 16:19] = 2.21 / 3
    days = hourly(kw, 21, first)
    one = method("gb_flexibility_service_2022").model_copy(update={"adjust_from_h": 4, "adjust_to_h": 1})
    usual = baseline(one, days, Event(first + timedelta(days=18), 16, 19))
    assert usual.sum() == pytest.approx(3.67 + 1.1)
    saved = delivered(usual, np.full((1, 3), 2.21 / 3), "up").sum()
    assert saved == pytest.approx(2.56)
    assert paid(1.0, float(saved)) == 256


def test_connexus_peak_time_rebate() -> None:
    """Baseline 16 kWh, use 12 kWh: 4 $ at 1 $/kWh; using more costs nothing. Source: connexusenergy.com, questions."""
    assert paid(1.0, 16.0 - 12.0) == 400
    assert paid(1.0, 16.0 - 18.0) == 0


@pytest.mark.parametrize(("today", "added"), [(600.0, 100.0), (400.0, 0.0)])
def test_flexibility_services_agreement_adds_and_never_takes(today: float, added: float) -> None:
    """Baseline 500 kW in the hour that begins two hours before: 600 kW adds 100, 400 kW nothing.

    Source: Flexibility Services Standard Agreement, baseline adjustment (10 similar days; noon to 1 pm).
    """
    first = date(2026, 1, 5)
    kw = np.full((21, 24), 500.0)
    kw[18, 12] = today
    kw[18, 13] = 50.0  # the hour just before does not count
    one = method("ten_of_ten").model_copy(
        update={"adjust": "add", "adjust_from_h": 2, "adjust_to_h": 1, "adjust_up_only": True}
    )
    found = baseline(one, hourly(kw, 21, first), Event(first + timedelta(days=18), 14, 16))
    np.testing.assert_allclose(found, 500.0 + added)


def test_pjm_same_day_uses_hours_ending_9_to_11_and_19_to_20() -> None:
    """An event in hours ending 13 to 17. Source: RTO Insider on PJM Manual 11, Improved DR Baseline Processes."""
    kw = np.zeros((3, 24))
    kw[1] = np.arange(1, 25)  # each hour's number by its end
    found = baseline(method("same_day_three_two"), hourly(kw, 3, DAY), Event(DAY + timedelta(days=1), 12, 17))
    np.testing.assert_allclose(found, np.mean([9, 10, 11, 19, 20]))


def test_centerpoint_averages_five_business_days_two_hours_before() -> None:
    """A curtailment on Friday 2008-07-18 at 4 pm: 2 to 3 pm of that day and of July 14 to 17.

    Source: CenterPoint Energy, load management standard offer, step 4.
    """
    first = date(2008, 7, 7)
    kw = np.zeros((14, 24))
    kw[:, 14] = 1000.0  # days before the four are not to count
    kw[7:12, 14] = [10.0, 20.0, 30.0, 40.0, 50.0]
    found = baseline(method("peak_days_hour_before"), hourly(kw, 14, first), Event(date(2008, 7, 18), 16, 17))
    np.testing.assert_allclose(found, 30.0)


def test_gaming_as_it_was_reported_of_great_britain() -> None:
    """220 £ of payments for 45 £ of electricity leave 175 £: use in the hours of the adjustment raises the baseline.

    Source: Utility Week, Demand Flexibility Service adjusted to prevent gaming, 2023; 3 £/kWh, axle.energy.
    """
    first, day = date(2022, 11, 7), 18
    kw = np.full((21, 24), 0.5)
    extra_kw = 220 / 3 / 1.0  # what one hour at 3 £/kWh has to be short of its baseline
    kw[day, 14:17] += extra_kw
    one: Method = method("gb_flexibility_service_2022")
    usual = baseline(one, hourly(kw, 21, first), Event(first + timedelta(days=day), 17, 18))
    gained = paid(3.0, float(delivered(usual, np.array([[0.5]]), "up").sum()))
    assert gained == 22000
    without = one.model_copy(update={"adjust": "none"})
    plain = baseline(without, hourly(kw, 21, first), Event(first + timedelta(days=day), 17, 18))
    assert paid(3.0, float(delivered(plain, np.array([[0.5]]), "up").sum())) == 0
