"""A park at the end of a radial feeder, whose wind lifts the voltage: CIGRE's medium-voltage benchmark, four hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dispatch.asset import Inputs
from dispatch.network.check import slots
from dispatch.problem import Problem
from dispatch.signals import Horizon
from dispatch.site import Site

NODE = "Bus 10"
HIGH_PU = 1.045
LOAD_KW = 500.0
WIND_KW = np.array([0.0, 1000.0, 5500.0, 4000.0])
WIND: dict[str, Any] = {"kind": "wind", "name": "wind", "bus": "main", "rated_kw": 6000}
STORE: dict[str, Any] = {
    "kind": "battery", "name": "battery", "bus": "main", "energy_kwh": 4000, "charge_kw": 1500, "discharge_kw": 1500,
}  # fmt: skip
_TARIFF = {
    "name": "flat",
    "currency": "EUR",
    "components": [
        {"name": "energy", "basis": "energy", "price_per_kwh": 0.2, "source": "example"},
        {"name": "feed-in", "basis": "energy", "direction": "export", "price_per_kwh": 0.08, "source": "example"},
    ],
}


def posed(*assets: Mapping[str, Any], wind_kw: np.ndarray = WIND_KW, pcc_kw: float = 20_000.0, **grid: Any) -> Problem:
    """The feeder's problem with these assets and fields of ``grid``."""
    connection = {
        "kind": "grid_connection", "name": "pcc", "bus": "main", "import_kw": 10_000, "export_kw": pcc_kw,
        "tariff": _TARIFF, "carbon_intensity_kg_per_kwh": 0.0,
    }  # fmt: skip
    load = {"kind": "load", "name": "load", "bus": "main", "power_factor": 1.0}
    on = {"network": "cigre", "bus_of": {"main": NODE}, "neighbours": False, "voltage_max_pu": HIGH_PU} | grid
    site = Site.model_validate(
        {
            "name": "feeder",
            "time_zone": "UTC",
            "currency": "EUR",
            "buses": [{"name": "main"}],
            "assets": [load, connection, *assets],
            "grid": on,
        }
    )
    horizon = Horizon(np.datetime64("2024-03-01T00:00", "s") + np.arange(5) * np.timedelta64(3600, "s"), "UTC")
    series = site.known_series(horizon)
    series |= {("load", "demand_kw"): np.full((1, 4), LOAD_KW), ("wind", "available_kw"): wind_kw[None, :]}
    return Problem(site, Inputs(horizon, 1, series, {}), network_slots=slots(site))
