"""Pot lines: the bath by hand, interruptions and their lengths, and the relaxation that only binaries make true."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.asset import Mode
from dispatch.assets.smelter import Smelter
from dispatch.audit import audit
from dispatch.ladder.fallback import safe_state
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.solve import solve
from dispatch.tables import told
from tests.parks import given, grid, hours, park
from tests.unit.dispatch.assets.templates import hourly_tariff


def line(**fields: Any) -> dict[str, Any]:
    base = {"kind": "smelter", "name": "pots", "bus": "main", "rated_kw": 1000.0, "end_penalty_per_degc": 0.0}
    return base | {"band_down": 0.1, "band_up": 0.1, "kwh_per_kg": 10.0} | fields


def built(
    prices: Any, horizon: Horizon | None = None, state: Any = None, mode: Mode | None = None, **fields: Any
) -> Problem:
    pcc = {key: fields.pop(key) for key in ("import_kw",) if key in fields}
    site = park(line(**fields), grid(tariff=hourly_tariff(prices), **pcc))
    inputs = given(site, horizon or hours(len(prices)), {}, state={"pots": state} if state else None)
    return Problem(site, inputs, mode or Mode())


def planned(problem: Problem) -> Schedule:
    plan = solve(problem)
    assert audit(plan).violations == ()
    return plan


def test_power_moves_within_its_band_against_the_price() -> None:
    # A kg is worth 3, its 10 kWh cost 2 or 4: full power in the first hour, least in the second.
    problem = built([0.2, 0.4], value_per_kg=3.0)
    plan = planned(problem)
    assert plan.asset("pots", "power_kw") == pytest.approx([1100, 900])
    assert plan.asset("pots", "metal_kg") == pytest.approx([110, 90])
    assert plan.money[0] == pytest.approx(1100 * 0.2 + 900 * 0.4 - 200 * 3.0)
    assert not problem.compiled.matrices().integer.any(), "a line that is never interrupted is linear"


def test_the_bath_follows_its_power() -> None:
    plan = planned(built([0.2, 0.4], value_per_kg=3.0, time_constant_h=20.0))
    keep = math.exp(-1 / 20)
    first = keep * 960 + (1 - keep) * (25 + 935 * 1.1)
    second = keep * first + (1 - keep) * (25 + 935 * 0.9)
    assert plan.asset("pots", "bath_degc") == pytest.approx([first, second])


def test_at_rated_power_the_bath_stays_whatever_the_steps() -> None:
    edges = np.array(["2024-03-01T00:00", "2024-03-01T00:15", "2024-03-01T02:00", "2024-03-01T06:00"], "datetime64[s]")
    schedule = rule_based(built([0.2] * 6, Horizon(edges, "UTC")))
    assert schedule.asset("pots", "bath_degc") == pytest.approx([960] * 3)
    assert audit(schedule).violations == ()


def test_pots_do_not_freeze() -> None:
    # 10 % less power cools towards 866.5; 945 would be passed within 11 hours.
    plan = planned(built([0.4] * 24, time_constant_h=60.0))
    assert plan.asset("pots", "bath_degc").min() == pytest.approx(945, abs=1e-3)
    assert plan.asset("pots", "power_kw")[0] == pytest.approx(900)
    hold = 1000 * (945 - 25) / 935
    assert plan.asset("pots", "power_kw")[-1] == pytest.approx(hold, rel=1e-4)


def test_a_bath_that_starts_too_cold_comes_back_at_full_power() -> None:
    plan = planned(built([0.4] * 6, start_degc=935.0))
    assert plan.asset("pots", "power_kw")[0] == pytest.approx(1100, rel=1e-3)
    hot = planned(built([0.1] * 6, start_degc=980.0, value_per_kg=5.0))
    assert hot.asset("pots", "power_kw")[0] == pytest.approx(900, rel=1e-3)


def test_what_the_bath_lacks_at_the_end_costs() -> None:
    plan = planned(built([0.4, 0.4], end_penalty_per_degc=1e4))
    assert plan.asset("pots", "bath_degc")[-1] == pytest.approx(960, abs=1e-4)
    lower = planned(built([0.4, 0.4], end_penalty_per_degc=1.0))
    bath = lower.asset("pots", "bath_degc")[-1]
    assert lower.penalty[0] == pytest.approx(960 - bath)


SPIKE = [0.2, 0.2, 2.0, 2.0, 2.0, 2.0, 0.2, 0.2]


def test_an_interruption_lasts_no_longer_than_it_may() -> None:
    free = {"min_degc": 800.0, "band_down": 0.0, "band_up": 0.0, "value_per_kg": 5.0, "recovery_h": 3.0}
    plan = planned(built(SPIKE, max_interruption_h=2.0, **free))
    assert plan.asset("pots", "interrupted").sum() == 2
    assert told(plan)[0].endswith("2 h in all")
    assert plan.asset("pots", "power_kw").sum() == pytest.approx(6000)
    short = planned(built(SPIKE, max_interruption_h=2.0, **(free | {"recovery_h": 1.0})))
    # One hour of recovery: three of the four dear hours.
    assert short.asset("pots", "interrupted").sum() == 3
    costly = planned(built(SPIKE, max_interruption_h=2.0, interruption_cost=1e5, **free))
    assert costly.asset("pots", "interrupted").sum() == 0
    assert told(costly) == []
    quarter = planned(built(SPIKE, hours(32, step_h=0.25), max_interruption_h=2.0, **free))
    assert quarter.asset("pots", "interrupted").sum() == 8


def test_the_relaxation_interrupts_by_half_and_the_binaries_do_not() -> None:
    free = {"min_degc": 800.0, "band_down": 0.0, "band_up": 0.0, "value_per_kg": 5.0, "recovery_h": 3.0}
    exact = planned(built(SPIKE, max_interruption_h=2.0, **free))
    matrices = built(SPIKE, max_interruption_h=2.0, **free).compiled.matrices()
    from dataclasses import replace

    from dispatch.solver.highs import Limits, run

    relaxed = run(replace(matrices, integer=np.zeros_like(matrices.integer)), Limits())
    assert relaxed.objective < exact.proof.objective - 100
    # One dear hour: the interruption is whole by itself.
    one = [0.2, 0.2, 2.0, 0.2]
    exact = planned(built(one, max_interruption_h=1.0, **free))
    matrices = built(one, max_interruption_h=1.0, **free).compiled.matrices()
    relaxed = run(replace(matrices, integer=np.zeros_like(matrices.integer)), Limits())
    assert relaxed.objective == pytest.approx(exact.proof.objective)


def test_the_bath_limits_an_interruption() -> None:
    # Two hours without power cool 30 K, one 15.5 K; 16 K are left.
    warm = {"value_per_kg": 5.0, "min_degc": 944.0, "max_interruption_h": 4.0, "recovery_h": 4.0}
    plan = planned(built(SPIKE, **warm))
    assert plan.asset("pots", "interrupted").sum() == 1
    assert told(plan) == [f"pots: interrupted from 0{plan.asset('pots', 'interrupted').argmax()}:00, 1 h in all"]


def test_an_interruption_that_has_begun_counts() -> None:
    free = {"min_degc": 800.0, "band_down": 0.0, "band_up": 0.0, "value_per_kg": 5.0, "recovery_h": 2.0}
    dear = [2.0, 3.0, 2.0, 1.9]
    plan = planned(built(dear, state={"interrupted_h": 1.0}, max_interruption_h=3.0, **free))
    assert plan.asset("pots", "interrupted") == pytest.approx([1, 1, 0, 0])
    plan = planned(built(dear, state={"recovered_h": 1.0}, max_interruption_h=2.0, **free))
    assert plan.asset("pots", "interrupted")[0] == 0


def test_the_next_window_starts_with_the_bath_and_the_interruption() -> None:
    free = {"min_degc": 800.0, "band_down": 0.0, "band_up": 0.0, "value_per_kg": 5.0, "recovery_h": 3.0}
    problem = built(SPIKE, max_interruption_h=2.0, **free)
    found = planned(problem).kinds["smelter"]
    series = dict(found.series) | {"off": np.array([[0, 0, 1, 1, 0, 0, 0, 0]], float)}
    state = Smelter.carry(found.rows, problem.inputs, series, 3)["pots"]
    assert (state["interrupted_h"], state["recovered_h"]) == (1.0, 0.0)
    assert state["start_degc"] == pytest.approx(series["bath_degc"][0, 2])
    assert Smelter.carry(found.rows, problem.inputs, series, 6)["pots"]["recovered_h"] == 2.0
    assert Smelter.carry(found.rows, problem.inputs, series, 2)["pots"]["recovered_h"] == 1002.0


def test_without_a_plan_it_runs_at_its_rating_or_gives_way() -> None:
    schedule = rule_based(built([0.2] * 4, max_interruption_h=2.0))
    assert schedule.asset("pots", "power_kw") == pytest.approx([1000] * 4)
    weak = rule_based(built([0.2] * 4, import_kw=950))
    assert weak.asset("pots", "power_kw") == pytest.approx([950] * 4)
    assert audit(weak).violations == ()
    rest = safe_state(built([0.2] * 4))
    assert audit(rest).violations == ()


def test_interruptions_are_one_decision_for_all_scenarios() -> None:
    site = park(
        line(max_interruption_h=1.0, value_per_kg=5.0, interruption_cost=1.0), grid(tariff=hourly_tariff(SPIKE))
    )
    plan = solve(Problem(site, given(site, hours(8), {}, scenarios=2)))
    assert plan.kinds["smelter"].series["off"].shape == (1, 8)
    assert audit(plan).violations == ()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"min_degc": 970.0}, "bath_degc 960 must lie between min_degc 970 and max_degc 975"),
        ({"ambient_degc": 950.0}, "ambient_degc 950 must be below min_degc 945"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        park(line(**fields))
