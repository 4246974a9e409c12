"""Powers that depend on fill: which limits can be planned, and plans that hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff

PLAIN = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "end_penalty_per_kwh": 0.0}
TAPER = [{"fill": 0.8, "share": 1.0}, {"fill": 1.0, "share": 0.0}]
EMPTYING = [{"fill": 0.0, "share": 0.0}, {"fill": 0.2, "share": 1.0}]


def problem(price: Any, step_h: float = 1.0, **fields: Any) -> Problem:
    site = park(load(), grid(export_kw=1e4, tariff=hourly_tariff(price, feed_in=1.0)), battery(**{**PLAIN, **fields}))
    steps = hours(round(len(price) / step_h), step_h=step_h)
    return Problem(site, given(site, steps, {("load", "demand_kw"): 0.0}))


def plan(price: Any, step_h: float = 1.0, **fields: Any) -> Schedule:
    schedule = solve(problem(price, step_h, **fields))
    assert audit(schedule).violations == ()
    return schedule


def test_charging_slows_down_towards_full() -> None:
    # Each hour's power is what the fill at its end allows: c = 250 (1 - e/100) with e = before + c.
    schedule = plan([-0.9] * 3, start_fill=0.8, charge_limit=TAPER)
    levels = [80.0]
    for _ in range(3):
        levels.append((levels[-1] + 250) / 3.5)
    assert schedule.asset("battery", "stored_kwh") == pytest.approx(levels[1:])


def test_discharging_slows_down_towards_empty() -> None:
    schedule = plan([0.9] * 2, start_fill=0.2, discharge_limit=EMPTYING)
    assert schedule.asset("battery", "stored_kwh") == pytest.approx([20 / 3.5, 20 / 3.5**2])


def test_an_empty_store_that_must_be_woken_gently_is_held_at_the_start_of_a_step() -> None:
    wake = [{"fill": 0.0, "share": 0.2}, {"fill": 0.2, "share": 1.0}]
    schedule = plan([-0.9] * 2, start_fill=0.0, charge_limit=wake)
    assert schedule.asset("battery", "charge_kw") == pytest.approx([10, 30])


def test_between_its_points_and_beyond_them() -> None:
    level = [{"fill": 0.2, "share": 0.5}, {"fill": 0.8, "share": 0.5}]
    assert plan([-0.9], start_fill=0.1, charge_limit=level).asset("battery", "charge_kw") == pytest.approx([25])
    half = [{"fill": 0.0, "share": 0.9}, {"fill": 1.0, "share": 0.5}]
    c = plan([-0.9], step_h=0.5, start_fill=0.5, charge_limit=half).asset("battery", "charge_kw")[0]
    assert c == pytest.approx(50 * (0.9 - 0.4 * (0.5 + c * 0.5 / 100)))


def test_a_store_without_limits_has_none_of_their_rows() -> None:
    plain, limited = problem([0.1]), problem([0.1], charge_limit=TAPER)
    count = [p.compiled.matrices().row_upper.size for p in (plain, limited)]
    assert count[1] == count[0] + 2  # one falling line, at both ends of the step


def test_the_rules_hold_them_too() -> None:
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}
    store = battery(**PLAIN, start_fill=0.7, charge_limit=TAPER, discharge_limit=EMPTYING)
    site = park(load(), grid(), roof, store)
    series = {("load", "demand_kw"): 40.0, ("roof", "available_kw"): [100.0, 100, 0, 0, 0, 0]}
    schedule = rule_based(Problem(site, given(site, hours(6), series)))
    assert audit(schedule).violations == ()
    assert schedule.asset("battery", "charge_kw")[:2].min() > 1
    assert schedule.asset("battery", "stored_kwh")[-1] < 10


@pytest.mark.parametrize("field", ["charge_limit", "discharge_limit"])
def test_a_start_outside_the_band_comes_back_as_fast_as_its_fill_allows(field: str) -> None:
    fields: dict[str, Any] = {"start_fill": 1.0, "max_fill": 0.5} if field[0] == "d" else {"start_fill": 0.0}
    points = [{"fill": 0.5, "share": 1.0}, {"fill": 1.0, "share": 0.4}]
    if field == "charge_limit":
        points = [{"fill": 0.0, "share": 0.4}, {"fill": 0.5, "share": 1.0}]
        fields["min_fill"] = 0.5
    price = [0.9] * 3 if field == "charge_limit" else [-0.9] * 3
    schedule = plan(price, **fields, **{field: points})
    moved = np.abs(np.diff(np.concatenate([[fields["start_fill"] * 100], schedule.asset("battery", "stored_kwh")])))
    assert moved == pytest.approx([20, 30, 0], abs=1e-6) if field == "charge_limit" else moved[0] == pytest.approx(20)
    assert schedule.proof.quality == "optimal"
    assert schedule.asset("battery", "outside_band_kwh").max() < 1e-6


@settings(max_examples=15)
@drawn(st.integers(0, 2**32 - 1))
def test_a_limit_never_makes_a_plan_cheaper(seed: int) -> None:
    r = np.random.default_rng(seed)
    price, fields = r.uniform(-0.2, 0.6, 8), {"start_fill": r.uniform(0, 1)}
    drop = np.sort(r.uniform(0, 1, 2))[::-1]
    limits = {
        "charge_limit": [{"fill": 0.7, "share": drop[0]}, {"fill": 1.0, "share": drop[1]}],
        "discharge_limit": [{"fill": 0.0, "share": drop[1]}, {"fill": 0.4, "share": drop[0]}],
    }
    assert plan(price, **fields, **limits).proof.objective >= plan(price, **fields).proof.bound - 1e-6


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"charge_limit": [{"fill": 0.5, "share": 1.0}, {"fill": 0.8, "share": 0.4}]},
            r"charge_limit bends upwards at fill 0\.8 \(slope -2, then 0\).*needs a point at fill 1",
        ),
        (
            {
                "charge_limit": [
                    {"fill": 0.0, "share": 1.0},
                    {"fill": 0.5, "share": 0.3},
                    {"fill": 1.0, "share": 0.2},
                ]
            },
            r"charge_limit bends upwards at fill 0\.5 \(slope -1\.4, then -0\.2\)",
        ),
        (
            {"discharge_limit": [{"fill": 0.2, "share": 0.2}, {"fill": 0.5, "share": 1.0}]},
            r"discharge_limit bends upwards at fill 0\.2 \(slope 0, then 2\.66667\)",
        ),
        ({"charge_limit": [{"fill": 0.5, "share": 1.0}]}, "two or more points with rising fill, found fills 0.5"),
        (
            {"charge_limit": [{"fill": 0.9, "share": 1.0}, {"fill": 0.8, "share": 0.5}]},
            "rising fill, found fills 0.9, 0.8",
        ),
        ({"charge_limit": [{"fill": 0.9, "share": 1.2}, {"fill": 1, "share": 0.5}]}, "less than or equal to 1"),
        ({"charge_limit": TAPER, "fast_reserve_kw": 5}, "fast_reserve_kw needs a power that does not depend on fill"),
    ],
)
def test_a_limit_that_cannot_be_planned_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        park(load(), battery(**fields))


def test_a_template_takes_sites_with_as_many_lines_and_no_others() -> None:
    sites = [
        park(load(), grid(), battery(charge_limit=[{"fill": at, "share": 1.0}, {"fill": 1.0, "share": 0.5}]))
        for at in (0.5, 0.7)
    ]
    sites.append(park(load(), grid(), battery()))
    assert sites[0].assets[2].structure == sites[1].assets[2].structure != sites[2].assets[2].structure
