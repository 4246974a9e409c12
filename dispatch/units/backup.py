r"""What a unit can give in an outage: all it has if it runs when the grid is lost, or once it has been started.

.. math::
    f_{kj} = \bar P \text{ from } h^{start} \text{ on}, \quad
    f_{kj} = \bar P u_{k-1} \text{ before, or } p_{k-1} \text{ where a ramp holds it back}

Power and state are those of the step before, which the outage ends. A start that keeps lights on asks no minimum time
off, and a unit that is to stop goes on. A ramp holds back what cannot go from minimum to maximum in the shortest step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dispatch.asset import Given, Inputs, Rows, shifted
from dispatch.part import Backup
from dispatch.signals import Array, Horizon
from dispatch.units.island import Pairs


def ratings(rows: Rows[Any], horizon: Horizon) -> dict[str, Array]:
    """(row, pair) what a running unit gives, by being on and by what it gives above minimum, and what a started one."""
    pairs = Pairs(horizon, rows.outage_h)
    low, high = rows.field("min_kw"), rows.field("max_kw")
    started = pairs.after_h >= rows.field("black_start_h", np.inf) - 1e-9
    there = ~rows.standing(horizon)[:, pairs.step]
    held = rows.field("ramp_up_kw_per_h", np.inf) * horizon.hours.min() < high - low
    return {
        "backup_on_kw": np.where(started, 0.0, np.where(held, low, high)) * there,
        "backup_above": (~started & held & there).astype(float),
        "backup_started_kw": np.where(started, high, 0.0) * there,
    }


def signals(rows: Rows[Any], horizon: Horizon, was_on: Array, above_before_kw: Array) -> dict[str, Array]:
    """(row, pair) the same in outages that begin with the horizon: products of two coefficients, so made here."""
    own, first = ratings(rows, horizon), Pairs(horizon, rows.outage_h).start == 0
    given = own["backup_on_kw"] * was_on + own["backup_above"] * above_before_kw
    return {"backup_first_kw": given * first}


def backup(rows: Rows[Any], given: Given, on: Any, above: Any) -> Backup:
    """The same as expressions of being on and of the output above minimum, (row, step)."""
    import cvxpy as cp

    picks, nothing = Pairs(given.horizon, rows.outage_h).picks, np.zeros((rows.count, 1))
    return Backup(
        cp.multiply(given["backup_on_kw"], shifted(nothing, on) @ picks)
        + cp.multiply(given["backup_above"], shifted(nothing, above) @ picks)
        + given["backup_first_kw"]
        + given["backup_started_kw"]
    )


def account(rows: Rows[Any], given: Inputs, series: Mapping[str, Array]) -> Backup:
    """The same from the fields and the output of the step before each outage."""
    pairs, shortest = Pairs(given.horizon, rows.outage_h), given.horizon.hours.min()
    members, on = rows.members * rows.scenarios, np.round(series["on"])
    out = np.zeros((rows.count, pairs.start.size))
    for row, member in enumerate(members):
        runs = member.before_start(given, "on_before_h") > 0
        first = np.clip(member.before_start(given, "power_before_kw"), member.min_kw, member.max_kw) * runs
        power = np.append(first, series["power_kw"][row, :-1])
        ramp = np.inf if member.ramp_up_kw_per_h is None else member.ramp_up_kw_per_h * shortest
        most = power if ramp < member.max_kw - member.min_kw else member.max_kw * np.append(runs, on[row, :-1])
        out[row] = most[pairs.start]
        if member.black_start_h is not None:
            out[row, pairs.after_h >= member.black_start_h - 1e-9] = member.max_kw
    return Backup(np.where(rows.standing(given.horizon)[:, pairs.step], 0.0, out))
