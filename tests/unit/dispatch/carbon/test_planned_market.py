"""The market-based accounts of a plan: contracts as the plan uses them, connections with factors of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.carbon.carriers import traced
from dispatch.carbon.market import Market, planned_market
from dispatch.carbon.operation import Operation
from dispatch.problem import Problem
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park

ROOF = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 1000}
LAMPS = {"kind": "load", "name": "lamps", "bus": "main"}
CURVE = [{"datetime": f"2024-03-01T{hour:02d}:00Z", "value": 40.0 * (hour != 1)} for hour in range(4)]
GREEN = {"name": "ppa", "price_per_kwh": 0.01, "replaces_energy_price": True, "max_kw": CURVE}
SERIES: dict[tuple[str, str], Any] = {
    ("load", "demand_kw"): [40.0, 50, 60, 90],
    ("lamps", "demand_kw"): [20.0, 20, 20, 0],
    ("roof", "available_kw"): [0.0, 10, 100, 0],
}


def account(site: Site) -> tuple[Operation, Market]:
    schedule = solve(Problem(site, given(site, hours(4), SERIES)))
    ran = Operation.from_schedule(site, schedule)
    return ran, planned_market(site, schedule, ran)


def parked(certificates: dict[str, Any] | None = None, *more: dict[str, Any]) -> Site:
    line = grid(green_power=[GREEN], carbon_intensity_kg_per_kwh=0.5)
    site = park(load(), LAMPS, ROOF, line, *more)
    return Site.model_validate(site.model_dump() | {"claims": certificates or {}})


def test_a_plans_contracts_cover_its_meters() -> None:
    ran, found = account(parked())
    # Of 60, 70, 80 and 90 kW the roof gives 10 and 80; 40 are contracted in hours 0 and 3.
    total = found.hour.carbon_kg.sum(axis=0)
    assert total == pytest.approx([10, 30, 0, 25], abs=1e-5)
    assert found.hour.of("lamps")[1] == pytest.approx([10 / 3, 30 * 2 / 7, 0, 0], abs=1e-5)
    assert found.location.carbon_kg.sum() == pytest.approx(traced(ran).carbon_kg.sum())
    assert all(ledger.residual < 1e-9 for ledger in found.ledgers)


def test_shares_and_the_residual_factor_stand_in_the_parks_file() -> None:
    _, found = account(parked({"shares": {"ppa": {"lamps": 1.0}}, "residual_kg_per_kwh": 0.8}))
    assert found.hour.of("lamps")[1] == pytest.approx([0, 60 / 70 * 20 * 0.8, 0, 0], abs=1e-5)
    assert found.hour.of("load")[1] == pytest.approx([40 * 0.8, 60 / 70 * 50 * 0.8, 0, 90 * 0.8], abs=1e-5)


def test_a_store_hands_on_what_it_was_charged_with() -> None:
    _, found = account(parked(None, battery(energy_kwh=30, charge_kw=30, discharge_kw=30, start_fill=0)))
    assert found.hour.residual < 1e-9
    assert found.hour.stores["battery"].carbon_kg[0] == 0
    assert np.isfinite(found.hour.carbon_kg).all()


def test_a_park_without_a_connection_buys_nothing() -> None:
    site = park(load(), ROOF)
    schedule = solve(Problem(site, given(site, hours(4), SERIES | {("roof", "available_kw"): 100.0})))
    ran = Operation.from_schedule(site, schedule)
    assert planned_market(site, schedule, ran).hour.carbon_kg.sum() == 0


def test_what_a_plan_sells_and_buys_of_certificates_is_accounted() -> None:
    held = {"held_mwh": 0.05, "sell_price_per_mwh": 5.0, "buy_price_per_mwh": 6.0}
    base = parked()
    wish = {"clean_share_min": 0.9, "over": "horizon", "penalty_per_kwh": 1.0}
    site = Site.model_validate(base.model_dump() | {"carbon": {"certificates": held}, "wishes": [wish]})
    schedule = solve(Problem(site, given(site, hours(4), SERIES)))
    decided = schedule.carbon.certificates
    found = planned_market(site, schedule, Operation.from_schedule(site, schedule))
    balances = {balance.name: balance.kwh() for balance in found.covered["year"].balances}
    sold = float(decided["own_sold_kw"][0].sum())
    assert balances["roof"]["sold_kwh"] == pytest.approx(sold, abs=1e-4)
    stock = 1000 * float(decided["stock_sold_mwh"][0])
    assert balances["certificates held"]["opening_kwh"] == pytest.approx(50)
    bought = balances.get("certificates bought", {"bought_kwh": 0.0, "sold_kwh": 0.0})
    assert bought["bought_kwh"] == pytest.approx(1000 * float(decided["bought_mwh"][0]), abs=1e-4)
    assert balances["certificates held"]["sold_kwh"] + bought["sold_kwh"] == pytest.approx(stock, abs=1e-4)
    assert all(balance.residual == 0 for cover in found.covered.values() for balance in cover.balances)
    assert all(ledger.residual < 1e-9 for ledger in found.ledgers)
    # Certificates without an hour cover the year's load, and none of an hour's.
    assert found.covered["hour"].balances[-1].used == 0
