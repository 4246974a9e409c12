"""PEM electrolysers: the curve as shares of 66 kWh/kg; what they share with alkaline ones is tested there."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch.assets.pem_electrolyser import PemElectrolyser
from dispatch.audit import audit
from dispatch.planning.comparison import follow
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.parks import load
from tests.unit.dispatch.assets.hydrogen_parks import LHV, cell, priced, problem, sale

RELATIVE = {0.2: 0.838, 0.4: 0.860, 0.6: 0.898, 0.8: 0.932, 1.0: 1.010}


@pytest.mark.parametrize(("at", "relative"), RELATIVE.items())
def test_a_plan_takes_what_the_table_says_for_a_kg(at: float, relative: float) -> None:
    built = problem(priced(0.1, import_kw=1000 * at), cell(kind="pem_electrolyser"), sale(price_per_t=1e5))
    schedule = solve(built)
    made = schedule.asset("sale", "delivered_kg_per_h")
    assert schedule.asset("cell", "power_kw") / made == pytest.approx([66 * relative], rel=1e-5)
    assert audit(schedule).violations == ()


def test_below_a_fifth_the_first_value_holds_down_to_five_percent() -> None:
    kg_per_h = 50 / (66 * 0.838)
    cars = load("cars", bus="h2", value_of_lost_load_per_kwh=9)
    for asked, power in ((2 * kg_per_h, 100), (kg_per_h, 50), (0.9 * kg_per_h, 0)):
        built = problem(priced(0.1), cell(kind="pem_electrolyser"), cars, cars=asked * LHV)
        for schedule in (solve(built), rule_based(built)):
            assert schedule.asset("cell", "power_kw") == pytest.approx([power], rel=1e-4, abs=1e-6)
            assert audit(schedule).violations == ()


def test_a_plan_without_a_heat_bus_is_followed_when_less_comes_than_was_forecast() -> None:
    cars = load("cars", bus="h2")
    plan = solve(problem(priced(0.1), cell(kind="pem_electrolyser"), cars, cars=5 * LHV))
    came = problem(priced(0.1, import_kw=200), cell(kind="pem_electrolyser"), cars, cars=5 * LHV)
    schedule = follow(came, plan)
    assert schedule.asset("cell", "power_kw") == pytest.approx([200], rel=1e-4)
    assert audit(schedule).violations == ()


def test_its_curve_is_concave_to_the_origin() -> None:
    points = PemElectrolyser.model_validate(cell(kind="pem_electrolyser", min_load=0.0)).points()
    assert points[0].tolist() == [0, 0]
    slopes = np.diff(points[:, 1]) / np.diff(points[:, 0])
    assert (np.diff(slopes) < 0).all()


def test_heat_that_a_plan_wanted_and_nobody_takes_is_rejected() -> None:
    warm = load("warm", bus="heat")
    assets = priced(0.1), cell(kind="pem_electrolyser", heat_bus="heat"), sale(price_per_t=1e4), warm
    expected, came = problem(*assets, warm=100.0), problem(*assets, warm=30.0)
    plan = solve(expected)
    assert plan.asset("cell", "heat_kw") == pytest.approx([100])
    done = follow(came, plan)
    assert audit(done).violations == ()
    assert done.asset("cell", "heat_kw") == pytest.approx([30])
