"""What several bids ask of a fleet together: power, both directions, and what stores hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from dispatch.markets.catalogue import product
from dispatch.markets.product import Product
from dispatch.markets.together import Beside, Room, Sold, Stores, Taken, needed, quantities
from dispatch.signals import Horizon

HOURS = 24
DAY = date(2025, 6, 26)


@pytest.fixture(scope="module")
def hourly() -> Product:
    return product("hainan_demand_response", DAY)


def room(product: Product, stored_kwh: float = 100.0, size_kwh: float = 200.0, power_kw: float = 50.0) -> Room:
    """A load of 80 kW and a store that rests in the plan."""
    steps = Horizon.local_day(DAY, product.time_zone, 60)
    load = np.full((1, HOURS), 80.0)
    one, power = np.ones((1, HOURS)), np.full((1, HOURS), power_kw)
    store = Stores(np.zeros(1, int), -power, power, -stored_kwh * one, (size_kwh - stored_kwh) * one, one, one)
    return Room(steps, load, load - power_kw, load + power_kw, load, load, store)


def beside(product: Product, sold: Sold | None = None, side: Any = "up", **more: float) -> Beside:
    found = room(product, **more)
    return Beside(found, sold or Sold.nothing(HOURS), product, side, found.steps)


def sold(product: Product, side: Any = "up", **kw: float) -> Sold:
    """``h18=40``: 40 kW from 18 to 19 h."""
    asked = np.zeros(HOURS)
    for name, value in kw.items():
        asked[int(name[1:])] = value
    found = room(product)
    return Sold.of(found.steps, product, found.steps, side, asked)


def at(**kw: float) -> np.ndarray:
    asked = np.zeros(HOURS)
    for name, value in kw.items():
        asked[int(name[1:])] = value
    return asked


def test_what_is_sold_is_gone_in_its_period_over_all_bids(hourly: Product) -> None:
    free, half = beside(hourly), beside(hourly, sold(hourly, h18=30.0))
    assert free.whole(at(h18=50.0)) is None
    assert half.whole(at(h18=20.0)) is None
    assert "50.5 kW up are asked for, and 50 kW are there" in str(half.whole(at(h18=20.5)))
    assert half.left_kw(at(h18=50.0, h19=50.0)) == pytest.approx(at(h18=20.0, h19=50.0), abs=1e-2)


def test_periods_that_are_possible_alone_are_not_together_where_a_store_runs_empty(hourly: Product) -> None:
    found = beside(hourly)
    every = np.full(HOURS, 50.0)
    assert found.left_kw(every) == pytest.approx(every)
    assert "what stores hold is enough for" in str(found.whole(every))
    together = found.together_kw(every)
    assert together.sum() == pytest.approx(100.0, rel=1e-2)  # all that is stored, for no step is free to fill again
    assert found.whole(together) is None


def test_a_store_fills_again_in_steps_that_nobody_asks_for(hourly: Product) -> None:
    twice = at(h6=50.0, h7=50.0, h18=50.0, h19=50.0)
    assert beside(hourly).whole(twice) is None
    in_a_row = at(h6=50.0, h7=50.0, h8=50.0, h9=50.0, h10=50.0)  # more than fits in
    assert beside(hourly).whole(in_a_row) is not None


def test_the_other_direction_is_held_against_its_own_room(hourly: Product) -> None:
    up = sold(hourly, "up", h10=50.0, h11=50.0)
    down = beside(hourly, up, "down")
    assert down.whole(at(h10=50.0, h11=50.0)) is None  # one or the other is called
    assert "what stores hold is enough for" in str(down.whole(at(h8=50.0, h9=50.0, h10=50.0, h11=50.0, h12=50.0)))
    assert "60 kW down are asked for" in str(down.whole(at(h10=60.0)))


def test_a_site_with_much_energy_helps_one_with_little(hourly: Product) -> None:
    small, large = room(hourly, 75.0, 75.0, 100.0), room(hourly, 400.0, 400.0, 50.0)
    names = ("plan_kw", "least_kw", "most_kw", "other_least_kw", "other_most_kw")
    rows = (np.vstack([getattr(one, name) for one in (small, large)]) for name in names)
    own = ("least_kw", "most_kw", "least_kwh", "most_kwh", "gain", "drain")
    held = (np.vstack([getattr(one.stores, name) for one in (small, large)]) for name in own)
    both = Room(small.steps, *rows, Stores(np.arange(2), *held))
    found = Beside(both, Sold.nothing(HOURS), hourly, "up", both.steps)
    assert found.left_kw(at(h0=150.0)) == pytest.approx(at(h0=125.0), rel=1e-2)
    assert found.together_kw(at(h0=150.0, h1=150.0)) == pytest.approx(at(h0=87.5, h1=87.5), rel=1e-2)


def test_what_others_have_sold_of_the_only_site_counts_as_if_it_had_been_sold_here(hourly: Product) -> None:
    asked, before = at(h17=30.0, h19=50.0, h20=50.0, h21=50.0), at(h17=20.0, h18=40.0)
    for side in ("up", "down"):
        steps = room(hourly).steps
        here = Beside(room(hourly), Sold.of(steps, hourly, steps, side, before), hourly, side, steps)
        taken = [np.zeros((1, HOURS)), np.zeros((1, HOURS))]
        taken[side == "down"] += before
        named = replace(room(hourly), names=("a",)).less(
            [Taken(("z", "a"), steps, *(np.repeat(t, 2, 0) for t in taken))]
        )
        there = Beside(named, Sold.nothing(HOURS), hourly, side, steps)
        assert there.left_kw(asked) == pytest.approx(here.left_kw(asked), abs=0.05)
        assert there.together_kw(asked) == pytest.approx(here.together_kw(asked), abs=0.05)
        assert here.together_kw(asked).sum() < asked.sum() - 1


def test_sites_that_nobody_else_has_give_first_by_power_and_energy(hourly: Product) -> None:
    small, large = room(hourly, 75.0, 75.0, 100.0), room(hourly, 400.0, 400.0, 50.0)
    names = ("plan_kw", "least_kw", "most_kw", "other_least_kw", "other_most_kw")
    rows = (np.vstack([getattr(one, name) for one in (small, large)]) for name in names)
    own = ("least_kw", "most_kw", "least_kwh", "most_kwh", "gain", "drain")
    content = (np.vstack([getattr(one.stores, name) for one in (small, large)]) for name in own)
    both = Room(small.steps, *rows, Stores(np.arange(2), *content), ("small", "large"))
    asked = Sold(at(h5=60.0, h18=60.0), at(h9=20.0))
    found = needed(both, asked, np.array([False, True]))
    assert found.up_kw[0] == pytest.approx(asked.up_kw)
    assert found.down_kw[0] == pytest.approx(asked.down_kw)
    assert not found.up_kw[1].any()
    in_a_row = needed(both, Sold(at(h18=60.0, h19=60.0), at()), np.array([False, True])).up_kw
    assert in_a_row.sum(axis=0) == pytest.approx(at(h18=60.0, h19=60.0))
    assert in_a_row[0].sum() == pytest.approx(75.0, rel=1e-3)  # and empty then
    nobody = needed(both, asked, np.array([True, True]))
    assert nobody.up_kw.sum(axis=0) == pytest.approx(asked.up_kw)
    assert needed(both, asked, np.array([False, False])).up_kw.sum(axis=0) == pytest.approx(asked.up_kw)


def test_a_symmetric_product_asks_for_both(hourly: Product) -> None:
    both = hourly.model_copy(update={"symmetric": True})
    found = Sold.of(room(hourly).steps, both, room(hourly).steps, "up", at(h5=7.0))
    assert (found.up_kw[5], found.down_kw[5]) == (7.0, 7.0)


def test_longer_periods_and_other_days_fall_on_the_steps_that_they_cover(hourly: Product) -> None:
    steps = room(hourly).steps
    quarter = Horizon.local_day(DAY, hourly.time_zone, 15)
    kw = np.zeros(quarter.steps)
    kw[18 * 4 : 18 * 4 + 2] = 40.0
    found = Sold.of(steps, hourly, quarter, "up", kw)
    assert (found.up_kw[18], found.up_kw.sum()) == (40.0, 40.0)
    later = Horizon.local_day(date(2025, 6, 27), hourly.time_zone, 60)
    assert not Sold.of(steps, hourly, later, "up", np.full(24, 9.0)).up_kw.any()
    assert quantities(steps, [(datetime(2025, 6, 26, 10, tzinfo=UTC).timestamp(), 3.0)])[18] == 3.0
    assert not room(hourly).covers(datetime(2025, 6, 26, 16, tzinfo=UTC), hourly)


def test_what_is_left_is_told_to_the_whole_step_of_the_product(hourly: Product) -> None:
    # Of 63 kW that are asked for 50 are there: a search by halves ends a little below.
    assert beside(hourly).left_kw(at(h18=63.0))[18] == 50.0
    # With half a kW sold 49.5 are left, and no step of 1 kW above that is possible.
    assert beside(hourly, sold(hourly, h18=0.5)).left_kw(at(h18=63.0))[18] == pytest.approx(49.5, abs=63 / 2**11)
