"""A fleet on one clock, a market's day on another: what both have in common is offered and carried out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

from dispatch.fleet.offering import Offered
from dispatch.flexibility.offers import Flexibility
from dispatch.markets.awards import Award, AwardPeriod
from dispatch.markets.bids import Bid, BidPeriod, Step
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product
from dispatch.markets.sustained import EnergyBand
from dispatch.service.errors import InvalidError
from dispatch.service.routes.bids import _require_followed, _within
from dispatch.service.schemas.bids import BidAsked
from dispatch.service.work.award import _nearest, _wanted
from dispatch.service.work.promised import Kept
from dispatch.signals import Horizon

DAY = date(2026, 6, 10)
HALF_HOURS = product("gb_half_hour_day_ahead", DAY)  # from 23:00 to 23:00
STEPS = Horizon.local_day(DAY, "Europe/London", 30)
ONES = np.ones((1, 48))
BAND = EnergyBand(np.zeros(48), np.full(48, -100.0), np.full(48, 100.0))
OFFERED = Offered(
    ("a",), STEPS, (Flexibility(STEPS.hours, 250 * ONES, 250 * ONES, 0.1 * ONES, 0 * ONES),), (BAND,), 300 * ONES
)


def award(*quantities_kw: float) -> Award:
    starts = [datetime.fromisoformat(f"2026-06-10T{at}+01:00") for at in ("18:00", "18:30")]
    rows = tuple(AwardPeriod(start=t, quantity_kw=kw, price=90) for t, kw in zip(starts, quantities_kw, strict=True))
    return Award(product=HALF_HOURS.name, day=DAY, side="up", periods=rows)


def asked(**more: Any) -> BidAsked:
    flexibility = "flx_" + "0" * 26
    return BidAsked.model_validate({"flexibility": flexibility, "product": HALF_HOURS.name, "side": "up", **more})


def test_an_award_of_a_day_that_begins_before_the_fleets_is_shared_out() -> None:
    found = _wanted(OFFERED, award(150, 100), HALF_HOURS, {"a": Kept()})
    assert found.asked_kw[36:38].tolist() == [150, 100]
    assert found.shares_kw[0, 36:38].tolist() == [150, 100]
    assert found.shares_kw.sum() == 250
    none = _wanted(OFFERED, award(0, 0), HALF_HOURS, {"a": Kept()})
    assert not none.at.any()
    assert not none.shares_kw.any()


def test_what_is_nearest_is_told_of_such_a_day_too() -> None:
    given = np.zeros(48)
    given[36:38] = [150, 60]
    told = _nearest(award(150, 100), HALF_HOURS, given, STEPS)
    assert [(one["start"], one["awarded_kw"], one["nearest_kw"]) for one in told] == [
        ("2026-06-10T18:00:00+01:00", 150, 100),  # in steps of 100 kW
        ("2026-06-10T18:30:00+01:00", 100, 0),
    ]


def test_start_and_end_choose_the_periods_that_are_priced() -> None:
    over = periods(HALF_HOURS, DAY)
    chosen = _within(over, asked(start="2026-06-10T18:00+01:00", end="2026-06-10T19:00+01:00"), HALF_HOURS, STEPS)
    assert [f"{t:%H:%M}" for t in chosen.local_start] == ["18:00", "18:30"]
    (curve,) = OFFERED.curves(HALF_HOURS, DAY, ("up",), over=chosen)
    # Of 250 kW and 100 kWh for half an hour 200 kW are left in the market's steps.
    assert curve.quantity_kw.tolist() == [200, 200]
    with pytest.raises(InvalidError, match="Nobody knows") as told:
        _within(over, asked(), HALF_HOURS, STEPS)
    assert [(one.pointer, "chosen by start and end" in one.accepted) for one in told.value.faults] == [
        ("/flexibility", True)
    ]
    with pytest.raises(InvalidError, match="no period") as told:
        _within(over, asked(start="2026-06-10T19:00+01:00", end="2026-06-10T18:00+01:00"), HALF_HOURS, STEPS)
    assert [one.pointer for one in told.value.faults] == ["/end"]


def test_a_bid_that_changes_within_a_step_of_the_plans_is_refused() -> None:
    hours = Horizon.local_day(DAY, "Europe/London", 60)
    starts = [datetime.fromisoformat(f"2026-06-10T{at}+01:00") for at in ("18:00", "18:30")]

    def bid(*quantities_kw: float) -> Bid:
        rows = [
            BidPeriod(start=t, steps=(Step(quantity_kw=kw, price=9),))
            for t, kw in zip(starts[: len(quantities_kw)], quantities_kw, strict=True)
        ]
        return Bid(product=HALF_HOURS.name, day=DAY, side="up", periods=tuple(rows))

    own = asked(periods=[{"start": starts[0].isoformat(), "steps": [{"quantity_kw": 100, "price": 9}]}])
    _require_followed(bid(100, 100), own, HALF_HOURS, hours)
    for uneven in (bid(100), bid(100, 200)):
        _require_followed(uneven, own, HALF_HOURS, STEPS)
        for body, place in ((own, "/periods"), (asked(), "/start")):
            with pytest.raises(InvalidError, match="changes within the step of 60 min") as told:
                _require_followed(uneven, body, HALF_HOURS, hours)
            assert [(one.pointer, one.accepted[:33]) for one in told.value.faults] == [
                (place, "sites planned in steps of 30 min ")
            ]
