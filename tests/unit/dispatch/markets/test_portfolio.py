from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from dispatch.errors import AlignmentError, DataError
from dispatch.markets.awards import Award, AwardPeriod
from dispatch.markets.baselines.days import by_day
from dispatch.markets.baselines.methods import method
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product
from dispatch.markets.portfolio import Metered, Prices, asked, baselines, events, settle_awards
from dispatch.signals import Array, Horizon

ZONE = "Asia/Shanghai"
FIRST = date(2026, 7, 1)
ONE = product("guangdong_demand_response", FIRST)
STEPS = Horizon.local_day(FIRST, ZONE, 60, days=30)
DAYS = (FIRST + timedelta(days=20), FIRST + timedelta(days=21))


def award(day: date, kw: float = 6000.0, hours: tuple[int, ...] = (15, 16), price: float = 500.0) -> Award:
    starts = periods(ONE, day).local_start
    rows = tuple(AwardPeriod(start=starts[h], quantity_kw=kw, price=price) for h in hours)
    return Award(product=ONE.name, day=day, side="up", periods=rows)


def metered(gives_kw: float = 3000.0) -> Metered:
    """Two sites of 10 MW, each of which gives so much on both days."""
    kw = np.full((2, STEPS.steps), 10000.0)
    for k, at in enumerate(STEPS.local_start):
        if at.date() in DAYS and 15 <= at.hour < 17:
            kw[:, k] -= gives_kw
    return Metered(("a", "b"), STEPS, kw)


def test_no_event_is_part_of_another_ones_baseline() -> None:
    found = baselines(method("ten_of_ten_unadjusted"), metered(), asked(ONE, [award(day) for day in DAYS]))
    known = np.isfinite(found)
    assert known.sum() == 2 * 2 * 2
    np.testing.assert_allclose(found[known], 10000.0)
    # With one of them alone the other day would have pulled the mean of ten down.
    single = baselines(method("ten_of_ten_unadjusted"), metered(), asked(ONE, [award(DAYS[1])]))
    np.testing.assert_allclose(single[np.isfinite(single)], 9700.0)


def test_two_days_are_settled_together() -> None:
    awards = [award(DAYS[1], price=600.0), award(DAYS[0])]
    base = baselines(method("ten_of_ten"), metered(), asked(ONE, awards))
    made = settle_awards(ONE, awards, metered(), base)
    assert made.settlement.cents == 100 * 2 * 6000 * (0.5 + 0.6)
    assert made.split("delivered").total.tolist() == [660000, 660000]
    assert made.settlement.start[0] < made.settlement.start[-1]
    assert "asked of all alike" in made.notes[0]


def test_set_points_are_scaled_to_the_award_and_that_is_told() -> None:
    points = np.full((2, STEPS.steps), 1000.0)
    points[1] = 3000.0
    base = baselines(method("ten_of_ten"), metered(), asked(ONE, [award(DAYS[0])]))
    made = settle_awards(ONE, [award(DAYS[0])], metered(), base, points)
    np.testing.assert_allclose(made.award_kw[:, 0], [1500, 4500])
    assert "2 of 2 periods" in made.notes[0]
    right = settle_awards(ONE, [award(DAYS[0])], metered(), base, 1.5 * points)
    assert right.notes == ()
    with pytest.raises(DataError, match="set-points are missing"):
        settle_awards(ONE, [award(DAYS[0])], metered(), base, points * np.nan)


def test_awards_that_do_not_go_together_are_refused() -> None:
    for awards, said in (
        ([], "no award to settle"),
        ([award(DAYS[0]), award(DAYS[0])], "a day has two awards"),
        ([award(DAYS[0]), award(DAYS[1]).model_copy(update={"side": "down"})], "one product and direction"),
        ([award(DAYS[0], kw=0.0)], "nothing was awarded"),
    ):
        with pytest.raises(DataError, match=said):
            asked(ONE, awards)
    start = periods(ONE, DAYS[0]).local_start[0] + timedelta(minutes=7)
    odd = Award(product=ONE.name, day=DAYS[0], side="up", periods=(AwardPeriod(start=start, quantity_kw=1, price=1),))
    with pytest.raises(DataError, match="no period of"):
        asked(ONE, [odd])


def test_who_lacks_readings_for_a_baseline_is_named() -> None:
    found = metered()
    found.net_import_kw[1, : 15 * 24] = np.nan  # joined on the 16th
    with pytest.raises(DataError, match=r"too few readings for 1 of 2 meters \('b'\); accepted: 10 days"):
        baselines(method("ten_of_ten_unadjusted"), found, asked(ONE, [award(DAYS[0])]))


def test_meters_that_do_not_fit_are_refused() -> None:
    with pytest.raises(AlignmentError, match="sites by steps"):
        Metered(("a",), STEPS, np.zeros((2, STEPS.steps)))
    coarse = Horizon.local_day(FIRST, ZONE, 120, days=30)
    with pytest.raises(DataError, match="does not begin and end with steps"):
        events(by_day(np.zeros(coarse.steps), coarse), asked(ONE, [award(DAYS[0])]))
    early = [award(FIRST - timedelta(days=30))]
    with pytest.raises(DataError, match="not among the metered days"):
        events(by_day(np.zeros(STEPS.steps), STEPS), asked(ONE, early))


@pytest.mark.parametrize(("day", "slots"), [(date(2026, 3, 29), (0, 16)), (date(2026, 10, 25), (0, 16))])
def test_a_block_over_a_change_of_the_clock_is_an_event_by_the_clock(day: date, slots: tuple[int, int]) -> None:
    fcr = product("fcr", day)
    start = periods(fcr, day).local_start[0]
    one = Award(product="fcr", day=day, side="up", periods=(AwardPeriod(start=start, quantity_kw=1000, price=50),))
    steps = Horizon.local_day(day - timedelta(days=5), "Europe/Berlin", 15, days=10)
    (event,) = events(by_day(np.zeros(steps.steps), steps), asked(fcr, [one]))
    assert (event.day, event.first, event.last) == (day, *slots)


def test_capacity_is_settled_with_what_was_ready() -> None:
    day = date(2026, 3, 30)
    fcr = product("fcr", day)
    rows = tuple(AwardPeriod(start=t, quantity_kw=2000, price=60) for t in periods(fcr, day).local_start)
    one = Award(product="fcr", day=day, side="up", periods=rows)
    steps = Horizon.local_day(day, "Europe/Berlin", 15)
    meters = Metered(("a",), steps, np.full((1, 96), 500.0))
    base: Array = np.full((1, 96), 500.0)
    ready = settle_awards(fcr, [one], meters, base, prices=Prices(available=np.ones(6)))
    assert ready.settlement.cents == 100 * 6 * 2 * 60
    gone = settle_awards(fcr, [one], meters, base, prices=Prices(available=np.array([1, 1, 1, 1, 1, 0.9])))
    assert gone.settlement.cents == 0
