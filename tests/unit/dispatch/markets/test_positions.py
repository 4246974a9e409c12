from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.errors import DataError
from dispatch.markets.bids import bid_of, require
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product
from dispatch.markets.curves import Curve
from dispatch.markets.positions import positions
from dispatch.signals import Array
from tests.unit.dispatch.markets.offers import DAY, constant, horizon, offers

STEPS = horizon()
PRODUCT = product("sdac_day_ahead", DAY)
PERIODS = periods(PRODUCT, DAY)


def drawn(found: Curve, price: float) -> Array:
    """(P,) taken of a curve at a clearing price."""
    fits = found.price >= price if found.side == "down" else found.price <= price
    return np.asarray((found.width_kw * fits).sum(axis=1))


def test_a_plan_buys_less_when_dear_and_more_when_cheap() -> None:
    """5 MW planned, 1 MW of it given up for 80, 2 MW more drawn below 30."""
    flexible = constant(1000, 0.08, STEPS)
    flexible = type(flexible)(
        flexible.hours, flexible.up_kw, 2 * flexible.down_kw, flexible.up_cost_per_kwh, 0 * flexible.up_kw - 0.03
    )
    found = positions(np.full(96, 5000.0), [flexible], STEPS, PRODUCT, PERIODS)
    assert found.sold.quantity_kw.max() == 0
    assert found.bought.width_kw[0].tolist() == [4000, 1000, 2000]
    assert found.bought.price[0].tolist() == [4000, 80, 30]


def test_more_given_up_than_is_drawn_is_sold() -> None:
    found = positions(np.full(96, 300.0), [constant(1000, 0.08, STEPS, 0.5)], STEPS, PRODUCT, PERIODS)
    # 300 kW of purchase are given up at 80, and the other 700 sold at the same price.
    assert found.bought.width_kw[0][:1].tolist() == [300]
    assert found.bought.price[0][:1].tolist() == [80]
    assert found.sold.width_kw[0].tolist() == [700]
    assert found.sold.price[0].tolist() == [80]


def test_feed_in_is_sold_at_any_price() -> None:
    found = positions(np.full(96, -2000.0), [constant(500, 0.08, STEPS, 0.5)], STEPS, PRODUCT, PERIODS)
    # 500 kW would rather be drawn below −500, which is the least price: with the plan's surplus they are one step.
    assert found.sold.width_kw[0].tolist() == [2000, 500]
    assert found.sold.price[0].tolist() == [-500, 80]


@settings(max_examples=8)
@given(st.integers(0, 500), st.floats(-6000, 6000))
def test_at_any_price_what_is_drawn_is_what_the_blocks_say(seed: int, level: float) -> None:
    made = offers(5, STEPS, seed)
    rng = np.random.default_rng(seed)
    plan = level + rng.uniform(-300, 300, 96)
    found = positions(plan, made, STEPS, PRODUCT, PERIODS)
    now = datetime(2026, 3, 29, 8, tzinfo=UTC)
    for one in (found.bought, found.sold):
        bid = bid_of(one, PRODUCT, DAY)
        if bid.periods:
            require(bid, PRODUCT, now)
    for price in (-100.0, 12.0, 37.0, 75.0, 140.0):
        net = drawn(found.bought, price) - drawn(found.sold, price)
        up = sum((o.up_kw * (1000 * o.up_cost_per_kwh < price)).sum(axis=0) for o in made)
        down = sum((o.down_kw * (-1000 * o.down_cost_per_kwh >= price)).sum(axis=0) for o in made)
        # Rounding to 100 kW of quantity, and blocks that straddle the price by their mean cost.
        widest = max(float(np.max([o.up_kw.max(), o.down_kw.max()])) for o in made)
        assert (np.abs(net - (plan - up + down)) <= widest + 300).all()


def test_only_energy_with_limits_is_a_position() -> None:
    with pytest.raises(DataError, match="no energy to buy and sell"):
        positions(np.zeros(96), offers(1, STEPS), STEPS, product("fcr", DAY), PERIODS)
