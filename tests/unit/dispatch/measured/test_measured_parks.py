"""Meters of every park that ships: what they tell, read back from a day by the park's rules, is what ran."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.carbon.carriers import traced
from dispatch.carbon.market import planned_market
from dispatch.carbon.operation import Operation
from dispatch.config.park import load_site, shipped_names
from dispatch.errors import DataError
from dispatch.measured.balance import Tolerance
from dispatch.measured.meters import points
from dispatch.measured.names import Key, Readings
from dispatch.measured.operation import ran
from dispatch.planning.outlook import known_inputs
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site

# A minute's worth in every run; `make test-all` goes through the others.
QUICK = ("ammonia_works", "dc_building", "sino_german")
HOUR = np.arange(24)
SHAPE = {
    "wind": 0.4 + 0.2 * np.sin(HOUR),
    "pv": 0.8 * np.clip(np.sin(np.pi * (HOUR - 6) / 12), 0, 1),
    "load": 0.5 + 0.2 * np.cos(HOUR / 4),
}


def day_of(site: Site) -> Horizon:
    """A day for which the park's file knows its prices."""
    days = [date.fromisoformat(site.embedded.day)] if site.embedded else [date(2025, 7, 2), date(2024, 1, 10)]
    for day in (*days, date(2016, 7, 1), date(2016, 8, 10)):
        horizon = Horizon.local_day(day, site.time_zone, 60)
        try:
            site.known_series(horizon)
        except DataError:
            continue
        return horizon
    raise AssertionError(f"no day for {site.name}")


def by_rules(site: Site) -> Schedule:
    horizon = day_of(site)
    needs = {asset.name: need for asset in site.assets for need in asset.needs}
    most = {name: need.capacity_kw if np.isfinite(need.capacity_kw) else 500.0 for name, need in needs.items()}
    inputs = known_inputs(site, horizon, needs, {name: most[name] * SHAPE[n.kind] for name, n in needs.items()})
    return rule_based(Problem(site, inputs, Mode("exact")))


def readings(site: Site, schedule: Schedule, done: Operation) -> Readings:
    """What meters at every side would have said, what stores held, and what was flared."""
    units, values = {unit.name: unit for unit in done.units}, dict[Key, Array]()
    for point in points(site):
        sides = units[point.asset].ports.values() if point.asset in units else ()
        power = sum((s.power_kw for s in sides if s.bus == point.bus), np.zeros(24))
        values[Key("power", point.asset, point.field, "net")] = power
    for unit in done.units:
        if unit.stock is not None and not unit.stock.kept:
            values[Key("content", unit.name)] = unit.stock.energy_kwh
        if unit.kind == "byproduct_gas":
            values[Key("unused", unit.name)] = schedule.asset(unit.name, "unused_kw")
    for asset in site.assets:
        for number, contract in enumerate(getattr(asset, "green_power", ())):
            values[Key("contract", asset.name, contract.name)] = schedule.asset(asset.name, f"green_{number}_kw")
    return Readings(done.horizon, values, {key: key.of for key in values})


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in shipped_names("parks")]
)
def test_a_parks_meters_tell_what_ran(name: str) -> None:
    site = load_site(name)
    schedule = by_rules(site)
    done = Operation.from_schedule(site, schedule)
    # Where the rules leave a bus unbalanced, its meters differ by as much.
    told = ran(site, readings(site, schedule, done), tolerance=Tolerance(1.0)).operation
    assert told.emitted_kg.sum() == pytest.approx(done.emitted_kg.sum(), rel=1e-9)
    planned, measured = (
        {meter.name: kg.sum() for meter, kg in zip(ledger.meters, ledger.carbon_kg, strict=True)}
        for ledger in (traced(done), traced(told))
    )
    both = (set(planned) | set(measured)) - {"not balanced", *(m for m in measured if m.startswith("imbalance of "))}
    whole = max(done.emitted_kg.sum(), 1.0)
    for meter in both:
        assert measured.get(meter, 0.0) == pytest.approx(planned.get(meter, 0.0), abs=1e-9 * whole), meter
    found = planned_market(site, schedule, done)
    assert max(ledger.residual for ledger in found.ledgers) < 1e-9
    assert {balance.residual for cover in found.covered.values() for balance in cover.balances} <= {0}
