"""Electrochemical batteries."""

from __future__ import annotations

from typing import Literal

from dispatch.frozen import Efficiency, Fraction
from dispatch.storage import Storage


class Battery(Storage):
    """A battery: the stock equation of :class:`dispatch.storage.Storage` with typical Li-ion numbers.

    Default one-way efficiency .9193 (Li-ion LFP, Danish Energy Agency technology data as used by PyPSA, 2030).
    """

    kind: Literal["battery"] = "battery"
    charge_efficiency: Efficiency = 0.9193
    discharge_efficiency: Efficiency = 0.9193
    min_fill: Fraction = 0.1
    max_fill: Fraction = 0.95
