"""A schedule is read by asset, series and scenario; and it says how good it is."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.solve import _bounded, solve
from dispatch.solver.highs import Answer, Limits
from tests.parks import battery, given, grid, hours, load, park, unit


@pytest.fixture(scope="module")
def schedule() -> Schedule:
    """Two units decided once for two scenarios, which differ in demand."""
    site = park(load(), grid(import_kw=10), battery(), unit("first", min_kw=5), unit("second", min_kw=5))
    demand = np.array([[130.0, 20.0], [150.0, 30.0]])
    return solve(Problem(site, given(site, hours(2), {("load", "demand_kw"): demand}, scenarios=2)))


@pytest.mark.parametrize("asset", ["first", "second"])
def test_what_is_decided_once_is_read_in_each_scenario(schedule: Schedule, asset: str) -> None:
    committed = schedule.kinds["thermal"].series["committed"]
    assert committed.shape == (2, 2), "a row for each unit, none for each scenario"
    row = committed[["first", "second"].index(asset)]
    for scenario in (0, 1):
        assert schedule.asset(asset, "committed", scenario) == pytest.approx(row)


def test_one_look_up_serves_tables_too(schedule: Schedule) -> None:
    for scenario in (0, 1):
        table = schedule.to_pandas(scenario)
        assert table["load.served_kw"].to_numpy() == pytest.approx(schedule.asset("load", "served_kw", scenario))
    assert schedule.asset("load", "served_kw", 1) == pytest.approx([150, 30])


def test_a_scenario_that_is_not_there_is_refused(schedule: Schedule) -> None:
    for scenario in (2, -1):
        with pytest.raises(IndexError, match="accepted are 0 to 1"):
            schedule.asset("first", "committed", scenario)


@pytest.mark.parametrize(("below", "quality"), [(1e-11, "optimal"), (1e-4, "incumbent")])
def test_rounding_does_not_make_a_proved_optimum_an_incumbent(below: float, quality: str) -> None:
    answer = Answer("optimal", np.zeros(1), np.zeros(1), 100.0, 100.0 - below, 0, False)
    assert _bounded(answer, None, Limits(gap=0)).quality == quality
