"""What a settlement needs beside meters is asked for with the request, not by a job that fails."""

from __future__ import annotations

from datetime import date

import pytest

from dispatch.errors import ConfigError
from dispatch.markets.awards import Award, AwardPeriod
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product
from dispatch.markets.portfolio import asked
from dispatch.service.work.settlement import prices_of

DAY = date(2026, 6, 10)
ONE = product("sdac_day_ahead", DAY)
STARTS = periods(ONE, DAY).local_start[72:74]
AWARD = Award(
    product=ONE.name, day=DAY, side="up",
    periods=tuple(AwardPeriod(start=start, quantity_kw=100, price=90) for start in STARTS),
)  # fmt: skip
BOTH = {"surplus_price_per_kwh": 0.05, "shortage_price_per_kwh": 0.05}


def test_energy_with_imbalance_needs_its_prices_of_every_period() -> None:
    rows = [{"start": start.isoformat(), **BOTH} for start in STARTS]
    made = prices_of(ONE, asked(ONE, [AWARD]), rows)
    assert made.surplus_per_kwh is not None
    assert made.surplus_per_kwh.tolist() == [0.05, 0.05]
    for given, said in (
        ([], "sdac_day_ahead is settled with imbalance, and its surplus_price_per_kwh is missing"),
        (rows[:1], "say surplus_price_per_kwh of some awarded periods only"),
        ([*rows, rows[0]], "is told of twice"),
        ([{**one, "shortage_price_per_kwh": 0.06} for one in rows], "has one imbalance price"),
        ([{**one, "available_share": 1.0} for one in rows], "not settled by availability"),
    ):
        with pytest.raises(ConfigError) as told:
            prices_of(ONE, asked(ONE, [AWARD]), given)
        assert any(said in one.message for one in told.value.problems)
