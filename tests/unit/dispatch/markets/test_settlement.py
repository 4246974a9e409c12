from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.errors import AlignmentError, DataError
from dispatch.markets.catalogue import product
from dispatch.markets.delivery import by_period, check, delivered
from dispatch.markets.invoice import deliveries, invoice, kinds, require_sums
from dispatch.markets.product import Delivery, Product
from dispatch.markets.settlement import Facts, Settlement, Terms, items, money, settle
from dispatch.markets.split import apportion, split
from dispatch.signals import Array, Horizon

DAY = date(2026, 3, 30)
START = np.datetime64("2026-03-30T00:00:00", "s")


def of(name: str, **rules: Any) -> Product:
    found = product(name, DAY)
    return found.model_copy(update={"delivery": found.delivery.model_copy(update=rules)})


def made(terms: Terms, facts: Facts) -> Settlement:
    edges = START + np.arange(terms.hours.size + 1) * np.timedelta64(round(3600 * float(terms.hours[0])), "s")
    return settle(terms, facts, edges[:-1], edges[1:], "pool")


def energy(award: list[float], price: list[float], side: Any = "up", **rules: Any) -> Terms:
    hours = np.full(len(award), 0.25)
    return Terms(of("sdac_day_ahead", **rules), side, hours, np.array(award, float), np.array(price, float))


def facts(given: list[float], surplus: float = 0.05, shortage: float | None = None) -> Facts:
    n = len(given)
    low, high = np.full(n, surplus), np.full(n, surplus if shortage is None else shortage)
    return Facts(np.array(given, float), surplus_price_per_kwh=low, shortage_price_per_kwh=high)


def test_delivery_counts_in_the_direction_of_the_award() -> None:
    base, read = np.array([500.0, 500.0]), np.array([300.0, 650.0])
    assert delivered(base, read, "up").tolist() == [200.0, -150.0]
    assert delivered(base, read, "down").tolist() == [-200.0, 150.0]
    with pytest.raises(AlignmentError, match="the same"):
        delivered(base, read[:1], "up")
    with pytest.raises(DataError, match=r"1 readings .* the first at \(1,\)"):
        delivered(base, np.array([1.0, np.nan]), "up")


def test_means_over_periods_know_what_is_missing() -> None:
    steps = Horizon.local_day(DAY, "UTC", 15)
    values = np.arange(96.0)
    values[9] = np.nan
    hours = steps.edges[::4]
    found = by_period(values, steps, hours[:-1], hours[1:])
    assert found[0] == 1.5
    assert np.isnan(found[2])
    assert np.isfinite(np.delete(found, 2)).all()
    odd = steps.edges[:1] + np.timedelta64(60, "s")
    with pytest.raises(AlignmentError, match="a period does"):
        by_period(values, steps, odd, steps.edges[4:5])


def test_tolerances_of_a_response() -> None:
    rules = Delivery(pays="delivered", full_from=0.8, nothing_below=0.5, paid_up_to=1.2)
    found = check(rules, np.full(6, 100.0), np.array([-20.0, 40.0, 50.0, 80.0, 110.0, 150.0]))
    assert found.counted_kw.tolist() == [0, 0, 50, 80, 110, 120]
    assert found.short_kw.tolist() == [100, 60, 50, 0, 0, 0]
    assert found.beyond_kw.tolist() == [0, 0, 0, 0, 0, 30]
    assert found.whole.tolist() == [False, False, False, True, True, True]
    assert found.share.tolist() == [-0.2, 0.4, 0.5, 0.8, 1.1, 1.5]
    with pytest.raises(DataError, match="0 or more"):
        check(rules, np.array([-1.0]), np.array([0.0]))


def test_sold_energy_is_paid_and_its_imbalance_settled() -> None:
    found = made(energy([1000, 1000], [80, 80]), facts([900, 1200], 0.1))
    assert kinds(found) == [("energy", 4000), ("imbalance", 250)]  # 2 × 250 kWh at 0.08; +50 and −25 kWh at 0.1
    dual = made(energy([1000, 1000], [80, 80], imbalance="dual"), facts([900, 1200], 0.02, 0.2))
    assert dict(kinds(dual))["imbalance"] == 100 - 500


