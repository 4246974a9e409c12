"""How far starts and stops hold down a unit that is on: limits of ramps over one and over several steps."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from dispatch.asset import Given, Rows, full
from dispatch.signals import Array, Horizon

Side = Literal["start", "stop"]

_MOST_CUTS = 8


def limits_kw(rows: Rows[Any], horizon: Horizon) -> tuple[Array, Array, Array, Array]:
    """(row, 1) most in a first step, (row, step) most in a last one, rise and fall between steps.

    What goes out of service may trip from any output: then its last step has no limit of its own. A missing ramp
    limit is one that never binds; infinity would not survive compilation.
    """
    high = rows.field("max_kw")
    start, stop = (np.minimum(rows.field(f"{x}_kw", np.inf), high) for x in ("start_up", "shut_down"))
    up, down = (np.minimum(rows.field(f"ramp_{x}_kw_per_h", np.inf) * horizon.ramp_h, high) for x in ("up", "down"))
    return start, np.where(ahead(rows.standing(horizon)), high, stop), up, down


def ahead(out: np.ndarray, steps: int = 1) -> np.ndarray:
    """(row, step) what is so many steps later; false beyond the end."""
    return np.hstack([out[:, steps:], np.zeros((out.shape[0], min(steps, out.shape[1])), bool)])


def shortest(rows: Rows[Any], horizon: Horizon) -> np.ndarray:
    """(row, step) minimum up time is no longer than the step: a start in it may be followed by a stop at once."""
    return np.asarray(rows.field("min_up_h") <= horizon.hours + 1e-9)


def cuts(rows: Rows[Any], horizon: Horizon) -> dict[str, Array]:
    """By name, (row, step) what a start 1, 2 … steps ago or a stop 1, 2 … steps after the next still denies.

    Only while minimum up time lets no stop follow: then at most one of the terms in a row is in force.
    """
    high, (start, stop, up, down) = rows.field("max_kw"), limits_kw(rows, horizon)
    out = {}
    for side, first, ramp in (("start", start, up), ("stop", stop, down)):
        moved = np.hstack([np.zeros((rows.count, 1)), np.cumsum(full(rows, horizon, ramp), axis=1)])
        for lag in range(1, min(_MOST_CUTS, horizon.steps - 1) + 1):
            run_h, since = np.full(horizon.steps, np.inf), np.zeros((rows.count, horizon.steps))
            here = slice(lag, None) if side == "start" else slice(None, horizon.steps - lag)
            run_h[here] = horizon.edge_h[lag + 1 :] - horizon.edge_h[: -lag - 1]
            since[:, here] = moved[:, lag + 1 :] - moved[:, 1 : horizon.steps - lag + 1]
            trips = ahead(rows.standing(horizon), lag + 1)
            running_still = run_h < rows.field("min_up_h") - 1e-9
            if not running_still.any():
                break
            denies = np.maximum(high - first - since, 0) * ~(trips if side == "stop" else False)
            out[f"{side}_cut_{lag}_kw"] = np.where(running_still, denies, 0.0)
    return out


def denied(rows: Rows[Any], given: Given, side: Side, events: Any) -> Any:
    """(row, step) what starts one or more steps ago, or stops later than the next step, deny; None for nothing.

    Args:
        rows: the units.
        given: coefficients of :func:`cuts`.
        side: which of the two.
        events: (row, step) starts, or stops one step ahead.
    """
    import cvxpy as cp
    import scipy.sparse as sp

    steps, terms = given.horizon.steps, []
    names = [name for name in cuts(rows, given.horizon) if name.startswith(side)]
    for lag, name in enumerate(names, 1):  # a handful
        cut = given[name]
        if not isinstance(cut, np.ndarray) or cut.any():
            move = sp.eye_array(steps, k=lag if side == "start" else -lag, format="csr")
            terms.append(cp.multiply(cut, events @ move))
    return sum(terms[1:], terms[0]) if terms else None
