"""Templates of the kinds that make, keep and use hydrogen and what is made of it; see ``templates``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dispatch.site import Site
from tests.parks import grid, load, park
from tests.unit.dispatch.assets.templates import Template, priced, stored
from tests.unit.dispatch.assets.templates_thermal import processes

BUSES = [
    {"name": "main"},
    {"name": "heat", "carrier": "heat"},
    {"name": "h2", "carrier": "hydrogen"},
    {"name": "h2_high", "carrier": "hydrogen"},
    {"name": "nh3", "carrier": "ammonia"},
    {"name": "meoh", "carrier": "methanol"},
    {"name": "co2", "carrier": "co2"},
]
ASKED = np.array([20.0, 10.0, 0.0, 25.0, 0.0, 15.0, 30.0, 5.0])


WITHOUT_MEMORY = {
    "min_up_h": 0.0,
    "min_down_h": 0.0,
    "warm_start_cost": 0.0,
    "ramp_up_kw_per_h": None,
    "ramp_down_kw_per_h": None,
}


class _OnItsBuses(Template):
    def site(self, asset: Mapping[str, Any] | None = None) -> Site:
        fields = {"buses": BUSES, "objective": {"carbon_price_per_t": 50}}
        return park(self.asset if asset is None else asset, *self.others, **fields)


def template(asset: Mapping[str, Any], others: tuple[dict[str, Any], ...], asked: Mapping[str, Any]) -> Template:
    """An asset among others on the buses above, with the demand of loads by name."""
    return _OnItsBuses(dict(asset), others, {(name, "demand_kw"): values for name, values in asked.items()})


def electrolysers(kind: str, **fields: Any) -> tuple[Template, ...]:
    """Off before, on before, kept off, kept on, one that cannot stand by, and three modules in one row."""
    base = {"kind": kind, "name": "it", "bus": "main", "hydrogen_bus": "h2", "heat_bus": "heat", "electric_kw": 60.0}
    states = {"start_cost": 4.0, "start_cost_per_mw": 20.0, "warm_start_cost": 0.2, "min_up_h": 2.0, "min_down_h": 2.0}
    limits = {"ramp_up_kw_per_h": 25.0, "ramp_down_kw_per_h": 22.0, "standby_share": 0.02, "can_stand_by": True}
    more = {"heat_share": 0.7, "count": 1, "off_before_h": 5.0, "on_before_h": 0.0, "power_before_kw": 0.0}
    asset = base | {"min_load": 0.2, "must_run": False} | states | limits | more | fields
    others = (priced(), load("cars", bus="h2", value_of_lost_load_per_kwh=2.0), load("warm", bus="heat"))
    first = template(asset, others, {"cars": ASKED, "warm": 9.0})

    def made(**changes: Any) -> Template:
        return replace(first, asset=asset | changes)

    return (
        first,
        made(on_before_h=1.0, power_before_kw=30.0, min_up_h=4.0),
        made(off_before_h=1.0, min_down_h=3.0),
        made(must_run=True, on_before_h=3.0),
        made(can_stand_by=False, start_cost=0.1, start_cost_per_mw=0.0, min_up_h=0.0, min_down_h=0.0),
        made(count=3, electric_kw=20.0, start_cost=0.1, **WITHOUT_MEMORY),
    )


def tanks(kind: str, bus: str) -> tuple[Template, ...]:
    """Those of every store, on the tank's bus."""
    maker, asked = _maker(bus)
    plain, by_fill, other_way = (made.asset for made in stored(kind, bus))
    plain |= {"energy_kwh": 60.0}  # small enough to be emptied
    others = (priced(), *maker, load("user", bus=bus))
    return tuple(template(asset, others, {"user": asked}) for asset in (plain, by_fill, other_way))


def _maker(bus: str) -> tuple[tuple[dict[str, Any], ...], Any]:
    """What makes the product of a bus out of electricity, and a demand for it."""
    cell = {"kind": "pem_electrolyser", "name": "cell", "bus": "main", "hydrogen_bus": "h2", "electric_kw": 150}
    hydrogen = {**cell, "min_load": 0.0}
    asked = np.array([30.0, 20.0, 45.0, 30.0, 50.0, 20.0, 40.0, 45.0])
    if bus == "h2":
        return (hydrogen,), asked
    if bus == "nh3":
        loop = {"kind": "haber_bosch", "name": "loop", "bus": "main", "hydrogen_bus": "h2", "ammonia_bus": "nh3"}
        loop |= {"ammonia_kw": 70, "min_load_fraction": 0.0, "ramp_fraction_per_h": None}
        return (hydrogen, loop), asked
    synthesis = {"kind": "methanol_synthesis", "name": "loop", "bus": "main", "hydrogen_bus": "h2", "co2_bus": "co2"}
    synthesis |= {"methanol_bus": "meoh", "methanol_kw": 70, "min_load_fraction": 0.0}
    air = {"kind": "co2_supply", "name": "air", "bus": "co2", "max_kg_per_h": 100}
    return (hydrogen, synthesis, air), asked


def _compressor() -> Template:
    makers, asked = _maker("h2")
    asset = {"kind": "hydrogen_compressor", "name": "it", "low_bus": "h2", "high_bus": "h2_high", "bus": "main"}
    asset |= {"hydrogen_kw": 40.0, "electricity_kwh_per_kwh": 0.06, "cost_per_kwh": 0.01, "co2_kg_per_kwh": 0.02}
    return template(asset, (priced(), *makers, load("user", bus="h2_high")), {"user": asked})


