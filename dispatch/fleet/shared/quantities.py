"""Quantities of a site that shared things are written in, beside those that every problem can measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dispatch.terms.breach import to_scenario
from dispatch.terms.measures import Around, Measure


def _co2_day_kg(around: Around) -> Any:
    """(scenario, day) emissions of each local day, direct and purchased."""
    dates = [start.date() for start in around.horizon.local_start]
    days = np.array([[float(date == day) for day in sorted(set(dates))] for date in dates])
    return around.total("co2_step_kg") @ days


def _work_leaving_kw(around: Around) -> Any:
    """(scenario, step) IT power of work that is done at other sites, less that of theirs which is done here."""
    return _summed(around, "data_centre", lambda part: part.series["sent_kw"] - part.series["received_kw"])


def _reserve_up_kw(around: Around) -> Any:
    """(scenario, step) reserve that the site has sold and holds."""
    return _summed(around, "reserve_product", lambda part: part.reserve_up_kw, sign=-1.0)


def _reserve_down_kw(around: Around) -> Any:
    return _summed(around, "reserve_product", lambda part: part.reserve_down_kw, sign=-1.0)


def _summed(around: Around, kind: str, term: Any, sign: float = 1.0) -> Any:
    import cvxpy as cp

    rows = next(iter(around.rows.values()))
    found = term(around.parts[kind]) if kind in around.parts else None
    if found is None:
        return cp.Constant(np.zeros((rows.scenarios, around.horizon.steps)))
    return sign * (to_scenario(around.rows[kind]) @ found)


OWN: Mapping[str, Measure] = {
    "co2_day_kg": _co2_day_kg,
    "work_leaving_kw": _work_leaving_kw,
    "reserve_up_kw": _reserve_up_kw,
    "reserve_down_kw": _reserve_down_kw,
}
