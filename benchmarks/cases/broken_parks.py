"""Seeded parks that lack something: demand they cannot serve, or no plan at all. Frozen; a change is a new file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.asset import Inputs
from dispatch.signals import Horizon
from dispatch.site import Site

HOURS = 24


@dataclass(frozen=True)
class Broken:
    """A park that cannot do what is asked of it, with the day it cannot do it on."""

    site: Site
    inputs: Inputs


def broken(seed: int) -> Broken:
    """Every third park has a unit that must run above its demand, so no plan at all; the others lack power at noon."""
    random = np.random.default_rng(seed)
    hours = np.arange(HOURS) + 0.5
    demand = random.uniform(150, 300) * (0.7 + 0.6 * np.exp(-(((hours - 12) / 3) ** 2)))
    assets: list[dict[str, Any]] = [
        _load("hall"),
        _load("office"),
        _store(random),
        _unit(random),
        _grid(random, demand),
    ]
    if seed % 3 == 0:
        least = float(np.round(demand.max() * random.uniform(2, 3)))
        must = {"min_kw": least, "max_kw": 1.2 * least, "on_before_h": 1.0, "min_up_h": 4.0, "power_before_kw": least}
        assets[3] |= must
    site = Site.model_validate(
        {
            "name": f"broken_{seed}",
            "time_zone": "UTC",
            "currency": "EUR",
            "buses": [{"name": "main"}, {"name": "far"}],
            "assets": [*assets, {"kind": "cable", "name": "cable", "bus": "main", "far_bus": "far", "rating_kw": 500}],
        }
    )
    horizon = Horizon(np.datetime64("2024-03-01", "s") + np.arange(HOURS + 1) * np.timedelta64(3600, "s"), "UTC")
    given = {("hall", "demand_kw"): 0.7 * demand[None, :], ("office", "demand_kw"): 0.3 * demand[None, :]}
    return Broken(site, Inputs(horizon, 1, site.known_series(horizon) | given))


def _load(name: str) -> dict[str, Any]:
    return {"kind": "load", "name": name, "bus": "main" if name == "hall" else "far"}


def _store(random: np.random.Generator) -> dict[str, Any]:
    power = float(np.round(random.uniform(20, 60)))
    size = {"energy_kwh": 2 * power, "charge_kw": power, "discharge_kw": power}
    return {"kind": "battery", "name": "store", "bus": "main", "min_fill": 0.0, "max_fill": 1.0} | size


def _unit(random: np.random.Generator) -> dict[str, Any]:
    most = float(np.round(random.uniform(40, 80)))
    running = {"cost_per_kwh": 0.25, "no_load_cost_per_h": 2.0, "start_cost": 20.0, "min_up_h": 2.0}
    return {"kind": "thermal", "name": "engine", "bus": "main", "min_kw": 0.3 * most, "max_kw": most} | running


def _grid(random: np.random.Generator, demand: np.ndarray) -> dict[str, Any]:
    components = [{"name": "energy", "basis": "energy", "price_per_kwh": 0.2, "source": "made up"}]
    tariff = {"name": "flat", "currency": "EUR", "components": components}
    most = float(np.round(demand.max() * random.uniform(0.5, 0.65)))
    base = {"kind": "grid_connection", "name": "pcc", "bus": "main", "tariff": tariff}
    return base | {"import_kw": most, "carbon_intensity_kg_per_kwh": 0.3}
