"""What the optimiser knows of vehicles that are planned one by one; equations in :mod:`dispatch.loads.vehicles`.

Arrays are (visit, step), the visits of all such members of a kind one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dispatch.asset import Given, Mode, Rows, shifted
from dispatch.loads.vehicles import Visits
from dispatch.part import Exclusive
from dispatch.signals import Array, Horizon

_RATED = ("gain", "drain", "largest_in", "largest_out")
_LIMITS = ("charge_kw", "discharge_kw", "least_kwh", "most_kwh", "wanted_kwh", "lacks_kwh")
_STARTS = ("start_kwh", "start_least_kwh", "apart_kwh")


def ratings(rows: Rows[Any], horizon: Horizon) -> dict[str, Array]:
    """Content moved per kW, and the largest powers.

    A product of variable and parameter for each vehicle and step would need their number squared in memory (25 GiB for
    600 vehicles of 96 steps): what multiplies is a constant, of templates too, whose sites therefore share it; what a
    day brings is a limit.
    """
    alone = [member for member in rows.members if not member.aggregate]
    if not alone:
        return {}
    places = [member.places(horizon) for member in alone]
    each = {
        "gain": [member.charge_efficiency for member in alone],
        "drain": [1 / member.discharge_efficiency for member in alone],
        "largest_in": [max(s.charge_kw for s in member.all_sessions) for member in alone],
        "largest_out": [max(s.discharge_kw for s in member.all_sessions) for member in alone],
    }
    out = {
        f"visit_{name}": np.repeat(values, places)[:, None] * np.ones(horizon.steps) for name, values in each.items()
    }
    out["visit_gain"], out["visit_drain"] = out["visit_gain"] * horizon.hours, out["visit_drain"] * horizon.hours
    return out


def signals(parked: list[Visits]) -> dict[str, Array]:
    """Limits of all vehicles that are planned one by one, (visit, step) or (visit, 1)."""
    if not parked:
        return {}
    column = np.ones((1, parked[0].share.shape[1]))
    return {
        "visit_charge_kw": np.vstack([v.charge_most_kw for v in parked]),
        "visit_discharge_kw": np.vstack([v.discharge_most_kw for v in parked]),
        "visit_least_kwh": np.concatenate([v.least_kwh for v in parked])[:, None] * column,
        "visit_most_kwh": np.concatenate([v.most_kwh for v in parked])[:, None] * column,
        **_starts(parked),
        "visit_wanted_kwh": np.concatenate([v.wanted_kwh for v in parked])[:, None],
        "visit_lacks_kwh": np.vstack([v.leaves * v.wanted_kwh[:, None] for v in parked]),
    }


def _starts(parked: list[Visits]) -> dict[str, Array]:
    """What visits begin with at most and at least, and how far that may be from the end they are tied to."""
    start, least, most, after = (
        np.concatenate([getattr(v, name) for v in parked])[:, None]
        for name in ("start_kwh", "least_kwh", "most_kwh", "after")
    )
    return {
        "visit_start_kwh": np.where(after >= 0, most, start),
        "visit_start_least_kwh": np.where(after >= 0, least, start),
        "visit_apart_kwh": np.where(after >= 0, 0.0, most.max(initial=0.0)),
    }


def made(
    rows: Rows[Any], given: Given, mode: Mode, sums: tuple[Any, Any, Any]
) -> tuple[list[Any], dict[str, Any], list[Exclusive]]:
    """Constraints, variables and exclusive flows of the vehicles that are planned one by one."""
    import cvxpy as cp

    at = np.flatnonzero([not m.aggregate for m in rows.members] * rows.scenarios)
    if not at.size:
        return [], {}, []
    gather, copies = _gather(rows, given.horizon, 1 if mode.shared else rows.scenarios)
    shape = (gather.shape[1], given.horizon.steps)
    charge, discharge, content = (cp.Variable(shape, nonneg=True) for _ in range(3))
    lacks, start = cp.Variable(shape, nonneg=True), cp.Variable((shape[0], 1), nonneg=True)
    rated = {n: np.vstack([_constant(given[f"visit_{n}"])] * copies) for n in _RATED}
    own = {
        n: given[f"visit_{n}"] if copies == 1 else cp.vstack([given[f"visit_{n}"]] * copies) for n in _LIMITS + _STARTS
    }
    moved = cp.multiply(rated["gain"], charge) - cp.multiply(rated["drain"], discharge)
    inner = {"visit_charge_kw": charge, "visit_discharge_kw": discharge}
    inner |= {"visit_content_kwh": content, "visit_lacks_kwh": lacks, "visit_start_kwh": start}
    rules = [total[at] == gather @ x for total, x in zip(sums, (charge, discharge, lacks), strict=True)]
    rules += _limits(own, charge, discharge, content, lacks, start)
    rules += [
        lacks <= own["lacks_kwh"],
        content == shifted(start, content) + moved,
        start >= own["start_least_kwh"],
        *_tied(rows, given.horizon, copies, start, content, own["apart_kwh"]),
    ]
    if not any(m.gives_back for m in rows.members):
        return rules, inner, []
    switch = cp.Variable(shape, bounds=[0, 1])
    rules += [
        charge <= cp.multiply(rated["largest_in"], switch),
        discharge <= cp.multiply(rated["largest_out"], 1 - switch),
    ]
    return rules, inner | {"visit_switch": switch}, [Exclusive(switch, charge, discharge)]


def _limits(own: Mapping[str, Any], charge: Any, discharge: Any, content: Any, lacks: Any, start: Any) -> list[Any]:
    """What each vehicle has a limit of its own on, in the words of :mod:`dispatch.explain`."""
    import cvxpy as cp

    limits = {
        "each vehicle's charge at its upper limit": charge <= own["charge_kw"],
        "each vehicle's discharge at its upper limit": discharge <= own["discharge_kw"],
        "each vehicle's content at its lower limit": content >= own["least_kwh"],
        "each vehicle's content at its upper limit": content <= own["most_kwh"],
        "what each vehicle comes with": start <= own["start_kwh"],
        "what each vehicle is to leave with": content[:, -1:] + cp.sum(lacks, axis=1, keepdims=True)
        >= own["wanted_kwh"],
    }
    for words, limit in limits.items():
        limit.set_label(words)
    return list(limits.values())


def _tied(rows: Rows[Any], horizon: Horizon, copies: int, start: Any, content: Any, apart: Any) -> list[Any]:
    """What visits in progress at the start begin with is what those at the end hold, where nothing says otherwise."""
    import cvxpy as cp

    firsts, lasts, count = [], [], 0
    for member in [m for m in rows.members if not m.aggregate] * copies:
        first, last = member.pairs(horizon)
        firsts += [count + n for n in first]
        lasts += [count + n for n in last]
        count += member.places(horizon)
    if not firsts:
        return []
    return [cp.abs(start[firsts] - content[lasts, -1:]) <= apart[firsts]]


def _constant(rating: Any) -> Array:
    return np.asarray(rating if isinstance(rating, np.ndarray) else rating.value)


def _gather(rows: Rows[Any], horizon: Horizon, copies: int) -> tuple[Any, int]:
    """(row planned by vehicle, visit) ones, with the visits once or once for each scenario."""
    from scipy.sparse import block_diag, csr_array, vstack

    counts = [m.places(horizon) for m in rows.members if not m.aggregate]
    once = block_diag([np.ones((1, count)) for count in counts], format="csr")
    whole = vstack([once] * rows.scenarios) if copies == 1 else block_diag([once] * copies)
    return csr_array(whole), copies
