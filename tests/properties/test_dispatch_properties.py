"""What must hold of every plan, whatever the park."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from dispatch.asset import Inputs, Mode
from dispatch.audit import audit
from dispatch.errors import ContractError
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.assets.templates import hourly_tariff

STEPS = 6
SOLVES = settings(max_examples=15)
BUSES = [{"name": "main"}, {"name": "far"}, {"name": "end"}, {"name": "heat", "carrier": "heat"}]
SEEDS = st.integers(0, 2**32 - 1)


def some_park(seed: int, *, negative: bool = False) -> tuple[Site, Inputs]:
    """A park with every kind of plant, cables in a row, heat, and tight limits; all numbers from the seed."""
    r = np.random.default_rng(seed)
    price = r.uniform(-0.3 if negative else 0.0, 0.6, STEPS)
    assets: list[dict[str, Any]] = [
        grid(import_kw=r.uniform(60, 300), export_kw=r.choice([0.0, 20.0, 100.0]), tariff=hourly_tariff(price)),
        load(),
        load("warm", bus="heat"),
        load("there", bus="end"),
        {"kind": "cable", "name": "one", "bus": "main", "far_bus": "far", "rating_kw": r.uniform(20, 150)},
        {"kind": "cable", "name": "two", "bus": "far", "far_bus": "end", "rating_kw": r.uniform(20, 150)},
        {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "heat", "electric_kw": r.uniform(5, 40)},
        {"kind": "pv", "name": "pv", "bus": "end", "peak_kw": 200},
        {"kind": "wind", "name": "wind", "bus": "main", "rated_kw": 100},
        battery(start_fill=r.uniform(0.1, 0.9), min_fill=0.1, bus=r.choice(["main", "far", "end"])),
        {"kind": "thermal_store", "name": "tank", "bus": "heat", "energy_kwh": 80, "charge_kw": 30, "discharge_kw": 30},
        some_unit(r),
    ]
    site = park(*assets, buses=BUSES)
    series = {
        ("load", "demand_kw"): r.uniform(30, 80, STEPS),
        ("warm", "demand_kw"): r.uniform(0, 80, STEPS),
        ("there", "demand_kw"): r.uniform(0, 60, STEPS),
        ("pv", "available_kw"): r.uniform(0, 200, STEPS) * (r.random(STEPS) < 0.7),
        ("wind", "available_kw"): r.uniform(0, 100, STEPS),
    }
    return site, given(site, hours(STEPS), series)


def some_unit(r: np.random.Generator) -> dict[str, Any]:
    on = bool(r.random() < 0.5)
    return unit(
        min_kw=20,
        max_kw=80,
        cost_per_kwh=r.uniform(0.05, 0.5),
        start_cost=r.uniform(0, 5),
        ramp_up_kw_per_h=r.uniform(15, 100),
        ramp_down_kw_per_h=r.uniform(15, 100),
        start_up_kw=r.uniform(20, 80),
        shut_down_kw=r.uniform(20, 80),
        min_up_h=r.integers(0, 5),
        min_down_h=r.integers(0, 5),
        on_before_h=r.integers(1, 5) if on else 0,
        off_before_h=r.integers(1, 5),
        power_before_kw=20 if on else 0,
    )


def planned(site: Site, inputs: Inputs, mode: str = "exact") -> Schedule:
    return solve(Problem(site, inputs, Mode(mode)))  # type: ignore[arg-type]


def without(site: Site, name: str) -> Site:
    return site.model_copy(update={"assets": tuple(a for a in site.assets if a.name != name)})


@SOLVES
@drawn(SEEDS)
def test_every_plan_passes_the_audit_and_no_rule_beats_it(seed: int) -> None:
    site, inputs = some_park(seed)
    problem = Problem(site, inputs)
    plan = solve(problem)
    assert audit(plan).violations == ()
    rules = rule_based(problem)
    assert audit(rules).violations == ()
    assert rules.proof.objective >= plan.proof.bound - 1e-6 * abs(plan.proof.bound)


@SOLVES
@drawn(SEEDS)
def test_every_bus_balances(seed: int) -> None:
    site, inputs = some_park(seed, negative=True)
    plan = planned(site, inputs)
    left = np.zeros((len(site.buses), STEPS))
    for solved in plan.kinds.values():
        for port, power in solved.power_kw.items():
            np.add.at(left, solved.bus[port], power)
    assert np.abs(left).max() < 1e-4
    bought = plan.asset("pcc", "import_kw") - plan.asset("pcc", "export_kw")
    made = plan.asset("unit", "power_kw") + plan.asset("wind", "power_kw") + plan.asset("pv", "power_kw")
    stored = plan.asset("battery", "charge_kw") - plan.asset("battery", "discharge_kw")
    used = plan.asset("load", "served_kw") + plan.asset("there", "served_kw") + plan.asset("pump", "power_kw")
    assert bought + made == pytest.approx(used + stored, abs=1e-4)


@SOLVES
@drawn(SEEDS, st.sampled_from(["battery", "pv", "wind"]))
def test_one_more_store_or_generator_never_makes_the_plan_dearer(seed: int, name: str) -> None:
    site, inputs = some_park(seed, negative=True)
    less = without(site, name)
    assert planned(site, inputs).proof.bound <= planned(less, inputs).proof.objective + 1e-4


@SOLVES
@drawn(SEEDS)
def test_the_convex_plan_is_whole_with_a_lower_bound(seed: int) -> None:
    site, inputs = some_park(seed, negative=True)
    exact, convex = planned(site, inputs), planned(site, inputs, "convex")
    room = 1e-6 * max(1, abs(exact.proof.objective))
    assert convex.proof.bound <= exact.proof.objective + room
    assert convex.proof.objective >= exact.proof.bound - room
    assert audit(convex).passed


@SOLVES
@drawn(SEEDS)
def test_negative_prices_never_make_a_store_or_a_connection_run_both_ways(seed: int) -> None:
    site, inputs = some_park(seed, negative=True)
    plan = planned(site, inputs)
    assert audit(plan).violations == ()
    for name, one, other in (("battery", "charge_kw", "discharge_kw"), ("pcc", "import_kw", "export_kw")):
        assert np.minimum(plan.asset(name, one), plan.asset(name, other)).max() < 1e-2


@SOLVES
@drawn(SEEDS)
def test_runs_and_pauses_last_their_minimum_times(seed: int) -> None:
    r = np.random.default_rng(seed)
    engine = some_unit(r)
    engine["power_before_kw"] = r.uniform(20, 80) if engine["on_before_h"] else 0
    site = park(load(), grid(export_kw=200, tariff=hourly_tariff(r.uniform(-0.2, 0.8, 10))), engine)
    plan = planned(site, given(site, hours(10), {("load", "demand_kw"): 40.0}))
    state, lasted = engine["on_before_h"] > 0, engine["on_before_h"] or engine["off_before_h"]
    for on in plan.asset("unit", "on") > 0.5:
        if on != state:
            assert lasted >= engine["min_up_h" if state else "min_down_h"]
            state, lasted = on, 0
        lasted += 1


@SOLVES
@drawn(st.floats(0, 80), st.floats(0, 80), SEEDS)
def test_a_demand_charge_falls_with_the_peak_already_paid(one: float, other: float, seed: int) -> None:
    demand = np.random.default_rng(seed).uniform(20, 90, STEPS)

    def charge(peak: float) -> float:
        site = park(load(), grid(tariff=tariff(0.1, demand=8.0), month_to_date_peak_kw=peak), battery(energy_kwh=20))
        return float(planned(site, given(site, hours(STEPS), {("load", "demand_kw"): demand})).proof.objective)

    assert charge(max(one, other)) <= charge(min(one, other)) + 1e-6


@pytest.mark.parametrize(("day", "steps"), [(date(2024, 3, 31), 92), (date(2024, 10, 27), 100)])
def test_the_days_on_which_the_clock_changes_are_ordinary_days(day: date, steps: int) -> None:
    horizon = Horizon.local_day(day, "Europe/Berlin")
    assert horizon.steps == steps
    price = np.where(np.arange(24) < 6, 0.1, 0.3)
    pcc = grid(export_kw=50, tariff=hourly_tariff(price))
    site = park(load(), pcc, battery(), unit(min_kw=20, cost_per_kwh=0.2, min_up_h=4), time_zone="Europe/Berlin")
    problem = Problem(site, given(site, horizon, {("load", "demand_kw"): 30.0}))
    plan = solve(problem)
    assert audit(plan).violations == ()
    night = np.array([t.hour < 6 for t in horizon.local_start])
    # Six hours of the clock are five in March and seven in October.
    assert night.sum() == 4 * 6 + (steps - 96)
    assert audit(rule_based(problem)).violations == ()
    alone = rule_based(Problem(without(without(site, "battery"), "unit"), problem.inputs)).money[0]
    assert alone == pytest.approx(30 * 0.25 * (0.1 * night.sum() + 0.3 * (~night).sum()))


def test_free_power_leaves_the_plan_bounded() -> None:
    site = park(load(), grid(export_kw=50, tariff=tariff(0.0, feed_in=0.0)), battery(), unit(cost_per_kwh=0))
    plan = planned(site, given(site, hours(STEPS), {("load", "demand_kw"): 30.0}))
    assert plan.money[0] == pytest.approx(0, abs=1e-6)
    assert audit(plan).passed


def test_a_template_takes_no_site_whose_members_stand_in_another_order() -> None:
    """Rows are members in the order of the file: two that change places would stand on each other's buses."""
    line = {"kind": "cable", "name": "line", "bus": "main", "far_bus": "far", "rating_kw": 10}
    near, far = load("near", bus="main"), load("away", bus="far")
    one, two = (
        park(*loads, grid(), line, buses=BUSES, name=n) for loads, n in (((near, far), "a"), ((far, near), "b"))
    )
    series = {("near", "demand_kw"): 50.0, ("away", "demand_kw"): 5.0}
    template = Problem(one, given(one, hours(1), series), Mode("convex"), template=True)
    with pytest.raises(ContractError, match="structure differs"):
        template.update(given(two, hours(1), series), site=two)
