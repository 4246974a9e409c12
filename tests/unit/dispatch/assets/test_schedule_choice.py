"""One of N schedules: the choice by price and by carbon, days, steps, files, and plans done by hand."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.assets.schedule_choice import ScheduleChoice
from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.errors import ConfigError, DataError
from dispatch.ladder.fallback import safe_state
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.signals import Horizon
from dispatch.solve import solve
from dispatch.solver.highs import Limits, run
from dispatch.tables import told
from tests.parks import given, grid, hours, park, tariff
from tests.unit.dispatch.assets.templates import hourly_tariff

TWO = [{"name": "early", "power_kw": [4, 4, 0, 0]}, {"name": "late", "power_kw": [0, 0, 3, 6]}]


def line(**fields: Any) -> dict[str, Any]:
    return {"kind": "schedule_choice", "name": "line", "bus": "main", "step_minutes": 60} | fields


def built(prices: list[float], horizon: Horizon | None = None, state: Any = None, **fields: Any) -> Problem:
    pcc = {key: fields.pop(key) for key in ("import_kw", "carbon_intensity_kg_per_kwh") if key in fields}
    site = park(line(**({"schedules": TWO} | fields)), grid(tariff=hourly_tariff(prices), **pcc),
                objective={"carbon_price_per_t": 100})  # fmt: skip
    return Problem(site, given(site, horizon or hours(4), {}, state={"line": state} if state else None))


def test_the_cheaper_schedule_is_followed() -> None:
    # By hand: early 4·.3 + 4·.3 = 2.4, late 3·.2 + 6·.1 = 1.2.
    problem = built([0.3, 0.3, 0.2, 0.1])
    plan = solve(problem)
    assert audit(plan).violations == ()
    assert plan.asset("line", "chosen") == pytest.approx([2, 2, 2, 2])
    assert plan.asset("line", "power_kw") == pytest.approx([0, 0, 3, 6])
    assert plan.money[0] == pytest.approx(1.2)
    member = problem.rows["schedule_choice"].members[0]
    assert member.schedule_of(plan.asset("line", "chosen")[0]).name == "late"
    assert told(plan) == ["line: schedule 'late' on 01 Mar"]
    assert rule_based(problem).asset("line", "power_kw") == pytest.approx([4, 4, 0, 0])


def test_what_a_schedule_makes_and_costs_is_counted_by_its_share_of_the_day() -> None:
    worth = [TWO[0] | {"output_value": 12.0, "cost": 3.0}, TWO[1]]
    # Four hours of a day of 24: (3 − 12)/6 = −1.5 makes early 2.4 − 1.5 = .9.
    plan = solve(built([0.3, 0.3, 0.2, 0.1], schedules=worth))
    assert plan.asset("line", "chosen")[0] == 1
    assert plan.money[0] == pytest.approx(0.9)
    assert audit(plan).violations == ()


def test_carbon_decides_where_money_does_not() -> None:
    intensity = [{"start": f"2024-03-01T0{h}:00Z", "end": f"2024-03-01T0{h + 1}:00Z", "value": v}
                 for h, v in enumerate([0.1, 0.1, 0.8, 0.8])]  # fmt: skip
    plan = solve(built([0.2] * 4, carbon_intensity_kg_per_kwh=intensity))
    assert plan.asset("line", "chosen")[0] == 1
    assert plan.co2_kg[0] == pytest.approx(0.8)


def test_a_limit_on_power_does_not_mix_schedules() -> None:
    """The relaxation would take half of each and stay below 4 kW; the choice is whole and the cheapest that fits."""
    problem = built([0.5, 0.5, 0.1, 0.1], import_kw=4.5)
    plan = solve(problem)
    assert plan.asset("line", "power_kw") == pytest.approx([4, 4, 0, 0])
    assert plan.proof.objective > 2.0, "a mix of three quarters of the late one would cost less"
    assert audit(plan).violations == ()


def test_each_day_has_its_own_choice_and_a_horizon_may_begin_at_any_hour() -> None:
    three = [{"name": "none", "power_kw": [1.0]}, {"name": "day", "power_kw": [0.0] * 12 + [0.5] * 1}]
    problem = built([0.1] * 12 + [0.9] * 12, hours(36, "2024-03-01T06:00"), schedules=three)
    plan = solve(problem)
    chosen = plan.asset("line", "chosen")
    assert chosen[:18] == pytest.approx([1] * 18), "what is left of the first day is free of cost by the first schedule"
    assert len(set(np.round(chosen[18:], 6))) == 1
    assert audit(plan).violations == ()
    problem.update(given(problem.site, hours(36, "2024-03-01T00:00"), {}))
    again = solve(problem)
    assert audit(again).violations == ()
    assert again.asset("line", "chosen")[:24] == pytest.approx([1] * 24), "1 kWh at .1 beats .5 kWh at .9"
    assert again.money[0] == pytest.approx(0.1)


def test_steps_need_not_be_those_of_the_schedule() -> None:
    plan = solve(built([0.1, 0.9, 0.9, 0.9], hours(2, step_h=2.0), schedules=TWO[:1]))
    assert plan.asset("line", "power_kw") == pytest.approx([4, 0])
    plan = solve(built([0.1] * 4, hours(16, step_h=0.25), schedules=TWO[1:]))
    assert plan.asset("line", "power_kw") == pytest.approx([0] * 8 + [3] * 4 + [6] * 4)
    plan = solve(built([0.1] * 4, hours(1, step_h=4.0), schedules=TWO[1:]))
    assert plan.asset("line", "power_kw") == pytest.approx([9 / 4])


def test_a_choice_that_was_made_stays() -> None:
    plan = solve(built([0.3, 0.3, 0.2, 0.1], state={"chosen": 1.0}))
    assert plan.asset("line", "chosen")[0] == 1
    assert audit(plan).violations == ()
    problem = built([0.3, 0.3, 0.2, 0.1] * 6, hours(30))
    found = solve(problem).kinds["schedule_choice"]
    assert ScheduleChoice.carry(found.rows, problem.inputs, found.series, 3) == {"line": {"chosen": 2.0}}
    assert ScheduleChoice.carry(found.rows, problem.inputs, found.series, 24) == {"line": {"chosen": 0.0}}


def test_without_a_plan_the_schedule_that_the_connection_bears_is_taken() -> None:
    schedule = rule_based(built([0.1] * 4, schedules=[TWO[1], TWO[0]], import_kw=5))
    assert schedule.asset("line", "power_kw") == pytest.approx([4, 4, 0, 0])
    assert audit(schedule).violations == ()
    assert audit(safe_state(built([0.1] * 4))).violations == ()


def test_two_hundred_and_sixteen_schedules_of_a_day_are_compared_quickly() -> None:
    draw = np.random.default_rng(0)
    many = [{"name": f"s{k}", "power_kw": list(draw.uniform(0, 100, 96))} for k in range(216)]
    horizon = hours(96, step_h=0.25)
    began = time.perf_counter()
    problem = built(list(draw.uniform(0.1, 0.5, 24)), horizon, schedules=many, step_minutes=15)
    plan = solve(problem)
    lasted_s = time.perf_counter() - began
    price = problem.inputs.series["pcc", "import_price_per_kwh"][0]
    best = min(np.array(s["power_kw"]) @ price / 4 for s in many)
    assert plan.money[0] == pytest.approx(best)
    assert audit(plan).violations == ()
    assert lasted_s < 10


PARK = """
name: files
time_zone: UTC
currency: EUR
buses: [{name: main}]
assets:
  - {kind: schedule_choice, name: line, bus: main, step_minutes: 60, table: {file: FILE}, cost: {NAME: 24}}
  - kind: grid_connection
    name: grid
    bus: main
    import_kw: 100
    tariff: {name: t, currency: EUR, components: [{name: e, basis: energy, price_per_kwh: 0.1, source: test}]}