def _fuel_cells() -> tuple[Template, ...]:
    """A cell that gives back what was made while power was cheap."""
    asset = {"kind": "fuel_cell", "name": "it", "bus": "main", "hydrogen_bus": "h2", "heat_bus": "heat"}
    asset |= {"electric_kw": 20.0, "electric_efficiency": 0.5, "electricity_per_heat": 1.25}
    tank = {"kind": "hydrogen_tank", "name": "tank", "bus": "h2", "energy_kwh": 500, "charge_kw": 80}
    tank |= {"discharge_kw": 80, "start_fill": 0.6, "end_penalty_per_kwh": 0.02}
    lonely = grid(import_kw=20, tariff=priced()["tariff"])
    used = (lonely, tank, load("works"), load("warm", bus="heat", value_of_lost_load_per_kwh=0.1))
    asked = {"works": np.array([33.0, 30.0, 34.0, 30.0, 35.0, 32.0, 33.0, 31.0]), "warm": 12.0}
    return processes(template(asset, used, asked), 40.0)


def _loops() -> tuple[Template, ...]:
    """A loop that makes about two thirds of its rating: all that a process adds, and levels."""
    makers, _ = _maker("h2")
    full_kw = 60.0
    asset = {"kind": "haber_bosch", "name": "it", "bus": "main", "hydrogen_bus": "h2", "ammonia_bus": "nh3"}
    asset |= {"ammonia_kw": full_kw * 5170 / (178 * 33.33), "hydrogen_kg_per_t": 178.0, "synthesis_kwh_per_t": 1280.0}
    asset |= {"air_separation_kwh_per_t": 210.0, "min_load_fraction": 0.0, "ramp_fraction_per_h": None}
    asset |= {"must_run": False, "on_before_h": 0.0, "plateau_hold_h": 0.0, "held_before_h": 0.0}
    tank = {
        "kind": "ammonia_tank",
        "name": "tank",
        "bus": "nh3",
        "energy_kwh": 300,
        "charge_kw": 80,
        "discharge_kw": 80,
    }
    tank |= {"end_fill_min": 0.4}
    others = (priced(), *makers, tank, load("ship", bus="nh3", value_of_lost_load_per_kwh=5.0))
    first = template(asset, others, {"ship": np.array([40.0, 20.0, 45.0, 30.0, 40.0, 20.0, 40.0, 30.0])})
    levels = {"plateaus": [0.3, 0.6, 0.9], "plateau_hold_h": 3.0, "held_before_h": 1.0, "min_load_fraction": 0.25}
    levels |= {"on_before_h": 5.0, "input_before_kw": 18.0, "must_run": True}
    return (*processes(first, full_kw), replace(first, asset=asset | levels))


def _syntheses() -> tuple[Template, ...]:
    makers, _ = _maker("meoh")
    hydrogen, _, air = makers
    asset = {"kind": "methanol_synthesis", "name": "it", "bus": "main", "hydrogen_bus": "h2", "co2_bus": "co2"}
    asset |= {"methanol_bus": "meoh", "methanol_kw": 60.0 / 1.138, "hydrogen_kwh_per_kwh": 1.138}
    asset |= {"co2_kg_per_kwh_methanol": 0.248, "electricity_kwh_per_kwh": 0.271, "min_load_fraction": 0.0}
    others = (priced(), hydrogen, air, load("ship", bus="meoh", value_of_lost_load_per_kwh=5.0))
    return processes(template(asset, others, {"ship": 35.0}), 60.0)


def _co2() -> Template:
    makers, asked = _maker("meoh")
    hydrogen, synthesis, _ = makers
    asset = {"kind": "co2_supply", "name": "it", "bus": "co2", "max_kg_per_h": 10.0, "price_per_t": 60.0}
    asset |= {"co2_kg_per_kg": 0.9}
    others = (priced(), hydrogen, synthesis, load("user", bus="meoh", value_of_lost_load_per_kwh=5.0))
    return template(asset, others, {"user": asked})


def _stations() -> tuple[Template, ...]:
    makers, _ = _maker("h2")
    asset = {"kind": "hydrogen_refuelling", "name": "it", "bus": "h2", "unserved_cost_per_kg": 60.0}
    asset |= {"dispensers_kg_per_h": 1.2}
    timetable = template(asset | {"demand_kg_per_h": 1.0}, (priced(), *makers), {})
    return timetable, template(asset, (priced(), *makers), {"it": ASKED * 2})


def _offtakes() -> tuple[Template, ...]:
    makers, _ = _maker("h2")
    asset = {"kind": "product_offtake", "name": "it", "bus": "h2", "product": "hydrogen", "max_kg_per_h": 1.5}
    asset |= {"price_per_t": 15000.0, "min_kg_per_day": 15.0, "shortfall_cost_per_t": 30000.0}
    capped = template(asset | {"max_kg_per_day": 18.0, "over": "horizon"}, (priced(), *makers), {})
    dear = {"price_per_t": 4000.0, "min_kg_per_day": 40.0, "max_kg_per_day": 50.0, "delivered_today_kg": 1.0}
    return capped, template(asset | dear, (priced(), *makers), {})


TEMPLATES: dict[str, tuple[Template, ...]] = {
    "alkaline_electrolyser": electrolysers("alkaline_electrolyser"),
    "pem_electrolyser": electrolysers("pem_electrolyser"),
    "hydrogen_tank": tanks("hydrogen_tank", "h2"),
    "ammonia_tank": tanks("ammonia_tank", "nh3"),
    "methanol_tank": tanks("methanol_tank", "meoh"),
    "hydrogen_compressor": (_compressor(),),
    "fuel_cell": _fuel_cells(),
    "haber_bosch": _loops(),
    "methanol_synthesis": _syntheses(),
    "co2_supply": (_co2(),),
    "hydrogen_refuelling": _stations(),
    "product_offtake": _offtakes(),
}
