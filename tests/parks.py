"""Small parks that tests build from: plain dictionaries in, a Site and its Inputs out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dispatch.asset import Inputs
from dispatch.signals import Array, Horizon
from dispatch.site import Site


def hours(count: int, start: str = "2024-03-01T00:00", zone: str = "UTC", step_h: float = 1.0) -> Horizon:
    first = np.datetime64(start, "s")
    return Horizon(first + (np.arange(count + 1) * round(step_h * 3600)).astype("timedelta64[s]"), zone)


def tariff(energy: float = 0.2, feed_in: float | None = None, demand: float | None = None) -> dict[str, Any]:
    components: list[dict[str, Any]] = [
        {"name": "energy", "basis": "energy", "price_per_kwh": energy, "source": "test"}
    ]
    if feed_in is not None:
        components.append(
            {"name": "feed-in", "basis": "energy", "direction": "export", "price_per_kwh": feed_in, "source": "test"}
        )
    if demand is not None:
        components.append({"name": "demand", "basis": "demand", "price_per_kw_month": demand, "source": "test"})
    return {"name": "test", "currency": "EUR", "components": components}


def grid(**fields: Any) -> dict[str, Any]:
    base = {"kind": "grid_connection", "name": "pcc", "bus": "main", "import_kw": 1e4, "tariff": tariff()}
    return base | {"carbon_intensity_kg_per_kwh": 0.0} | fields


def load(name: str = "load", **fields: Any) -> dict[str, Any]:
    return {"kind": "load", "name": name, "bus": "main"} | fields


def battery(name: str = "battery", **fields: Any) -> dict[str, Any]:
    base = {"kind": "battery", "name": name, "bus": "main", "energy_kwh": 100, "charge_kw": 50, "discharge_kw": 50}
    return base | {"min_fill": 0.0, "max_fill": 1.0} | fields


def unit(name: str = "unit", **fields: Any) -> dict[str, Any]:
    return {"kind": "thermal", "name": name, "bus": "main", "min_kw": 0, "max_kw": 100, "cost_per_kwh": 0.1} | fields


def park(*assets: Mapping[str, Any], **fields: Any) -> Site:
    buses = [{"name": "main"}, {"name": "heat", "carrier": "heat"}, {"name": "cold", "carrier": "cold"}]
    base = {"name": "test", "time_zone": "UTC", "currency": "EUR", "buses": buses, "assets": list(assets)}
    return Site.model_validate(base | fields)


def given(
    site: Site,
    horizon: Horizon,
    series: Mapping[tuple[str, str], Any],
    scenarios: int = 1,
    state: Mapping[str, Mapping[str, float]] | None = None,
) -> Inputs:
    """Inputs with what the config knows plus ``series``; scalars and (T,) are the same in every scenario."""
    own: dict[tuple[str, str], Array] = {
        key: np.atleast_2d(np.broadcast_to(np.asarray(v, float), (*np.shape(v)[:-1], horizon.steps)))
        for key, v in series.items()
    }
    return Inputs(horizon, scenarios, site.known_series(horizon) | own, state or {})
