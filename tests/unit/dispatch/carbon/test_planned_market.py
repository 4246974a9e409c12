"""The market-based accounts of a plan: contracts as the plan uses them, connections with factors of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatch.carbon.carriers import traced
from dispatch.carbon.market import Market, planned_market
from dispatch.carbon.operation import Operation
from dispatch.measured.account import account as measured_account
from dispatch.measured.files import read_measured
from dispatch.problem import Problem
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, unit

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


@pytest.mark.parametrize(("price", "sold"), [(None, 0.0), (5.0, 1.0)])
def test_certificates_of_a_renewable_fuel_that_are_sold_leave_the_residual_mix(
    price: float | None, sold: float
) -> None:
    """40 of 100 kWh by biomass at .1, the rest bought at .5 kg: 30 kg, and 50 where the 40 certificates are sold."""
    biomass = unit("biomass", max_kw=10, clean=True)
    carbon = {"certificates": {"sell_price_per_mwh": price}}
    site = park(load(), biomass, grid(carbon_intensity_kg_per_kwh=0.5), carbon=carbon)
    schedule = solve(Problem(site, given(site, hours(4), {("load", "demand_kw"): 25.0})))
    found = planned_market(site, schedule, Operation.from_schedule(site, schedule))
    (supply,) = found.supplies
    assert (supply.name, supply.energy_kwh.sum(), np.sum(supply.sold_kwh)) == ("biomass", pytest.approx(40), 40 * sold)
    for ledger in (found.hour, found.year):
        assert ledger.of("load")[1].sum() == pytest.approx(30 + 20 * sold)
        assert ledger.residual < 1e-9
    assert found.location.of("load")[1].sum() == pytest.approx(30)


def test_what_meters_saw_of_a_renewable_fuel_brings_certificates_too(tmp_path: Path) -> None:
    """10 of 25 kW; half of them given away leave 20 kW at .5 kg in each hour."""
    file = tmp_path / "meters.csv"
    file.write_text("time,load_kw,biomass_kw,pcc_kw\n2024-03-01T00:00Z,25,10,15\n2024-03-01T01:00Z,25,10,15\n")
    claims = {"disposals": [{"of": "biomass", "share": 0.5}]}
    line = grid(carbon_intensity_kg_per_kwh=0.5)
    site = park(load(), unit("biomass", max_kw=10, clean=True), line, claims=claims)
    found = measured_account(site, read_measured(site, hours(2), file)).market
    assert [supply.name for supply in found.supplies] == ["biomass"]
    assert found.hour.of("load")[1] == pytest.approx([10, 10])


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
