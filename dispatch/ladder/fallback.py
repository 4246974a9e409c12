"""The lowest rungs: schedules that no solver makes, from the plan before or from nothing at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dispatch.asset import Rows
from dispatch.fields.grid import HOLDS_VOLTAGE
from dispatch.ladder.earlier import EarlierPlan, overlap
from dispatch.problem import Problem
from dispatch.rules import cascade
from dispatch.schedule import Schedule
from dispatch.signals import Array


def last_good(problem: Problem, previous: Schedule | EarlierPlan) -> Schedule:
    """The plan before, at the times of this one: stores and units follow it within today's limits, the rest gives way.

    A step takes the mean of the previous plan over its time; a time beyond its end is that of a day before.
    """
    before = previous if isinstance(previous, EarlierPlan) else EarlierPlan.of(previous)
    share = overlap(before.horizon, problem.horizon)
    planned = {}
    for kind, rows in problem.rows.items():
        if kind not in before.names:
            continue
        wanted = _shifted(before, kind, rows, share)
        followed = type(rows.members[0]).follow(rows, problem.inputs, wanted)
        if followed is not None:
            planned[kind] = followed
    return cascade(problem, planned, tuple(problem.rows), "last_good")


def safe_state(problem: Problem) -> Schedule:
    """Nothing charges, units that may stop do, the grid gives what it can, and load is shed where nothing is left.

    It can always be constructed; whether it holds every limit is for the audit to say. No unit is kept on for the
    voltage of an island: with what it gives at the least, the buses might not balance.
    """
    resting, series = {}, {key: values for key, values in problem.inputs.series.items() if key[1] != HOLDS_VOLTAGE}
    inputs = replace(problem.inputs, series=series)
    for kind, rows in problem.rows.items():
        followed = type(rows.members[0]).follow(rows, inputs, {})
        if followed is not None:
            resting[kind] = followed
    giving_way = tuple(kind for kind in problem.rows if kind not in resting)
    return cascade(problem, resting, giving_way, "safe_state")


def _shifted(before: EarlierPlan, kind: str, rows: Rows[Any], share: Array) -> dict[str, Array]:
    """(row, step) the published series of the plan before, by name; an asset that was not in it has wanted nothing."""
    had = before.names[kind]
    at = [had.index(member.name) if member.name in had else -1 for member in rows.members]
    nothing = np.zeros(share.shape[0])
    return {
        name: np.tile(np.vstack([published, nothing])[at] @ share, (rows.scenarios, 1))
        for name, published in before.series[kind].items()
    }
