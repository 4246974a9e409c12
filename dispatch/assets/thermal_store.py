"""Tanks of hot or chilled water."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from dispatch.asset import Carrier, Inputs, Rows
from dispatch.fields.frozen import Efficiency, Fraction
from dispatch.ruling import Ruling
from dispatch.signals import Array
from dispatch.stores.stock import Storage


class ThermalStore(Storage):
    """A tank on a heat or cold bus; content counts from the useless temperature (fill 0) to the full one (fill 1).

    The losses are standing losses per hour; pumping in and out is taken as free of loss.
    """

    kind: Literal["thermal_store"] = "thermal_store"
    charge_efficiency: Efficiency = 1.0
    discharge_efficiency: Efficiency = 1.0
    loss_fraction_per_h: Fraction = 0.005

    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {"bus": None}
    port_name: ClassVar[str] = "thermal"
    rule_order: ClassVar[int] = 2
    here_and_now: ClassVar[bool] = False  # local control follows the heat or cold that is asked for

    @classmethod
    def wanted_kw(cls, rows: Rows[ThermalStore], given: Inputs, state: Ruling) -> Array:
        """Nothing: without a plan the tank only makes up its losses."""
        return np.zeros((rows.count, given.horizon.steps))
