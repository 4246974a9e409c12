from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dispatch.errors import ConfigError, DataError
from dispatch.markets import awards, bids
from dispatch.markets.awards import Award, AwardPeriod
from dispatch.markets.bids import Bid, BidPeriod, BlockOrder, Step, bid_of
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product
from dispatch.markets.curves import curve
from dispatch.markets.product import Product
from tests.unit.dispatch.markets.offers import DAY, horizon, offers

OPEN = datetime(2026, 3, 29, 6, tzinfo=UTC)
START = horizon().local_start[0]


def of(name: str) -> Product:
    return product(name, DAY)


def one(name: str = "afrr_capacity", **changes: Any) -> Bid:
    """A bid of one block that is right but for the changes."""
    steps = (Step(quantity_kw=1000, price=5.0), Step(quantity_kw=2000, price=7.5))
    raw: dict[str, Any] = {"product": name, "day": DAY, "side": "up", "periods": (BidPeriod(start=START, steps=steps),)}
    return Bid(**(raw | changes))


def period(*steps: tuple[float, float], start: datetime = START) -> tuple[BidPeriod, ...]:
    return (BidPeriod(start=start, steps=tuple(Step(quantity_kw=q, price=p) for q, p in steps)),)


def refused(bid: Bid, name: str = "afrr_capacity", at: datetime = OPEN) -> str:
    return "\n".join(map(str, bids.refusals(bid, of(name), at)))


def test_a_bid_that_is_right_is_not_refused() -> None:
    assert refused(one()) == ""
    bids.require(one(), of("afrr_capacity"), OPEN)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"periods": period((500, 5))}, "give 500 kW, too little. Accepted: 1000 kW or more"),
        ({"periods": period((1500, 5))}, "is 1500 kW. Accepted: a multiple of 1000 kW"),
        ({"periods": period((1000, 5.001))}, "is 5.001 EUR/MW per hour. Accepted: a multiple of 0.01"),
        ({"periods": period((1000, -1))}, "Accepted: 0 or more"),
        ({"periods": period((1000, 5), (1000, 4))}, "have prices 5, 4. Accepted: rising prices"),
        ({"periods": period((1000, 5), start=START + timedelta(hours=1))}, "no period of 2026-03-30 starts at"),
        ({"periods": period((1000, 5)) * 2}, "is bid for twice"),
        ({"periods": ()}, "are empty"),
        ({"day": date(2019, 1, 1)}, "delivery days from 2020-11-03"),
        ({"product": "fcr"}, "is 'fcr'"),
        ({"blocks": (BlockOrder(start=START, end=START + timedelta(hours=4), quantity_kw=1000, price=5),)}, "has not"),
        ({"periods": period(*[(1000, float(k)) for k in range(30)])}, "are 30. Accepted: at most 20"),
    ],
)
def test_a_bid_the_market_would_refuse_is_told_what_it_accepts(changes: dict[str, Any], said: str) -> None:
    assert said in refused(one(**changes))


@pytest.mark.parametrize(("hour", "said"), [(7, "too late"), (0, "")])
def test_a_late_bid_is_refused_with_the_gate(hour: int, said: str) -> None:
    text = refused(one(), at=datetime(2026, 3, 29, hour, tzinfo=UTC))
    assert said in text
    assert ("until before 2026-03-29 09:00 (Europe/Berlin)" in text) == bool(said)


def test_an_early_bid_is_refused_and_a_continuous_market_by_period() -> None:
    assert "not open yet" in refused(one(), at=datetime(2026, 3, 1, tzinfo=UTC))
    steps = (Step(quantity_kw=100, price=5.0),)
    two = tuple(BidPeriod(start=START + timedelta(minutes=m), steps=steps) for m in (0, 15))
    text = refused(one("intraday_continuous", periods=two), "intraday_continuous", START - timedelta(minutes=10))
    assert text == ""
    text = refused(one("intraday_continuous", periods=two), "intraday_continuous", START)
    assert "periods[0]: is closed" in text
    assert "periods[1]" not in text


