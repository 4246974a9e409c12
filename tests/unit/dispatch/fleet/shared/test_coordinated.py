"""Coordination of a fleet under shared things, held against one program of all sites."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.errors import SolveError
from dispatch.fleet.coordination import Settings
from dispatch.fleet.shared.coordinated import Coordination
from dispatch.fleet.shared.plan import plan_shared, prepared
from dispatch.fleet.shared.repair import without_both
from dispatch.fleet.shared.whole import whole
from dispatch.solver.highs import Limits
from tests.unit.dispatch.fleet.shared.sites import connection, hours, member, read, tariff

THINGS = {
    "limit": {"kind": "power_limit", "name": "x", "import_kw": 800},
    "soft": {
        "kind": "power_limit",
        "name": "x",
        "by": "half",
        "import_kw": {"a": 350, "b": 300},
        "penalty_per_kwh": 0.5,
    },
    "budget": {"kind": "carbon_budget", "name": "x", "budget_kg": 1000},
    "meter": {
        "kind": "demand_meter",
        "name": "x",
        "connection": connection("joint", tariff=tariff(None, demand=1.5), import_kw=3000),
    },
    "award": {
        "kind": "award",
        "name": "x",
        "net_export_kw": -900,
        "short_price_per_kwh": 0.6,
        "long_price_per_kwh": 0.1,
    },
}


@pytest.fixture(scope="module")
def fleet() -> list:
    random = np.random.default_rng(4)
    grid = connection(tariff=tariff(0.3, sold=0.1), carbon_intensity_kg_per_kwh=0.5)
    return [
        member(
            f"s{n}",
            random.uniform(10, 100, 4).tolist(),
            worth=float(random.uniform(0.4, 4)),
            pv_kw=random.uniform(0, 60, 4).tolist(),
            battery_kwh=float(random.uniform(10, 80)),
            grid=grid,
            labels={"half": "ab"[n % 2]},
        )
        for n in range(20)
    ]


@pytest.mark.parametrize("name", sorted(THINGS))
def test_the_optimum_is_that_of_one_program(fleet: list, name: str) -> None:
    shared = read(fleet, THINGS[name])
    sites, made = prepared(fleet, shared, hours(4), mode=Mode("convex"))
    one = whole(sites, made.coupling, relaxed=True)
    found = Coordination(Settings(rounds=200))(sites, made.coupling, Limits(gap=1e-7))
    assert found.bound <= one.objective * (1 + 1e-9) + 1e-6
    assert found.objective == pytest.approx(one.objective, rel=1e-5)
    assert found.bound == pytest.approx(one.objective, rel=1e-6)
    assert np.abs(made.coupling.residual(found.effects, found.y)).max() < 1e-3


def test_a_coordinated_plan_passes_its_audit(fleet: list) -> None:
    shared = read(fleet, THINGS["limit"])
    plan = plan_shared(fleet, shared, hours(4), method=Coordination(), limits=Limits(gap=1e-4))
    assert plan.passed
    assert plan.solution.gap <= 2e-4


def test_what_nothing_keeps_is_named(fleet: list) -> None:
    held = {"kind": "reserve_held", "name": "reserve", "reserve_kw": 5}
    with pytest.raises(SolveError, match="reserve: reserve up in step 0"):
        plan_shared(fleet, read(fleet, held), hours(4), method=Coordination())


def test_flows_that_run_together_are_taken_apart(fleet: list) -> None:
    """A mix of two plans of one site, one charging and one discharging, is made a plan with the same net import."""
    shared = read(fleet, THINGS["limit"])
    sites, made = prepared(fleet, shared, hours(4))
    solution = whole(sites, made.coupling)
    problem = sites.groups[0].template.problem
    charge, discharge = (
        problem.compiled.columns(problem.variable("battery", f"{w}_kw"))[0, 0] for w in ("charge", "discharge")
    )
    points = [point.copy() for point in solution.points]
    points[3][[charge, discharge]] += 1.0
    mixed = type(solution)(tuple(points), solution.effects, solution.y, solution.price, 0.0, 0.0)
    apart, everywhere = without_both(sites, mixed)
    assert everywhere
    assert np.minimum(apart.points[3][charge], apart.points[3][discharge]) < 1e-6
    np.testing.assert_allclose(apart.points[3][sites.groups[0].entries], points[3][sites.groups[0].entries], atol=1e-4)
    assert all(apart.points[n] is points[n] for n in range(20) if n != 3)


def test_flows_that_would_earn_by_running_together_are_whole_numbers_from_the_start() -> None:
    """Feed-in pays more than import costs: relaxed, every connection would buy and sell at once, and bound too low."""
    grid = connection(tariff=tariff(0.3, sold=0.4), import_kw=80, export_kw=60)
    sites = [
        member(f"s{n}", [10.0 + n, 30 - n], pv_kw=[60.0, 5], battery_kwh=20, grid=grid, worth=3.0) for n in range(8)
    ]
    shared = read(sites, {"kind": "power_limit", "name": "x", "import_kw": 100})
    prepared_sites, made = prepared(sites, shared, hours(2))
    one = whole(prepared_sites, made.coupling, Limits(gap=1e-6))
    found = Coordination(Settings(rounds=100))(prepared_sites, made.coupling, Limits(gap=1e-4))
    assert found.bound <= one.objective * (1 + 1e-9) + 1e-6
    assert found.objective == pytest.approx(one.objective, rel=1e-4)
    assert found.gap <= 1e-2  # eight sites leave some of it
    assert len(found.history) == found.rounds
    assert all(one.upper >= found.bound * (1 - 1e-9) - 1e-6 for one in found.history)
    relaxed = Coordination(Settings(rounds=100), is_relaxed=True)(prepared_sites, made.coupling, Limits(gap=1e-4))
    assert relaxed.bound < one.objective - 0.05 * abs(one.objective)


def test_bounds_are_told_round_by_round(fleet: list) -> None:
    told: list = []
    shared = read(fleet, THINGS["limit"])
    sites, made = prepared(fleet, shared, hours(4), mode=Mode("convex"))
    found = Coordination(tell=told.append)(sites, made.coupling)
    assert [one.number for one in told] == list(range(len(told)))
    assert tuple(told) == found.history
    assert all(one.lower <= other.lower for one, other in pairwise(told))


def test_what_costs_thousands_of_times_the_fleets_power_is_done_all_the_same() -> None:
    """At a cent a kWh, load shed at five is five hundred times as dear, and yet what keeps a hard limit."""
    fleet = [member(f"s{n}", [100.0] * 4, worth=5.0, grid=connection(tariff=tariff(0.01))) for n in range(6)]
    shared = read(fleet, {"kind": "power_limit", "name": "cap", "import_kw": 550})
    made = plan_shared(fleet, shared, hours(4), method=Coordination())
    assert made.passed
    assert made.solution.objective == pytest.approx(4 * (550 * 0.01 + 50 * 5.0), rel=1e-6)
    assert made.solution.gap < 1e-4


def test_a_fleet_whose_power_is_free_has_prices_too() -> None:
    fleet = [member(f"s{n}", [100.0, 60.0], worth=2.0 + n, grid=connection(tariff=tariff(0.0))) for n in range(4)]
    meter = {"kind": "demand_meter", "name": "m", "connection": connection("joint", tariff=tariff(None, demand=1.5))}
    shared = read(fleet, {"kind": "power_limit", "name": "cap", "import_kw": 370}, meter)
    found = [plan_shared(fleet, shared, hours(2), method=method) for method in (None, Coordination())]
    assert all(made.passed for made in found)
    assert found[1].solution.objective == pytest.approx(found[0].solution.objective, rel=1e-4)
    assert found[1].solution.gap < 1e-3


def test_what_cannot_be_taken_apart_afterwards_is_planned_apart() -> None:
    """Power that one is paid to take is burnt, if switches are relaxed, in stores that do both at once."""
    grid = connection(tariff=tariff(-0.1, sold=0.0), import_kw=80, export_kw=60)
    fleet = [
        member(f"s{n}", [10.0 + n, 20, 15, 12], pv_kw=[20.0, 5, 5, 0], battery_kwh=20, grid=grid, worth=2.0)
        for n in range(6)
    ]
    shared = read(fleet, {"kind": "power_limit", "name": "x", "import_kw": 150})
    one = plan_shared(fleet, shared, hours(4))
    found = plan_shared(fleet, shared, hours(4), method=Coordination())
    assert found.passed
    assert found.solution.bound <= one.solution.objective + 1e-6
    assert found.solution.objective >= one.solution.bound - 1e-6
