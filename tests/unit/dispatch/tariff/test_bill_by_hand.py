"""Bills of constant power, every sum of which is in the test: what is carried over, how lines follow from lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.tariff.carried import rest_days
from tests.parks import hours
from tests.unit.dispatch.tariff.billing import demand, energy, money_of, tariff, tier

TWO_DAYS = hours(48, "2024-04-30T00:00")


def line(basis: str, **fields: Any) -> dict[str, Any]:
    return {"name": basis, "basis": basis, "source": "test"} | fields


def test_what_is_expected_of_a_tiers_rest_is_of_its_own_hours() -> None:
    """Mornings count: 12 kWh of 29 April, half of 100 kWh expected of the 30th: 60 at .1 and 2 at .3."""
    blocks = tier((60.0, 0.1), (None, 0.3), calendar={"hours": ["00:00-12:00"]})
    made = tariff(blocks, energy(0.0, calendar={"hours": ["12:00-24:00"]}))
    day = hours(24, "2024-04-29T00:00")
    assert money_of(made, day, 1.0, expected_day_kwh={"blocks": 100.0}) == pytest.approx(6.0 + 0.6)
    assert rest_days(day, (2024, 4), made.components[0], made.days) == 0.5


def test_a_day_at_the_turn_of_a_month_is_paid_once() -> None:
    lines = tariff(line("fixed", price_per_day=2.0), energy(0.0)).bill(TWO_DAYS, np.zeros(48), np.zeros(48))
    assert [(each.period, each.quantity, each.money) for each in lines if each.component == "fixed"] == [
        ("2024-04", 1.0, 2.0),
        ("2024-05", 1.0, 2.0),
    ]


@pytest.mark.parametrize(
    ("component", "carried", "kw"),
    [
        (demand(1.0), {"peak_kw": {"demand": 50.0}}, 50 + 10),  # reached in April, which says nothing of May
        (demand(1.0), {"expected_peak_kw": {"demand": 70.0}}, 70 + 70),  # of either month's rest
        (line("demand", price_per_kw_day=1.0), {"expected_peak_kw": {"demand": 70.0}}, 10 + 10),
        (line("demand", price_per_kw_day=1.0), {"peak_kw": {"demand": 50.0}}, 50 + 10),
        (line("demand", price_per_kw_year=1.0), {"expected_peak_kw": {"demand": 70.0}}, 70),
        (line("demand", price_per_kw_year=1.0), {"peak_kw": {"demand": 50.0}}, 50),
        (demand(1.0, min_kw=15.0), {}, 15 + 15),
    ],
)
def test_peaks_that_were_reached_or_are_expected(component: dict[str, Any], carried: dict[str, Any], kw: float) -> None:
    """10 kW on 30 April and 1 May at 1 a kW."""
    made = tariff(component, energy(0.0))
    assert money_of(made, TWO_DAYS, 10.0, **carried) == pytest.approx(kw)


@pytest.mark.parametrize(
    ("ratchet", "kw"),
    [
        ({"months": 11}, 100.0),  # half of August's 200
        ({"months": 4}, 50.0),  # half of September's 100, four months back
        ({"months": 3}, 15.0),
        ({"months": 11, "of_months": [9]}, 50.0),
        ({"months": 11, "of_months": [12]}, 5.0),
    ],
)
def test_a_ratchet_knows_the_months_by_their_names(ratchet: dict[str, Any], kw: float) -> None:
    """January after December 10, November 20, October 30, September 100 and August 200 kW, of which half counts."""
    made = tariff(demand(1.0, ratchet={"fraction": 0.5} | ratchet), energy(0.0))
    past = {"past_peaks_kw": {"demand": (10.0, 20.0, 30.0, 100.0, 200.0)}}
    assert money_of(made, hours(24, "2024-01-01T00:00"), 1.0, **past) == pytest.approx(kw)


def test_power_factor_minimum_and_taxes_follow_in_this_order() -> None:
    """60 of energy; at .8 of .9 asked 5 % more are 63; 37 are missing to 100; a tenth of 100 is tax."""
    rule = line("power_factor", standard_power_factor=0.9)
    made = tariff(line("tax", share=0.1), line("minimum", price_per_month=100.0), rule, energy(0.1))
    day = hours(24, "2024-04-01T00:00")
    lines = made.bill(day, np.full(24, 25.0), np.zeros(24), power_factor=0.8)
    money = {each.component: each.money for each in lines}
    assert money == pytest.approx({"energy": 60.0, "power_factor": 3.0, "minimum": 37.0, "tax": 10.0})


def test_what_is_billed_by_the_year_fills_no_months_minimum() -> None:
    """60 of energy and 25 kW of the year at 2: 40 are missing to April's 100, and none to a month called 2024."""
    peak = line("demand", price_per_kw_year=2.0)
    made = tariff(peak, line("minimum", price_per_month=100.0), energy(0.1))
    assert money_of(made, hours(24, "2024-04-01T00:00"), 25.0) == pytest.approx(60.0 + 50.0 + 40.0)