def test_a_bought_quantity_has_falling_prices_and_energy_no_price_for_activation() -> None:
    falling = one("sdac_day_ahead", side="down", periods=period((100, 50), (100, 20)))
    assert refused(falling, "sdac_day_ahead") == ""
    assert "falling prices of what is bought" in refused(
        one("sdac_day_ahead", side="down", periods=period((100, 20), (100, 50))), "sdac_day_ahead"
    )
    steps = (Step(quantity_kw=100, price=5.0, energy_price_per_kwh=0.1),)
    text = refused(one("sdac_day_ahead", periods=(BidPeriod(start=START, steps=steps),)), "sdac_day_ahead")
    assert "is no part of this product" in text
    assert "cannot be 'down'" in refused(one("guangdong_demand_response", side="down"), "guangdong_demand_response")


def test_blocks_are_held_against_periods_quantities_and_prices() -> None:
    hour = timedelta(hours=1)
    right = BlockOrder(start=START, end=START + 3 * hour, quantity_kw=500, price=40)
    assert refused(one("sdac_day_ahead", periods=(), blocks=(right,)), "sdac_day_ahead") == ""
    for changes, said in (
        ({"end": START}, "no period of"),
        ({"quantity_kw": 50}, "too little"),
        ({"quantity_kw": 9e6}, "too much"),
        ({"quantity_kw": 150}, "a multiple of 100 kW"),
        ({"price": 5000}, "-500 or more and 4000 or less"),
    ):
        block = right.model_copy(update=changes)
        assert said in refused(one("sdac_day_ahead", periods=(), blocks=(block,)), "sdac_day_ahead")


@pytest.mark.parametrize("name", ["sdac_day_ahead", "afrr_capacity", "fcr", "mfrr_energy", "intraday_auction_1"])
def test_a_bid_made_of_flexibility_is_accepted_and_survives_its_file(name: str) -> None:
    steps, asked = horizon(), of(name)
    for side in asked.sides:
        made = bid_of(curve(offers(8, steps), side, steps, asked, periods(asked, DAY), 0.01), asked, DAY, "pool")
        assert made.periods
        opens = asked.opens.on(DAY, asked.time_zone)
        bids.require(made, asked, opens)
        assert Bid.model_validate_json(made.model_dump_json()) == made


def award(*quantities: tuple[float, float], **changes: Any) -> Award:
    starts = periods(of("afrr_capacity"), DAY).local_start
    rows = tuple(AwardPeriod(start=starts[k], quantity_kw=q, price=p) for k, (q, p) in enumerate(quantities))
    return Award(**({"product": "afrr_capacity", "day": DAY, "side": "up", "periods": rows} | changes))


def test_a_bid_ends_with_the_last_gate_of_its_own_periods() -> None:
    """A continuous market closes five minutes before each quarter-hour, an auction for all of the day at once."""
    continuous = of("intraday_continuous")
    starts = periods(continuous, DAY).local_start
    half_past = [start for start in starts if (start.hour, start.minute) in {(12, 0), (12, 30)}]
    assert f"{bids.last_gate(continuous, DAY, half_past):%d %H:%M}" == f"{DAY:%d} 12:25"
    assert f"{bids.last_gate(continuous, DAY, []):%d %H:%M}" == f"{DAY:%d} 23:40"
    auction = of("sdac_day_ahead")
    assert bids.last_gate(auction, DAY, half_past) == bids.last_gate(auction, DAY, [])


