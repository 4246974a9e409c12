"""Several awards of the same sites: what meters show is counted once."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from dispatch.markets.alongside import Asked, Other, own_part, without
from dispatch.markets.awards import Award, AwardPeriod
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product
from dispatch.markets.portfolio import Metered, Prices, settle_awards
from dispatch.markets.product import Side
from dispatch.markets.underway import underway
from dispatch.signals import Array, Horizon

DAY = date(2026, 7, 1)
ONE = product("hainan_demand_response", DAY)
OVER = periods(ONE, DAY)
START, END = OVER.edges[:1], OVER.edges[1:2]


def in_first_hour(*kw: float) -> Array:
    made = np.zeros((len(kw), 24))
    made[:, 0] = kw
    return made


def asked(side: Side, *parts: float) -> Asked:
    return Asked(side, START, END, np.array([sum(parts)]), np.array(parts)[:, None])


def other(side: Side, *parts: float) -> Other:
    sign = 1.0 if side == "up" else -1.0
    return Other(side, sign * in_first_hour(*parts), in_first_hour(*[sum(parts)] * len(parts)))


@pytest.mark.parametrize(
    ("sides", "parts", "shown_up", "expected"),
    [
        # 300 and 100 kW up of one site: 360 of 400 are given, of the 40 that lack 30 and 10.
        (("up", "up"), ([300.0], [100.0]), [360.0], ([270.0], [90.0])),
        # 300 up and 100 down: 200 are shown of 200, both are whole; of 40 less 30 and 10 the other way.
        (("up", "down"), ([300.0], [100.0]), [200.0], ([300.0], [100.0])),
        (("up", "down"), ([300.0], [100.0]), [160.0], ([270.0], [110.0])),
        # What a site lacks that only one has asked is that one's.
        (("up", "up"), ([200.0, 100.0], [0.0, 100.0]), [150.0, 200.0], ([150.0, 100.0], [0.0, 100.0])),
        # A site of which nobody asks anything deviates for both, by what was won: 3 to 1.
        (("up", "up"), ([300.0, 0.0], [100.0, 0.0]), [400.0, -40.0], ([300.0, -30.0], [100.0, -10.0])),
    ],
)
def test_every_kilowatt_counts_once(
    sides: tuple[Side, Side], parts: tuple[list[float], ...], shown_up: list[float], expected: tuple[list[float], ...]
) -> None:
    total = np.zeros(len(shown_up))
    for own, beside in ((0, 1), (1, 0)):
        sign = 1.0 if sides[own] == "up" else -1.0
        given = sign * np.array(shown_up)[:, None]
        found = own_part(asked(sides[own], *parts[own]), given, [other(sides[beside], *parts[beside])], OVER)
        assert found[:, 0].tolist() == pytest.approx(expected[own])
        total += sign * found[:, 0]
    assert total.tolist() == pytest.approx(shown_up)


def test_where_nobody_else_asks_all_counts_to_the_last_bit() -> None:
    given = np.array([[1 / 3], [2 / 7]])
    later = Other("later", np.roll(in_first_hour(5.0, 0.0), 1, axis=1), np.roll(in_first_hour(5.0, 5.0), 1, axis=1))
    for others in ([], [later]):
        assert np.array_equal(own_part(asked("up", 1.0, 2.0), given, others, OVER), given)


def test_meters_without_other_awards_are_what_a_baseline_sees() -> None:
    read = np.full((1, 24), 500.0)
    found = without(read, [other("up", 30.0), other("down", 10.0)])
    assert found[0, :2].tolist() == [520.0, 500.0]
    assert without(read, []).tolist() == read.tolist()


def test_two_awards_are_paid_for_what_was_given_once() -> None:
    rows = (AwardPeriod(start=OVER.local_start[0], quantity_kw=300, price=1.0),)
    award = Award(product=ONE.name, day=DAY, side="up", periods=rows)
    base, read = np.full((1, 24), 1000.0), 1000.0 - in_first_hour(400.0)
    meters = Metered(("a",), OVER, read)
    beside = [other("up", 100.0)]
    found = settle_awards(ONE, [award], meters, base, in_first_hour(300.0), others=beside)
    assert found.settlement.cents == 30000  # not 360 kWh, as the product pays up to 1.2 of the award
    assert "Of what meters show a part counts for other awards: up." in found.notes
    so_far = underway(award, ONE, base, meters, in_first_hour(300.0), beside)
    assert so_far.delivered_kw.tolist() == [300.0]


def test_capacity_that_is_not_called_has_no_part_in_what_others_gave() -> None:
    fcr = product("fcr", DAY)
    over = periods(fcr, DAY)
    rows = tuple(AwardPeriod(start=t, quantity_kw=1000, price=60) for t in over.local_start)
    award = Award(product="fcr", day=DAY, side="up", periods=rows)
    steps = Horizon.local_day(DAY, "Europe/Berlin", 60)
    meters = Metered(("a",), steps, np.full((1, 24), 400.0))
    beside = [Other("sold", np.full((1, 24), 100.0), np.full((1, 24), 100.0))]
    prices = Prices(available=np.ones(6))
    found = settle_awards(fcr, [award], meters, np.full((1, 24), 500.0), np.full((1, 24), 1000.0), prices, beside)
    assert found.delivered_kw.tolist() == [[0.0] * 6]
