r"""How fast a flow changes that has limits while its plant is on: rows for the model, bounds for checks.

.. math::
    x_t + r_t - x_{t-1} ≤ R_t u_t + (\max(R_t, L_t) - R_t) v_t \\
    x_{t-1} - x_t + d_t ≤ F_t u_{t-1} + (\max(F_t, L_{t-1}) - F_t) w_t

R and F are the ramp over the distance of two steps' middles, L the least flow while on; where the limits of x move
faster than the ramp, x may follow. r and d are reserve offered upwards and downwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dispatch.asset import Given, Inputs, Rows, shifted
from dispatch.signals import Array, Horizon


def ramped(rows: Rows[Any]) -> np.ndarray:
    """Rows that have a ramp."""
    return np.flatnonzero(np.isfinite(rows.field("ramp_fraction_per_h")))


def ramp_kw(rows: Rows[Any], horizon: Horizon, most: Array, least: Array) -> tuple[Array, Array]:
    """(row, step) largest rise and fall while on; without a ramp, as much as the plant can do."""
    widest = most.max(axis=1, keepdims=True)
    share = np.minimum(rows.field("ramp_fraction_per_h", np.inf) * horizon.ramp_h, 1.0)
    first = np.full_like(widest, -np.inf)
    lifted, lowered = (np.hstack([first, x]) for x in (np.diff(least, axis=1), -np.diff(most, axis=1)))
    return np.maximum(share * widest, lifted), np.maximum(share * widest, lowered)


def signals(
    rows: Rows[Any], inputs: Inputs, limits: tuple[Array, Array], was_on: Array, before: Array
) -> dict[str, Array]:
    """Coefficients of the rows above; none where no row has a ramp.

    Args:
        limits: (row, step) least and most flow while on.
        was_on: (row, 1) on before the start.
        before: (row, 1) flow just before the start; NaN: unknown, the first step is free.
    """
    if not ramped(rows).size:
        return {}
    least, most = limits
    rise, fall = ramp_kw(rows, inputs.horizon, most, least)
    first = np.zeros_like(most)
    # F · u before the horizon: both would be parameters, so their product is made here.
    first[:, :1] = fall[:, :1] * was_on
    return {
        "rise_kw": rise,
        "start_rise_kw": np.maximum(least - rise, 0),
        "fall_kw": fall,
        "stop_fall_kw": np.maximum(_earlier(least) - fall, 0),
        "first_fall_kw": first,
        "highest_before_kw": np.where(np.isnan(before), most[:, :1], before) * was_on,
        "lowest_before_kw": np.where(np.isnan(before), 0.0, before) * was_on,
    }


def constraints(
    rows: Rows[Any], given: Given, flow: Any, made: Any, reserve: Mapping[str, Any] | None = None
) -> list[Any]:
    """The rows above, only for plant that has a ramp; ``made`` is the commitment, None where all plant is always on."""
    import cvxpy as cp

    at, offered = ramped(rows), reserve or {}
    if not at.size:
        return []
    rise, fall = given["rise_kw"], given["fall_kw"]
    up = flow - shifted(given["highest_before_kw"], flow)
    down = shifted(given["lowest_before_kw"], flow) - flow
    if made is not None:
        rise = cp.multiply(rise, made.on) + cp.multiply(given["start_rise_kw"], made.start)
        was_on = shifted(np.zeros((rows.count, 1)), made.on)
        fall = cp.multiply(fall, was_on) + given["first_fall_kw"] + cp.multiply(given["stop_fall_kw"], made.stop)
    up = up + offered["reserve_up_kw"] if "reserve_up_kw" in offered else up
    down = down + offered["reserve_down_kw"] if "reserve_down_kw" in offered else down
    return [(up - rise)[at] <= 0, (down - fall)[at] <= 0]


def changes(flow: Array, was_on: Array, before: Array) -> Array:
    """(row, step) rise of a flow since the step before; zero in the first step where nobody knows what was before."""
    unknown = np.isnan(before) & (was_on > 0) & np.isfinite(flow[:, :1])
    start = np.where(was_on > 0, before, 0.0)
    return np.diff(flow, axis=1, prepend=np.where(unknown, flow[:, :1], start))


def bounds(
    rows: Rows[Any], horizon: Horizon, limits: tuple[Array, Array], started: Array, stopped: Array
) -> tuple[Array, Array]:
    """(row, step) largest rise and fall by the on/off pattern."""
    least, most = limits
    rise, fall = ramp_kw(rows, horizon, most, least)
    return (
        np.where(started, np.maximum(rise, least), rise),
        np.where(stopped, np.maximum(fall, _earlier(least)), fall),
    )


def _earlier(least: Array) -> Array:
    return np.hstack([least[:, :1], least[:, :-1]])


def walked(
    rows: Rows[Any],
    given: Inputs,
    wanted: Array,
    asked: Array,
    limits: tuple[Array, Array],
    before: tuple[Array, Array],
) -> tuple[Array, Array]:
    """(row, step) flow and on/off as near to what is wanted as limits, ramps and minimum times allow, along the clock.

    Args:
        wanted: flow.
        asked: should it be on; the same in all scenarios.
        limits: least and most flow while on.
        before: (row, 1) on, and flow just before the start; NaN: unknown.
    """
    least, most = limits
    rise, fall = ramp_kw(rows, given.horizon, most, least)
    state, last = before[0][:, 0] > 0, np.where(before[0][:, 0] > 0, before[1][:, 0], 0.0)
    since = np.where(state, rows.state(given, "on_before_h")[:, 0], rows.state(given, "off_before_h")[:, 0])
    flow, on, out = np.zeros_like(wanted), np.zeros_like(wanted), rows.standing(given.horizon)
    for step, hours in enumerate(given.horizon.hours):
        low, high = least[:, step], most[:, step]
        known = ~np.isnan(last)
        up = np.where(state, np.where(known, last + rise[:, step], np.inf), np.maximum(low, rise[:, step]))
        down = np.where(state & known, last - fall[:, step], 0.0)
        too_high = state & known & (last > np.maximum(fall[:, step], least[:, max(step - 1, 0)]) + 1e-9)
        tied = too_high | (state & (since < rows.field("min_up_h")[:, 0] - 1e-9))
        # One decision for all scenarios: what may not yet stop in one of them goes on in all.
        tied = np.tile(tied.reshape(rows.scenarios, -1).any(axis=0), rows.scenarios)
        blocked = ~state & (since < rows.field("min_down_h")[:, 0] - 1e-9)
        now = ((asked[:, step] > 0) | tied) & ~blocked & ~out[:, step]
        flow[:, step] = np.where(now, np.clip(wanted[:, step], np.maximum(down, low), np.minimum(up, high)), 0.0)
        since = np.where(now == state, since, 0.0) + hours
        on[:, step], state, last = now, now, flow[:, step]
    return flow, on
