"""What the optimiser knows of vehicles that are planned one by one; equations in :mod:`dispatch.loads.vehicles`.

Arrays are (visit, step), the visits of all such members of a kind one after the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dispatch.asset import Given, Mode, Rows, shifted
from dispatch.loads.vehicles import Visits
from dispatch.part import Exclusive
from dispatch.signals import Array, Horizon

_RATED = ("gain", "drain", "largest_in", "largest_out")
_LIMITS = ("charge_kw", "discharge_kw", "least_kwh", "most_kwh", "start_kwh", "wanted_kwh", "lacks_kwh")


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
        "visit_start_kwh": np.concatenate([v.start_kwh for v in parked])[:, None],
        "visit_wanted_kwh": np.concatenate([v.wanted_kwh for v in parked])[:, None],
        "visit_lacks_kwh": np.vstack([v.leaves * v.wanted_kwh[:, None] for v in parked]),
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
    lacks = cp.Variable(shape, nonneg=True)
    rated = {n: np.vstack([_constant(given[f"visit_{n}"])] * copies) for n in _RATED}
    own = {n: given[f"visit_{n}"] if copies == 1 else cp.vstack([given[f"visit_{n}"]] * copies) for n in _LIMITS}
    moved = cp.multiply(rated["gain"], charge) - cp.multiply(rated["drain"], discharge)
    inner = {"visit_charge_kw": charge, "visit_discharge_kw": discharge}
    inner |= {"visit_content_kwh": content, "visit_lacks_kwh": lacks}
    rules = [total[at] == gather @ x for total, x in zip(sums, (charge, discharge, lacks), strict=True)]
    rules += [
        charge <= own["charge_kw"],
        discharge <= own["discharge_kw"],
        lacks <= own["lacks_kwh"],
        content == shifted(own["start_kwh"], content) + moved,
        content >= own["least_kwh"],
        content <= own["most_kwh"],
        content[:, -1:] + cp.sum(lacks, axis=1, keepdims=True) >= own["wanted_kwh"],
    ]
    if not any(m.gives_back for m in rows.members):
        return rules, inner, []
    switch = cp.Variable(shape, bounds=[0, 1])
    rules += [
        charge <= cp.multiply(rated["largest_in"], switch),
        discharge <= cp.multiply(rated["largest_out"], 1 - switch),
    ]
    return rules, inner | {"visit_switch": switch}, [Exclusive(switch, charge, discharge)]


def _constant(rating: Any) -> Array:
    return np.asarray(rating if isinstance(rating, np.ndarray) else rating.value)


def _gather(rows: Rows[Any], horizon: Horizon, copies: int) -> tuple[Any, int]:
    """(row planned by vehicle, visit) ones, with the visits once or once for each scenario."""
    from scipy.sparse import block_diag, csr_array, vstack

    counts = [m.places(horizon) for m in rows.members if not m.aggregate]
    once = block_diag([np.ones((1, count)) for count in counts], format="csr")
    whole = vstack([once] * rows.scenarios) if copies == 1 else block_diag([once] * copies)
    return csr_array(whole), copies