def test_an_award_within_its_bid_is_taken() -> None:
    awards.require(award((3000, 6.67)), one(), of("afrr_capacity"))  # pay as bid: the mean of 1 MW at 5 and 2 at 7.5
    awards.require(award((1000, 5.0)), one(), of("afrr_capacity"))
    awards.require(award((0, 0.0)), one(), of("afrr_capacity"))


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        (award((3500, 9.0)), "at most 3000 kW, what was offered"),
        (award((3000, 6.0)), "at least 6.66667, as was bid"),
        (award((1000, 5.0), (1000, 5.0)), "was not bid for"),
        (award((1000, 5.0), day=date(2026, 3, 31)), "day: is 2026-03-31"),
        (award((1000, 5.0), side="down"), "side: is down"),
    ],
)
def test_an_award_that_the_bid_cannot_have_won_is_refused(taken: Award, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        awards.require(taken, one(), of("afrr_capacity"))


def test_where_one_price_clears_all_the_last_step_must_be_covered() -> None:
    bid = one("sdac_day_ahead", periods=period((100, 20), (100, 50)))
    name = {"product": "sdac_day_ahead"}
    awards.require(award((100, 20.0), **name), bid, of("sdac_day_ahead"))
    with pytest.raises(ConfigError, match="at least 50"):
        awards.require(award((150, 49.0), **name), bid, of("sdac_day_ahead"))
    bought = one("sdac_day_ahead", side="down", periods=period((100, 50), (100, 20)))
    awards.require(award((200, 20.0), side="down", **name), bought, of("sdac_day_ahead"))
    with pytest.raises(ConfigError, match="at most 20"):
        awards.require(award((200, 21.0), side="down", **name), bought, of("sdac_day_ahead"))


def test_an_award_at_a_price_that_the_market_cannot_have_is_refused() -> None:
    bid, name = one("sdac_day_ahead", periods=period((100, 20))), {"product": "sdac_day_ahead"}
    awards.require(award((100, 4000.0), **name), bid, of("sdac_day_ahead"))
    with pytest.raises(ConfigError, match=r"price: is 20000 EUR/MWh. Accepted: -500 or more and 4000 or less"):
        awards.require(award((100, 20000.0), **name), bid, of("sdac_day_ahead"))  # cents for euros
    start = bid.periods[0].start
    called = AwardPeriod(start=start, quantity_kw=100, price=20, energy_price_per_kwh=0.1)
    with pytest.raises(ConfigError, match="energy_price_per_kwh: is no part of this product"):
        awards.require(award(periods=(called,), **name), bid, of("sdac_day_ahead"))


def test_an_award_asks_step_by_step_and_sites_give_their_shares() -> None:
    steps, asked = horizon(), of("afrr_capacity")
    taken = award((3000, 9.0), (0, 0.0), (1000, 9.0))
    wanted = awards.profile(taken, asked, steps)
    assert wanted.tolist() == [3000.0] * 16 + [0.0] * 16 + [1000.0] * 16 + [0.0] * 48
    shares = awards.shares(taken, asked, steps, offers(20, steps))
    assert shares.shape == (20, 96)
    assert abs(shares.sum(axis=0) - wanted).max() < 1e-9
    hourly = awards.profile(taken, asked, horizon(minutes=60))
    assert hourly.tolist() == [3000.0] * 4 + [0.0] * 4 + [1000.0] * 4 + [0.0] * 12
    assert not awards.profile(award((0, 0.0)), asked, steps).any()


def test_an_award_finer_than_the_steps_is_refused_unless_it_is_even() -> None:
    asked, hours = of("sdac_day_ahead"), horizon(minutes=60)
    start = periods(asked, DAY).local_start

    def taken(*quantities_kw: float) -> Award:
        made = tuple(AwardPeriod(start=start[n], quantity_kw=kw, price=1.0) for n, kw in enumerate(quantities_kw))
        return Award(product=asked.name, day=DAY, side="up", periods=made)

    assert awards.profile(taken(*[100.0] * 4), asked, hours)[:2].tolist() == [100.0, 0.0]
    with pytest.raises(DataError, match="within the step of 60 min"):
        awards.profile(taken(100.0, 100.0), asked, hours)


def test_an_award_of_a_block_is_held_against_the_blocks() -> None:
    hour = timedelta(hours=1)
    block = BlockOrder(start=START, end=START + hour, quantity_kw=500, price=40)
    bid = one("sdac_day_ahead", periods=(), blocks=(block,))
    asked = of("sdac_day_ahead")
    awards.require(award((500, 45.0), product="sdac_day_ahead"), bid, asked)
    with pytest.raises(ConfigError, match="at most what blocks"):
        awards.require(award((600, 45.0), product="sdac_day_ahead"), bid, asked)
