"""Sites small enough to be planned by hand: a load that may be shed at a price behind one connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from dispatch.fleet.members import Member
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.model import read_shared
from dispatch.signals import Horizon
from dispatch.site import Site

ZONE = "Europe/Berlin"
DAY = date(2024, 5, 16)


def hours(count: int, day: date = DAY) -> Horizon:
    """The first hours of a day."""
    whole = Horizon.local_day(day, ZONE, 60, days=2)
    return Horizon(whole.edges[: count + 1], ZONE)


def tariff(price: float | None = 0.3, sold: float | None = None, demand: float | None = None) -> dict[str, Any]:
    made: list[dict[str, Any]] = []
    if price is not None:
        made.append({"name": "energy", "basis": "energy", "price_per_kwh": price, "source": "test"})
    if sold is not None:
        made.append({"name": "sold", "direction": "export", "basis": "energy", "price_per_kwh": sold, "source": "test"})
    if demand is not None:
        made.append({"name": "peak", "basis": "demand", "price_per_kw_month": demand, "source": "test"})
    return {"name": "test", "currency": "EUR", "components": made}


def connection(name: str = "grid", **fields: Any) -> dict[str, Any]:
    own = {"kind": "grid_connection", "name": name, "bus": "ac", "import_kw": 1000, "export_kw": 1000}
    return own | {"tariff": tariff()} | fields


def member(
    name: str,
    demand_kw: Sequence[float],
    *,
    worth: float = 5.0,
    pv_kw: Sequence[float] | None = None,
    battery_kwh: float = 0.0,
    more: Sequence[dict[str, Any]] = (),
    labels: dict[str, str | float] | None = None,
    grid: dict[str, Any] | None = None,
    **fields: Any,
) -> Member:
    """A site whose load is worth so much a kWh."""
    assets: list[dict[str, Any]] = [
        {"kind": "load", "name": "load", "bus": "ac", "value_of_lost_load_per_kwh": worth},
        grid or connection(),
        *more,
    ]
    series = {("load", "demand_kw"): np.array(demand_kw, float)[None, :]}
    if pv_kw is not None:
        assets.append({"kind": "pv", "name": "pv", "bus": "ac", "peak_kw": max(*pv_kw, 1.0)})
        series["pv", "available_kw"] = np.array(pv_kw, float)[None, :]
    if battery_kwh:
        power = {"charge_kw": battery_kwh / 2, "discharge_kw": battery_kwh / 2}
        store = {"kind": "battery", "name": "store", "bus": "ac", "energy_kwh": battery_kwh, "start_fill": 0.5}
        assets.append(store | power)
    site = {"name": name, "time_zone": ZONE, "currency": "EUR", "buses": [{"name": "ac"}], "assets": assets}
    return Member(Site.model_validate(site | fields), series, labels=labels or {})


def read(members: Sequence[Member], *things: dict[str, Any]) -> tuple[Shared, ...]:
    return read_shared(list(things), [m.name for m in members], [m.labels for m in members], "fleet.yaml")
