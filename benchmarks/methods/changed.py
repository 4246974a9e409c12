"""A case whose park plans in another way. What is executed, and how it is accounted for, stays the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dispatch.replay import Case


def with_planning(case: Case, **changes: Any) -> Case:
    """With other fields of the park's ``planning``."""
    planning = case.site.planning.model_copy(update=changes)
    return replace(case, site=case.site.model_copy(update={"planning": planning}))


def with_risk(case: Case, weight: float, level: float) -> Case:
    """With another weight on the mean of the worst scenarios."""
    objective = case.site.objective.model_copy(update={"cvar_weight": weight, "cvar_level": level})
    return replace(case, site=case.site.model_copy(update={"objective": objective}))
