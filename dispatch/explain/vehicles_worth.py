"""What a kWh kept in one vehicle of a fleet is worth: by vehicle and for those that are there, never their sum."""

from __future__ import annotations

import numpy as np

from dispatch.assets.ev_fleet import EvFleet
from dispatch.problem import Problem
from dispatch.signals import Array

_BY_VISIT = {"visit_content_kwh", "visit_start_kwh", "visit_charge_kw", "visit_discharge_kw"}
_IN_SUM = {"added_kwh", "charge_kw", "discharge_kw"}


def vehicle_worth(problem: Problem, dual: Array, asset: str) -> Array | None:
    """(step,) mean over the vehicles that are there of what a kWh more in each is worth; NaN while none is.

    Of a fleet that is planned in sum: what a kWh more in it is worth. None: the asset is no fleet.

    Args:
        dual: of each row of the problem.
    """
    found = [(k, row, m) for k, rows in problem.rows.items() for row, m in enumerate(rows.members) if m.name == asset]
    if not found or not isinstance(found[0][2], EvFleet):
        return None
    kind, row, member = found[0]
    parked = member.visits(problem.inputs)
    there = parked.share > 0
    at = _rows(problem, kind, _IN_SUM if member.aggregate else _BY_VISIT)
    if member.aggregate:
        # Of each scenario its own part, with its probability in it: together what the published path is worth.
        worth = -dual[at[row :: len(problem.rows[kind].members)]].sum(axis=0)
        return np.asarray(np.where(there.any(axis=0), worth, np.nan))
    alone = [m for m in problem.rows[kind].members if isinstance(m, EvFleet) and not m.aggregate]
    counts = [m.places(problem.horizon) for m in alone]
    begin, once = sum(counts[: alone.index(member)]), sum(counts)
    copies = np.arange(at.shape[0] // once) * once
    each = -sum(dual[at[copy + begin : copy + begin + there.shape[0]]] for copy in copies)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.where(there, each, 0.0).sum(axis=0) / np.where(there.any(axis=0), there.sum(axis=0), np.nan)
        )


def _rows(problem: Problem, kind: str, names: set[str]) -> np.ndarray:
    """(line, step) rows of the equation that holds just these quantities."""
    part = problem.parts[kind]
    wanted = {term.id for name, term in (*part.inner.items(), *part.series.items()) if name in names}
    for constraint in part.constraints:
        if {variable.id for variable in constraint.variables()} == wanted:
            return np.asarray(problem.compiled.rows(constraint))
    raise ValueError(f"'{kind}' has no equation of {sorted(names)}")
