"""Egret's unit-commitment files as pglib-uc writes them, where they hold no more: one bus, thermal units, loads.

Egret (grid-parity-exchange/Egret, BSD) publishes the optima of its small test instances; the files themselves are not
kept here. What a file asks for and this form cannot say (lines, fixed commitments, several reserve products) is refused
by name. Two habits of Egret are followed: a quadratic cost becomes straight pieces between evenly spaced outputs, two
unless said otherwise, and a start-up or shut-down capability that is not given is the minimum and half a ramp.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Data = Mapping[str, Any]
PIECES = 2

# What stands in a file and changes nothing here.
_UNUSED = {"bus", "zone", "area", "fuel", "failure_rate", "quickstart_capable", "generator_type", "in_service"}
_READ = {
    "must_run",
    "p_min",
    "p_max",
    "ramp_up_60min",
    "ramp_down_60min",
    "startup_capacity",
    "shutdown_capacity",
    "min_up_time",
    "min_down_time",
    "initial_status",
    "initial_p_output",
    "startup_cost",
    "p_cost",
}


def to_pglib(data: Data, pieces: int = PIECES) -> dict[str, Any]:
    """An instance that :mod:`benchmarks.cases.pglib` reads.

    Raises:
        ValueError: the file holds something that pglib-uc has no word for; the message names it.
    """
    elements, system = data["elements"], data["system"]
    _refuse(elements, system)
    steps = len(system["time_keys"])
    loads = [_series(load["p_load"], steps) for load in elements["load"].values() if load.get("in_service", True)]
    return {
        "time_periods": steps,
        "demand": np.sum(loads, axis=0).tolist(),
        "reserves": _series(system.get("reserve_requirement", 0.0), steps).tolist(),
        "thermal_generators": {
            name: _unit(name, unit, pieces)
            for name, unit in elements["generator"].items()
            if unit.get("in_service", True)
        },
        "renewable_generators": {},
    }


def _refuse(elements: Data, system: Data) -> None:
    for kind, members in elements.items():
        if kind not in {"bus", "load", "generator", "zone"} and members:
            raise ValueError(f"elements.{kind}: {', '.join(members)}; only one bus with units and loads can be read")
    if len(elements["bus"]) != 1:
        raise ValueError(f"elements.bus: {len(elements['bus'])} buses; only one can be read")
    minutes = system.get("time_period_length_minutes", 60)
    if minutes != 60:
        raise ValueError(f"system.time_period_length_minutes: {minutes}; only 60 can be read")
    products = [name for name in system if name.endswith("_requirement") and name != "reserve_requirement"]
    if products:
        raise ValueError(f"system: {', '.join(products)}; only reserve_requirement can be read")


def _series(value: Any, steps: int) -> np.ndarray:
    values = value["values"] if isinstance(value, Mapping) else value
    return np.broadcast_to(np.asarray(values, float), (steps,))


def _unit(name: str, unit: Data, pieces: int) -> dict[str, Any]:
    if unit["generator_type"] != "thermal":
        raise ValueError(f"{name}: generator_type {unit['generator_type']}; only thermal can be read")
    more = [key for key, value in unit.items() if key not in _UNUSED | _READ and value not in (None, 0, 0.0, False)]
    if more:
        raise ValueError(f"{name}: {', '.join(more)} cannot be read")
    low, state = unit["p_min"], unit["initial_status"]
    return {
        "name": name,
        "must_run": int(unit.get("must_run", 0)),
        "power_output_minimum": low,
        "power_output_maximum": unit["p_max"],
        "ramp_up_limit": unit["ramp_up_60min"],
        "ramp_down_limit": unit["ramp_down_60min"],
        "ramp_startup_limit": unit.get("startup_capacity", low + unit["ramp_up_60min"] / 2),
        "ramp_shutdown_limit": unit.get("shutdown_capacity", low + unit["ramp_down_60min"] / 2),
        "time_up_minimum": unit["min_up_time"],
        "time_down_minimum": unit["min_down_time"],
        "power_output_t0": unit["initial_p_output"],
        "unit_on_t0": int(state > 0),
        "time_up_t0": max(state, 0),
        "time_down_t0": max(-state, 0),
        "startup": [{"lag": lag, "cost": cost} for lag, cost in unit["startup_cost"]],
        "piecewise_production": [{"mw": mw, "cost": cost} for mw, cost in _curve(name, unit, pieces)],
    }


def _curve(name: str, unit: Data, pieces: int) -> list[tuple[float, float]]:
    curve = unit["p_cost"]
    if curve["cost_curve_type"] == "piecewise":
        return [(float(mw), float(cost)) for mw, cost in curve["values"]]
    factors = {int(power): factor for power, factor in curve["values"].items()}
    if max(factors) > 2:
        raise ValueError(f"{name}: p_cost of degree {max(factors)}; at most 2 can be read")
    count = pieces if factors.get(2) and unit["p_max"] > unit["p_min"] else 1
    points = np.linspace(unit["p_min"], unit["p_max"], count + 1)
    return [(float(mw), float(sum(f * mw**power for power, f in factors.items()))) for mw in points]
