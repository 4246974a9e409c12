from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from dispatch.errors import DataError
from dispatch.markets.calendar import gates, local, next_gate, periods, stamp
from dispatch.markets.catalogue import product, shipped
from dispatch.markets.product import Product

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN, PLAIN = date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 30)


def of(name: str, day: date = PLAIN) -> Product:
    return product(name, day)


@pytest.mark.parametrize(("day", "quarters"), [(SPRING, 92), (PLAIN, 96), (AUTUMN, 100)])
def test_a_day_of_quarter_hours_is_as_long_as_its_day(day: date, quarters: int) -> None:
    made = periods(of("sdac_day_ahead"), day)
    assert made.steps == quarters
    np.testing.assert_allclose(made.hours, 0.25)


@pytest.mark.parametrize(("day", "first"), [(SPRING, 3), (PLAIN, 4), (AUTUMN, 5)])
def test_blocks_of_four_hours_follow_the_clock(day: date, first: int) -> None:
    made = periods(of("fcr"), day)
    np.testing.assert_allclose(made.hours, [first, 4, 4, 4, 4, 4])
    assert [t.hour for t in made.local_start] == [0, 4, 8, 12, 16, 20]


def test_the_third_intraday_auction_is_for_the_second_half_of_the_day() -> None:
    found = gates(of("intraday_auction_3"), PLAIN)
    assert found.periods.steps == 48
    assert found.periods.local_start[0].hour == 12
    assert local(found.closes[0], "Europe/Berlin") == datetime(2026, 3, 30, 10, tzinfo=BERLIN)


def test_the_british_day_begins_an_hour_before_midnight() -> None:
    found = periods(of("gb_half_hour_day_ahead"), SPRING)
    assert found.steps == 46
    assert found.local_start[0].hour == 23


def test_noon_of_the_day_before_stays_noon_when_the_clock_changes() -> None:
    for day, utc in ((SPRING, 11), (PLAIN, 10), (AUTUMN, 10), (date(2026, 10, 26), 11)):
        closes = gates(of("sdac_day_ahead"), day).closes
        assert (closes == closes[0]).all()
        moment = local(closes[0], "UTC")
        assert (moment.date(), moment.hour) == (day - timedelta(days=1), utc)


def test_a_continuous_market_closes_period_by_period() -> None:
    one = of("intraday_continuous")
    found = gates(one, PLAIN)
    at = stamp(found.periods.local_start[40] - timedelta(minutes=5))
    assert (found.closes[:40] < at).all()
    assert found.closes[40] == at
    assert (found.closes[41:] > at).all()


def test_the_next_gate_is_that_of_the_next_day_after_closing() -> None:
    one = of("afrr_capacity")
    before = next_gate(one, datetime(2026, 3, 28, 8, 59, tzinfo=BERLIN))
    assert (before.day, before.closes) == (SPRING, datetime(2026, 3, 28, 9, tzinfo=BERLIN))
    after = next_gate(one, datetime(2026, 3, 28, 9, tzinfo=BERLIN))
    assert (after.day, after.closes) == (PLAIN, datetime(2026, 3, 29, 9, tzinfo=BERLIN))
    assert after.open_now
    quarter = next_gate(of("intraday_continuous"), datetime(2026, 3, 30, 9, 58, tzinfo=BERLIN))
    assert quarter.closes == datetime(2026, 3, 30, 10, 10, tzinfo=BERLIN)


def test_a_product_is_not_for_days_before_or_after_it() -> None:
    with pytest.raises(DataError, match="from 2025-10-01"):
        gates(of("sdac_day_ahead"), date(2025, 9, 30))
    ended = shipped()["guangdong_valley_filling_2026"][0]
    with pytest.raises(DataError, match="no gate closes after"):
        next_gate(ended, datetime(2026, 5, 1, tzinfo=UTC))


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(DataError, match="no offset"):
        stamp(datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_product_has_a_gate_that_opens_before_it_closes(name: str) -> None:
    for one in shipped()[name]:
        found = gates(one, one.valid_from)
        assert (found.opens < found.closes).all()
        assert (found.closes <= found.periods.edges[:-1]).all()
        assert one.source
        assert one.quantity_min_kw >= one.quantity_step_kw
