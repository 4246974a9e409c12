"""Market-based accounts: golden T9 on a park, a park worked out by hand, what is sold, and what stores hand on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.carbon.carriers import traced
from dispatch.carbon.market import Market, market, mean_factor
from dispatch.carbon.operation import Operation
from dispatch.carbon.tracing import Flows
from dispatch.carbon.units import Side, Stock, Unit
from dispatch.errors import DataError
from dispatch.fields.claims import Claims
from dispatch.signals import Array, Horizon

FACTOR = np.array([0.4, 0.5, 0.7, 0.3])
NONE: dict[tuple[str, str], Array] = {}


def horizon(steps: int = 4) -> Horizon:
    return Horizon.between(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, steps, tzinfo=UTC), "UTC", 60)


def unit(name: str, kind: str, role: Any, emitted: Any = 0.0, stock: Stock | None = None, **power: Any) -> Unit:
    """Ports are buses; (4,) powers into them."""
    ports = {bus: Side(bus, np.broadcast_to(np.asarray(kw, float), 4)) for bus, kw in power.items()}
    return Unit(name, kind, role, ports, np.broadcast_to(np.asarray(emitted, float), 4), stock=stock)


def bought(power: Any, factor: Array = FACTOR) -> Unit:
    power = np.asarray(power, float)
    return unit("pcc", "grid_connection", "connection", np.maximum(power, 0) * factor, mv=power)


def operation(*units: Unit, **more: str) -> Operation:
    return Operation(horizon(), {"mv": "electricity", **more}, units)


def of(found: Market, ledger: str, meter: str) -> Array:
    return getattr(found, ledger).of(meter)[1]  # type: ignore[no-any-return]  # one of its ledgers


def certificates(**content: Any) -> Claims:
    return Claims.model_validate(content)


def test_t9_of_the_golden_file_on_a_park(shared: Path) -> None:
    golden = json.loads((shared / "golden" / "carbon.json").read_text(encoding="utf-8"))["T9_cfe"]
    load, factor = np.array(golden["load"], float), np.array(golden["ef"])
    ran = operation(bought(load, factor), unit("load", "load", "sink", mv=-load))
    found = market(ran, Claims(), {("pcc", "ppa"): np.array(golden["contracted"], float)}, factor)
    assert found.hour.carbon_kg.sum() == pytest.approx(golden["market_hourly_t"], rel=1e-12)
    assert found.year.carbon_kg.sum() == pytest.approx(golden["market_annual_t"], rel=1e-12)
    assert found.location.carbon_kg.sum() == pytest.approx(golden["location_t"], rel=1e-12)
    assert found.covered["hour"].balances[0].kwh()["closing_kwh"] == golden["excess"]


def test_uneven_meters_by_hand() -> None:
    one, other = np.array([10.0, 0, 30, 20]), np.array([2.0, 8, 10, 0])
    ran = operation(bought(one + other), unit("a", "load", "sink", mv=-one), unit("b", "smelter", "sink", mv=-other))
    found = market(ran, Claims(), {("pcc", "ppa"): np.array([12.0, 4, 16, 0])}, FACTOR)
    assert of(found, "hour", "a") == pytest.approx([0, 0, 18 * 0.7, 20 * 0.3])
    assert of(found, "hour", "b") == pytest.approx([0, 4 * 0.5, 6 * 0.7, 0])
    assert of(found, "year", "a").sum() == pytest.approx(0.6 * 31)
    assert of(found, "year", "b").sum() == pytest.approx(0.6 * 11.8)
    named = market(ran, certificates(shares={"ppa": {"b": 1.0}}), {("pcc", "ppa"): np.array([12.0, 4, 16, 0])}, FACTOR)
    assert of(named, "hour", "b") == pytest.approx([0, 4 * 0.5, 0, 0])
    assert of(named, "hour", "a") == pytest.approx(one * FACTOR)


def many_carriers(pv_sold: float = 0.5) -> tuple[Operation, Market]:
    """Plant with carbon of its own, a store, a heat pump, and PV half of whose certificates are sold."""
    pv, chp = np.array([0, 30, 50, 0.0]), np.array([10, 10, 0, 10.0])
    load, pump = np.array([40, 30, 20, 40.0]), np.full(4, 5.0)
    charge, discharge = np.array([0, 0, 20, 0.0]), np.array([0, 0, 0, 15.0])
    held = Stock(np.array([0, 0, 0, 19, 19 - 15 / 0.95]), np.ones(4), np.zeros(4))
    ran = operation(
        bought(load + pump + charge - pv - chp - discharge),
        unit("pv", "pv", "source", mv=pv),
        unit("gas_main", "fuel_supply", "source", chp * 2.5 * 0.2, gas=chp * 2.5),
        unit("chp", "chp", "conversion", gas=-chp * 2.5, mv=chp, heat=chp),
        unit("hp", "heat_pump", "conversion", mv=-pump, heat=3 * pump),
        unit("heating", "load", "sink", heat=-3 * pump - chp),
        unit("load", "load", "sink", mv=-load),
        unit("bat", "battery", "store", stock=held, mv=discharge - charge),
        gas="gas",
        heat="heat",
    )
    claims = certificates(disposals=[{"of": "pv", "share": pv_sold}] if pv_sold else [])
    return ran, market(ran, claims, NONE, FACTOR)


def test_a_park_of_many_carriers_by_hand() -> None:
    _, found = many_carriers()
    # Hour 1: of 40 kW on site 5 are exported, so the unit serves 8.75 of 35 kW and leaves 26.25; 15 certificates of PV
    # are left unsold, 11.25 kW are open at 0.5. The load draws 30 of 35 kW; the unit's electricity has 0.25 kg/kWh.
    assert of(found, "hour", "load")[1] == pytest.approx((11.25 * 0.5 + 8.75 * 0.25) * 30 / 35)
    # What is exported: an eighth of the unit's 10 kW, and of the PV's 30, for which no certificate is left.
    assert of(found, "hour", "pcc: export")[1] == pytest.approx(1.25 * 0.25 + 3.75 * 0.5)
    # Hour 3 is served from the store, too, at what it was charged with in hour 2: half covered, at 0.7.
    stored = 20 * of(found, "hour", "load")[2] / 20
    assert found.hour.stores["bat"].carbon_kg[3] == pytest.approx(stored)
    drawn = stored * (15 / 0.95) / 19
    open_kw, load = 45 - 25, np.array([40, 5])
    assert of(found, "hour", "load")[3] == pytest.approx((open_kw * 0.3 + 2.5 + drawn) * 40 / load.sum())
    # The heat pump hands its electricity's carbon on, beside the unit's heat.
    assert of(found, "hour", "heating")[3] == pytest.approx((open_kw * 0.3 + 2.5 + drawn) * 5 / 45 + 2.5)


def test_every_account_distributes_all_that_it_counts() -> None:
    ran, found = many_carriers()
    for ledger in found.ledgers:
        assert ledger.residual < 1e-12
    assert found.location.carbon_kg.sum() == pytest.approx(ran.emitted_kg.sum())
    assert [balance.residual for cover in found.covered.values() for balance in cover.balances] == [0, 0]


def test_certificates_that_are_sold_leave_the_residual_mix() -> None:
    ran, kept = many_carriers(pv_sold=0.0)
    _, sold = many_carriers(pv_sold=1.0)
    physical = traced(ran)
    assert of(kept, "hour", "load") == pytest.approx(physical.of("load")[1])
    assert sold.hour.carbon_kg.sum() > kept.hour.carbon_kg.sum() + 20
    claims = certificates(disposals=[{"of": "pv", "share": 1.0, "how": "offset"}])
    assert market(ran, claims, NONE, FACTOR).hour.carbon_kg == pytest.approx(sold.hour.carbon_kg)
    assert sold.location.carbon_kg == pytest.approx(kept.location.carbon_kg)


def test_the_residual_factor_is_for_what_nothing_covers() -> None:
    load = np.full(4, 10.0)
    ran = operation(bought(load), unit("load", "load", "sink", mv=-load))
    contracts = {("pcc", "ppa"): np.array([10.0, 0, 5, 0])}
    found = market(ran, Claims(), contracts, FACTOR, residual_kg_per_kwh=np.full(4, 0.8))
    assert of(found, "hour", "load") == pytest.approx([0, 8, 4, 8])
    assert of(found, "location", "load") == pytest.approx(10 * FACTOR)


def test_exports_beyond_the_parks_own_supply_were_bought() -> None:
    ran = operation(
        bought([0, 0, 0, 0]),
        unit("import", "grid_connection", "connection", 10 * FACTOR, mv=np.full(4, 10.0)),
        unit("sale", "grid_connection", "connection", mv=np.full(4, -12.0)),
        unit("pv", "pv", "source", mv=np.full(4, 4.0)),
        unit("load", "load", "sink", mv=np.full(4, -2.0)),
    )
    found = market(ran, certificates(disposals=[{"of": "pv", "share": 1.0}]), NONE, FACTOR)
    # 8 of 12 kW were bought, and the certificates of the other 4 are sold.
    assert of(found, "hour", "sale: export") == pytest.approx(12 * FACTOR)
    kept = market(ran, Claims(), NONE, FACTOR)
    # Here they stand for the 2 kW of the load first, whatever flowed where.
    assert of(kept, "hour", "load") == pytest.approx(np.zeros(4), abs=1e-9)
    assert of(kept, "hour", "sale: export") == pytest.approx(10 * FACTOR)
    assert of(found, "hour", "load") == pytest.approx(2 * FACTOR)
    assert found.hour.residual < 1e-12


def test_a_certificate_is_not_claimed_by_the_load_and_by_who_buys_the_electricity() -> None:
    """Sun at noon is exported, and its certificate covers the night in the account by the year."""
    sun, load = np.array([0, 10, 0, 0.0]), np.array([10, 0, 0, 0.0])
    ran = operation(bought(load - sun), unit("pv", "pv", "source", mv=sun), unit("load", "load", "sink", mv=-load))
    found = market(ran, Claims(), NONE, FACTOR)
    assert of(found, "hour", "load")[0] == pytest.approx(10 * 0.4)
    assert of(found, "hour", "pcc: export") == pytest.approx(np.zeros(4), abs=1e-12)
    assert found.covered["hour"].used_kwh[0, found.meters.index("pcc"), 1] == pytest.approx(10)
    assert of(found, "year", "load")[0] == pytest.approx(0)
    assert of(found, "year", "pcc: export")[1] == pytest.approx(10 * 0.5)
    assert [cover.balances[0].closing for cover in found.covered.values()] == [0, 0]
    banked = market(ran, certificates(with_exports=False), NONE, FACTOR)
    assert of(banked, "hour", "pcc: export")[1] == pytest.approx(10 * 0.5)
    assert banked.covered["hour"].balances[0].kwh()["closing_kwh"] == pytest.approx(10)
    assert of(banked, "location", "pcc: export") == pytest.approx(np.zeros(4), abs=1e-12)
    assert max(ledger.residual for ledger in (*found.ledgers, *banked.ledgers)) < 1e-12


def test_meters_stand_where_they_really_do() -> None:
    _, found = many_carriers()
    assert {meter.name: meter.bus for meter in found.hour.meters} == {
        "pcc: export": "mv", "heating": "heat", "load": "mv", "bat": "mv", "bat: losses": "mv",
    }  # fmt: skip
    assert set(found.hour.buses) == {"mv", "gas", "heat"}


def test_names_that_point_nowhere_and_factors_that_lack() -> None:
    load = np.full(4, 10.0)
    ran = operation(bought(load), unit("load", "load", "sink", mv=-load))
    with pytest.raises(DataError, match="there are none of 'pv'; there are of ppa"):
        market(ran, certificates(disposals=[{"of": "pv", "share": 1.0}]), {("pcc", "ppa"): load}, FACTOR)
    with pytest.raises(DataError, match="residual factor: no number in step 1"):
        market(ran, Claims(), NONE, FACTOR, residual_kg_per_kwh=np.array([1, np.nan, 1, 1]))
    flows = Flows(1, np.zeros(0, int), np.zeros(0, int), np.zeros((0, 4)), np.zeros((0, 4)))
    with pytest.raises(DataError, match="on the park's own buses"):
        market(Operation(ran.horizon, ran.carriers, ran.units, flows), Claims(), NONE, FACTOR)


def test_several_connections_have_the_mean_of_what_they_import() -> None:
    factors = [np.array([0.2, 0.2]), np.array([0.6, 0.6])]
    assert mean_factor(factors, [np.array([3.0, 0]), np.array([1.0, 0])]) == pytest.approx([0.3, 0.4])


@given(st.integers(0, 2**32 - 1))
def test_market_accounts_conserve_whatever_runs(seed: int) -> None:
    random = np.random.default_rng(seed)
    pv, genset, loads = random.random(4) * 50, random.random(4) * 20, random.random((3, 4)) * 30
    ran = operation(
        bought(loads.sum(axis=0) - pv - genset),
        unit("pv", "pv", "source", mv=pv),
        unit("genset", "thermal", "source", genset * 0.8, mv=genset),
        *(unit(f"l{k}", "load", "sink", mv=-load) for k, load in enumerate(loads)),
    )
    contracts = {("pcc", "ppa"): random.random(4) * 40}
    claims = certificates(disposals=[{"of": "pv", "share": 0.3}], shares={"ppa": {"l1": 0.5}})
    found = market(ran, claims, contracts, FACTOR)
    for ledger in found.ledgers:
        assert ledger.residual < 1e-9
        assert (ledger.carbon_kg >= -1e-9).all()
    # A MWh covers one load: what is open is what is drawn and neither covered nor served by the genset.
    cover = found.covered["hour"]
    for k, supply in enumerate(found.supplies):
        free = supply.energy_kwh - np.asarray(supply.sold_kwh) + 2e-6
        assert (cover.used_kwh[k].sum(axis=0) <= free).all()
