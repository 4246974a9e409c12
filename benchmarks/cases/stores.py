"""Parks around stores: published cases, and random ones from a seed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rows import CannotMeasure
from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.errors import ParkwattError
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solve import solve

FIRST = "2024-03-01T00:00"


def golden(name: str) -> dict[str, Any]:
    """A published case."""
    shared = Path(os.environ.get("PARKWATT_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    path = shared / "golden" / "carbon.json"
    if not path.is_file():
        raise CannotMeasure("the golden cases are not here: set PARKWATT_SHARED to the folder that holds golden/")
    return dict(json.loads(path.read_text(encoding="utf-8"))[name])


def horizon(steps: int, step_h: float = 1.0) -> Horizon:
    first = np.datetime64(FIRST, "s")
    return Horizon(first + (np.arange(steps + 1) * round(step_h * 3600)).astype("timedelta64[s]"), "UTC")


def battery(name: str, **fields: Any) -> dict[str, Any]:
    base = {"kind": "battery", "name": name, "bus": "main", "energy_kwh": 100, "charge_kw": 50, "discharge_kw": 50}
    return base | {"min_fill": 0.0, "max_fill": 1.0} | fields


def park(price: Array | None, *assets: dict[str, Any], **limits: float) -> Site:
    """A load and assets, with a connection that buys and sells at one price an hour; islanded without one."""
    parts = [
        {
            "name": f"{direction} {hour}",
            "direction": direction,
            "basis": "energy",
            "price_per_kwh": float(value),
            "calendar": {"hours": [f"{hour}:00-{hour + 1}:00"]},
            "source": "case",
        }
        for hour, value in enumerate(price if price is not None else [])
        for direction in ("import", "export")
    ]
    tariff = {"name": "hourly", "currency": "EUR", "components": parts}
    pcc: dict[str, Any] = {"kind": "grid_connection", "name": "pcc", "bus": "main", "tariff": tariff}
    pcc |= {"import_kw": 1e4, "export_kw": 1e4, **limits}
    load = {"kind": "load", "name": "load", "bus": "main"}
    found = [load, *([pcc] if price is not None else []), *assets]
    fields = {"name": "case", "time_zone": "UTC", "currency": "EUR", "buses": [{"name": "main"}]}
    return Site.model_validate(fields | {"assets": found})


def inputs(site: Site, steps: Horizon, **series: Any) -> Inputs:
    """Demand by asset name, availability with ``available_``; scalars or (T,)."""
    own = {}
    for name, values in series.items():
        key = (name.removeprefix("available_"), "available_kw" if name.startswith("available_") else "demand_kw")
        own[key] = np.broadcast_to(np.asarray(values, float), (1, steps.steps))
    return Inputs(steps, 1, site.known_series(steps) | own)


def proved(site: Site, given: Inputs, *, rules: bool = False) -> Schedule | None:
    """The plan (or the rules'), if there is one that passes the audit."""
    try:
        schedule = (rule_based if rules else solve)(Problem(site, given))
    except ParkwattError:
        return None
    return schedule if audit(schedule).passed else None


def stranded(seed: int) -> tuple[Site, Inputs]:
    """A store that starts anywhere, leaks or not, on an island with little sun."""
    r = np.random.default_rng(seed)
    low, high = np.sort(r.uniform(0, 1, 2))
    store = battery(
        "store",
        min_fill=low,
        max_fill=max(high, low + 0.05),
        start_fill=r.uniform(0, 1),
        charge_kw=r.uniform(1, 80),
        discharge_kw=r.uniform(1, 80),
        loss_fraction_per_h=float(r.choice([0.0, 0.01, 0.2])),
    )
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}
    site = park(None, store, roof)
    return site, inputs(site, horizon(8), load=r.uniform(0, 30, 8), available_roof=r.uniform(0, 20, 8))


def burning(seed: int) -> tuple[Site, Inputs]:
    """Two stores under negative prices, with or without a way to sell."""
    r = np.random.default_rng(seed)
    price = r.uniform(-0.4, 0.2, 12)
    stores = [battery(f"b{i}", energy_kwh=50 * (i + 1), charge_kw=30, discharge_kw=40) for i in range(2)]
    site = park(price, *stores, export_kw=float(r.choice([0.0, 300.0])))
    return site, inputs(site, horizon(12), load=r.uniform(10, 50, 12))


def holding(seed: int) -> tuple[Site, Inputs]:
    """A store with limits by fill that holds reserve both ways."""
    r = np.random.default_rng(seed)
    limits = {
        "charge_limit": [{"fill": 0.6, "share": 1.0}, {"fill": 1.0, "share": 0.2}],
        "discharge_limit": [{"fill": 0.0, "share": 0.3}, {"fill": 0.3, "share": 1.0}],
    }
    minutes = float(r.choice([15, 40, 60, 150]))
    asked = [
        {"kind": "reserve", "name": d, "direction": d, "required_kw": 40.0, "duration_minutes": minutes}
        for d in ("up", "down")
    ]
    store = battery("store", start_fill=r.uniform(0.1, 0.9), **limits)
    site = park(r.uniform(-0.1, 0.6, 12), store, *asked)
    return site, inputs(site, horizon(12), load=0.0)
