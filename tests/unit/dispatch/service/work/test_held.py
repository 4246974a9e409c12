"""What is sold of a fleet is subtracted from what it can sell, over all bids and for two requests at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dispatch.errors import DataError
from dispatch.markets.bids import Bid as MarketBid
from dispatch.markets.catalogue import product as product_of
from dispatch.service.errors import InvalidError
from dispatch.service.store import Store, Tx, bids, fleet_results
from dispatch.service.store.fleet_results import Content, Result
from dispatch.service.work import held

FIRST = datetime(2025, 6, 25, 16, tzinfo=UTC)  # midnight in Haikou
BIDDING = FIRST - timedelta(hours=13)
PRODUCT = product_of("hainan_demand_response", (FIRST + timedelta(hours=8)).date())
HOURS = 24


def flexibility(tx: Tx, fleet: str = "works", sites: str = "ab") -> Result:
    """Sites of a letter each: 400 kW of load; a and c with 300 kW for an hour, b and d with 300 kW for two."""
    count = len(sites)
    starts = pa.array(np.tile([FIRST + timedelta(hours=n) for n in range(HOURS)], count), pa.timestamp("s", "UTC"))
    site = np.repeat(np.array(list(sites), object), HOURS)
    load, one = np.full(count * HOURS, 400.0), np.ones(count * HOURS)
    contents = np.repeat([600.0 if name in "bd" else 300.0 for name in sites], HOURS)
    envelope = {"plan_kw": load, "least_kw": load - 300, "most_kw": load + 300, "least_kwh": load, "most_kwh": load}
    store = {"least_kw": -300 * one, "most_kw": 300 * one, "least_kwh": -contents, "most_kwh": 0 * one}
    other = {"least_kw": load, "most_kw": load, "least_kwh": -np.inf * one, "most_kwh": np.inf * one}
    powers = {name: np.concatenate([store[name], other[name]]) for name in store}
    rates = {name: np.ones(2 * count * HOURS) for name in ("gain", "drain")}
    tables = {
        "envelope": pa.table({"site": site, "start": starts, "hours": one, **envelope}),
        "devices": pa.table({"site": np.tile(site, 2), **powers, **rates}),
    }
    found = fleet_results.submit(tx, "flexibility", fleet, {})
    summary = {"time_zone": PRODUCT.time_zone, "envelope": [{}] * HOURS}
    fleet_results.write(tx, found.id, Content(summary, tables, {}))
    return fleet_results.require(tx, "flexibility", found.id)


def market_bid(**kw: float) -> MarketBid:
    """``h18=200``: 200 kW up in the hour from 18:00."""
    found = [
        {"start": FIRST + timedelta(hours=int(name[1:])), "steps": [{"quantity_kw": value, "price": 0.5}]}
        for name, value in kw.items()
    ]
    return MarketBid.model_validate(
        {"product": PRODUCT.name, "day": "2025-06-26", "side": "up", "periods": found, "expires_at": FIRST}
    )


def kept(tx: Tx, of: Result, bid: MarketBid) -> bids.Bid:
    row: dict[str, Any] = {
        "fleet": of.fleet, "flexibility": of.id, "product": bid.product, "day": bid.day.isoformat(), "side": bid.side,
        "portfolio": "", "body": bid.model_dump(mode="json"), "left_out_kw": 0.0, "expires_at": FIRST,
        "delivered_by": FIRST + timedelta(days=1),
    }  # fmt: skip
    return bids.create(tx, row)


def sent(tx: Tx, of: Result, bid: MarketBid) -> bids.Bid:
    """As the route does it: held against what is left, then sent, in one transaction."""
    own = kept(tx, of, bid)
    held.require_left(held.beside(tx, of, bid, PRODUCT, own.id), bid)
    return bids.submit(tx, own)


def refused(tx: Tx, of: Result, bid: MarketBid) -> list[tuple[str, str]]:
    with pytest.raises(InvalidError) as told:
        held.require_left(held.beside(tx, of, bid, PRODUCT), bid)
    return [(fault.pointer, fault.accepted) for fault in told.value.faults]


@pytest.fixture
def market(store: Store) -> Store:
    store.clock = lambda: BIDDING
    return store


def test_what_is_sent_is_gone_for_the_next_bid_whatever_flexibility_it_is_of(market: Store) -> None:
    with market.write("north", "ann") as tx:
        first, again = flexibility(tx), flexibility(tx)
        sent(tx, first, market_bid(h18=400.0))
        assert refused(tx, first, market_bid(h18=300.0, h6=100.0)) == [("/periods/0", "at most 200 kW")]
        assert [pointer for pointer, _ in refused(tx, again, market_bid(h18=300.0))] == ["/periods/0"]
        held.require_left(held.beside(tx, first, market_bid(h18=199.0), PRODUCT), market_bid(h18=199.0))
        other = flexibility(tx, "others", "cd")
        held.require_left(held.beside(tx, other, market_bid(h18=600.0), PRODUCT), market_bid(h18=600.0))


def test_stores_are_not_sold_in_every_period(market: Store) -> None:
    with market.write("north", "ann") as tx:
        found = flexibility(tx)
        held.require_left(held.beside(tx, found, market_bid(h18=600.0), PRODUCT), market_bid(h18=600.0))
        both = market_bid(h18=600.0, h19=600.0)
        ((_, left), (_, also)) = refused(tx, found, both)
        assert left == also
        assert 440 < float(left.split()[2]) <= 450  # 900 kWh in two hours
        sent(tx, found, market_bid(h17=600.0))
        assert refused(tx, found, market_bid(h18=600.0))  # nobody fills the stores again in between
        held.require_left(held.beside(tx, found, market_bid(h6=600.0), PRODUCT), market_bid(h6=600.0))


def test_a_draft_of_the_costs_is_clipped_and_says_why(market: Store) -> None:
    with market.write("north", "ann") as tx:
        found = flexibility(tx)
        whole = market_bid(h18=600.0)
        assert held.clipped(held.beside(tx, found, whole, PRODUCT), whole) == (whole, None)
        every = market_bid(**{f"h{n}": 600.0 for n in (17, 18, 19)})
        cut, why = held.clipped(held.beside(tx, found, every, PRODUCT), every)
        assert {one.quantity_kw for one in cut.periods} == {cut.periods[0].quantity_kw}
        assert 290 < cut.periods[0].quantity_kw <= 300
        assert "what stores hold is enough for" in str(why)
        sent(tx, found, cut)
        with pytest.raises(DataError, match="nothing is left to bid"):
            held.clipped(held.beside(tx, found, whole, PRODUCT), whole)


def test_an_award_frees_what_was_not_won_and_withdrawn_and_expired_bids_bind_nobody(market: Store) -> None:
    with market.write("north", "ann") as tx:
        found = flexibility(tx)
        won, gone = sent(tx, found, market_bid(h18=400.0)), sent(tx, found, market_bid(h18=150.0))
        bids.withdraw(tx, gone)
        periods = [{"start": (FIRST + timedelta(hours=18)).isoformat(), "quantity_kw": 100.0, "price": 0.5}]
        award = fleet_results.submit(tx, "award", "works", {"award": {"periods": periods}}, parent=won.id)
        bids.award(tx, won, award.id)
        assert refused(tx, found, market_bid(h18=501.0))
        held.require_left(held.beside(tx, found, market_bid(h18=499.0), PRODUCT), market_bid(h18=499.0))
    market.clock = lambda: FIRST + timedelta(days=2)
    with market.read("north") as tx:
        days = [(FIRST + timedelta(days=n)).date() for n in (-1, 2)]
        assert [one.state for one in bids.committed(tx, "works", days[0], days[1])] == ["awarded"]


def left_kw(tx: Tx, of: Result, **kw: float) -> list[float]:
    """Of a bid that is too large, what is said to be left in its periods."""
    return [float(accepted.split()[2]) for _, accepted in refused(tx, of, market_bid(**kw))]


def is_possible(tx: Tx, of: Result, **kw: float) -> bool:
    return held.beside(tx, of, market_bid(**kw), PRODUCT).whole(held.quantity_kw(market_bid(**kw), PRODUCT)) is None


def awarded(tx: Tx, won: bids.Bid, hour: int, **given_kw: float) -> None:
    """Carried out in an hour: what its set-points take of each site."""
    start = FIRST + timedelta(hours=hour)
    periods = [{"start": start.isoformat(), "quantity_kw": sum(given_kw.values()), "price": 0.5}]
    award = fleet_results.submit(tx, "award", won.fleet, {"award": {"periods": periods}}, parent=won.id)
    stamps = [pa.array([start + timedelta(hours=n)] * len(given_kw), pa.timestamp("s", "UTC")) for n in (0, 1)]
    columns = {"site": list(given_kw), "start": stamps[0], "end": stamps[1], "given_kw": list(given_kw.values())}
    content = Content({"time_zone": PRODUCT.time_zone}, {"setpoints": pa.table(columns)}, {})
    fleet_results.write(tx, award.id, content)
    bids.award(tx, won, award.id)


def test_what_another_fleet_has_sold_of_a_site_that_both_have_is_gone(market: Store) -> None:
    with market.write("north", "ann") as tx:
        works, others = flexibility(tx, "works", "ab"), flexibility(tx, "others", "bc")
        first = sent(tx, works, market_bid(h18=400.0))  # a gives 300 of it and b at least 100
        assert left_kw(tx, others, h18=600.0) == [pytest.approx(500, abs=1)]
        with pytest.raises(InvalidError, match=r"and what other fleets have sold of its sites: .*600 kW up are asked"):
            held.require_left(held.beside(tx, others, market_bid(h18=600.0), PRODUCT), market_bid(h18=600.0))
        second = sent(tx, others, market_bid(h18=499.0))  # c gives 300 of it and b at least 199
        assert left_kw(tx, works, h18=100.0) == [pytest.approx(1, abs=0.2)]
        bids.withdraw(tx, second)
        assert is_possible(tx, works, h18=200.0)
        bids.withdraw(tx, first)
        assert is_possible(tx, others, h18=600.0)
    with market.write("south", "ann") as tx:
        assert is_possible(tx, flexibility(tx, "others", "bc"), h18=600.0)


def test_an_award_of_another_fleet_takes_what_its_set_points_say(market: Store) -> None:
    with market.write("north", "ann") as tx:
        works, others = flexibility(tx, "works", "ab"), flexibility(tx, "others", "bc")
        awarded(tx, sent(tx, works, market_bid(h18=400.0)), 18, a=150.0, b=250.0)
        assert left_kw(tx, others, h18=600.0) == [pytest.approx(350, abs=1)]
        assert is_possible(tx, others, h16=320.0, h17=320.0)  # c gives 300 kWh of it, and b may give 350 before 18:00
        assert not is_possible(tx, others, h16=330.0, h17=330.0)
        assert is_possible(tx, others, h6=600.0)  # and fills again until then


def test_energy_that_another_fleet_has_sold_is_gone_in_the_hours_around(market: Store) -> None:
    with market.write("north", "ann") as tx:
        works, others = flexibility(tx, "works", "b"), flexibility(tx, "others", "bc")
        sent(tx, works, market_bid(h18=300.0, h19=200.0))
        assert left_kw(tx, others, h20=600.0) == [pytest.approx(400, abs=1)]  # b has 100 kWh left, c has 300
        assert is_possible(tx, others, h20=399.0)
        assert is_possible(tx, others, h6=600.0)


def test_what_a_third_fleet_has_sold_is_not_left_for_the_second(market: Store) -> None:
    with market.write("north", "ann") as tx:
        third, works, others = (flexibility(tx, name, name) for name in ("za", "ab", "bc"))
        sent(tx, third, market_bid(h18=600.0))  # all of z and of a
        sent(tx, works, market_bid(h18=200.0))  # so b has to give it
        assert left_kw(tx, others, h18=600.0) == [pytest.approx(400, abs=1)]
        assert refused(tx, third, market_bid(h18=10.0))


def test_of_two_requests_at_once_one_gets_the_last_kilowatt(market: Store) -> None:
    with market.write("north", "ann") as tx:
        found = flexibility(tx)
        drafts = [kept(tx, found, market_bid(h18=400.0)) for _ in range(2)]
    outcomes: list[str] = []

    def submit(own: bids.Bid) -> None:
        def work(tx: Tx) -> str:
            bid = MarketBid.model_validate(own.body)
            held.require_left(held.beside(tx, found, bid, PRODUCT, own.id), bid)
            return bids.submit(tx, bids.get(tx, own.id)).state

        try:
            outcomes.append(market.run("north", "ann", work))
        except InvalidError:
            outcomes.append("refused")

    threads = [threading.Thread(target=submit, args=(own,)) for own in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "submitted"]


def test_a_period_that_the_flexibility_does_not_know_is_refused(market: Store) -> None:
    with market.write("north", "ann") as tx:
        found = flexibility(tx)
        assert [pointer for pointer, _ in refused(tx, found, market_bid(h18=100.0, h30=100.0))] == ["/periods/1"]
