"""Receivers of compressed air."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from dispatch.asset import Carriers, Inputs, Rows
from dispatch.fields.frozen import Efficiency, Fraction
from dispatch.ruling import Ruling
from dispatch.signals import Array
from dispatch.stores.stock import Storage


class AirReceiver(Storage):
    """A vessel on a compressed-air bus; content is the work that its air can do above the network's lowest pressure.

    Leaks of vessel and network are its standing loss per hour.
    """

    kind: Literal["air_receiver"] = "air_receiver"
    charge_efficiency: Efficiency = 1.0
    discharge_efficiency: Efficiency = 1.0
    loss_fraction_per_h: Fraction = 0.05

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "compressed_air"}
    port_name: ClassVar[str] = "air"
    rule_order: ClassVar[int] = 2
    here_and_now: ClassVar[bool] = False  # pressure follows the air that is asked for

    @classmethod
    def wanted_kw(cls, rows: Rows[AirReceiver], given: Inputs, state: Ruling) -> Array:
        """Nothing: without a plan the compressor follows the demand, and the vessel only makes up its leaks."""
        return np.zeros((rows.count, given.horizon.steps))
