"""A day with blocks, contracts, sold reserve and a direct line: planned, compared and shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.presentation.findings import findings
from dispatch.presentation.page import report_data
from dispatch.tables import schedule_table
from tests.parks import battery, given, grid, hours, load, park, unit
from tests.unit.dispatch.planned import planned
from tests.unit.dispatch.tariff.billing import demand, energy, terms, tier

TARIFF = terms(
    energy(0.1),
    energy(0.05, name="sold", direction="export"),
    tier((50.0, 0.3), (None, 0.1)),
    demand(4.0, rebate={"kwh_per_kva_month": 10, "factor": 0.5}),
)
GREEN = {"name": "ppa", "price_per_kwh": 0.02, "take_kwh_month": 30}
LINE = {"kind": "direct_line", "name": "wind", "bus": "main", "technology": "wind", "rated_kw": 90, "loads": ["load"]}
SOLD = {"kind": "reserve_product", "name": "frr", "offer_kw": 20, "price_per_kwh": 0.5}


def shown(**fields: Any) -> Any:
    pcc = grid(export_kw=20, tariff=TARIFF, green_power=[GREEN], contracted_kva=30, **fields)
    engine = unit(min_kw=10, cost_per_kwh=0.2, on_before_h=1, power_before_kw=20)
    site = park(load(), pcc, battery(), engine, LINE, SOLD)
    series = {("load", "demand_kw"): 80.0, ("wind", "available_kw"): np.linspace(0, 90, 6)}
    actual = {"load": np.full(6, 75.0), "wind": np.linspace(0, 80, 6)}
    return planned(site, given(site, hours(6), series), actual=actual)


def test_the_plan_passes_and_its_page_and_table_hold_it() -> None:
    plan = shown()
    assert plan.audit.violations == ()
    assert audit(plan.schedule).passed
    data = report_data(plan)
    assert data.money[-1][1] == pytest.approx(sum(amount for _, amount in data.money[:-1]), abs=0.05)
    assert "pcc: demand, blocks and contracts added by this day" in dict(data.money)
    wishes = {text: outcome for text, outcome, _ in data.wishes}
    assert {"wind: share of own use", "wind: share of supply", "wind: share of export"} <= set(wishes)
    assert [o.name for o in plan.outcomes][:2] == ["plan", "rules of the park"]
    assert len(plan.outcomes) == 5, "executed and perfect foresight are settled too"
    table = schedule_table(plan.schedule, "EUR")
    assert "pcc.green_0_kw" in table.column_names
    assert not [name for name in table.column_names if "block" in name or "rebate" in name]


def test_a_share_that_is_missed_is_told_with_its_energy() -> None:
    plan = shown()
    missed = plan.schedule.asset("wind", "short_kwh")
    told = {text: (outcome, kept) for text, outcome, kept in report_data(plan).wishes}
    for number, rule in enumerate(("own use", "supply", "export")):
        outcome, kept = told[f"wind: share of {rule}"]
        assert kept == (missed[number] < 0.05)
        assert kept or f"{missed[number]:,.1f} kWh" in outcome


def test_a_month_without_its_energy_is_a_finding() -> None:
    assert [f for f in findings(shown()) if "no energy of the month given" in f.text]
    assert not [f for f in findings(shown(expected_day_kwh=5.0)) if "no energy of the month given" in f.text]
