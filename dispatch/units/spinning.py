r"""Reserve that plant offers while it is on: within a cap of its own, and within what its ramp reaches in time.

.. math::
    r_t ≤ \min(\bar R, RU·A) u_t, \quad r_t + s_t (p_t - p_{t-1}) ≤ RU·A·u_t + s_t S^v_t v_t \\
    d_t ≤ \min(\bar R, RD·A) u_t, \quad d_t - s_t (p_t - p_{t-1}) ≤ RD·A·u_t + s_t S^w_t w_t, \quad s_t = A / Δr_t

with r and d the reserve offered upwards and downwards, p the output (of units above their minimum), A the time within
which a called reserve must be there (the shortest ``activation_minutes`` of the site) and Δr the distance of two steps'
middles [h]: plan and reserve share one ramp. S^v and S^w are what a start and a stop may move beside it. Without any
``activation_minutes`` the time is that distance itself, and the ramps of the kinds hold p + r and p - d instead.

Source: Kirschen & Strbac, Fundamentals of Power System Economics, 2nd ed., Wiley 2018, ch. 6.5 (caps on the reserve of
a unit, given by its ramp and the time it has).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Given, Rows
from dispatch.part import Violation, breaches
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import cvxpy as cp

RESERVE = {"up": "reserve_up_kw", "down": "reserve_down_kw"}


def offers(rows: Rows[Any], horizon: Horizon) -> dict[str, cp.Variable]:
    """(row, step) variables of the reserve offered, by the directions that the site asks for."""
    import cvxpy as cp

    return {RESERVE[way]: cp.Variable((rows.count, horizon.steps), nonneg=True) for way in rows.directions}


def none(rows: Rows[Any], horizon: Horizon) -> dict[str, Array]:
    """Nothing offered, (row, step)."""
    return {RESERVE[way]: np.zeros((rows.count, horizon.steps)) for way in rows.directions}


def timed(rows: Rows[Any]) -> bool:
    """Does the site say within which time a called reserve must be there?"""
    return bool(rows.directions) and bool(np.isfinite(rows.activation_h))


def _limited(rows: Rows[Any]) -> bool:
    return timed(rows) or (bool(rows.directions) and bool(np.isfinite(rows.field("reserve_max_kw")).any()))


def ratings(
    rows: Rows[Any], horizon: Horizon, ramps: tuple[Array, Array], moves: tuple[Array, Array]
) -> dict[str, Array]:
    """Coefficients of the equations above, (row, step); none where nothing limits an offer.

    Args:
        ramps: (row, 1) rise and fall [kW/h]; infinite: none.
        moves: (row, step) what a start may rise and a stop fall [kW].
    """
    if not _limited(rows):
        return {}
    ones, size = np.ones(horizon.steps), rows.field("max_kw")
    cap, out = np.minimum(rows.field("reserve_max_kw", np.inf), size), {}
    for way, ramp, moved in zip(RESERVE, ramps, moves, strict=True):
        ramped, share = np.isfinite(ramp) & timed(rows), _share(rows, horizon, ramp)
        reach = np.where(ramped, np.where(ramped, ramp, 0.0) * (rows.activation_h if timed(rows) else 0.0), size)
        out[f"offer_{way}_kw"] = np.minimum(cap, reach) * ones
        out[f"reach_{way}_kw"] = reach * ones
        out[f"ramp_share_{way}"], out[f"move_{way}_kw"] = share, share * moved
    return out


def _share(rows: Rows[Any], horizon: Horizon, ramp: Array) -> Array:
    """(row, step) s of the equations above, for rows that have a ramp."""
    return np.isfinite(ramp) * (rows.activation_h if timed(rows) else 0.0) / horizon.ramp_h


def signals(
    rows: Rows[Any], horizon: Horizon, ramps: tuple[Array, Array], before: tuple[Array, Array]
) -> dict[str, Array]:
    """What the output before the horizon is to the equations' first step, (row, step): s p_0.

    Both would be parameters in a template, so their product is made here.

    Args:
        ramps: (row, 1) rise and fall [kW/h]; infinite: none.
        before: (row, 1) the highest and the lowest that it may have been [kW].
    """
    if not timed(rows):
        return {}
    first = np.arange(horizon.steps) == 0
    return {
        f"before_{way}_kw": _share(rows, horizon, ramp) * kw * first
        for way, ramp, kw in zip(RESERVE, ramps, before, strict=True)
    }


def constraints(
    rows: Rows[Any],
    given: Given,
    reserve: Mapping[str, Any],
    output: Any,
    states: tuple[Any, Any, Any] | None,
) -> list[cp.Constraint]:
    """The equations above, and no offer of plant without spinning reserve.

    Args:
        reserve: offers, by name.
        output: (row, step) p of the equations above.
        states: (row, step) on, start and stop; None: all plant is always on.
    """
    import cvxpy as cp
    import scipy.sparse as sp

    silent = np.flatnonzero([not member.spinning_reserve for member in rows.members * rows.scenarios])
    made = [offer[silent] <= 0 for offer in reserve.values() if silent.size]
    rise = output @ (sp.eye_array(given.horizon.steps) - sp.eye_array(given.horizon.steps, k=1)).tocsr()
    for index, (way, name) in enumerate(RESERVE.items()):
        if name not in reserve or not _limited(rows):
            continue
        limit, reach = given[f"offer_{way}_kw"], given[f"reach_{way}_kw"]
        if states is not None:
            limit = cp.multiply(limit, states[0])
            reach = cp.multiply(reach, states[0]) + cp.multiply(given[f"move_{way}_kw"], states[1 + index])
        made.append(reserve[name] <= limit)
        if timed(rows):
            sign = 1 if way == "up" else -1
            used = cp.multiply(given[f"ramp_share_{way}"], rise) - given[f"before_{way}_kw"]
            made.append(reserve[name] + sign * used <= reach)
    return made


def check(
    rows: Rows[Any], horizon: Horizon, series: Mapping[str, Array], ramps: tuple[Array, Array], rise: Array
) -> list[Violation]:
    """Offers against the fields: the cap, the ramp in the time there is beside the plan's own use of it.

    Args:
        ramps: (row, 1) rise and fall [kW/h]; infinite: none.
        rise: (row, step) of the output since the step before; zero in steps of starts and stops.
    """
    names, cap = rows.names, rows.field("reserve_max_kw", np.inf)
    silent = np.where(rows.field("spinning_reserve") > 0, np.inf, 0.0)
    offered = [series.get(name, np.zeros_like(rise)) for name in RESERVE.values()]
    found = [
        *breaches(names, "reserve without spinning reserve", offered[0] + offered[1], silent, "kW"),
        *breaches(names, "negative reserve", -np.minimum(*offered), 0.0, "kW"),
    ]
    for sign, ramp, offer in zip((1, -1), ramps, offered, strict=True):
        found += breaches(names, "reserve above its own limit", offer, cap, "kW")
        if timed(rows):
            planned_kw_per_h = np.maximum(sign * rise / horizon.ramp_h, 0)
            reached = np.maximum(ramp - planned_kw_per_h, 0) * rows.activation_h
            found += breaches(names, "reserve above what its ramp reaches in time", offer, reached, "kW")
    return found
