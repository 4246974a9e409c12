"""A plan that is kept and read back is the plan that a later one falls back on and goes on from."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest

from dispatch.asset import Mode
from dispatch.errors import DataError
from dispatch.ladder.earlier import EarlierPlan, overlap
from dispatch.ladder.fallback import last_good
from dispatch.problem import Problem
from dispatch.replay.plant import carried, carried_from
from dispatch.schedule import Schedule
from dispatch.solve import solve
from dispatch.tables import published
from tests.parks import battery, given, grid, hours, load, park, unit

STEPS = 12


@pytest.fixture(scope="module")
def built() -> Problem:
    site = park(load(), grid(), battery(), unit(min_kw=40, max_kw=90, cost_per_kwh=0.05, min_up_h=3))
    demand = 90 + 60 * np.sin(np.arange(STEPS) / STEPS * 2 * np.pi)
    return Problem(site, given(site, hours(STEPS), {("load", "demand_kw"): demand}), Mode("exact"))


@pytest.fixture(scope="module")
def schedule(built: Problem) -> Schedule:
    return solve(built)


def kept(plan: EarlierPlan) -> EarlierPlan:
    """As it comes from a file."""
    out = io.BytesIO()
    table = plan.to_arrow()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return EarlierPlan.from_arrow(pa.ipc.open_stream(out.getvalue()).read_all())


def test_what_is_read_back_is_the_schedule(schedule: Schedule) -> None:
    plan = kept(EarlierPlan.of(schedule))
    assert np.array_equal(plan.horizon.edges, schedule.inputs.horizon.edges)
    for kind, solved in schedule.kinds.items():
        members = [member.name for member in solved.rows.members]
        assert plan.names[kind] == tuple(members)
        assert np.array_equal(plan.co2_step_kg[kind], solved.co2_step_kg[: len(members)])
        for name, values in plan.series[kind].items():
            assert np.array_equal(values, solved.series[name][: len(members)])
    told = {f"{n}.{s}" for kind, own in plan.series.items() for s in own for n in plan.names[kind]}
    assert set(published(schedule)) <= told
    for key, values in schedule.inputs.series.items():
        assert np.array_equal(plan.inputs[key], values[:1])


def test_a_later_plan_falls_back_on_it_as_on_the_schedule(built: Problem, schedule: Schedule) -> None:
    before, after = (last_good(built, each) for each in (schedule, kept(EarlierPlan.of(schedule))))
    assert published(before).keys() == published(after).keys()
    for name, values in published(before).items():
        assert np.array_equal(values, published(after)[name])
        assert values == pytest.approx(published(schedule)[name], abs=1e-4)


@pytest.mark.parametrize("steps", [1, 5, STEPS])
def test_it_leaves_the_state_that_the_schedule_leaves(built: Problem, schedule: Schedule, steps: int) -> None:
    assert carried_from(built.site, kept(EarlierPlan.of(schedule)), steps) == carried(schedule, steps)


def test_assets_that_are_gone_leave_nothing(built: Problem, schedule: Schedule) -> None:
    without = built.site.model_copy(update={"assets": tuple(a for a in built.site.assets if a.name != "battery")})
    left = carried_from(without, EarlierPlan.of(schedule), 3)
    assert "battery" not in left
    assert set(left) == set(carried(schedule, 3)) - {"battery"}


def test_another_table_is_refused() -> None:
    with pytest.raises(DataError, match="no earlier plan of version 1"):
        EarlierPlan.from_arrow(pa.table({"start": [1]}))


@pytest.mark.parametrize(
    ("midnight", "start", "steps"),
    [
        ("2024-03-29T23:00", "2024-03-31T04:00", [6, 7, 8, 9]),  # a plan of 30 March, at 06:00 of the short day
        ("2024-10-25T22:00", "2024-10-27T05:00", [6, 7, 8, 9]),  # of 26 October, at 06:00 of the long day
        ("2024-10-25T22:00", "2024-10-28T05:00", [6, 7, 8, 9]),  # and of the day after that
        ("2024-10-25T22:00", "2024-10-27T00:00", [2, 2, 3, 4]),  # 02:00 comes twice
        ("2024-03-29T23:00", "2024-03-30T01:00", [2, 3, 4, 5]),  # within the plan
    ],
)
def test_a_time_beyond_a_plan_is_the_same_time_of_the_clock(midnight: str, start: str, steps: list[int]) -> None:
    before, now = (hours(n, at, "Europe/Berlin") for n, at in ((24, midnight), (4, start)))
    share = overlap(before, now)
    assert share.argmax(axis=0).tolist() == steps
    assert share.max(axis=0).tolist() == [1.0] * 4
