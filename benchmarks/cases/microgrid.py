"""A week of a microgrid on a weak grid: a battery, PV, a generating set and a load, run from hour to hour.

What comes is known to whoever looks ahead, so that ways to run the plant are compared and not forecasts. The tariff has
three prices for what is bought; nothing is sold, PV may be left unused. What a way costs is counted here for all alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Method = Literal["rule_based", "rolling"]
DAYS, AHEAD_H = 7, 25
START = "2024-01-15"


@dataclass(frozen=True)
class Week:
    """Series are hourly and reach so far beyond the week that its last plan has a whole window."""

    method: Method
    load_kw: np.ndarray
    pv_kw: np.ndarray
    buy: np.ndarray
    days: int = DAYS
    ahead_h: int = AHEAD_H
    grid_kw: float = 80.0
    genset_least_kw: float = 20.0
    genset_most_kw: float = 60.0
    fuel_per_kwh: float = 0.26
    energy_kwh: float = 200.0
    power_kw: float = 50.0  # at the bus, both ways
    efficiency: float = 0.95  # one way
    least_fill: float = 0.1
    start_fill: float = 0.5
    unserved_per_kwh: float = 10.0

    @property
    def steps(self) -> int:
        return 24 * self.days

    @property
    def worth_per_kwh(self) -> float:
        """Of what is stored at the end above the start: the mean price, as it comes out of the battery."""
        return float(self.buy[: self.steps].mean()) * self.efficiency

    def cost(self, flows: Mapping[str, Sequence[float]]) -> float:
        """What a way to run the week costs, from ``import_kw``, ``genset_kw``, ``unserved_kw`` and ``stored_kwh``."""
        bought = float(self.buy[: self.steps] @ np.asarray(flows["import_kw"]))
        fuel = self.fuel_per_kwh * float(np.sum(flows["genset_kw"]))
        unserved = self.unserved_per_kwh * float(np.sum(flows["unserved_kw"]))
        more_kwh = float(flows["stored_kwh"][-1]) - self.start_fill * self.energy_kwh
        return bought + fuel + unserved - self.worth_per_kwh * more_kwh


def week(method: Method, days: int = DAYS) -> Week:
    """Same arguments, same bits; evenings need more than the grid alone can give."""
    hours = 24 * days + 2 * AHEAD_H
    hour, day = np.arange(hours) % 24, np.arange(hours) // 24
    noise = np.random.default_rng(23).random((2, hours))
    load = 55 + 45 * np.exp(-(((hour - 19) / 3) ** 2)) + 25 * np.exp(-(((hour - 9) / 3) ** 2)) + 12 * noise[0]
    sun = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0) * (hour > 6) * (hour < 18)
    clear = np.array([0.9, 0.4, 1.0, 0.2, 0.7, 1.0, 0.5])[day % 7]
    buy = np.select([hour < 7, (hour >= 17) & (hour < 21)], [0.09, 0.38], 0.19)
    return Week(method, load.round(3), (110 * sun * clear * (0.85 + 0.15 * noise[1])).round(3), buy, days)


def site(made: Week) -> dict[str, Any]:
    """The park's file, as parkwatt reads it."""
    line = {"direction": "import", "basis": "energy", "source": "made for this comparison"}
    windows = {"night": (["00:00-07:00"], 0.09), "evening": (["17:00-21:00"], 0.38)}
    windows["day"] = (["07:00-17:00", "21:00-24:00"], 0.19)
    lines = [
        line | {"name": name, "price_per_kwh": price, "calendar": {"hours": hours}}
        for name, (hours, price) in windows.items()
    ]
    battery = {"charge_kw": made.power_kw, "discharge_kw": made.power_kw, "energy_kwh": made.energy_kwh}
    battery |= {"charge_efficiency": made.efficiency, "discharge_efficiency": made.efficiency}
    battery |= {"min_fill": made.least_fill, "max_fill": 1.0, "start_fill": made.start_fill}
    genset = {"min_kw": made.genset_least_kw, "max_kw": made.genset_most_kw, "cost_per_kwh": made.fuel_per_kwh}
    connection = {"import_kw": made.grid_kw, "export_kw": 0.0}
    tariff = {"name": "three prices", "currency": "EUR", "components": lines}
    return {
        "name": "microgrid",
        "time_zone": "UTC",
        "currency": "EUR",
        "buses": [{"name": "main"}],
        "planning": {"step_minutes": 60, "scenarios": 0, "rolling": {"window_h": made.ahead_h}},
        "assets": [
            {"kind": "grid_connection", "name": "grid", "bus": "main", "tariff": tariff} | connection,
            {"kind": "load", "name": "load", "bus": "main", "value_of_lost_load_per_kwh": made.unserved_per_kwh},
            {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 200.0},
            {"kind": "battery", "name": "battery", "bus": "main"} | battery,
            {"kind": "thermal", "name": "genset", "bus": "main"} | genset,
        ],
    }
