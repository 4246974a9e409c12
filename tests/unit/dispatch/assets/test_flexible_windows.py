"""A plan cut in two: from the state that flexible kinds hand over, the rest of it is the best there is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.solve import solve
from tests.unit.dispatch.assets import templates

# Fields beside the template's that keep what is wished at the end the same for both parts.
KINDS: dict[str, dict[str, Any]] = {
    "curtailable": {"notice_h": 1.0},
    "data_centre": {},
    "deferrable": {},
    "hvac": {},
    "schedule_choice": {},
    "sleeping_load": {},
    "smelter": {},
}
WORK = {"deferrable", "data_centre"}  # they count what is wanted at the end, and what is done off it


def cost(plan: Schedule, steps: slice) -> float:
    """Money and penalties of these steps; what work lacks is counted with the last of them."""
    total = 0.0
    for kind, solved in plan.kinds.items():
        total += float(solved.cost_step[:, steps].sum() + solved.cost_period.sum() * (steps.stop is None))
        total += 0.0 if kind in WORK else float(solved.penalty_step[:, steps].sum())
    return total


def missed(plan: Schedule) -> float:
    return sum(float(plan.kinds[kind].penalty_step.sum()) for kind in WORK if kind in plan.kinds)


@pytest.mark.parametrize("cut", [1, 3, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_the_rest_of_a_plan_is_the_plan_of_the_rest(kind: str, cut: int) -> None:
    template = templates.of(kind)[0]
    site = template.site(template.asset | KINDS[kind])
    # Carbon and wishes are counted over a whole horizon: without them the parts add up.
    site = site.model_copy(
        update={"wishes": (), "objective": site.objective.model_copy(update={"carbon_price_per_t": 0})}
    )
    whole = Problem(site, template.inputs(site))
    plan = solve(whole)
    state: dict[str, dict[str, float]] = {}
    for solved in plan.kinds.values():
        state |= type(solved.rows.members[0]).carry(solved.rows, whole.inputs, solved.series, cut)
    horizon = Horizon(template.horizon.edges[cut:], template.horizon.time_zone)
    series = {key: np.asarray(values)[:, cut:] for key, values in whole.inputs.series.items()}
    rest = Problem(site, replace(whole.inputs, horizon=horizon, series=series, state=state))
    later = solve(rest)
    assert audit(later).violations == ()
    expected = cost(plan, slice(cut, None)) + missed(plan)
    assert cost(later, slice(0, None)) + missed(later) == pytest.approx(expected, rel=2e-4, abs=1e-3)
