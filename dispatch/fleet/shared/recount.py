"""The sites' quantities counted anew from their schedules, apart from the columns that the optimiser had for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from dispatch.fleet.shared.gathered import Gathered
from dispatch.schedule import Schedule
from dispatch.signals import Array


def recounted(fleet: Gathered, schedules: Mapping[str, Schedule]) -> Array:
    """(N, Q) from the schedules."""
    scope = fleet.scope
    return np.array(
        [
            np.concatenate([np.zeros(0), *[_COUNTED[quantity](schedules[name]) for quantity in scope.quantities]])
            for name in scope.names
        ]
    ).reshape(len(scope.names), scope.size)


def _series(schedule: Schedule, kind: str, plus: str, minus: str) -> Array:
    """(T,) one series of all members of a kind less another."""
    if kind not in schedule.kinds:
        return np.zeros(schedule.inputs.horizon.steps)
    series = schedule.kinds[kind].series
    return np.asarray((series[plus] - series[minus]).sum(axis=0))


def _co2_step_kg(schedule: Schedule) -> Array:
    """(T,) of all kinds."""
    steps = schedule.inputs.horizon.steps
    return np.asarray(sum((solved.co2_step_kg.sum(axis=0) for solved in schedule.kinds.values()), np.zeros(steps)))


def _co2_day_kg(schedule: Schedule) -> Array:
    dates = np.array([start.date().toordinal() for start in schedule.inputs.horizon.local_start])
    place = np.unique(dates, return_inverse=True)[1]
    return np.asarray(np.bincount(place, _co2_step_kg(schedule)), np.float64)


def _held(direction: str) -> Callable[[Schedule], Array]:
    def counted(schedule: Schedule) -> Array:
        if "reserve_product" not in schedule.kinds:
            return np.zeros(schedule.inputs.horizon.steps)
        solved = schedule.kinds["reserve_product"]
        mine = np.array([member.direction == direction for member in solved.rows.members], float)
        return np.asarray(mine @ (solved.series["sold_kw"] - solved.series["sold_short_kw"]))

    return counted


_COUNTED: Mapping[str, Callable[[Schedule], Array]] = {
    "net_import_kw": lambda schedule: _series(schedule, "grid_connection", "import_kw", "export_kw"),
    "co2_kg": lambda schedule: _co2_step_kg(schedule).sum(keepdims=True),
    "co2_day_kg": _co2_day_kg,
    "work_leaving_kw": lambda schedule: _series(schedule, "data_centre", "sent_kw", "received_kw"),
    "reserve_up_kw": _held("up"),
    "reserve_down_kw": _held("down"),
}
