"""A store that looks at money alone raises emissions; a price, a cap or a quota turns it round. By hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.cases import blind_arbitrage as case
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.solve import solve


def test_planned_for_money_alone_a_store_raises_emissions_and_saves_money() -> None:
    plain, blind = case.planned(store=False), case.planned(store=True)
    assert plain.co2_kg[0] == pytest.approx(case.PLAIN_KG)
    assert plain.money[0] == pytest.approx(case.PLAIN_MONEY)
    assert blind.co2_kg[0] == pytest.approx(case.BLIND_KG)
    assert blind.co2_kg[0] > plain.co2_kg[0]
    assert blind.money[0] == pytest.approx(case.PLAIN_MONEY + 0.28 * case.MOVED_IN - 0.45 * case.MOVED_OUT)


def test_a_price_of_carbon_turns_it_round() -> None:
    plain, seeing = case.planned(store=False, price_per_t=500.0), case.planned(store=True, price_per_t=500.0)
    assert seeing.co2_kg[0] == pytest.approx(case.SEEING_KG)
    assert seeing.co2_kg[0] < plain.co2_kg[0] < case.PLAIN_KG
    idle = case.planned(store=True, price_per_t=400.0)
    assert idle.asset("store", "charge_kw") == pytest.approx(np.zeros(24), abs=1e-6), (
        "nothing to gain between the orders"
    )


@pytest.mark.parametrize("how", ["cap", "quota"])
def test_so_do_a_cap_and_a_quota(how: str) -> None:
    """The tonne that is saved last takes coal's place at .17 per .55 kg: 309 per t."""
    most_t = 10.0
    trading = {"buy_price_per_t": 500.0, "sell_price_per_t": 100.0}
    fields = {
        "cap": {"wishes": [{"emissions_max_t": most_t, "over": "day"}]},
        "quota": {"carbon": {"quota": {"free_t": most_t, "per": "horizon", "trading": trading}}},
    }[how]
    base = case.planned(store=True)
    site = case.park(store=True, **fields)
    schedule = solve(Problem(site, base.inputs))
    assert schedule.co2_kg[0] == pytest.approx(1000 * most_t)
    assert audit(schedule).passed
    if how == "cap":
        assert next(iter(schedule.shadow_price_per_t.values())) == pytest.approx([0.17 / 0.55 * 1000])
