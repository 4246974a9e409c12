"""A fleet of invented sites: PV, battery, genset and load behind one connection, drawn from stated ranges.

Ranges are those of small industrial and commercial sites: loads of 50 to 400 kW at noon, PV of .4 to 1.5 times that, a
battery of one to four hours, a genset that covers a part of the load. The same seed gives the same fleet, and the
first n sites of a larger fleet are the fleet of n.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.tariff.tariff import Tariff

if TYPE_CHECKING:
    from dispatch.fleet.members import Member

ZONE = "Asia/Shanghai"
DAY = date(2024, 5, 16)
FEEDERS = 8

_SOURCE = "invented: peak, flat and valley as Chinese time-of-use tariffs have them"
_HOURS: dict[str, tuple[float, list[str]]] = {
    "valley": (0.28, ["00:00-08:00"]),
    "flat": (0.66, ["08:00-10:00", "12:00-14:00", "19:00-24:00"]),
    "peak": (1.12, ["10:00-12:00", "14:00-19:00"]),
}


@cache
def tariff() -> Tariff:
    """Time of use, and a feed-in price below all of it."""
    energy = [
        {"name": name, "basis": "energy", "price_per_kwh": price, "calendar": {"hours": hours}, "source": _SOURCE}
        for name, (price, hours) in _HOURS.items()
    ]
    sold = {"name": "feed-in", "direction": "export", "basis": "energy", "price_per_kwh": 0.2, "source": _SOURCE}
    return Tariff.model_validate({"name": "time of use", "currency": "CNY", "components": [*energy, sold]})


def horizon(steps: int = 96) -> Horizon:
    """A day of quarter-hours, or the first steps of it."""
    day = Horizon.local_day(DAY, ZONE)
    return Horizon(day.edges[: steps + 1], ZONE)


def fleet_sites(n: int, seed: int = 1, genset: bool = True, steps: int = 96) -> list[Member]:
    """``n`` sites with what is known of their day."""
    from dispatch.fleet.members import Member

    made = []
    for number in range(n):
        site, series = one_site(number, seed, genset, steps)
        made.append(Member(site, series, labels={"feeder": f"feeder_{number % FEEDERS}"}))
    return made


def one_site(number: int, seed: int = 1, genset: bool = True, steps: int = 96) -> tuple[Site, dict[Any, Array]]:
    """A site of the fleet, and its series by (asset, quantity)."""
    return Site.model_validate(document(number, seed, genset)), _series(number, seed, steps)


def document(number: int, seed: int = 1, genset: bool = True) -> dict[str, Any]:
    """The site as its file would say it."""
    rng = np.random.default_rng([seed, number, 0])
    load_kw, pv_kw, power_kw = _sizes(number, seed)
    # Drawn in this order with a genset and without: the rest of a site is the same.
    battery, unit = _battery(rng, power_kw), _genset(rng, load_kw)
    connection = {
        "kind": "grid_connection",
        "name": "grid",
        "bus": "ac",
        "import_kw": load_kw * rng.uniform(1.2, 2.0) + power_kw,
        "export_kw": pv_kw,
        "carbon_intensity_kg_per_kwh": 0.57,
        "tariff": tariff(),
    }
    assets = [
        {"kind": "load", "name": "load", "bus": "ac"},
        {"kind": "pv", "name": "pv", "bus": "ac", "peak_kw": pv_kw},
        battery,
        *([unit] if genset else []),
        connection,
    ]
    names = {"name": f"site_{number:05d}", "time_zone": ZONE, "currency": "CNY"}
    return names | {"buses": [{"name": "ac"}], "assets": assets}


def _battery(rng: np.random.Generator, power_kw: float) -> dict[str, Any]:
    hours, one_way = rng.uniform(1, 4), rng.uniform(0.92, 0.97)
    return {
        "kind": "battery",
        "name": "battery",
        "bus": "ac",
        "charge_kw": power_kw,
        "discharge_kw": power_kw,
        "energy_kwh": power_kw * hours,
        "charge_efficiency": one_way,
        "discharge_efficiency": one_way,
        "start_fill": rng.uniform(0.3, 0.7),
        "wear_cost_per_kwh": rng.uniform(0.02, 0.08),
    }


def _genset(rng: np.random.Generator, load_kw: float) -> dict[str, Any]:
    most_kw = load_kw * rng.uniform(0.3, 0.8)
    return {
        "kind": "thermal",
        "name": "genset",
        "bus": "ac",
        "min_kw": 0.3 * most_kw,
        "max_kw": most_kw,
        "cost_per_kwh": rng.uniform(0.75, 1.05),
        "no_load_cost_per_h": most_kw * rng.uniform(0.02, 0.06),
        "start_cost": most_kw * rng.uniform(0.1, 0.4),
        "co2_kg_per_kwh": rng.uniform(0.6, 0.8),
        "min_up_h": 2.0,
        "min_down_h": 1.0,
    }


def _sizes(number: int, seed: int) -> tuple[float, float, float]:
    """Load at noon, PV and battery power [kW]."""
    rng = np.random.default_rng([seed, number, 1])
    load_kw = float(np.exp(rng.uniform(np.log(50), np.log(400))))
    return load_kw, load_kw * float(rng.uniform(0.4, 1.5)), load_kw * float(rng.uniform(0.2, 0.8))


def _series(number: int, seed: int, steps: int) -> dict[Any, Array]:
    """Demand with a working day's shape and noise; PV as a bell under clouds that come and go."""
    rng = np.random.default_rng([seed, number, 2])
    load_kw, pv_kw, _ = _sizes(number, seed)
    hour = np.arange(96) / 4
    begins, ends = rng.uniform(6, 9), rng.uniform(16, 21)
    work = 1 / (1 + np.exp(-(hour - begins) * 2)) - 1 / (1 + np.exp(-(hour - ends) * 2))
    base = rng.uniform(0.15, 0.45)
    demand = load_kw * (base + (1 - base) * work) * np.exp(0.05 * rng.standard_normal(96))
    sun = np.maximum(np.sin((hour - 5.5) / 13 * np.pi), 0) * ((hour > 5.5) & (hour < 18.5))
    clouds = np.clip(np.cumsum(0.05 * rng.standard_normal(96)) + rng.uniform(0.5, 1.0), 0.1, 1.0)
    available = 0.85 * pv_kw * sun**1.3 * clouds
    return {("load", "demand_kw"): demand[None, :steps], ("pv", "available_kw"): available[None, :steps]}
