"""Two forms of one thing: the same whole-number optimum, and the tight one's relaxation never below the plain one's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.plan import _problem
from dispatch.planning.outlook import Outlook
from dispatch.problem import Problem
from dispatch.site import Planning, Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits, continuous
from tests.parks import given, grid, hours, load, park, unit
from tests.unit.dispatch.assets import templates
from tests.unit.dispatch.assets.test_thermal_enumeration import PRICES, enumerated, horizon, park_of, random_unit
from tests.unit.dispatch.search.fleets import fleet

PLAIN = Mode("exact", formulation="plain")
TIGHT = Mode("exact")
EXACT = Limits(gap=1e-7)


@pytest.mark.parametrize("equal", [True, False], ids=["equal steps", "unequal steps"])
@pytest.mark.parametrize("seed", range(12))
def test_the_plain_form_costs_what_the_best_pattern_costs(seed: int, equal: bool) -> None:
    random = np.random.default_rng(100 + seed)
    fields, steps = random_unit(random), horizon(random, equal)
    price = random.permutation(PRICES) * random.uniform(0.5, 1.5, len(PRICES))
    site, inputs = park_of(fields, steps, price)
    best = enumerated(steps.hours, price, fields) + float(50.0 * price @ steps.hours)
    schedule = solve(Problem(site, inputs, PLAIN), EXACT)
    assert schedule.money[0] == pytest.approx(best, rel=2e-4, abs=1e-3)
    assert [v for v in audit(schedule).violations if v.asset == "unit"] == []


@pytest.mark.parametrize("seed", range(5))
def test_fleets_with_tiers_segments_and_reserve_have_one_optimum_and_two_relaxations(seed: int) -> None:
    tight = fleet(seed, units=4)
    tight, plain = (Problem(tight.site, tight.inputs, mode) for mode in (TIGHT, PLAIN))
    best, other = solve(tight, EXACT), solve(plain, EXACT)
    assert other.proof.objective == pytest.approx(best.proof.objective, rel=1e-6)
    assert audit(other).violations == ()
    bounds = [continuous(problem.compiled.matrices()).objective for problem in (plain, tight)]
    assert bounds[0] < bounds[1] * (1 - 1e-6)
    assert bounds[1] <= best.proof.objective + 1e-6


@pytest.mark.parametrize("kind", ["thermal", "gas_boiler", "chp", "haber_bosch"])
def test_every_kind_that_is_committed_takes_either_form(kind: str) -> None:
    for template in templates.of(kind):
        site = template.site()
        inputs = template.inputs(site)
        best, other = (solve(Problem(site, inputs, mode), EXACT) for mode in (TIGHT, PLAIN))
        assert other.proof.objective == pytest.approx(best.proof.objective, rel=1e-5, abs=1e-5)
        assert audit(other).violations == ()


def test_minimum_times_are_kept_in_either_form() -> None:
    """Two hours of need, four of minimum up time: either runs four, or buys."""
    engine = unit(min_kw=50, max_kw=100, min_up_h=4, min_down_h=3, start_cost=1.0, cost_per_kwh=0.1)
    site = park(load(value_of_lost_load_per_kwh=50.0), engine, grid(import_kw=20, export_kw=100))
    inputs = given(site, hours(8), {("load", "demand_kw"): [0.0, 0, 80, 80, 0, 0, 80, 80]})
    for mode in (TIGHT, PLAIN):
        schedule = solve(Problem(site, inputs, mode), EXACT)
        assert audit(schedule).violations == ()
        on = np.round(schedule.asset("unit", "on"))
        edges = np.flatnonzero(np.diff(np.concatenate([[0], on, [0]])))
        assert all(b - a >= 4 or b == 8 for a, b in zip(edges[::2], edges[1::2], strict=True))


def test_scenarios_and_templates_take_the_plain_form_too() -> None:
    site = park(load(), unit(min_kw=30, min_up_h=2, start_cost=5), unit("other", min_kw=20), grid(import_kw=60))
    demand = np.array([[60.0, 120, 90, 40], [80, 150, 60, 40]])
    inputs = given(site, hours(4), {("load", "demand_kw"): demand}, 2)
    reached = [
        solve(Problem(site, inputs, mode, template=template), EXACT).proof.objective
        for mode in (TIGHT, PLAIN)
        for template in (False, True)
    ]
    assert reached == pytest.approx([reached[0]] * 4, rel=1e-6)


def test_the_parks_file_chooses_the_form_of_its_plans() -> None:
    made: dict[str, Any] = {}
    for form in ("tight", "plain"):
        site: Site = park(load(), unit(min_kw=30, min_up_h=3), grid(), planning={"formulation": form})
        inputs = given(site, hours(4), {("load", "demand_kw"): 60.0})
        made[form] = _problem(site, Outlook(inputs, np.ones(1), None, {}), 0)
        assert made[form].mode == replace(TIGHT, formulation=form)
    rows = {form: problem.compiled.matrices().row_upper.size for form, problem in made.items()}
    assert rows["plain"] != rows["tight"]
    assert Planning().formulation == "tight"
