"""Small parks of different kinds, each one problem that takes any case's prices, demand and state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dispatch.asset import Inputs, Mode
from dispatch.problem import Problem
from dispatch.signals import Array, Horizon
from dispatch.site import Site

STEPS = 12
Series = dict[tuple[str, str], Array]
Made = tuple[list[dict[str, Any]], Series, dict[str, dict[str, float]]]
_BUSES = [{"name": "main"}, {"name": "heat", "carrier": "heat"}, {"name": "gas", "carrier": "gas"}]
_FIRST = np.datetime64("2024-03-01T06:00", "s")


def horizon() -> Horizon:
    return Horizon(_FIRST + (np.arange(STEPS + 1) * 3600).astype("timedelta64[s]"), "UTC")


def _wave(random: np.random.Generator, mean: float) -> Array:
    turned = random.uniform(0, 2 * np.pi)
    smooth = 1 + 0.6 * np.sin(np.arange(STEPS) / STEPS * 2 * np.pi + turned)
    return np.asarray(mean * np.maximum(smooth + 0.1 * random.standard_normal(STEPS), 0.05))


def _load(name: str = "load", bus: str = "main", **fields: Any) -> dict[str, Any]:
    return {"kind": "load", "name": name, "bus": bus, "value_of_lost_load_per_kwh": 30.0} | fields


def _store(random: np.random.Generator, **fields: Any) -> dict[str, Any]:
    size = float(random.uniform(60, 200))
    store = {"kind": "battery", "name": "battery", "bus": "main", "energy_kwh": size, "min_fill": 0.1, "max_fill": 0.9}
    store |= {"charge_kw": size / 2, "discharge_kw": size / 2, "wear_cost_per_kwh": 0.01, "loss_fraction_per_h": 0.002}
    return store | fields


def _battery(random: np.random.Generator) -> Made:
    solar = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 80.0}
    sun = 80 * np.maximum(np.sin(np.arange(STEPS) / STEPS * np.pi), 0) * random.uniform(0.1, 1.0)
    state = {"battery": {"start_fill": float(random.uniform(0.1, 0.9))}}
    series: Series = {("load", "demand_kw"): _wave(random, 90), ("roof", "available_kw"): sun}
    return [_load(), _store(random), solar], series, state


def _genset(random: np.random.Generator) -> Made:
    assets = [_load(), _store(random)]
    for number in range(2):
        unit = {"kind": "thermal", "name": f"genset_{number}", "bus": "main", "min_kw": 30.0, "max_kw": 80.0}
        unit |= {"cost_per_kwh": float(random.uniform(0.1, 0.3)), "start_cost": float(random.uniform(2, 8))}
        unit |= {"min_up_h": 3.0, "min_down_h": 2.0, "ramp_up_kw_per_h": 60.0, "ramp_down_kw_per_h": 60.0}
        assets.append(unit | {"co2_kg_per_kwh": 0.5})
    state = {"battery": {"start_fill": float(random.uniform(0.1, 0.9))}}
    for number in range(2):
        on = float(random.integers(1, 5)) if random.random() < 0.5 else 0.0
        before = {"on_before_h": on, "off_before_h": 0.0 if on else 4.0, "power_before_kw": 40.0 * (on > 0)}
        state[f"genset_{number}"] = before
    return assets, {("load", "demand_kw"): _wave(random, 150)}, state


def _heat(random: np.random.Generator) -> Made:
    chp = {"kind": "chp", "name": "chp", "bus": "main", "heat_bus": "heat", "fuel_bus": "gas", "max_kw": 60.0}
    chp |= {"min_load_fraction": 0.4, "start_cost": 1.0, "min_up_h": 2.0}
    boiler = {"kind": "gas_boiler", "name": "boiler", "heat_bus": "heat", "fuel_bus": "gas", "heat_kw": 120.0}
    pump = {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "heat", "electric_kw": 30.0}
    tank = _store(random, kind="thermal_store", name="tank", bus="heat", energy_kwh=150.0)
    gas: dict[str, Any] = {"kind": "fuel_supply", "name": "gas_supply", "bus": "gas"}
    gas |= {"price_per_kwh": float(random.uniform(0.03, 0.12)), "co2_kg_per_kwh": 0.2}
    series: Series = {("load", "demand_kw"): _wave(random, 60), ("warm", "demand_kw"): _wave(random, 90)}
    state = {"tank": {"start_fill": float(random.uniform(0.2, 0.8))}}
    return [_load(), _load("warm", "heat"), chp, boiler, pump, tank, gas], series, state


def _cars(random: np.random.Generator) -> Made:
    sessions: list[dict[str, Any]] = []
    for hour in (6, 8, 11):
        session = {"arrival": f"{hour:02d}:00", "departure": f"{hour + 4:02d}:00"}
        needs = {"charge_kw": 11.0, "capacity_kwh": 60.0, "needed_kwh": float(random.uniform(10, 35))}
        sessions.append({**session, **needs})
    fleet = {"kind": "ev_fleet", "name": "cars", "bus": "main", "sessions": sessions}
    return [_load(), _store(random), fleet], {("load", "demand_kw"): _wave(random, 60)}, {}


def _flexible(random: np.random.Generator) -> Made:
    batch = {"kind": "deferrable", "name": "batch", "bus": "main", "energy_kwh": float(random.uniform(40, 80))}
    batch |= {"max_kw": 30.0, "min_kw": 5.0, "window": {"daily": "07:00-16:00"}, "skip_penalty_per_kwh": 5.0}
    shop = {"kind": "curtailable", "name": "shop", "bus": "main", "share": 0.4, "price_per_kwh": 0.1}
    shop |= {"max_h_per_day": 2.0, "notice_h": 1.0, "rebound_share": 0.5, "rebound_h": 2.0, "rebound_kw": 15.0}
    series: Series = {("load", "demand_kw"): _wave(random, 60), ("shop", "demand_kw"): _wave(random, 40)}
    return [_load(), batch, shop | {"value_of_lost_load_per_kwh": 50.0}], series, {}


KINDS: dict[str, Callable[[np.random.Generator], Made]] = {
    "battery": _battery,
    "genset": _genset,
    "heat": _heat,
    "cars": _cars,
    "flexible": _flexible,
}


def case(kind: str, seed: int) -> tuple[Site, Inputs]:
    """A park of the kind with the seed's prices, ratings, demand and state."""
    random = np.random.default_rng([list(KINDS).index(kind), seed])
    assets, series, state = KINDS[kind](random)
    parts = []
    for hour, price in enumerate(random.uniform(0.05, 0.5, STEPS), 6):
        energy = {"basis": "energy", "source": "made", "calendar": {"hours": [f"{hour:02d}:00-{hour + 1:02d}:00"]}}
        parts.append(energy | {"name": f"import {hour}", "price_per_kwh": float(price)})
        parts.append(energy | {"name": f"export {hour}", "price_per_kwh": float(0.6 * price), "direction": "export"})
    tariff = {"name": "hourly", "currency": "EUR", "components": parts}
    pcc = {"kind": "grid_connection", "name": "pcc", "bus": "main", "import_kw": 150.0, "export_kw": 50.0}
    assets.append(pcc | {"tariff": tariff, "carbon_intensity_kg_per_kwh": 0.4})
    fields = {"name": kind, "time_zone": "UTC", "currency": "EUR", "buses": _BUSES, "assets": assets}
    site = Site.model_validate(fields | {"objective": {"carbon_price_per_t": 50.0}})
    steps = horizon()
    rows: Series = {key: np.atleast_2d(values) for key, values in series.items()}
    return site, Inputs(steps, 1, site.known_series(steps) | rows, state)


class Parks:
    """One compiled problem of each kind, given the case's data: compiling one takes longer than solving twenty."""

    def __init__(self) -> None:
        self._built: dict[str, Problem] = {}

    def problem(self, kind: str, seed: int) -> Problem:
        site, inputs = case(kind, seed)
        if kind not in self._built:
            self._built[kind] = Problem(site, inputs, Mode("exact"), template=True)
        self._built[kind].update(inputs, site=site)
        return self._built[kind]
