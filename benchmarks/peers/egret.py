"""Egret, in an environment of its own (`make egret-env`), with its own tight formulation."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases.layer import Case
from benchmarks.cases.shared import Shared
from benchmarks.peers import outside
from benchmarks.peers.interface import Answer

MW = 1e-3

OWN_PROCESS = True


def name() -> str:
    return "Egret"


def version() -> str:
    return outside.version(name(), "egret", "gridx-egret")


def can(case: Shared) -> bool:
    return isinstance(case.data, Case) and not case.data.batteries.power_kw.size


def solve(case: Shared) -> Answer:
    """It reads its own form of data, so that is made before the clock starts; a second demand is a model of its own."""
    stated = {which: _stated(getattr(case, which)) for which in ("data", "again", "small")}
    return outside.answer(outside.ask(name(), "egret", stated | {"gap": max(case.gap, 1e-9)}), keeps=False)


def _stated(case: object) -> dict[str, Any]:
    assert isinstance(case, Case)
    units = range(case.fleet.maximum_kw.size)
    load = {"bus": "main", "in_service": True, "p_load": _series(case.fleet.demand_kw * MW)}
    return {
        "elements": {
            "bus": {"main": {"base_kv": 1.0}},
            "load": {"demand": load},
            "generator": {f"unit_{i}": _unit(case, i) for i in units},
        },
        "system": {
            "time_keys": [str(step) for step in range(1, case.steps + 1)],
            "time_period_length_minutes": 60,
            "load_mismatch_cost": case.lost_load_per_kwh / MW,
            "baseMVA": 1.0,
            "reference_bus": "main",
            "reference_bus_angle": 0.0,
        },
    }


def _series(values: np.ndarray) -> dict[str, Any]:
    return {"data_type": "time_series", "values": values.tolist()}


def _unit(case: Case, i: int) -> dict[str, Any]:
    fleet = case.fleet
    least, most = float(fleet.minimum_kw[i]), float(fleet.maximum_kw[i])
    ramp, change = float(min(fleet.ramp_kw_per_h[i], most)), float(min(fleet.start_ramp_kw[i], most))
    running = [float(fleet.no_load_cost_per_h[i] + fleet.cost_per_kwh[i] * kw) for kw in (least, most)]
    down = max(float(fleet.minimum_down_h[i]), 1.0)
    return {
        "bus": "main",
        "generator_type": "thermal",
        "in_service": True,
        "fuel": "any",
        "p_min": least * MW,
        "p_max": most * MW,
        "ramp_up_60min": ramp * MW,
        "ramp_down_60min": ramp * MW,
        "startup_capacity": change * MW,
        "shutdown_capacity": change * MW,
        "min_up_time": float(fleet.minimum_up_h[i]),
        "min_down_time": float(fleet.minimum_down_h[i]),
        "initial_status": float(fleet.hours_in_state[i]) * (1 if fleet.on_before[i] else -1),
        "initial_p_output": least * MW * float(fleet.on_before[i]),
        "startup_cost": [[down, float(fleet.start_cost[i])]],
        "p_cost": {
            "data_type": "cost_curve",
            "cost_curve_type": "piecewise",
            "values": [[least * MW, running[0]], [most * MW, running[1]]],
        },
    }
