"""Cells that sleep: traffic, whole numbers, the cost of waking, and plans done by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.assets.sleeping_load import SleepingLoad
from dispatch.audit import audit
from dispatch.errors import DataError
from dispatch.ladder.fallback import last_good
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from dispatch.solver.highs import Limits, run
from tests.parks import given, grid, hours, park, tariff

TRAFFIC = [95.0, 31.0, 12.0, 78.0]


def signal(values: list[float]) -> list[dict[str, Any]]:
    return [
        {"start": f"2024-03-01T0{h}:00Z", "end": f"2024-03-01T0{h + 1}:00Z", "value": v} for h, v in enumerate(values)
    ]


def built(values: list[float] = TRAFFIC, pcc: Any = None, price: float = 0.5, **fields: Any) -> Problem:
    cells = {"kind": "sleeping_load", "name": "cells", "bus": "main", "count": 10, "cell_capacity": 10.0}
    cells |= {"awake_kw": 1.0, "sleep_kw": 0.2, "traffic": signal(values)}
    site = park(cells | fields, pcc or grid(tariff=tariff(price)))
    return Problem(site, given(site, hours(len(values)), {}))


def planned(problem: Problem) -> Schedule:
    plan = solve(problem)
    assert audit(plan).violations == ()
    return plan


def test_as_many_are_awake_as_the_traffic_needs() -> None:
    plan = planned(built())
    assert plan.asset("cells", "awake") == pytest.approx([10, 4, 2, 8])
    assert plan.asset("cells", "power_kw") == pytest.approx([10, 4 + 1.2, 2 + 1.6, 8 + 0.4])
    assert plan.money[0] == pytest.approx(0.5 * 27.2)


def test_waking_costs_so_some_stay_awake() -> None:
    # Asleep a cell saves .4 an hour. Of the six that traffic wakes again at the end, four would sleep for two hours and
    # save .8, less than the 1 that waking costs, two for one hour.
    plan = planned(built(wake_cost=1.0))
    assert plan.asset("cells", "awake") == pytest.approx([10, 8, 8, 8])
    assert planned(built(wake_cost=0.7)).asset("cells", "awake") == pytest.approx([10, 4, 4, 8])
    cheap = planned(built(wake_cost=0.3))
    assert cheap.asset("cells", "awake") == pytest.approx([10, 4, 2, 8])
    assert cheap.money[0] == pytest.approx(0.5 * 27.2 + 6 * 0.3)


def test_the_number_before_the_horizon_counts() -> None:
    asleep = planned(built(wake_cost=0.1, awake_before=2))
    assert asleep.kinds["sleeping_load"].cost_step.sum() == pytest.approx(0.1 * (8 + 6))
    problem = built(wake_cost=0.1)
    found = planned(problem).kinds["sleeping_load"]
    assert SleepingLoad.carry(found.rows, problem.inputs, found.series, 2) == {"cells": {"awake_before": 4.0}}


def test_relaxed_the_number_follows_the_traffic_as_it_is() -> None:
    problem = built(relaxed=True)
    assert planned(problem).asset("cells", "awake") == pytest.approx([9.5, 3.1, 1.2, 7.8])
    assert not problem.compiled.matrices().integer.any()
    assert planned(built(relaxed=True, min_awake=2)).asset("cells", "awake")[2] == pytest.approx(2)


def test_the_relaxation_is_whole_by_itself_unless_something_else_bears_on_it() -> None:
    def both(problem: Problem) -> tuple[float, float]:
        matrices = problem.compiled.matrices()
        relaxed = run(replace(matrices, integer=np.zeros_like(matrices.integer)), Limits())
        return relaxed.objective, planned(problem).proof.objective

    relaxed, whole = both(built(wake_cost=0.7))
    assert relaxed == pytest.approx(whole)
    # Paid for what it draws, within 3.9 kW: the whole number stops at two cells, the relaxation goes on to 2.4.
    relaxed, whole = both(built([12.0], price=-0.1, pcc=grid(import_kw=3.9, tariff=tariff(-0.1))))
    assert whole == pytest.approx(-0.36)
    assert relaxed == pytest.approx(-0.39)


def test_none_and_all_asleep() -> None:
    quiet = planned(built([0.0, 0.0], min_awake=0, sleep_kw=0.0))
    assert quiet.asset("cells", "power_kw") == pytest.approx([0, 0])
    busy = planned(built([100.0, 100.0]))
    assert busy.asset("cells", "power_kw") == pytest.approx([10, 10])


def test_without_a_plan_all_are_awake_unless_power_lacks() -> None:
    assert rule_based(built()).asset("cells", "awake") == pytest.approx([10] * 4)
    weak = rule_based(built([31.0, 12.0], pcc=grid(import_kw=6)))
    assert weak.asset("cells", "awake") == pytest.approx([5, 5])
    assert audit(weak).violations == ()
    problem = built(wake_cost=0.3)
    again = last_good(problem, planned(problem))
    assert again.asset("cells", "awake") == pytest.approx([10, 4, 2, 8])


def test_traffic_beyond_all_cells_is_an_error() -> None:
    with pytest.raises(
        DataError, match="traffic of 'cells' is 101 at 2024-03-01T01:00:00\\+00:00; its cells carry 0 to 100"
    ):
        built([50.0, 101.0])
    with pytest.raises(DataError, match="is -1 at"):
        built([-1.0])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"min_awake": 11}, "min_awake 11 is more than the count of 10"),
        ({"awake_before": 11}, "awake_before 11 is more than"),
        ({"sleep_kw": 2.0}, "sleep_kw 2 is more than awake_kw 1"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        built(**fields)
