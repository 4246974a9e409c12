"""Tanks of hydrogen, ammonia and methanol: the stock equation, with content and flows in kilograms at the edge."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import ValidationInfo, field_validator

from dispatch.fields.fluids import KWH_PER_KG, Product, energy
from dispatch.fields.frozen import Efficiency, NonNegative
from dispatch.stores.stock import Storage


class Tank(Storage):
    """A tank: content e = m · LHV, filled and drawn without loss unless said otherwise.

    ``energy_kwh`` may be written as a mass ("500 kg", "20 t"), ``charge_kw`` and ``discharge_kw`` as flows ("40 kg/h",
    "55 t/d"); inside they are kWh and kW by lower heating value.
    """

    charge_efficiency: Efficiency = 1.0
    discharge_efficiency: Efficiency = 1.0
    fast_reserve_kw: NonNegative = 0.0

    product: ClassVar[Product]
    here_and_now: ClassVar[bool] = False  # valves follow what comes, whatever the scenario

    @field_validator("energy_kwh", "charge_kw", "discharge_kw", mode="before")
    @classmethod
    def _in_kg(cls, value: Any, info: ValidationInfo) -> Any:
        return energy(value, KWH_PER_KG[cls.product], flow=info.field_name != "energy_kwh")
