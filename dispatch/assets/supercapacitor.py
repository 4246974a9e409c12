"""Supercapacitors."""

from __future__ import annotations

from typing import Literal

from dispatch.electric_storage import ElectricStorage
from dispatch.frozen import Efficiency, Fraction


class Supercapacitor(ElectricStorage):
    """Seconds to minutes of storage that stands ready for what happens inside a step.

    In a quarter-hour model its worth is ``fast_reserve_kw``: power kept free in both directions, with the energy
    behind it for ``fast_reserve_minutes``. The rest of its band moves energy like any store.
    """

    kind: Literal["supercapacitor"] = "supercapacitor"
    charge_efficiency: Efficiency = 0.975
    discharge_efficiency: Efficiency = 0.975
    loss_fraction_per_h: Fraction = 0.01
