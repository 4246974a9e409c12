"""A park of twenty assets and as many different days as wanted: weather, loads, prices, limits, levels of stores.

Synthetic and seeded: the same number gives the same day. Ratings are typical of an industrial park of 6 MW peak demand.
The kinds of day follow each other, so that any stretch of days holds all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from dispatch.asset import Inputs
from dispatch.signals import Array, Horizon
from dispatch.site import Site

ZONE = "Europe/Berlin"
PRICES = ("flat", "time of use", "stepped", "hourly", "negative", "demand charge")
LINES = {"strong": 0.6, "weak": 0.2, "island": 0.2}  # how often the line to the grid is so
_FIRST = date(2025, 1, 1)
_SOURCE = "synthetic"
_GENSETS = ((250.0, 800.0, 0.24), (250.0, 800.0, 0.245), (400.0, 1500.0, 0.22), (150.0, 500.0, 0.27))


@dataclass(frozen=True)
class Day:
    """One day: the park as its tariff and limits make it that day, and what is forecast for it."""

    label: str
    site: Site
    inputs: Inputs
    weights: Array


def day(number: int, *, steps_per_hour: int = 4, days: int = 1, scenarios: int = 1) -> Day:
    """Day ``number`` of the series; ``scenarios`` spread around its forecast, the first being the forecast itself."""
    random = np.random.default_rng([20, number])
    start = _FIRST + timedelta(days=int(random.integers(0, 365)))
    prices, line = PRICES[number % len(PRICES)], str(random.choice(list(LINES), p=list(LINES.values())))
    horizon = Horizon.local_day(start, ZONE, 60 / steps_per_hour, days)
    site = Site.model_validate(_park(_tariff(prices, random), line, random))
    series = site.known_series(horizon) | _forecasts(horizon, start, scenarios, random)
    tight = random.random() < 0.25
    state = {a.name: _carried(a.kind, tight, random) for a in site.assets}
    inputs = Inputs(horizon, scenarios, series, {name: held for name, held in state.items() if held})
    return Day(f"{number}: {start}, {prices} prices, {line} line", site, inputs, np.full(scenarios, 1 / scenarios))


def _carried(kind: str, tight: bool, random: np.random.Generator) -> dict[str, float]:
    """Where stores and units stand when the day begins."""
    if kind in ("battery", "supercapacitor", "thermal_store"):
        return {"start_fill": float(random.uniform(0.1, 0.2) if tight else random.uniform(0.2, 0.8))}
    if kind == "thermal":
        on = float(random.integers(1, 8)) if random.random() < 0.4 else 0.0
        return {"on_before_h": on, "off_before_h": float(random.integers(1, 12)), "power_before_kw": 400.0 * (on > 0)}
    return {}


def _park(tariff: dict[str, Any], line: str, random: np.random.Generator) -> dict[str, Any]:
    limit = {"strong": 6000.0, "weak": 2500.0, "island": 1.0}[line]
    buses = [{"name": "mv"}, {"name": "hot", "carrier": "heat"}, {"name": "cold", "carrier": "cold"}]
    loads = [("production", "mv"), ("offices", "mv"), ("heating", "hot"), ("cooling", "cold")]
    assets: list[dict[str, Any]] = [
        {"kind": "wind", "name": "wind_a", "bus": "mv", "rated_kw": 2000, "count": 1},
        {"kind": "wind", "name": "wind_b", "bus": "mv", "rated_kw": 2000, "count": 1},
        {"kind": "pv", "name": "roof", "bus": "mv", "peak_kw": 1300},
        {"kind": "pv", "name": "carport", "bus": "mv", "peak_kw": 700},
        *[{"kind": "load", "name": name, "bus": bus, "value_of_lost_load_per_kwh": 50} for name, bus in loads],
        _store("battery", "lithium", 2000, 1000, wear_cost_per_kwh=0.02),
        _store("battery", "redox_flow", 3000, 500, charge_efficiency=0.86, discharge_efficiency=0.86),
        _store("supercapacitor", "capacitor", 60, 300, fast_reserve_kw=100),
        _store("thermal_store", "hot_tank", 4000, 1000, bus="hot"),
        _store("thermal_store", "cold_tank", 6000, 1500, bus="cold"),
        {"kind": "heat_pump", "name": "heat_pump", "bus": "mv", "heat_bus": "hot", "electric_kw": 900},
        {"kind": "chiller", "name": "chiller", "bus": "mv", "cold_bus": "cold", "electric_kw": 600},
        *[_genset(i, *numbers) for i, numbers in enumerate(_GENSETS)],
        {
            "kind": "grid_connection",
            "name": "pcc",
            "bus": "mv",
            "import_kw": limit,
            "export_kw": limit / 2,
            "tariff": tariff,
            "expected_peak_kw": 0.0 if line == "island" else float(random.uniform(500, 2500)),
            "carbon_intensity_kg_per_kwh": 0.36,
        },
    ]
    place = {"name": "park_of_twenty", "time_zone": ZONE, "currency": "EUR", "buses": buses}
    return place | {"assets": assets, "objective": {"money": 1, "carbon_price_per_t": 60}}


def _store(kind: str, name: str, energy_kwh: float, power_kw: float, **fields: Any) -> dict[str, Any]:
    base = {"kind": kind, "name": name, "bus": "mv", "energy_kwh": energy_kwh}
    return base | {"charge_kw": power_kw, "discharge_kw": power_kw, "end_penalty_per_kwh": 1.0} | fields


def _genset(number: int, min_kw: float, max_kw: float, cost_per_kwh: float) -> dict[str, Any]:
    return {
        "kind": "thermal",
        "name": f"genset_{number}",
        "bus": "mv",
        "min_kw": min_kw,
        "max_kw": max_kw,
        "cost_per_kwh": cost_per_kwh,
        "no_load_cost_per_h": 0.02 * max_kw,
        "start_cost": 0.08 * max_kw,
        "co2_kg_per_kwh": 0.5,
        "ramp_up_kw_per_h": 3 * max_kw,
        "ramp_down_kw_per_h": 3 * max_kw,
        "min_up_h": 2,
        "min_down_h": 1.5,
    }


def _tariff(prices: str, random: np.random.Generator) -> dict[str, Any]:
    """A demand component always, at no price on most days: what differs is data, so one compiled problem serves all."""
    level = float(random.uniform(0.14, 0.3))
    blocks = {
        "flat": [("00:00-24:00", level)],
        "time of use": [("00:00-07:00", 0.5 * level), ("07:00-11:00", level), ("11:00-14:00", 0.7 * level),
                        ("14:00-17:00", level), ("17:00-21:00", 1.6 * level), ("21:00-24:00", 0.5 * level)],
        "stepped": [("00:00-08:00", level), ("08:00-20:00", 1.01 * level), ("20:00-24:00", level)],
        "hourly": _hourly(level + 0.08 * random.standard_normal(24)),
        "negative": _hourly(level * np.sin((np.arange(24) - 19) / 24 * 2 * np.pi) + 0.02 * random.standard_normal(24)),
        "demand charge": [("00:00-24:00", level)],
    }[prices]  # fmt: skip
    feed_in = 0.08 if prices in ("flat", "stepped", "demand charge", "time of use") else None
    components = [_energy(f"{hours}", "import", price, hours) for hours, price in blocks]
    # A feed-in below every import price, and where prices vary by the hour, a margin below each of them.
    exported = [("00:00-24:00", feed_in)] if feed_in is not None else [(h, p - 0.03) for h, p in blocks]
    components += [_energy(f"feed-in {hours}", "export", price, hours) for hours, price in exported]
    charge = float(random.uniform(5, 15)) if prices == "demand charge" else 0.0
    demand = {"name": "demand", "basis": "demand", "price_per_kw_month": charge, "source": _SOURCE}
    return {"name": prices, "currency": "EUR", "components": [*components, demand]}


def _hourly(prices: Array) -> list[tuple[str, float]]:
    return [(f"{hour:02d}:00-{hour + 1:02d}:00", round(float(price), 4)) for hour, price in enumerate(prices)]


def _energy(name: str, direction: str, price: float, hours: str) -> dict[str, Any]:
    base = {"name": name, "direction": direction, "basis": "energy", "price_per_kwh": price, "source": _SOURCE}
    return base | ({} if hours == "00:00-24:00" else {"calendar": {"hours": [hours]}})


def _forecasts(
    horizon: Horizon, start: date, scenarios: int, random: np.random.Generator
) -> dict[tuple[str, str], Array]:
    """(scenario, step) available power and demand, the first scenario without the spread of the others."""
    hour = np.array([t.hour + t.minute / 60 for t in horizon.local_start])
    season = float(np.cos((start.timetuple().tm_yday - 15) / 365 * 2 * np.pi))  # 1 in January, −1 in July
    weekend = start.weekday() >= 5
    sun = np.maximum(np.sin((hour - 6 - 1.5 * season) / (12 - 3 * season) * np.pi), 0) * (0.65 - 0.3 * season)
    day_time = np.exp(-(((hour - 12.5) / 5) ** 2))
    work = (0.35 if weekend else 1.0) * random.uniform(0.8, 1.2)

    def spread(size: float, smooth_h: float) -> Array:
        """(scenario, step) multiplicative, smooth noise; little in the first scenario."""
        noise = random.standard_normal((scenarios, horizon.steps))
        width = max(round(smooth_h / horizon.hours[0]), 1)
        kernel = np.ones(width) / np.sqrt(width)
        smooth = np.array([np.convolve(row, kernel, mode="same") for row in noise])
        return np.asarray(np.exp(size * smooth * np.where(np.arange(scenarios) == 0, 0.3, 1.0)[:, None]))

    wind = np.clip(random.weibull(2.0) * 700 * spread(0.3, 6), 0, 2000)
    heat = 600 * max(0.25 + 0.9 * season, 0.15) * (0.8 + 0.4 * np.exp(-(((hour - 7) / 3) ** 2)))
    cold = 900 * max(0.3 - 0.8 * season, 0.15) * (0.4 + 0.8 * day_time)
    cloud = random.uniform(0.2, 1.0)
    values = {
        ("wind_a", "available_kw"): wind,
        ("wind_b", "available_kw"): np.clip(wind * spread(0.1, 3), 0, 2000),
        ("roof", "available_kw"): np.clip(1300 * sun * cloud * spread(0.2, 1), 0, 1300),
        ("carport", "available_kw"): np.clip(700 * sun * cloud * spread(0.2, 1), 0, 700),
        ("production", "demand_kw"): (1100 + 1700 * work * day_time) * spread(0.05, 2),
        ("offices", "demand_kw"): (200 + 700 * work * day_time) * spread(0.05, 2),
        ("heating", "demand_kw"): heat * spread(0.08, 3),
        ("cooling", "demand_kw"): cold * spread(0.08, 3),
    }
    return {key: np.broadcast_to(value, (scenarios, horizon.steps)).copy() for key, value in values.items()}