def test_bought_energy_is_paid_by_us_and_drawing_more_is_a_shortage() -> None:
    found = made(energy([1000], [40], "down"), facts([1200], 0.1))
    assert kinds(found) == [("energy", -1000), ("imbalance", -500)]
    less = made(energy([1000], [40], "down"), facts([800], 0.1))
    assert dict(kinds(less))["imbalance"] == 500


def test_nothing_delivered_leaves_penalties_alone() -> None:
    one = of("guangdong_demand_response", penalty_factor=0.5, penalty_price_per_kwh=0.2)
    terms = Terms(one, "up", np.ones(3), np.full(3, 6000.0), np.full(3, 1000.0))
    found = made(terms, Facts(np.zeros(3)))
    assert dict(kinds(found)) == {"response": 0, "penalty": -round(100 * 3 * 6000 * (0.5 + 0.2))}


def test_capacity_is_paid_as_far_as_it_was_ready_and_not_at_all_below_the_rule() -> None:
    one = of("afrr_capacity", availability_from=0.5, penalty_factor=2.0)
    terms = Terms(one, "up", np.full(2, 4.0), np.full(2, 3000.0), np.array([5.0, 6.0]), np.full(2, 0.1))
    half = made(terms, Facts(np.zeros(2), available=np.array([1.0, 0.25])))
    # 3 MW × 4 h × 5, and a quarter of 3 MW × 4 h × 6; what was not ready costs twice its price.
    assert dict(kinds(half)) == {"capacity": 6000 + 1800, "unavailability": -round(2 * 0.75 * 7200)}
    none = made(terms, Facts(np.zeros(2), available=np.array([0.5, 0.25])))
    assert dict(kinds(none))["capacity"] == 0
    called = Facts(np.array([800.0, 0.0]), np.ones(2), np.array([1000.0, 0.0]))
    assert dict(kinds(made(terms, called))) == {
        "capacity": 13200, "unavailability": 0, "activation": 32000, "penalty": -16000,
    }  # fmt: skip
    with pytest.raises(DataError, match="price of its energy"):
        made(replace(terms, energy_price_per_kwh=None), called)
    with pytest.raises(DataError, match="share of it that was ready"):
        made(terms, Facts(np.zeros(2)))
    with pytest.raises(DataError, match="0 to 1"):
        made(terms, Facts(np.zeros(2), available=np.array([1.0, 1.1])))


def test_a_response_downwards_is_paid_to_us_as_one_upwards_is() -> None:
    """Drawing more on request is no energy bought: 6 MW over an hour at 1000 a MWh are 6000, both ways."""
    for side in ("up", "down"):
        terms = Terms(of("guangdong_demand_response"), side, np.ones(1), np.full(1, 6000.0), np.full(1, 1000.0))
        assert dict(kinds(made(terms, Facts(np.full(1, 6000.0)))))["response"] == 600_000


def test_where_prices_are_negative_a_penalty_is_a_penalty_still() -> None:
    """Short by 100 kW over a quarter of an hour: 25 kWh × .5 × .08 = 1; not ready for 1.5 MW × 4 h × 2 × .005 = 60."""
    short = made(energy([1000], [-80], penalty_factor=0.5), facts([900], 0.1))
    assert dict(kinds(short))["penalty"] == -100
    one = of("afrr_capacity", penalty_factor=2.0)
    terms = Terms(one, "up", np.full(1, 4.0), np.full(1, 3000.0), np.array([-5.0]), np.full(1, 0.1))
    assert dict(kinds(made(terms, Facts(np.zeros(1), available=np.array([0.5])))))["unavailability"] == -6000


def test_capacity_that_was_ready_just_as_long_as_the_rule_asks_is_paid() -> None:
    """Three periods of 1 MW × 1 h at 10 a MW and hour, ready to .8, .7 and 0: the mean is .5, 15 are paid."""
    ready = np.array([0.8, 0.7, 0.0])
    assert (1000.0 * ready).sum() / 3000.0 == 0.5
    assert ready.sum() / 3.0 == 0.5
    for least, paid in ((0.5, 1500), (0.5 + 1e-13, 1500), (0.51, 0)):
        one = of("afrr_capacity", availability_from=least)
        terms = Terms(one, "up", np.ones(3), np.full(3, 1000.0), np.full(3, 10.0), np.full(3, 0.1))
        assert dict(kinds(made(terms, Facts(np.zeros(3), available=ready))))["capacity"] == paid


