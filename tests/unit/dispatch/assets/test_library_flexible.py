"""Entries of the library for flexible loads and buildings: each is planned for a day, and names its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import given, hours

# What a park says beside ``use``, and the demand of what is forecast.
ENTRIES: dict[str, dict[str, Any]] = {
    "aluminium_pot_line": {"rated_kw": 5000, "value_per_kg": 2.0},
    "base_station_5g": {"count": 20, "traffic": 7.5},
    "bidirectional_converter_100kw": {"dc_bus": "dc"},
    "data_hall_1mw_chilled": {
        "batches": [{"name": "b", "window": {"daily": "00:00-24:00"}, "energy_kwh": 2000, "max_kw": 300}]
    },
    "data_hall_1mw_cold_climate": {"ambient_degc": -5.0},
    "heat_treatment_batch": {},
    "office_load_response": {},
    "office_zone_100m2": {"count": 40, "ambient_degc": 5.0},
    "shift_patterns_100kw": {},
}
PARK = """
name: library
time_zone: UTC
currency: EUR
latitude_deg: 40
longitude_deg: 116
buses: [{name: main}, {name: dc, current: dc}]
assets:
  - {use: ENTRY, name: it, bus: main, FIELDS}
  - {kind: load, name: lamps, bus: BUS}
  - kind: grid_connection
    name: pcc
    bus: main
    import_kw: 20000
    tariff:
      name: t
      currency: EUR
      components:
        - {name: day, basis: energy, price_per_kwh: 0.2, calendar: {hours: ["06:00-22:00"]}, source: test}
        - {name: night, basis: energy, price_per_kwh: 0.1, calendar: {hours: ["00:00-06:00"]}, source: test}
        - {name: late, basis: energy, price_per_kwh: 0.1, calendar: {hours: ["22:00-24:00"]}, source: test}
"""


def site_of(entry: str, folder: Path) -> Site:
    fields = ", ".join(f"{name}: {str(value).replace(chr(39), chr(34))}" for name, value in ENTRIES[entry].items())
    bus = "dc" if "dc_bus" in ENTRIES[entry] else "main"
    text = PARK.replace("ENTRY", entry).replace(", FIELDS", f", {fields}" if fields else "").replace("BUS", bus)
    (folder / "park.yaml").write_text(text, encoding="utf-8")
    return load_site(folder)


def planned(site: Site, horizon: Horizon) -> Problem:
    demand = {(name, "demand_kw"): np.linspace(50, 90, horizon.steps) for name in ("it", "lamps")}
    wanted = {key: v for key, v in demand.items() if any(a.name == key[0] and a.needs for a in site.assets)}
    return Problem(site, given(site, horizon, wanted))


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_is_planned_for_a_day(entry: str, tmp_path: Path) -> None:
    site = site_of(entry, tmp_path)
    asset = site.assets[0]
    assert asset.source
    assert not asset.verified, "typical numbers say so in the report"
    problem = planned(site, hours(24))
    plan, rules = solve(problem), rule_based(problem)
    assert audit(plan).violations == ()
    assert audit(rules).violations == ()
    assert plan.proof.objective <= rules.proof.objective + 1e-6
    drawn = sum(np.abs(power).sum() for power in plan.kinds[asset.kind].power_kw.values())
    assert drawn > 10