"""


def park_with(folder: Path, table: str, file: str = "shifts.csv", name: str = "early") -> Path:
    (folder / "shifts.csv").write_text(table, encoding="utf-8")
    path = folder / "park.yaml"
    path.write_text(PARK.replace("FILE", file).replace("NAME", name), encoding="utf-8")
    return path


def test_schedules_come_from_a_file(tmp_path: Path) -> None:
    site = load_site(park_with(tmp_path, "early,late\n4,0\n4,0\n0,6\n0,6\n"))
    plan = solve(Problem(site, given(site, hours(4), {})))
    # Early costs .8 and four of its 24 hours, 4; late 1.2.
    assert plan.asset("line", "chosen")[0] == 2
    assert plan.money[0] == pytest.approx(1.2)
    assert audit(plan).violations == ()


@pytest.mark.parametrize(
    ("table", "file", "message"),
    [
        ("a,b\n1,x\n", "shifts.csv", "row 2 of column 'b' in 'shifts.csv': 'x' is not a number"),
        ("a,b\n1,\n", "shifts.csv", "column 'b' of 'shifts.csv' lacks a number"),
        ("a,b\n", "shifts.csv", "column 'a' of 'shifts.csv' lacks a number"),
        ("a\n1\n", "other.csv", "there is no file 'other.csv'"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_place(tmp_path: Path, table: str, file: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"assets\[0\]\.table") as caught:
        load_site(park_with(tmp_path, table, file))
    assert message in str(caught.value)


def test_a_price_of_a_schedule_that_is_not_there_and_negative_power_are_errors(tmp_path: Path) -> None:
    site = load_site(park_with(tmp_path, "early,late\n4,0\n", name="evening"))
    with pytest.raises(DataError, match="prices schedule 'evening'; its table has early, late"):
        Problem(site, given(site, hours(4), {}))
    site = load_site(park_with(tmp_path, "early,late\n4,-1\n"))
    with pytest.raises(DataError, match="schedule 'late' of 'line' draws -1 kW"):
        Problem(site, given(site, hours(4), {}))
    unread = park(line(table={"file": "shifts.csv"}), grid(tariff=tariff()))
    with pytest.raises(DataError, match="has not been read"):
        Problem(unread, given(unread, hours(4), {}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "either schedules"),
        ({"schedules": TWO, "table": {"file": "x.csv"}}, "either schedules"),
        ({"schedules": TWO, "cost": {"early": 1}}, "belong to a table"),
        ({"schedules": [TWO[0], TWO[0]]}, "'early' names two schedules"),
        ({"schedules": TWO, "chosen": 3}, "chosen 3 is none of the 2 schedules"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        park(line(**fields))


def relaxed(problem: Problem) -> float:
    matrices = problem.compiled.matrices()
    return run(replace(matrices, integer=np.zeros_like(matrices.integer)), Limits()).objective


def test_the_choice_is_tight_where_each_schedule_has_its_price_and_searched_for_under_a_limit() -> None:
    free = built([0.3, 0.3, 0.2, 0.1])
    assert relaxed(free) == pytest.approx(solve(free).proof.objective)
    # 5 kW: late is too much in the last hour; two thirds of it and a third of early are not.
    limited = built([0.3, 0.3, 0.2, 0.1], import_kw=5.0)
    plan = solve(limited)
    assert relaxed(limited) < plan.proof.objective - 0.1
    assert plan.asset("line", "power_kw") == pytest.approx([4, 4, 0, 0])
    assert audit(plan).violations == ()
