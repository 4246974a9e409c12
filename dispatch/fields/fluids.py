"""Hydrogen and what is made of it: energy by lower heating value, so that kilograms stay at the edge."""

from __future__ import annotations

import re
from typing import Literal

Product = Literal["hydrogen", "ammonia", "methanol"]

KWH_PER_KG: dict[Product, float] = {"hydrogen": 33.33, "ammonia": 5.17, "methanol": 5.53}
"""Lower heating values."""
HYDROGEN_KWH_PER_KG = KWH_PER_KG["hydrogen"]
HIGHER_KWH_PER_KG = 39.41
"""Higher heating value of hydrogen: what splitting liquid water takes at least."""

_MASS = re.compile(r"^\s*(\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*(kg|t)(/h|/d)?\s*$")
_KG = {"kg": 1.0, "t": 1000.0}
_PER_H = {"/h": 1.0, "/d": 1 / 24}


def energy(value: object, kwh_per_kg: float, *, flow: bool) -> object:
    """A mass ("500 kg", "20 t") or a flow of it ("40 kg/h", "55 t/d") as kWh or kW; anything else as it is."""
    match = _MASS.match(value) if isinstance(value, str) else None
    if match is None:
        return value
    number, unit, per = match.groups()
    if (per is not None) != flow:
        raise ValueError(
            f"'{value}' is {'an amount' if flow else 'a flow'}; write it like {'40 kg/h' if flow else '500 kg'}"
        )
    return float(number) * _KG[unit] * _PER_H.get(per or "/h", 1.0) * kwh_per_kg
