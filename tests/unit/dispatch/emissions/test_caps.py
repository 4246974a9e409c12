"""Caps on emissions: binding, not binding, out of reach, and what a tonne is worth, on cases done by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.explain.unmet import unmet
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff, unit


def two_sources(*wishes: dict[str, Any], **objective: Any) -> Site:
    """Import at .1 per kWh and .7 kg; a unit at .2 and .2 kg: a kg saved costs .2, a tonne 200."""
    pcc = grid(tariff=tariff(0.1), carbon_intensity_kg_per_kwh=0.7)
    engine = unit(cost_per_kwh=0.2, co2_kg_per_kwh=0.2)
    return park(load(), pcc, engine, wishes=list(wishes), objective=objective)


def planned(site: Site, demand: Any = 50.0, steps: int = 1, **named: Any) -> Schedule:
    return solve(Problem(site, given(site, hours(steps), {("load", "demand_kw"): demand}, **named)))


def cap(most_t: float, **fields: Any) -> dict[str, Any]:
    return {"emissions_max_t": most_t} | fields


def test_a_cap_that_binds_is_kept_at_the_price_of_the_dearer_source() -> None:
    schedule = planned(two_sources(cap(0.025)))
    # .7 · 50 = 35 kg; 10 kg less takes 20 kWh of the unit.
    assert schedule.co2_kg == pytest.approx([25.0])
    assert schedule.asset("unit", "power_kw") == pytest.approx([20.0])
    assert schedule.shadow_price_per_t == {"emissions of at most 0.025 t per horizon": pytest.approx(np.array([200.0]))}
    assert schedule.penalty == pytest.approx([0.0])
    assert audit(schedule).passed


def test_a_cap_that_does_not_bind_changes_nothing_and_is_worth_nothing() -> None:
    schedule, free = planned(two_sources(cap(0.04))), planned(two_sources())
    assert schedule.money == pytest.approx(free.money)
    assert next(iter(schedule.shadow_price_per_t.values())) == pytest.approx(np.zeros(1))
    assert free.shadow_price_per_t == {}


def test_a_cap_out_of_reach_is_missed_by_as_little_as_can_be_and_named() -> None:
    site = two_sources(cap(0.005))
    problem = Problem(site, given(site, hours(1), {("load", "demand_kw"): 50.0}))
    schedule = solve(problem)
    (over,) = schedule.wish_over_kg.values()
    assert over == pytest.approx(np.array([[5.0]]))  # .2 · 50 = 10 kg is the least
    assert schedule.penalty == pytest.approx([50.0])
    assert next(iter(schedule.shadow_price_per_t.values())) == pytest.approx([10_000.0])
    (missed,) = unmet(problem, schedule)
    assert missed.text(problem.horizon) == "emissions of at most 0.005 t per horizon: 5 kg"


def test_a_penalty_below_what_saving_costs_is_paid() -> None:
    schedule = planned(two_sources(cap(0.025, penalty_per_t=150.0)))
    assert schedule.co2_kg == pytest.approx([35.0])
    assert schedule.penalty == pytest.approx([1.5])
    assert schedule.money == pytest.approx([5.0]), "a penalty is no money"


@pytest.mark.parametrize(("over", "power"), [("hour", [0, 20, 20, 0]), ("day", [20, 20])])
def test_a_cap_by_the_hour_or_day_is_not_made_up_for_in_another(over: str, power: list[float]) -> None:
    if over == "hour":
        schedule = planned(two_sources(cap(0.025, over=over)), np.array([30.0, 50, 50, 30]), 4)
        assert schedule.asset("unit", "power_kw") == pytest.approx(power)
    else:
        schedule = planned(two_sources(cap(0.6, over=over)), np.full(48, 50.0), 48)
        by_day = schedule.asset("unit", "power_kw").reshape(2, 24).sum(axis=1)
        assert by_day == pytest.approx([480.0, 480.0])  # (840 − 600) / .5
    (prices,) = schedule.shadow_price_per_t.values()
    assert prices == pytest.approx([0, 200, 200, 0] if over == "hour" else [200, 200])


def test_direct_emissions_leave_out_what_the_grid_emits() -> None:
    pcc = grid(tariff=tariff(0.3), carbon_intensity_kg_per_kwh=0.7)
    site = park(load(), pcc, unit(cost_per_kwh=0.2, co2_kg_per_kwh=0.5), wishes=[cap(0.01, covers="direct")])
    schedule = planned(site)
    assert schedule.asset("unit", "power_kw") == pytest.approx([20.0])
    (text,) = schedule.wish_over_kg
    assert text == "direct emissions of at most 0.01 t per horizon"


def test_the_shadow_price_is_the_slope_of_the_objective() -> None:
    """With a battery, prices by the hour and scenarios; against both neighbours of the cap."""
    demand = np.array([[40.0, 60, 20, 80], [60, 30, 30, 60], [50, 50, 90, 90]])
    series = {("load", "demand_kw"): demand, ("pcc", "import_price_per_kwh"): np.array([0.1, 0.15, 0.12, 0.3])}

    def objective(most_t: float, risk: float) -> tuple[float, float]:
        pcc = grid(carbon_intensity_kg_per_kwh=0.7)
        site = park(
            *(load(), pcc, battery(), unit(cost_per_kwh=0.25, co2_kg_per_kwh=0.2)),
            wishes=[cap(most_t)],
            objective={"cvar_weight": risk, "cvar_level": 0.5, "carbon_price_per_t": 20.0},
        )
        problem = Problem(site, given(site, hours(4), series, scenarios=3), Mode("exact"))
        problem.update(weights=np.array([0.5, 0.3, 0.2]))
        found = solve(problem)
        return found.proof.objective, float(next(iter(found.shadow_price_per_t.values())).sum())

    for risk in (0.0, 0.5):
        price = objective(0.1, risk)[1]
        slope = -(objective(0.1 + 1e-4, risk)[0] - objective(0.1 - 1e-4, risk)[0]) / 2e-4
        assert price > 50.0
        assert price == pytest.approx(slope, rel=1e-6)


def test_another_cap_needs_no_other_problem() -> None:
    site = two_sources(cap(0.025))
    problem = Problem(site, given(site, hours(1), {("load", "demand_kw"): 50.0}))
    (breach,) = problem.total.breaches
    assert breach.limit is not None
    emitted = []
    for most_kg in (25.0, 15.0, 50.0):
        problem.update(caps={breach.text: np.array([most_kg])})
        emitted.append(solve(problem).co2_kg[0])
    assert emitted == pytest.approx([25.0, 15.0, 35.0])
    twin = problem.twin()
    assert twin.total.breaches[0].limit.value == pytest.approx([50.0]), "a twin has the cap as it is now"


def test_rules_know_no_cap_but_are_told_by_how_much_they_pass_it() -> None:
    site = two_sources(cap(0.025))
    schedule = rule_based(Problem(site, given(site, hours(1), {("load", "demand_kw"): 50.0})))
    (over,) = schedule.wish_over_kg.values()
    assert over == pytest.approx(schedule.co2_kg[:, None] - 25.0)
    assert schedule.penalty == pytest.approx(10 * over[:, 0])
    assert schedule.shadow_price_per_t == {}