def test_capacity_that_nobody_called_is_short_of_nothing() -> None:
    terms = Terms(of("afrr_capacity"), "up", np.ones(1), np.full(1, 1000.0), np.full(1, 10.0), np.full(1, 0.1))
    assert made(terms, Facts(np.zeros(1), available=np.ones(1))).checked.short_kw.tolist() == [0.0]
    called = Facts(np.full(1, 100.0), available=np.ones(1), activated_kw=np.full(1, 400.0))
    assert made(terms, called).checked.short_kw.tolist() == [300.0]


def test_money_is_the_quantity_times_the_price_as_they_are_printed() -> None:
    """A third of a thousand a MWh is printed as .333333333 a kWh: 3e8 kWh of it are 99 999 999.90."""
    terms = Terms(of("sdac_day_ahead", imbalance="none"), "up", np.ones(1), np.full(1, 3e8), np.full(1, 1000.0 / 3))
    assert made(terms, Facts(np.full(1, 3e8))).cents == 9_999_999_990


def test_what_a_settlement_needs_is_asked_for() -> None:
    with pytest.raises(DataError, match="give its prices"):
        made(energy([100], [1]), Facts(np.zeros(1)))
    with pytest.raises(DataError, match="one imbalance price"):
        made(energy([100], [1]), facts([100], 0.1, 0.2))
    with pytest.raises(DataError, match="one for each of 1 periods"):
        made(energy([100], [1]), facts([100, 100]))
    with pytest.raises(DataError, match="delivered_kw of period 1 is missing"):
        made(energy([100, 100], [1, 1]), facts([100, np.nan]))


@st.composite
def settled(draw: st.DrawFn) -> tuple[Settlement, Array, Array]:
    """A settlement of invented sites with their awards and deliveries."""
    name = draw(st.sampled_from(["sdac_day_ahead", "guangdong_demand_response", "afrr_capacity", "mfrr_energy"]))
    sites, periods = draw(st.integers(1, 7)), draw(st.integers(1, 24))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    award = rng.uniform(0, 500, (sites, periods)) * (rng.random(periods) > 0.2)
    given = award * rng.uniform(-0.2, 1.5, (sites, periods))
    imbalance = rng.uniform(-0.1, 0.4, periods)
    one = of(name, penalty_factor=draw(st.sampled_from([0.0, 1.0])))
    terms = Terms(
        one, "up", np.full(periods, one.period_minutes / 60), award.sum(axis=0), rng.uniform(0, 200, periods).round(2),
        rng.uniform(0.01, 0.2, periods),
    )  # fmt: skip
    happened = Facts(given.sum(axis=0), rng.random(periods), award.sum(axis=0) * 0.5, imbalance, imbalance)
    return made(terms, happened), award, given


@settings(max_examples=60)
@given(settled())
def test_an_invoice_adds_up_and_so_does_every_split(case: tuple[Settlement, Array, Array]) -> None:
    found, award, given = case
    table = invoice(found)
    require_sums(table, found.cents)
    assert sum(table["revenue"].to_pylist(), start=0) * 100 == found.cents
    assert sum(cents for _, cents in kinds(found)) == found.cents
    assert abs(found.cents - 100 * money(found.terms, found.facts)) <= 0.5 * max(table.num_rows, 1) + 1e-6
    names = [f"s{k}" for k in range(len(award))]
    for by in ("delivered", "marginal", "shapley"):
        shared = split(found, names, given, award, by)
        assert shared.total.sum() == found.cents
        again = split(found, names, given, award, by)
        assert (again.cents == shared.cents).all()
    by_kind = split(found, names, given, award)
    assert dict(zip(by_kind.kinds, by_kind.cents.sum(axis=0).tolist(), strict=True)) == dict(kinds(found))


@settings(max_examples=30)
@given(settled(), st.sampled_from([2.0, 10.0, 0.5]))
def test_money_scales_with_power(case: tuple[Settlement, Array, Array], factor: float) -> None:
    found, _, _ = case
    terms = replace(found.terms, award_kw=factor * found.terms.award_kw)
    happened = replace(
        found.facts, delivered_kw=factor * found.facts.delivered_kw, activated_kw=factor * found.facts.activated_kw
    )
    assert money(terms, happened) == pytest.approx(factor * money(found.terms, found.facts), rel=1e-9, abs=1e-9)


