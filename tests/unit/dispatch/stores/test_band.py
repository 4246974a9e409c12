"""Starts outside the band, and bands that nothing can hold: a plan in every case, and what it says about it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park

PLAIN = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "end_penalty_per_kwh": 0.0}
ROOF = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}


def both(site: Site, series: dict[tuple[str, str], Any], scenarios: int = 1) -> tuple[Schedule, Schedule]:
    """The plan and the rules, each of which must pass the audit."""
    steps = max(np.shape(v)[-1] for v in series.values() if np.ndim(v))
    problem = Problem(site, given(site, hours(steps), series, scenarios))
    made = solve(problem), rule_based(problem)
    for schedule in made:
        assert audit(schedule).violations == ()
    return made


def test_an_islanded_night_leaves_the_store_where_it_is_and_says_so() -> None:
    site = park(load(), ROOF, battery(**PLAIN, min_fill=0.2, start_fill=0.05, charge_kw=20))
    series = {("load", "demand_kw"): 5.0, ("roof", "available_kw"): [0.0, 0, 15, 30]}
    plan, rules = both(site, series)
    assert plan.asset("battery", "stored_kwh") == pytest.approx([5, 5, 15, 20])
    # At full power it would be back after an hour.
    assert plan.asset("battery", "outside_band_kwh") == pytest.approx([15, 15, 5, 0], abs=1e-6)
    assert plan.penalty[0] == pytest.approx(10 * 35 + 1000 * 10)  # and two hours of load that nothing serves
    assert plan.proof.quality == "relaxed"
    assert plan.proof.relaxed == ("battery: outside its band, with nothing to bring it back, for 3 h, by up to 15 kWh",)
    assert rules.proof.quality == "rule_based"
    assert rules.proof.relaxed == plan.proof.relaxed
    assert rules.asset("battery", "stored_kwh")[:3] == pytest.approx([5, 5, 15])


def test_a_store_that_is_too_full_gives_off_what_somebody_takes() -> None:
    plan, rules = both(
        park(load(), battery(**PLAIN, max_fill=0.5, start_fill=0.9)), {("load", "demand_kw"): [0.0, 10, 50, 0]}
    )
    assert plan.asset("battery", "stored_kwh") == pytest.approx([90, 80, 30, 30])
    assert plan.proof.quality == "relaxed"
    assert rules.asset("battery", "stored_kwh") == pytest.approx([90, 80, 30, 30])


def test_what_stands_and_leaks_below_its_band_is_no_failure() -> None:
    store = battery(**PLAIN, min_fill=0.5, start_fill=0.52, loss_fraction_per_h=0.1)
    plan, _ = both(park(load(), ROOF, store), {("load", "demand_kw"): 0.0, ("roof", "available_kw"): [0.0, 0, 0, 20]})
    kept = 52 * 0.9 ** np.arange(1, 4)
    assert plan.asset("battery", "stored_kwh")[:3] == pytest.approx(kept)
    assert plan.proof.quality == "relaxed"


def test_a_store_below_its_band_is_never_emptied_further() -> None:
    # Shedding costs a hundred times what lying outside the band does.
    site = park(load(), battery(**PLAIN, min_fill=0.3, start_fill=0.2))
    plan, rules = both(site, {("load", "demand_kw"): [20.0, 20]})
    for schedule in (plan, rules):
        assert schedule.asset("battery", "stored_kwh") == pytest.approx([20, 20])
        assert schedule.asset("load", "shed_kw") == pytest.approx([20, 20])


def test_a_repair_that_the_grid_allows_is_no_relaxation() -> None:
    site = park(load(), grid(), battery(**PLAIN, min_fill=0.6, start_fill=0.05))
    plan, _ = both(site, {("load", "demand_kw"): [1.0, 1, 1]})
    assert plan.asset("battery", "stored_kwh") == pytest.approx([55, 60, 60])
    assert (plan.proof.quality, plan.proof.relaxed, plan.penalty[0]) == ("optimal", (), 0)


def test_a_tank_that_cools_down_with_nothing_to_heat_it() -> None:
    tank = {"kind": "thermal_store", "name": "tank", "bus": "heat", "energy_kwh": 100, "charge_kw": 50}
    tank |= {"discharge_kw": 50, "start_fill": 0.5, "min_fill": 0.5, "loss_fraction_per_h": 0.05}
    plan, _ = both(park(load(bus="heat"), tank), {("load", "demand_kw"): [0.0, 0.0]})
    assert plan.asset("tank", "stored_kwh") == pytest.approx([47.5, 45.125])
    assert plan.proof.quality == "relaxed"


@settings(max_examples=25)
@drawn(st.integers(0, 2**32 - 1))
def test_every_start_has_a_plan_that_passes_the_audit(seed: int) -> None:
    r = np.random.default_rng(seed)
    low, high = np.sort(r.uniform(0, 1, 2))
    store = battery(
        min_fill=low,
        max_fill=max(high, low + 0.05),
        start_fill=r.uniform(0, 1),
        charge_kw=r.uniform(1, 80),
        discharge_kw=r.uniform(1, 80),
        loss_fraction_per_h=r.choice([0.0, 0.01, 0.2]),
    )
    others = [grid(import_kw=r.uniform(1, 50))] if r.random() < 0.4 else []
    series = {("load", "demand_kw"): r.uniform(0, 30, (2, 6)), ("roof", "available_kw"): r.uniform(0, 40, (2, 6))}
    both(park(load(), ROOF, *others, store), series, 2)
