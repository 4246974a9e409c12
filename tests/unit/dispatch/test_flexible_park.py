"""All flexible kinds in one park: planned, reported, without a plan, in one step, and over scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.ladder.fallback import last_good, safe_state
from dispatch.plan import Plan
from dispatch.presentation.findings import findings
from dispatch.presentation.page import report_data
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.assets import templates, templates_flexible
from tests.unit.dispatch.assets.templates import hourly_tariff
from tests.unit.dispatch.planned import planned

BUSES = [{"name": "main"}, {"name": "dc", "current": "dc"}, {"name": "heat", "carrier": "heat"}]
STEPS = 12
_SHIFTS = [{"name": "early", "power_kw": [9.0] * 6}, {"name": "late", "power_kw": [0.0] * 6 + [9.0] * 6}]
_WORK = [{"name": "train", "window": {"daily": "00:00-12:00"}, "energy_kwh": 120.0, "max_kw": 40.0}]
_SITES = {"kind": "data_centre", "pool": "work", "capacity_kw": 90.0, "batches": _WORK}


def flexible_park() -> Site:
    prices = [0.3, 0.3, 0.1, 0.1, 0.4, 0.6, 0.2, 0.1, 0.3, 0.3, 0.5, 0.2]
    east = _SITES | {"name": "east", "bus": "main", "overhead": [{"it_kw": 100, "overhead_kw": 60}]}
    west = _SITES | {"name": "west", "bus": "main", "overhead": [{"it_kw": 100, "overhead_kw": 10}], "batches": []}
    rooms = {"kind": "hvac", "name": "rooms", "bus": "main", "count": 9, "resistance_degc_per_kw": 4.0}
    rooms |= {"capacity_kwh_per_degc": 4.0, "heat_kw": 2.0, "heat_cop": 3.0, "ambient_degc": 0.0, "start_degc": 18.0}
    pots = {"kind": "smelter", "name": "pots", "bus": "main", "rated_kw": 50.0, "max_interruption_h": 2.0}
    cells = {"kind": "sleeping_load", "name": "cells", "bus": "main", "count": 8, "traffic": 2.5, "cell_capacity": 1.0}
    return park(
        grid(export_kw=50, tariff=hourly_tariff(prices)),
        {"kind": "pv", "name": "roof", "bus": "dc", "peak_kw": 60},
        battery(bus="dc", energy_kwh=40),
        load("lamps", bus="dc"),
        {"kind": "converter", "name": "link", "bus": "main", "dc_bus": "dc", "rated_kw": 60, "loss_per_kw2": 2e-4},
        {"kind": "schedule_choice", "name": "line", "bus": "main", "step_minutes": 60, "schedules": _SHIFTS},
        {"kind": "deferrable", "name": "oven", "bus": "main", "profile_kw": [30, 10], "runs": 2},
        {"kind": "curtailable", "name": "shop", "bus": "main", "price_per_kwh": 0.2, "rebound_share": 0.5},
        east | {"heat_bus": "heat", "waste_heat_share": 0.3},
        load("warm", bus="heat"),
        west,
        rooms,
        pots | {"interruption_cost": 1.0, "end_penalty_per_degc": 0.01},
        cells | {"awake_kw": 1.0},
        buses=BUSES,
    )


def series(steps: int = STEPS) -> dict[tuple[str, str], Any]:
    sun = 50 * np.sin(np.arange(steps) / STEPS * np.pi) ** 2
    demand = {"lamps": 12.0, "shop": 40.0, "east": 20.0, "west": 5.0, "warm": 5.0}
    return {("roof", "available_kw"): sun} | {(name, "demand_kw"): kw for name, kw in demand.items()}


@pytest.fixture(scope="module")
def plan() -> Plan:
    site = flexible_park()
    return planned(site, given(site, hours(STEPS), series()))


def test_the_plan_passes_its_audit_and_the_report_balances(plan: Plan) -> None:
    assert plan.audit.violations == ()
    for balance in report_data(plan).balances:
        supply, use = (np.sum([line.values for line in side], axis=0) for side in (balance.supply, balance.use))
        assert supply == pytest.approx(use, abs=0.2), balance.bus
    shown = {line.name for line in report_data(plan).setpoints}
    assert {"rooms.heating_kw", "link.to_dc_kw", "shop.reduced_kw", "east.it_kw", "oven.power_kw"} <= shown


def test_the_report_says_in_words_what_was_chosen(plan: Plan) -> None:
    texts = [finding.text for finding in findings(plan)]
    chosen = plan.schedule.asset("line", "chosen")[0]
    assert f"line: schedule '{_SHIFTS[round(chosen) - 1]['name']}' on 01 Mar" in texts
    assert [t for t in texts if t.startswith("rooms: outside its comfort band for")]
    assert [t for t in texts if t.startswith("east: ") and t.endswith("of work done elsewhere in its pool")]
    assert [t for t in texts if t.startswith("pots: interrupted from")]


def test_the_lower_rungs_keep_every_limit(plan: Plan) -> None:
    problem = Problem(plan.site, given(plan.site, hours(STEPS), series()))
    for schedule in (rule_based(problem), last_good(problem, plan.schedule), safe_state(problem)):
        assert audit(schedule).violations == (), schedule.proof.quality
    assert rule_based(problem).proof.objective > plan.schedule.proof.objective


def test_scenarios_share_what_is_decided_before_them() -> None:
    site = flexible_park()
    many = series() | {("shop", "demand_kw"): np.array([[40.0] * STEPS, [20.0] * STEPS])}
    for shared in (True, False):
        schedule = solve(Problem(site, given(site, hours(STEPS), many, scenarios=2), Mode("exact", shared)))
        assert audit(schedule).violations == ()
        assert schedule.kinds["deferrable"].series["starts"].shape[0] == (1 if shared else 2)


@pytest.mark.parametrize("kind", sorted(templates_flexible.TEMPLATES))
def test_a_horizon_of_one_step_and_one_of_unequal_steps(kind: str) -> None:
    template = templates.of(kind)[0]
    site, first = template.site(), template.horizon.edges[0]
    for lengths in ([60], [15, 45, 120, 30]):
        edges = first + np.concatenate([[0], np.cumsum(lengths)]).astype("timedelta64[m]")
        horizon = Horizon(edges, "UTC")
        values = {k: np.resize(np.asarray(v, float), len(lengths)) for k, v in template.series.items()}
        problem = Problem(site, given(site, horizon, values))
        for schedule in (solve(problem), rule_based(problem)):
            assert audit(schedule).violations == (), (kind, lengths, schedule.proof.quality)


@pytest.mark.parametrize("kind", sorted(templates_flexible.TEMPLATES))
def test_a_template_gives_what_a_problem_of_its_own_gives(kind: str) -> None:
    for template in templates.of(kind):
        own, shared = solve(template.problem()), solve(template.problem(template=True))
        assert shared.proof.objective == pytest.approx(own.proof.objective, rel=1e-6)