def test_a_broken_invoice_does_not_pass() -> None:
    found = made(energy([1000, 1000], [80, 80]), facts([900, 1200], 0.1))
    table = invoice(found)
    wrong = table.set_column(
        table.schema.get_field_index("price"), "price", table["price"].combine_chunks().take([1, 2, 2, 3])
    )
    with pytest.raises(DataError, match="is not"):
        require_sums(wrong, found.cents)
    with pytest.raises(DataError, match="add up to"):
        require_sums(table, found.cents + 1)
    with pytest.raises(DataError, match="add up to"):
        require_sums(table.slice(1), found.cents)


def test_deliveries_are_told_period_by_period() -> None:
    found = made(energy([1000, 0], [80, 80]), facts([900, 0], 0.1))
    rows = deliveries(found).to_pylist()
    assert len(rows) == 1
    assert (rows[0]["award_kw"], rows[0]["delivered_kw"], rows[0]["short_kw"]) == (1000, 900, 100)


def test_lines_are_named_with_their_formula() -> None:
    found = items(energy([1000], [80]), facts([900], 0.1))
    assert [(one.kind, one.to_us, one.formula) for one in found] == [
        ("energy", True, "award × price"),
        ("imbalance", True, "surplus × surplus price"),
        ("imbalance", False, "shortage × shortage price"),
    ]


@given(st.integers(1, 40), st.integers(-10000, 10000), st.integers(0, 10**6))
def test_cents_are_apportioned_to_the_last(sites: int, cents: int, seed: int) -> None:
    weight = np.random.default_rng(seed).random(sites)
    raw = cents * weight / weight.sum()
    found = apportion(np.array(cents), raw)
    assert found.sum() == cents
    assert (np.abs(found - raw) < 1 + 1e-6).all()


def test_of_equal_remainders_the_first_sites_get_the_cent() -> None:
    assert apportion(np.array(4), np.array([1.2, 2.8])).tolist() == [1, 3]
    assert apportion(np.array(5), np.array([1.4, 1.1, 2.5])).tolist() == [1, 1, 3]
    assert apportion(np.array(10), np.full(4, 2.5)).tolist() == [3, 3, 2, 2]
    assert apportion(np.array(-10), np.full(4, -2.5)).tolist() == [-2, -2, -3, -3]
    with pytest.raises(AlignmentError, match="do not add up"):
        apportion(np.array(100), np.full(4, 2.5))


def test_who_is_short_pays_the_penalty_and_who_gave_is_paid() -> None:
    one = of("guangdong_demand_response", full_from=1.0, penalty_factor=1.0)
    award = np.array([[3000.0], [3000.0]])
    given = np.array([[3000.0], [1000.0]])
    terms = Terms(one, "up", np.ones(1), award.sum(axis=0), np.array([1000.0]))
    shared = split(made(terms, Facts(given.sum(axis=0))), ("a", "b"), given, award)
    assert shared.kinds == ("response", "penalty")
    assert shared.cents.tolist() == [[300000, 0], [100000, -200000]]


def test_imbalance_goes_to_who_deviated() -> None:
    award = np.array([[500.0], [500.0]])
    given = np.array([[600.0], [200.0]])
    terms = energy([1000], [80])
    shared = split(made(terms, facts([800], 0.2)), ("a", "b"), given, award)
    assert dict(zip(shared.kinds, shared.cents.T.tolist(), strict=True)) == {
        "energy": [1000, 1000],
        "imbalance": [500, -1500],
    }


def test_deviations_that_all_but_cancel_are_not_a_multiple_of_a_rounded_cent() -> None:
    award, given = np.array([[1000.0], [1000.0]]), np.array([[2000.0], [0.1]])
    found = made(energy([2000], [80]), facts([2000.1], 0.24))
    shared = split(found, ("a", "b"), given, award)
    # Quarter of an hour at 24 cents: a was 1 000 kW above and b 999.9 kW below.
    assert shared.cents[:, list(shared.kinds).index("imbalance")].tolist() == [6000, -5999]
    assert int(shared.cents.sum()) == found.cents


def test_who_gave_what_was_called_of_it_pays_no_penalty() -> None:
    one = of("afrr_capacity", penalty_factor=2.0)
    award, given = np.array([[1000.0], [1000.0]]), np.array([[500.0], [200.0]])
    terms = Terms(one, "up", np.full(1, 4.0), np.array([2000.0]), np.array([5.0]), np.array([0.1]))
    found = made(terms, Facts(given.sum(axis=0), np.ones(1), np.array([1000.0])))
    shared = split(found, ("a", "b"), given, award)
    penalty = shared.cents[:, list(shared.kinds).index("penalty")].tolist()
    assert penalty == [0, found.cents_of("penalty")]
    assert penalty[1] < 0


