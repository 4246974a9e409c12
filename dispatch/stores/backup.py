r"""What a store of electricity can give in an outage: its content when it begins, down to what it may stand at.

.. math::
    s_k = (1-σ)^H (e_{k-1} - e^{min}_{k-1}), \quad d_{kj} ≤ D - R

with the survival time H: what is given early leaks less, so this is on the safe side by what a store leaks in H. Where
power depends on fill, it is the least of all fills. The minimum leaks as the plan's own does (``band``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dispatch.asset import Given, Inputs, Rows, full, shifted
from dispatch.part import Backup, Part
from dispatch.signals import Array, Horizon
from dispatch.stores.band import band, usable_above_kwh
from dispatch.stores.movement import powers
from dispatch.stores.paces import paces
from dispatch.units.island import Pairs


def ratings(rows: Rows[Any], horizon: Horizon) -> dict[str, Array]:
    """Share that does not leak, stock per kWh at the bus, and power, of each row."""
    pairs = np.ones((1, Pairs(horizon, rows.outage_h).start.size))
    return {
        "backup_kept": full(rows, horizon, (1 - rows.field("loss_fraction_per_h")) ** rows.outage_h),
        "backup_drain": full(rows, horizon, rows.field("most_drain_kwh_per_kwh")),
        "backup_kw": _power_kw(rows, horizon) * pairs,
    }


def signals(rows: Rows[Any], horizon: Horizon, start_kwh: Array) -> dict[str, Array]:
    """(row, step) what the start adds to the stock, and the least content takes off it."""
    least = band(rows, horizon, start_kwh).least
    first = start_kwh - np.minimum(usable_above_kwh(rows, horizon), start_kwh)
    kept = (1 - rows.field("loss_fraction_per_h")) ** rows.outage_h
    return {"backup_base_kwh": kept * np.hstack([first, -least[:, :-1]])}


def added(part: Part, rows: Rows[Any], given: Given) -> Part:
    """The part with what it can give in an outage."""
    import cvxpy as cp

    before = shifted(np.zeros((rows.count, 1)), part.series["stored_kwh"])
    stock = cp.multiply(given["backup_kept"], before) + given["backup_base_kwh"]
    return replace(part, backup=Backup(None, stock, given["backup_drain"], given["backup_kw"]))


def account(rows: Rows[Any], given: Inputs, series: Mapping[str, Array]) -> Backup:
    """The same from the fields, along the clock."""
    horizon = given.horizon
    loss, capacity = rows.field("loss_fraction_per_h"), rows.field("energy_kwh")
    start = capacity * rows.state(given, "start_fill")
    reserve_kwh = rows.field("fast_reserve_kw") * rows.field("fast_reserve_minutes") / 60
    moves = paces(rows, horizon)
    drain = moves.most_drain[:, None]
    lowest = np.maximum(moves.lowest_fill[:, None], rows.field("min_fill"))
    floor = np.minimum(capacity * lowest + reserve_kwh * drain, start)
    content = np.hstack([start, series["stored_kwh"][:, :-1]])
    above = np.maximum(content - floor * (1 - loss) ** horizon.edge_h[:-1], 0) * (1 - loss) ** rows.outage_h
    ends = np.array([[min((p.share for p in m.discharge_limit), default=1.0)] for m in rows.members * rows.scenarios])
    most = np.minimum(ends * rows.field("discharge_kw"), moves.power_kw["discharge"].min(axis=1, keepdims=True))
    pairs = Pairs(horizon, rows.outage_h).start.size
    power = np.broadcast_to(most - rows.field("fast_reserve_kw"), (rows.count, pairs))
    return Backup(None, above, np.broadcast_to(drain, content.shape), power)


def _power_kw(rows: Rows[Any], horizon: Horizon) -> Array:
    """(row, 1) what a store can give at any fill and in every step."""
    shares = [min((point.share for point in m.discharge_limit), default=1.0) for m in rows.members]
    least = np.tile(np.array(shares), rows.scenarios)[:, None]
    rated = powers(rows, horizon)["discharge"].min(axis=1, keepdims=True)
    return np.asarray(np.minimum(least * rows.field("discharge_kw") - rows.field("fast_reserve_kw"), rated))
