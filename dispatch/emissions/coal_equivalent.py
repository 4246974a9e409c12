"""Coal equivalents of energy, by what a bus carries: the one place where they stand."""

from __future__ import annotations

from collections.abc import Mapping

from dispatch.asset import Carrier

_COAL_KJ_PER_KG = 29_307.6  # standard coal, 7 000 kcal per kg
_HEAT = 3600 / _COAL_KJ_PER_KG
_HOT: tuple[Carrier, ...] = ("heat", "steam", "cold", "compressed_air")
_BURNT: tuple[Carrier, ...] = ("gas", "fuel", "hydrogen", "ammonia", "methanol")

KGCE_PER_KWH: Mapping[Carrier, float] = {"electricity": 0.1229, "co2": 0.0, **dict.fromkeys(_HOT + _BURNT, _HEAT)}
"""kg of standard coal per kWh, equivalent values: electricity as GB/T 2589-2020 lists it, all else by heating value.

CO2 as a feedstock is no energy.
"""
