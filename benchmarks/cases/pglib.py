"""Instances of power-grid-lib/pglib-uc (CC BY 4.0) as a site: read, MW into kW, $ as they are.

The library holds a first step by its start-up capability and by its ramp above minimum, a last one likewise:
SU ← min(SU, P + RU), SD ← min(SD, P + RD).
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rows import CannotMeasure
from dispatch.asset import Inputs
from dispatch.signals import Horizon
from dispatch.site import Site

KW = 1000.0
# Demand and reserve are hard in the library. What is short costs so many times the dearest unit's hour with a start: no
# optimum pays that, and far more would drown the costs of the others in the solver's tolerances.
NEVER_SHORT = 20.0


def folder() -> Path:
    """Where the instances are: PARKWATT_SHARED, else beside the checkout."""
    shared = Path(os.environ.get("PARKWATT_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    path = shared / "data" / "pglib_uc"
    if not path.is_dir():
        raise CannotMeasure("the pglib-uc instances are not here: set PARKWATT_SHARED to the folder that holds data/")
    return path


def instances(family: str) -> list[Path]:
    """Files of a family (ca, ferc, rts_gmlc), in order."""
    return sorted((folder() / family).glob("*.json.gz"))


def load(path: Path) -> dict[str, Any]:
    """The instance as the library writes it."""
    with gzip.open(path, "rt", encoding="utf-8") as opened:
        made: dict[str, Any] = json.load(opened)
    return made


def read(instance: dict[str, Any], name: str = "pglib") -> tuple[Site, Inputs]:
    """Site and inputs of an instance of hourly steps."""
    steps = int(instance["time_periods"])
    horizon = Horizon(np.datetime64("2020-01-01", "s") + np.arange(steps + 1) * np.timedelta64(3600, "s"), "UTC")
    units = [_unit(f"unit_{i}", unit) for i, unit in enumerate(instance["thermal_generators"].values())]
    renewables = list(instance["renewable_generators"].values())
    least, most = (
        np.array([unit[f"power_output_{x}imum"] for unit in renewables], float).reshape(-1, steps) * KW
        for x in ("min", "max")
    )
    wind = [_wind(f"renewable_{i}") for i in range(len(renewables))]
    load_, reserve = _demand(NEVER_SHORT * _dearest(list(instance["thermal_generators"].values())))
    assets = [load_, *wind, *units]
    reserves = np.array(instance["reserves"], float) * KW
    if reserves.any():
        assets.append(reserve)
    site = Site.model_validate(
        {"name": name, "time_zone": "UTC", "currency": "USD", "buses": [{"name": "main"}], "assets": assets}
    )
    # What a renewable must give is taken off the demand, so that its room is what it may give beyond.
    demand = np.array(instance["demand"], float) * KW - least.sum(axis=0)
    series = {("demand", "demand_kw"): demand[None, :], ("reserve", "required_kw"): reserves[None, :]}
    series |= {(f"renewable_{i}", "available_kw"): (most - least)[i][None, :] for i in range(len(renewables))}
    return site, Inputs(horizon, 1, series)


def _dearest(units: list[dict[str, Any]]) -> float:
    """Money per kWh of the dearest unit that starts cold and runs at its maximum for an hour."""
    costs = [u["piecewise_production"][-1]["cost"] + u["startup"][-1]["cost"] for u in units]
    return max(float(cost) / (float(u["power_output_maximum"]) * KW) for cost, u in zip(costs, units, strict=True))


def _demand(short_per_kwh: float) -> tuple[dict[str, Any], dict[str, Any]]:
    lost = {"value_of_lost_load_per_kwh": short_per_kwh}
    reserve = {"kind": "reserve", "name": "reserve", "required_kw": 0.0, "penalty_per_kwh": short_per_kwh}
    return {"kind": "load", "name": "demand", "bus": "main", **lost}, reserve


def _wind(name: str) -> dict[str, Any]:
    return {"kind": "wind", "name": name, "bus": "main", "rated_kw": 1.0}


def _unit(name: str, unit: dict[str, Any]) -> dict[str, Any]:
    low, high = unit["power_output_minimum"] * KW, unit["power_output_maximum"] * KW
    up, down = unit["ramp_up_limit"] * KW, unit["ramp_down_limit"] * KW
    curve = [{"power_kw": p["mw"] * KW, "cost_per_h": p["cost"]} for p in unit["piecewise_production"]]
    return {
        "kind": "thermal",
        "name": name,
        "bus": "main",
        "min_kw": low,
        "max_kw": high,
        "cost_curve": curve,
        "start_tiers": _tiers(unit["startup"]),
        "must_run": bool(unit["must_run"]),
        "ramp_up_kw_per_h": up,
        "ramp_down_kw_per_h": down,
        "start_up_kw": min(unit["ramp_startup_limit"] * KW, low + up),
        "shut_down_kw": min(unit["ramp_shutdown_limit"] * KW, low + down),
        "min_up_h": unit["time_up_minimum"],
        "min_down_h": unit["time_down_minimum"],
        "on_before_h": unit["time_up_t0"] if unit["unit_on_t0"] else 0,
        "off_before_h": unit["time_down_t0"] if not unit["unit_on_t0"] else 0,
        "power_before_kw": unit["power_output_t0"] * KW,
    }


def _tiers(startup: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A category holds from its lag to the next one's."""
    ends = [tier["lag"] for tier in startup[1:]]
    return [{"below_off_h": end, "cost": tier["cost"]} for tier, end in zip(startup, [*ends, None], strict=True)]