def test_nobody_delivering_shares_by_the_award() -> None:
    award, given = np.array([[100.0], [300.0]]), np.zeros((2, 1))
    terms = energy([400], [80])
    shared = split(made(terms, facts([0], 0.2)), ("a", "b"), given, award)
    assert shared.cents.sum(axis=0).tolist() == [800, -2000]
    assert shared.total.tolist() == [-300, -900]


def test_pooling_is_shared_by_what_each_adds() -> None:
    # Alone, a would be paid for 100 of its 200 kW too much and b get nothing; together they are whole.
    one = of("guangdong_demand_response", full_from=0.9, nothing_below=0.9, paid_up_to=1.0)
    award, given = np.array([[100.0], [100.0]]), np.array([[200.0], [0.0]])
    terms = Terms(one, "up", np.ones(1), award.sum(axis=0), np.array([1000.0]))
    found = made(terms, Facts(given.sum(axis=0)))
    assert found.cents == 20000
    # v(a) = 100, v(b) = 0, v(ab) = 200: Shapley (150, 50).
    assert split(found, ("a", "b"), given, award, "shapley").total.tolist() == [15000, 5000]
    # Marginal (200, 100) adds up to 300: the 100 too much comes off where delivery says.
    assert split(found, ("a", "b"), given, award, "marginal").total.tolist() == [10000, 10000]


@pytest.mark.parametrize(
    ("award", "given", "shapley", "marginal"),
    [
        # b stores 100 kWh so that a can give 300: v(a) = 150, v(b) = 0, v(ab) = 100; marginal 100 - 50 leaves a 50.
        ([300.0, -100.0], [300.0, -100.0], [12500, -2500], [15000, -5000]),
        # As programs round what does nothing.
        ([200.0, -1.9e-22], [200.0, 0.0], [10000, 0], [10000, 0]),
    ],
)
def test_who_is_told_to_go_the_other_way_has_sold_nothing(
    award: list[float], given: list[float], shapley: list[int], marginal: list[int]
) -> None:
    told, did = np.array(award)[:, None], np.array(given)[:, None]
    terms = Terms(of("guangdong_demand_response"), "up", np.ones(1), told.sum(axis=0), np.array([500.0]))
    found = made(terms, Facts(did.sum(axis=0)))
    assert found.cents == 10000
    assert split(found, ("a", "b"), did, told, "shapley").total.tolist() == shapley
    assert split(found, ("a", "b"), did, told, "marginal").total.tolist() == marginal


def test_many_sites_are_sampled_with_their_interval() -> None:
    rng = np.random.default_rng(3)
    award = rng.uniform(10, 100, (20, 4))
    given = award * rng.uniform(0.5, 1.3, (20, 4))
    one = of("guangdong_demand_response")
    terms = Terms(one, "up", np.ones(4), award.sum(axis=0), np.full(4, 500.0))
    shared = split(made(terms, Facts(given.sum(axis=0))), [f"s{k}" for k in range(20)], given, award, "shapley")
    assert shared.half_width is not None
    assert (shared.half_width > 0).any()
    assert shared.table("CNY").num_rows == 20


def test_a_split_takes_lists_and_refuses_what_is_missing() -> None:
    found = made(energy([100], [80]), facts([100]))
    assert int(split(found, ("a", "b"), [[50], [50]], [[50], [50]]).cents.sum()) == found.cents  # type: ignore[arg-type]
    with pytest.raises(DataError, match="of site 0 is missing in period 0"):
        split(found, ("a", "b"), np.array([[np.nan], [50.0]]), np.array([[50.0], [50.0]]))


def test_a_split_of_other_sums_is_refused() -> None:
    award = given = np.array([[500.0], [500.0]])
    found = made(energy([1000], [80]), facts([1000], 0.2))
    with pytest.raises(AlignmentError, match="delivery does not add up"):
        split(found, ("a", "b"), given * 2, award)
    with pytest.raises(AlignmentError, match="award has shape"):
        split(found, ("a", "b"), given, award[:1])
    with pytest.raises(DataError, match="delivered, marginal or shapley"):
        split(found, ("a", "b"), given, award, "fairly")  # type: ignore[arg-type]  # what is refused
