from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.errors import AlignmentError, DataError
from dispatch.flexibility.offers import Flexibility, together
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product
from dispatch.markets.curves import cells, curve, merit
from dispatch.markets.product import Product, Side
from dispatch.signals import Horizon
from tests.unit.dispatch.markets.offers import DAY, constant, horizon, offers

STEPS = horizon()


def of(name: str) -> Product:
    return product(name, DAY)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1000),
    sites=st.integers(1, 12),
    name=st.sampled_from(["sdac_day_ahead", "afrr_capacity", "fcr", "afrr_energy"]),
    side=st.sampled_from(["up", "down"]),
)
def test_a_curve_is_monotone_in_whole_steps_and_never_more_than_there_is(
    seed: int, sites: int, name: str, side: Side
) -> None:
    one, made = of(name), offers(sites, STEPS, seed)
    asked = periods(one, DAY)
    found = curve(made, side, STEPS, one, asked, 0.01)
    whole = together(made)
    ways: tuple[Side, ...] = ("up", "down") if one.symmetric else (side,)
    place = cells(STEPS, asked).period
    most = np.min([[whole.most_kw(way)[place == p].min() for p in range(asked.steps)] for way in ways], axis=0)
    assert (found.quantity_kw <= most + 1e-6).all()
    np.testing.assert_allclose(found.quantity_kw + found.left_out_kw, most, atol=1e-6)
    np.testing.assert_allclose(found.width_kw % one.quantity_step_kw, 0, atol=1e-6)
    np.testing.assert_allclose(np.round(found.price / one.price_step, 6) % 1, 0, atol=1e-5)
    assert ((found.quantity_kw == 0) | (found.quantity_kw >= one.quantity_min_kw - 1e-6)).all()
    for p in range(asked.steps):
        prices = found.price[p][found.width_kw[p] > 0]
        falls = one.kind == "energy" and side == "down"
        assert (np.diff(-prices if falls else prices) >= -1e-9).all()


@settings(max_examples=12)
@given(seed=st.integers(0, 1000), share=st.floats(0.05, 1.0))
def test_no_acceptance_costs_more_than_its_price_brings(seed: int, share: float) -> None:
    one, made = of("sdac_day_ahead"), offers(4, STEPS, seed)
    asked = periods(one, DAY)
    whole = together(made)
    for side in ("up", "down"):
        found = curve(made, side, STEPS, one, asked)
        sign = 1.0 if side == "up" else -1.0  # what is bought is paid for
        for p in range(0, asked.steps, 16):
            taken = share * found.width_kw[p]
            full = np.cumsum(found.width_kw[p])
            quantity = np.concatenate([full - found.width_kw[p] + taken, full])
            for q in quantity[quantity > 0]:
                k = int(np.searchsorted(full, q - 1e-9))
                used = np.where(
                    np.arange(full.size) < k, found.width_kw[p], np.clip(q - (full - found.width_kw[p]), 0, None)
                )
                used = np.where(np.arange(full.size) <= k, used, 0)
                brings = float(sign * (used * found.price[p]).sum()) / 1000 * 0.25
                asked_kw = np.zeros(STEPS.steps)
                asked_kw[p] = q
                costs = float(whole.cost(side, asked_kw)[p])
                assert brings >= costs - 1e-6


def test_what_is_sold_for_a_block_is_the_least_of_its_steps_at_their_mean_cost() -> None:
    one, asked = of("afrr_capacity"), periods(of("afrr_capacity"), DAY)
    width = np.full((1, STEPS.steps), 5000.0)
    width[0, 3] = 3400.0
    cost = np.full((1, STEPS.steps), 0.04)
    cost[0, :8] = 0.08
    offer = Flexibility(STEPS.hours, width, width, cost, cost)
    found = curve([offer], "up", STEPS, one, asked, 0.012)
    assert found.quantity_kw.tolist() == [3000, 5000, 5000, 5000, 5000, 5000]
    assert found.left_out_kw.tolist() == [400, 0, 0, 0, 0, 0]
    assert found.price[:, 0].tolist() == [12] * 6
    assert found.energy_price is not None
    np.testing.assert_allclose(found.energy_price[:, 0], [0.06, *[0.04] * 5])


def test_a_symmetric_product_needs_both_directions() -> None:
    one = of("fcr")
    up, down = np.full((1, STEPS.steps), 4200.0), np.full((1, STEPS.steps), 2600.0)
    offer = Flexibility(STEPS.hours, up, down, up * 0, down * 0)
    found = curve([offer], "up", STEPS, one, periods(one, DAY), 0.005)
    assert found.quantity_kw.tolist() == [2000] * 6
    np.testing.assert_allclose(found.price[:, 0], 0.005 * 1000 * 4)  # per MW and block of four hours


def test_prices_beyond_the_limits_are_not_offered() -> None:
    one = of("hainan_demand_response")
    steps = horizon_china()
    dear = constant(500, 1.6, steps)
    cheap = constant(300, 0.8, steps)
    found = curve([dear, cheap], "up", steps, one, periods(one, DAY))
    assert found.quantity_kw.tolist() == [300] * 24
    assert found.price[:, 0].tolist() == [0.8] * 24
    assert found.left_out_kw.tolist() == [500] * 24


def horizon_china() -> Horizon:
    return Horizon.local_day(DAY, "Asia/Shanghai", 60)


def test_many_corners_are_thinned_to_the_steps_that_are_allowed() -> None:
    one, made = of("sdac_day_ahead").model_copy(update={"steps_max": 4}), offers(60, STEPS)
    fine = curve(made, "up", STEPS, of("sdac_day_ahead"), periods(one, DAY))
    few = curve(made, "up", STEPS, one, periods(one, DAY))
    assert few.width_kw.shape[1] <= 4
    assert fine.width_kw.shape[1] > 20
    np.testing.assert_allclose(few.quantity_kw, fine.quantity_kw)


def test_hourly_flexibility_is_offered_in_quarters_and_the_other_way() -> None:
    one, hourly = of("sdac_day_ahead"), horizon(minutes=60)
    made = curve(offers(3, hourly), "up", hourly, one, periods(one, DAY))
    np.testing.assert_allclose(made.quantity_kw[0:4], made.quantity_kw[0])
    with pytest.raises(AlignmentError, match="flexibility is known from"):
        curve(offers(3, hourly), "up", hourly, one, periods(one, DAY.replace(day=31)))


def test_shares_follow_the_merit_order_and_add_up() -> None:
    sites = [constant(100, 0.05, STEPS), constant(200, 0.02, STEPS), constant(100, 0.05, STEPS)]
    order = merit(sites, "up")
    power = np.full(STEPS.steps, 250.0)
    found = order.shares(power, 3)
    np.testing.assert_allclose(found[:, 0], [50, 200, 0])
    np.testing.assert_allclose(found.sum(axis=0), power)
    with pytest.raises(DataError, match="at most 400 kW"):
        order.shares(power + 200, 3)


def test_a_side_that_is_not_sold_and_sites_that_do_not_fit_are_refused() -> None:
    one = of("guangdong_demand_response")
    with pytest.raises(DataError, match="accepted: up"):
        curve(offers(1, STEPS), "down", STEPS, one, periods(one, DAY))
    with pytest.raises(DataError, match="no flexibility"):
        merit([], "up")
    with pytest.raises(DataError, match="different steps"):
        merit([*offers(1, STEPS), *offers(1, horizon(minutes=60))], "up")
