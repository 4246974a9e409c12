"""Demand whose price rises by blocks: bill, plan, ratchet and what is carried in, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.tariff.bill import total
from tests.parks import battery, hours
from tests.unit.dispatch.tariff.billing import both, demand, demand_blocks, money_of, month, problem, tariff, terms

RISING = demand_blocks((50.0, 0.0), (100.0, 8.0), (None, 15.0))
"""The first 50 kW are free, the next 50 cost 8 each, all above 15."""


@pytest.mark.parametrize(("peak_kw", "money"), [(40, 0), (50, 0), (80, 240), (100, 400), (120, 700)])
def test_each_kw_costs_what_its_block_does(peak_kw: float, money: float) -> None:
    assert money_of(tariff(RISING), month(), peak_kw) == pytest.approx(money)
    for schedule in both(problem({"tariff": terms(RISING)}, load_kw=peak_kw)):
        assert schedule.money[0] == pytest.approx(money)


def test_the_bill_has_a_line_for_each_block_that_is_reached() -> None:
    lines = tariff(RISING).bill(month(), np.full(month().steps, 120.0), np.zeros(month().steps))
    assert [(line.quantity, line.price, line.money) for line in lines] == [(50, 0, 0), (50, 8, 400), (20, 15, 300)]
    assert total(lines) == 700


@pytest.mark.parametrize(("carried_kw", "money"), [(30, 700), (70, 700 - 160), (110, 150), (130, 0)])
def test_what_is_paid_for_anyway_is_taken_off_block_by_block(carried_kw: float, money: float) -> None:
    """B(120) − B(carried): 700 less 0, 160, 550 and, above the peak, nothing."""
    for name in ("month_to_date_peak_kw", "expected_peak_kw"):
        for schedule in both(problem({"tariff": terms(RISING), name: carried_kw}, load_kw=120.0)):
            assert schedule.money[0] == pytest.approx(money)


def test_a_store_shaves_to_the_block_that_it_is_worth() -> None:
    """90 kWh can take three hours of 130 down to 100; a kW below costs 8, and to charge it elsewhere costs 12."""
    load_kw = np.array([20.0, 20, 20, 20, 130, 130, 130, 20])
    store = battery(energy_kwh=300, charge_kw=300, discharge_kw=300, charge_efficiency=1.0, discharge_efficiency=1.0,
                    start_fill=0.0, wear_cost_per_kwh=4.0)  # fmt: skip
    found = both(problem({"tariff": terms(RISING)}, store, load_kw=load_kw, steps=hours(8)))[0]
    # A kW less in three hours wears 12: worth it against 15, not against 8.
    assert found.kinds["grid_connection"].series["import_kw"].max() == pytest.approx(100, abs=1e-3)
    assert found.money[0] == pytest.approx(400 + 90 * 4)


def test_a_ratchet_holds_up_what_its_blocks_bill() -> None:
    held = RISING | {"ratchet": {"fraction": 0.8, "months": 2}}
    assert money_of(tariff(held), month(), 40.0, past_peaks_kw={"demand": (150.0,)}) == pytest.approx(700)
    pcc = {"tariff": terms(held), "past_peaks_kw": (100.0,)}
    for schedule in both(problem(pcc, load_kw=120.0)):  # 80 kW are billed anyway: 700 - 240
        assert schedule.money[0] == pytest.approx(460)


def test_one_block_is_a_price_and_two_of_one_price_are_one() -> None:
    for made in (demand_blocks((None, 10.0)), demand_blocks((60.0, 10.0), (None, 10.0))):
        assert money_of(tariff(made), month(), 90.0) == pytest.approx(money_of(tariff(demand(10.0)), month(), 90.0))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (demand_blocks((50.0, 8.0), (None, 5.0)), "price_per_kw_month must not fall from block to block"),
        (demand_blocks((50.0, 8.0), (40.0, 9.0), (None, 10.0)), "up_to_kw must grow from block to block"),
        (demand_blocks((50.0, 8.0)), "the last has none"),
        (RISING | {"price_per_kw_month": 3.0}, "one of"),
        (RISING | {"rebate": {"kwh_per_kva_month": 260, "factor": 0.9}}, "a rebate is of months"),
    ],
)
def test_what_is_no_price_of_demand_is_refused(made: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        tariff(made)


def test_sites_whose_demand_has_other_blocks_share_no_compiled_problem() -> None:
    two = demand_blocks((50.0, 0.0), (None, 8.0))
    assert tariff(two).shape == tariff(demand_blocks((70.0, 1.0), (None, 2.0))).shape
    assert len({tariff(made).shape for made in (RISING, two, demand(8.0))}) == 3
