"""Templates of the kinds that make heat, cold, steam and compressed air, and of what brings fuel; see ``templates``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tests.parks import load
from tests.unit.dispatch.assets.templates import DEMAND, STEPS, Template, conversion, holding, priced, stored

_WHOLE = {"min_load_fraction": 0.3, "start_cost": 1.0, "min_up_h": 2.0, "min_down_h": 2.0}
_POINTS = [{"datetime": f"2024-03-01T{hour:02d}:00Z", "value": 1.0 + (hour % 3)} for hour in range(6, 15)]


def supply(bus: str, price: float = 0.05, **fields: Any) -> dict[str, Any]:
    """Fuel at a price."""
    return {"kind": "fuel_supply", "name": f"{bus}_supply", "bus": bus, "price_per_kwh": price} | fields


def altered(template: Template, *parts: dict[str, Any]) -> Template:
    """The template with other fields of its asset."""
    asset = template.asset
    for part in parts:
        asset = asset | part
    return replace(template, asset=asset)


def committed(template: Template, before: str, full_kw: float) -> tuple[Template, ...]:
    """The template with all that ``Committable`` adds: off and on before, in its minimum time, must-run, ramp alone."""
    off = {"on_before_h": 0.0, "off_before_h": 5.0, "ramp_fraction_per_h": 0.5}
    on = {"on_before_h": 1.0, "min_up_h": 3.0, "ramp_fraction_per_h": 0.2, before: 0.4 * full_kw}
    return (
        altered(template, _WHOLE, off),
        altered(template, _WHOLE, on),
        altered(template, _WHOLE, {"off_before_h": 1.0, "min_down_h": 4.0}),
        altered(template, _WHOLE, on, {"must_run": True}),
        altered(template, {"ramp_fraction_per_h": 0.2, before: 0.3 * full_kw}),
    )


def processes(template: Template, full_kw: float) -> tuple[Template, ...]:
    """A conversion without whole numbers, then with all that :class:`~dispatch.units.process.Process` adds.

    Args:
        template: its asset has a rating of ``full_kw`` of input and is asked for a third to two thirds of it.
    """
    linear = altered(template, {"cost_per_kwh": 0.01, "co2_kg_per_kwh": 0.02})
    return linear, *committed(linear, "input_before_kw", full_kw)


def _electric() -> dict[str, tuple[Template, ...]]:
    table = [(20.0, 5.0), (40.0, 3.0)]
    by_heat = [{"outdoor_degc": degrees, "energy_efficiency_ratio": ratio} for degrees, ratio in table]
    compressor = {"kind": "compressor_air", "name": "it", "bus": "main", "air_bus": "air", "heat_bus": "heat"}
    compressor |= {"electric_kw": 100.0, "efficiency": 0.5, "heat_fraction": 0.6}
    pneumatic = {("tools", "demand_kw"): 20.0 * np.ones(STEPS), ("warm", "demand_kw"): 60.0 * np.ones(STEPS)}
    others = (priced(), load("tools", bus="air"), load("warm", bus="heat"), supply("heat", 0.1))
    air = Template(compressor, others, pneumatic)
    spills = replace(air, series=pneumatic | {("warm", "demand_kw"): 5.0 * np.ones(STEPS)})
    receiver = stored("air_receiver", "air", _COMPRESSOR)
    ice = {"charge_kw": 50.0, "discharge_kw": 50.0, "electric_bus": "main", "chill_kw": 35.0}
    ice |= {"energy_efficiency_ratio": 4.0, "freezing_loss_fraction": 0.25}
    cold = stored("ice_store", "cold")
    helped = {"kind": "chiller", "name": "other", "bus": "main", "cold_bus": "cold", "electric_kw": 30.0}
    helped |= {"energy_efficiency_ratio": 3.0}
    cold = tuple(altered(replace(t, others=(*t.others, helped)), ice) for t in cold[:1])
    melting = altered(cold[0], {"fast_reserve_kw": 0.0, "melt_fraction_per_h": 0.4})
    tapered = altered(cold[0], {"fast_reserve_kw": 0.0, "charge_limit": _TAPER})
    rising = altered(cold[0], {"fast_reserve_kw": 0.0, "charge_limit": _RISE})
    return {
        "chiller": (
            *processes(conversion("chiller", "cold", energy_efficiency_ratio=4.0), 40.0),
            conversion("chiller", "cold", efficiency_table=by_heat, outdoor_degc=32.0),
        ),
        "heat_pump": (
            *processes(conversion("heat_pump", "heat", source_degc=5.0, sink_degc=50.0), 40.0),
            conversion("heat_pump", "heat", second_law_efficiency=0.5, source_degc=5.0, sink_degc=50.0),
            conversion("heat_pump", "heat", coefficient_of_performance=3.0),
        ),
        "electric_boiler": processes(conversion("electric_boiler", "heat", electric_kw=100.0, efficiency=0.97), 100.0),
        "compressor_air": (*processes(air, 100.0), spills),
        "air_receiver": receiver,
        "ice_store": (cold[0], melting, tapered, rising),
    }


_COMPRESSOR = {
    "kind": "compressor_air",
    "name": "compressor",
    "bus": "main",
    "air_bus": "air",
    "electric_kw": 250.0,
}
_RISE = [{"fill": 0.0, "share": 0.1}, {"fill": 0.4, "share": 0.8}]
_TAPER = [{"fill": 0.5, "share": 0.9}, {"fill": 1.0, "share": 0.1}]


def _heated() -> dict[str, tuple[Template, ...]]:
    sixty = 60.0 * np.ones(STEPS)
    others = (priced(), load("warm", bus="heat"))
    warm = {("warm", "demand_kw"): sixty}
    boiler = {"kind": "gas_boiler", "name": "it", "fuel_bus": "gas", "heat_bus": "heat", "heat_kw": 95.0}
    gas = Template(boiler | {"efficiency": 0.95}, (*others, supply("gas")), warm)
    cooled = (priced(), load("cool", bus="cold"), supply("hot"))
    absorber = {"kind": "absorption_chiller", "name": "it", "bus": "main", "heat_bus": "hot", "cold_bus": "cold"}
    absorber |= {"cold_kw": 70.0, "coefficient_of_performance": 0.7, "pump_fraction": 0.02}
    cascade = {"cost_per_kwh": 0.01, "co2_kg_per_kwh": 0.02}
    exchanger = {"kind": "heat_exchanger", "name": "it", "hot_bus": "hot", "heat_bus": "heat", "hot_kw": 80.0}
    letdown = {"kind": "steam_letdown", "name": "it", "steam_bus": "steam", "heat_bus": "heat", "steam_kw": 80.0}
    return {
        "gas_boiler": processes(gas, 100.0),
        "absorption_chiller": processes(Template(absorber, cooled, {("cool", "demand_kw"): sixty - 20}), 100.0),
        "heat_exchanger": (Template(exchanger | cascade | {"loss_fraction": 0.05}, (*others, supply("hot")), warm),),
        "steam_letdown": (Template(letdown | cascade | {"efficiency": 0.95}, (*others, supply("steam")), warm),),
    }


def _brought() -> dict[str, tuple[Template, ...]]:
    others, warm = (priced(), load("warm", bus="heat")), {("warm", "demand_kw"): 60.0 * np.ones(STEPS)}
    waste = {"kind": "waste_heat", "name": "it", "bus": "heat", "electric_bus": "main", "pump_fraction": 0.02}
    offered = {"offered_kw": 50.0, "max_kw": 45.0, "cost_per_kwh": 0.01}
    flared = {"kind": "byproduct_gas", "name": "it", "bus": "gas", "co2_kg_per_kwh": 0.1, "flare_co2_kg_per_kwh": 0.3}
    burner = {"kind": "gas_boiler", "name": "boiler", "fuel_bus": "gas", "heat_bus": "heat", "heat_kw": 95.0}
    burner |= {"efficiency": 0.95}
    return {
        "waste_heat": (
            Template(waste | offered, (*others, supply("heat")), warm),
            Template(waste | offered | {"max_kw": 80.0}, (*others, supply("heat")), warm),
        ),
        "byproduct_gas": (
            Template(flared | offered, (*others, burner, supply("gas")), warm),
            Template(flared | offered | {"max_kw": 80.0}, (*others, burner, supply("gas")), warm),
        ),
        "fuel_supply": (
            Template(
                supply("gas", co2_kg_per_kwh=0.2, max_kw=50.0, max_day_kwh=300.0, day_to_date_kwh=50.0, renewable=False)
                | {"name": "it"},
                (*others, burner),
                warm,
            ),
        ),
    }


def _fired() -> dict[str, tuple[Template, ...]]:
    plant = {"name": "it", "bus": "main", "max_kw": 80.0, "efficiency": 0.4, "cost_per_kwh": 0.01, "clean": False}
    others = (priced(), load(), load("warm", bus="heat"), supply("heat", 0.3), supply("gas", 0.08))
    series = {("load", "demand_kw"): DEMAND, ("warm", "demand_kw"): 25.0 * np.ones(STEPS)}
    chp = {"kind": "chp", "heat_bus": "heat", "fuel_bus": "gas", "power_to_heat": 1.0, "power_loss": 0.17}
    cogeneration = Template(plant | chp | {"no_load_fuel_kw": 2.0}, others, series)
    blend = {"kind": "co_firing", "fuel_bus": "fuel", "ammonia_bus": "nh3", "ammonia_share_min": 0.1}
    blend |= {"ammonia_share_max": 0.35, "ammonia_clean": True}
    burnt = (priced(), load(), supply("fuel", 0.08), supply("nh3", 0.12))
    firing = Template(plant | blend, burnt, {("load", "demand_kw"): DEMAND})

    def all_of(template: Template) -> tuple[Template, ...]:
        whole = committed(template, "load_before_kw", 80.0)
        silent = holding(altered(whole[0], {"spinning_reserve": False}), 30.0)
        capped = holding(altered(whole[1], {"reserve_max_kw": 5.0}), 30.0, 10.0)
        return template, *whole, holding(whole[1], 30.0), silent, capped

    return {
        "chp": (*all_of(cogeneration), altered(cogeneration, {"no_load_fuel_kw": 0.0})),
        "co_firing": all_of(firing),
    }


TEMPLATES: dict[str, tuple[Template, ...]] = _electric() | _heated() | _brought() | _fired()
