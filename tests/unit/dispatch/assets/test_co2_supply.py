"""Supply of carbon dioxide: price by step, limit, and what counts as emitted."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.audit import audit
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.parks import given, hours, load
from tests.unit.dispatch.assets.hydrogen_parks import priced, problem, site


def supply(**fields: Any) -> dict[str, Any]:
    return {"kind": "co2_supply", "name": "air", "bus": "co2", "max_kg_per_h": 100} | fields


def test_what_is_taken_is_paid_for_step_by_step_and_emitted_in_part() -> None:
    price = [
        {"start": "2024-03-01T00:00Z", "end": "2024-03-01T01:00Z", "value": 50},
        {"start": "2024-03-01T01:00Z", "end": "2024-03-01T02:00Z", "value": 200},
    ]
    built = problem(
        priced(0.1), supply(price_per_t=price, co2_kg_per_kg=0.5), load("user", bus="co2"), steps=2, user=[40, 60]
    )
    for schedule in (solve(built), rule_based(built)):
        assert schedule.money == pytest.approx([(40 * 50 + 60 * 200) / 1000])
        assert schedule.co2_kg == pytest.approx([50])
        assert audit(schedule).violations == ()


@pytest.mark.parametrize("most", [100.0, 0.0])
def test_more_than_its_largest_flow_does_not_come(most: float) -> None:
    built = problem(priced(0.1), supply(max_kg_per_h=most), load("user", bus="co2"), user=150)
    for schedule in (solve(built), rule_based(built)):
        assert schedule.asset("user", "shed_kw") == pytest.approx([150 - most])
        assert audit(schedule).violations == ()


def test_its_price_is_known_from_the_file_alone() -> None:
    made = site(priced(0.1), supply(price_per_t=70), load("user", bus="co2"))
    inputs = given(made, hours(3), {("user", "demand_kw"): 0.0})
    assert inputs.series["air", "co2_price_per_t"].tolist() == [[70, 70, 70]]
