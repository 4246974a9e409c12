"""A park in which a store that looks at money alone raises emissions: a cheap dirty unit and a dear clean one.

Eight hours of 300 kW, sixteen of 800; coal gives 600 kW at .28 per kWh and .95 kg, gas as much at .45 and .40 kg; a
store of 400 kWh loses 5 % each way. Without it coal runs first: 12 000 kWh of coal and 3 200 of gas. Planned for money
the store moves coal of the night into the hours of gas: 421 kWh more of coal, 380 less of gas. From 500 per t on the
order is turned round, and the store moves gas of the night into the hours of coal.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve

NIGHT_H, NIGHT_KW, DAY_KW = 8, 300.0, 800.0
COAL: dict[str, Any] = {"max_kw": 600, "min_kw": 0, "cost_per_kwh": 0.28, "co2_kg_per_kwh": 0.95}
GAS: dict[str, Any] = {"max_kw": 600, "min_kw": 0, "cost_per_kwh": 0.45, "co2_kg_per_kwh": 0.40}
STORE_KWH, KEPT = 400.0, 0.95
# By hand, without the store and planned for money: kg and CNY of the day.
PLAIN_KG = 0.95 * 12_000 + 0.40 * 3_200
PLAIN_MONEY = 0.28 * 12_000 + 0.45 * 3_200
MOVED_IN, MOVED_OUT = STORE_KWH / KEPT, STORE_KWH * KEPT
BLIND_KG = PLAIN_KG + 0.95 * MOVED_IN - 0.40 * MOVED_OUT
SEEING_KG = 0.40 * (12_000 + MOVED_IN) + 0.95 * (3_200 - MOVED_OUT)


def park(*, store: bool, **fields: Any) -> Site:
    """The park, with further fields of its file."""
    units = [{"kind": "thermal", "name": n, "bus": "main"} | f for n, f in (("coal", COAL), ("gas", GAS))]
    assets: list[dict[str, Any]] = [{"kind": "load", "name": "plant", "bus": "main"}, *units]
    if store:
        battery = {"kind": "battery", "name": "store", "bus": "main", "energy_kwh": STORE_KWH, "charge_kw": 200}
        battery |= {"discharge_kw": 200, "charge_efficiency": KEPT, "discharge_efficiency": KEPT, "min_fill": 0.0}
        assets.append(battery | {"max_fill": 1.0, "start_fill": 0.0, "end_fill_min": 0.0})
    base = {"name": "blind", "time_zone": "Asia/Shanghai", "currency": "CNY", "buses": [{"name": "main"}]}
    return Site.model_validate(base | {"assets": assets} | fields)


@cache
def planned(*, store: bool, price_per_t: float = 0.0) -> Schedule:
    """The audited plan of the day, for money and carbon at a price."""
    site = park(store=store, objective={"carbon_price_per_t": price_per_t})
    edges = np.datetime64("2024-05-31T16:00", "s") + (np.arange(25) * 3600).astype("timedelta64[s]")
    horizon = Horizon(edges, site.time_zone)
    demand = np.where(np.arange(24) < NIGHT_H, NIGHT_KW, DAY_KW)[None, :]
    inputs = Inputs(horizon, 1, site.known_series(horizon) | {("plant", "demand_kw"): demand})
    schedule = solve(Problem(site, inputs))
    if not audit(schedule).passed:
        raise RuntimeError(f"the plan does not pass the audit: {audit(schedule).violations[0]}")
    return schedule
