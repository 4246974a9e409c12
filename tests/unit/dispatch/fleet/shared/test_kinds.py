"""Shared things of a fleet, each in a case that can be solved by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from dispatch.asset import Inputs
from dispatch.errors import DataError, SolveError
from dispatch.fleet.coupling import Coupling
from dispatch.fleet.shared.gathered import Gathered
from dispatch.fleet.shared.kinds.demand_meter import DemandMeter
from dispatch.fleet.shared.plan import SharedPlan, _violations, plan_shared
from dispatch.fleet.shared.whole import Solution, whole
from dispatch.part import dated
from dispatch.problem import Problem
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits
from tests.unit.dispatch.fleet.shared.sites import connection, hours, member, read, tariff


def price(plan: SharedPlan, owner: str) -> Array:
    return plan.uses.price[plan.uses.of(owner)]


def net(plan: SharedPlan, name: str) -> Array:
    """Net import of a site."""
    n = plan.fleet.scope.names.index(name)
    return plan.solution.effects[n, plan.fleet.scope.entries["net_import_kw"]]


def test_a_limit_goes_to_whom_it_is_worth_most() -> None:
    """150 kW for two loads of 100: the one that is worth 2 gives way, and its worth less the energy is the price."""
    fleet = [member("a", [100], worth=5), member("b", [100], worth=2)]
    plan = plan_shared(fleet, read(fleet, {"kind": "power_limit", "name": "feeder", "import_kw": 150}), hours(1))
    assert plan.passed
    np.testing.assert_allclose([net(plan, "a")[0], net(plan, "b")[0]], [100, 50], atol=1e-6)
    np.testing.assert_allclose(price(plan, "feeder"), [1.7], atol=1e-6)
    assert plan.solution.objective == pytest.approx(150 * 0.3 + 50 * 2)
    assert "feeder, net import: at its limit in 1 of 1, at most 150.0 kW; price up to 1.7 EUR/kWh" in plan.words()


def test_a_shared_limit_that_is_broken_is_told_by_the_clock() -> None:
    """Planned under 150 kW in both hours, held against 120: 20 kW of the 140 of the second hour are too much."""
    fleet = [member("a", [60, 70]), member("b", [50, 70])]
    limit = read(fleet, {"kind": "power_limit", "name": "feeder", "import_kw": 150})
    made = plan_shared(fleet, limit, hours(2))
    coupling = replace(made.made.coupling, upper=np.minimum(made.made.coupling.upper, 120.0))
    found = dated(
        _violations(made.fleet, replace(made.made, coupling=coupling), made.solution, made.schedules),
        made.fleet.scope.horizon,
    )
    second = made.fleet.scope.horizon.clock(1)
    assert [str(v) for v in found] == [f"feeder: net import beyond its limit at {second}: 140 kW, limit 120 kW"]


def test_a_soft_limit_is_passed_where_that_is_cheaper() -> None:
    fleet = [member("a", [100], worth=5), member("b", [100], worth=2)]
    limit = {"kind": "power_limit", "name": "feeder", "import_kw": 150, "penalty_per_kwh": 1}
    plan = plan_shared(fleet, read(fleet, limit), hours(1))
    assert plan.passed
    np.testing.assert_allclose(price(plan, "feeder"), [1.0], atol=1e-6)
    np.testing.assert_allclose(plan.uses.short, [50.0], atol=1e-6)
    assert any("feeder, net import: not kept by 50.0 kWh in all" in line for line in plan.words())
    assert plan.money == pytest.approx(60.0)


def test_export_has_a_side_of_its_own() -> None:
    fleet = [member(n, [0], pv_kw=[80], grid=connection(tariff=tariff(0.3, sold=0.1))) for n in "ab"]
    plan = plan_shared(fleet, read(fleet, {"kind": "power_limit", "name": "feeder", "export_kw": 100}), hours(1))
    assert net(plan, "a") + net(plan, "b") == pytest.approx(-100)
    np.testing.assert_allclose(price(plan, "feeder"), [-0.1], atol=1e-6)


def test_limits_nest_and_their_prices_add_up() -> None:
    """Transformer T1 (a, b) lets 150 through, the feeder of all three 200: what c pays is a part of what b pays."""
    fleet = [
        member("a", [100], worth=5, labels={"transformer": "T1"}),
        member("b", [100], worth=4, labels={"transformer": "T1"}),
        member("c", [100], worth=2, labels={"transformer": "T2"}),
    ]
    shared = read(
        fleet,
        {"kind": "power_limit", "name": "transformer", "by": "transformer", "import_kw": {"T1": 150, "T2": 400}},
        {"kind": "power_limit", "name": "feeder", "import_kw": 200},
    )
    plan = plan_shared(fleet, shared, hours(1))
    assert plan.passed
    np.testing.assert_allclose([net(plan, n)[0] for n in "abc"], [100, 50, 50], atol=1e-6)
    np.testing.assert_allclose(price(plan, "feeder"), [1.7], atol=1e-6)
    np.testing.assert_allclose(price(plan, "transformer:T1"), [4 - 0.3 - 1.7], atol=1e-6)
    np.testing.assert_allclose(price(plan, "transformer:T2"), [0.0], atol=1e-6)


def test_a_limit_at_certain_hours_on_the_day_of_25() -> None:
    """The hour from two to three comes twice, and the limit holds in both."""
    autumn = Horizon.local_day(date(2024, 10, 27), "Europe/Berlin", 60)
    assert autumn.steps == 25
    fleet = [member(n, [100] * 25, worth=2) for n in "ab"]
    tight = {"direction": "import", "limit_kw": 120, "calendar": {"hours": ["02:00-03:00"]}}
    limit = {"kind": "power_limit", "name": "feeder", "import_kw": 180, "limits": [tight]}
    plan = plan_shared(fleet, read(fleet, limit), autumn)
    both = np.array([120.0 if start.hour == 2 else 180.0 for start in autumn.local_start])
    assert (both == 120).sum() == 2
    np.testing.assert_allclose(net(plan, "a") + net(plan, "b"), both, atol=1e-6)


def test_hard_limits_leave_no_plan_where_none_keeps_them() -> None:
    fleet = [member(n, [10]) for n in "ab"]
    sink = {"kind": "power_limit", "name": "sink", "import_kw": 0, "export_kw": 0}
    assert plan_shared(fleet, read(fleet, sink), hours(1)).solution.objective == pytest.approx(20 * 5)
    with pytest.raises(SolveError):
        plan_shared(fleet, read(fleet, {"kind": "reserve_held", "name": "r", "reserve_kw": 5}), hours(1))


def test_a_carbon_budget_prices_a_tonne() -> None:
    """.5 kg a kWh, worth 2 and .3 each: without the last 20 kg, 40 kWh of the cheap load are shed."""
    grid = connection(carbon_intensity_kg_per_kwh=0.5)
    fleet = [member("a", [100], worth=5, grid=grid), member("b", [100], worth=2, grid=grid)]
    budget = {"kind": "carbon_budget", "name": "budget", "budget_kg": 80}
    plan = plan_shared(fleet, read(fleet, budget), hours(1))
    assert plan.co2_kg == pytest.approx(80)
    np.testing.assert_allclose(price(plan, "budget"), [1.7 / 0.5 * 1000], rtol=1e-6)
    soft = plan_shared(fleet, read(fleet, budget | {"penalty_per_t": 100}), hours(1))
    assert soft.co2_kg == pytest.approx(100)
    np.testing.assert_allclose(soft.uses.short, [20.0], atol=1e-6)
    assert any("not kept by 20.0 kg" in line for line in soft.words())


def test_a_budget_holds_on_each_local_day() -> None:
    """Two days around the change of clocks: 25 and 24 hours."""
    grid = connection(carbon_intensity_kg_per_kwh=0.5)
    two = Horizon.local_day(date(2024, 10, 27), "Europe/Berlin", 60, days=2)
    fleet = [member(n, [10] * two.steps, grid=grid, labels={"zone": n}) for n in "ab"]
    budget = {"kind": "carbon_budget", "name": "budget", "by": "zone", "budget_kg": {"a": 100, "b": 110}}
    plan = plan_shared(fleet, read(fleet, budget | {"over": "day"}), two)
    assert plan.passed
    np.testing.assert_allclose(plan.uses.used, [100, 100, 110, 110], atol=1e-6)
    assert two.steps == 49


def test_a_zone_changes_the_price_and_the_mix_of_its_sites() -> None:
    fleet = [member(n, [100], worth=0.4, labels={"zone": n}) for n in ("clean", "dirty")]
    zones = [
        {
            "kind": "carbon_zone",
            "name": f"zone_{zone}",
            "where": {"zone": zone},
            "price_per_t": 200,
            "carbon_intensity_kg_per_kwh": intensity,
        }
        for zone, intensity in (("clean", 0.1), ("dirty", 0.9))
    ]
    plan = plan_shared(fleet, read(fleet, *zones), hours(1))
    # A kWh costs .3 + .2 · intensity: below .4 where it is clean, above where it is not.
    assert plan.schedules["clean"].money.sum() == pytest.approx(30)
    assert plan.schedules["dirty"].money.sum() == pytest.approx(0)
    assert plan.co2_kg == pytest.approx(10)


def test_a_joint_meter_bills_the_coincident_peak() -> None:
    """Peaks of 100 in different hours: together 110, which is what the joint meter sees, beside 50 paid anyway."""
    fleet = [member("a", [100, 10]), member("b", [10, 100])]
    joint = connection("joint", tariff=tariff(None, demand=4), month_to_date_peak_kw=50)
    plan = plan_shared(fleet, read(fleet, {"kind": "demand_meter", "name": "meter", "connection": joint}), hours(2))
    assert plan.passed
    assert plan.meters["meter"].money == pytest.approx(60 * 4)
    assert plan.money == pytest.approx(220 * 0.3 + 240)
    assert price(plan, "meter").sum() == pytest.approx(4.0)


def test_the_state_of_a_joint_meter_counts() -> None:
    fleet = [member("a", [100])]
    joint = connection("joint", tariff=tariff(None, demand=4), month_to_date_peak_kw=50)
    thing = read(fleet, {"kind": "demand_meter", "name": "meter", "connection": joint})
    plan = plan_shared(fleet, thing, hours(1), state={"joint": {"month_to_date_peak_kw": 90}})
    assert plan.meters["meter"].money == pytest.approx(10 * 4)


@pytest.mark.parametrize("sold", [0.3, 0.5])
def test_nothing_is_passed_through_a_joint_meter(sold: float) -> None:
    """Where a kWh sold earns as much as one bought costs, or more, the meter still counts what the sites do."""
    fleet = [member("a", [10, 0], pv_kw=[0, 20], grid=connection(tariff=tariff(None)))]
    joint = connection("joint", tariff=tariff(0.3, sold=sold), import_kw=50, export_kw=50)
    plan = plan_shared(fleet, read(fleet, {"kind": "demand_meter", "name": "meter", "connection": joint}), hours(2))
    assert plan.passed
    series = plan.meters["meter"].solved.series
    np.testing.assert_allclose(series["import_kw"], [[10, 0]], atol=1e-6)
    np.testing.assert_allclose(series["export_kw"], [[0, 20]], atol=1e-6)
    assert plan.solution.objective == pytest.approx(10 * 0.3 - 20 * sold)
    assert plan.solution.gap < 1e-6


def test_a_meter_that_imports_and_exports_at_once_is_set_right() -> None:
    fleet = [member("a", [10, 0], pv_kw=[0, 20], grid=connection(tariff=tariff(None)))]
    joint = connection("joint", tariff=tariff(0.3, sold=0.3, demand=2), import_kw=50, export_kw=50)
    shared = read(fleet, {"kind": "demand_meter", "name": "meter", "connection": joint})

    def both(sites: Gathered, coupling: Coupling, limits: Limits | None = None) -> Solution:
        found = whole(sites, coupling, limits)
        assert isinstance(shared[0], DemandMeter)
        meter = shared[0].meter(sites.scope)
        more = np.zeros(found.y.size)
        for flow in ("import_kw", "export_kw"):
            more[meter.problem.compiled.columns(meter.problem.variable("grid_connection", flow))] += 5.0
        return replace(found, y=found.y + more)

    plan = plan_shared(fleet, shared, hours(2), method=both)
    assert plan.passed
    np.testing.assert_allclose(plan.meters["meter"].solved.series["export_kw"], [[0, 20]], atol=1e-6)
    assert plan.meters["meter"].money == pytest.approx(10 * 0.3 + 10 * 2 - 20 * 0.3)


def test_sites_behind_a_joint_meter_are_one_park() -> None:
    """Without bills of their own, sites behind a meter cost what the merged park does, battery and demand included."""
    demand = {"a": [60.0, 90, 20, 10, 40, 80], "b": [10.0, 50, 90, 30, 5, 60]}
    free, whole = connection(tariff=tariff(None)), connection("joint", tariff=tariff(0.2, sold=0.05, demand=3))
    fleet = [member(n, kw, battery_kwh=60, pv_kw=[0, 0, 50, 90, 20, 0], grid=free) for n, kw in demand.items()]
    plan = plan_shared(fleet, read(fleet, {"kind": "demand_meter", "name": "m", "connection": whole}), hours(6))
    assert plan.passed
    assets = [
        asset.model_dump() | {"name": f"{m.name}_{asset.name}"}
        for m in fleet
        for asset in m.site.assets
        if asset.kind != "grid_connection"
    ]
    raw = fleet[0].site.model_dump() | {"name": "merged", "assets": [*assets, whole]}
    site = Site.model_validate(raw)
    series = {(f"{m.name}_{a}", q): values for m in fleet for (a, q), values in m.series.items()}
    merged = solve(Problem(site, Inputs(hours(6), 1, site.known_series(hours(6)) | series)))
    assert plan.solution.objective == pytest.approx(merged.proof.objective, rel=1e-6)
    assert plan.money == pytest.approx(float(merged.money.sum()), rel=1e-6)


def test_an_award_is_followed_or_settled() -> None:
    """60 kW of sun against an award of 50: the rest is sold long; at 90 a battery is too small, and short is bought."""
    fleet = [member(n, [0], pv_kw=[30]) for n in "ab"]
    award = {"kind": "award", "name": "award", "short_price_per_kwh": 0.5, "long_price_per_kwh": 0.05}
    plan = plan_shared(fleet, read(fleet, award | {"net_export_kw": 50}), hours(1))
    assert plan.solution.objective == pytest.approx(-10 * 0.05)
    plan = plan_shared(fleet, read(fleet, award | {"net_export_kw": 90}), hours(1))
    assert plan.solution.objective == pytest.approx(30 * 0.5)
    np.testing.assert_allclose(plan.uses.short, [30.0], atol=1e-6)
    np.testing.assert_allclose(plan.uses.price, [0.5], atol=1e-6)
    with pytest.raises(DataError, match="is above short_price_per_kwh"):
        plan_shared(fleet, read(fleet, award | {"net_export_kw": 50, "long_price_per_kwh": 0.6}), hours(1))


def test_a_block_is_bid_in_whole_steps() -> None:
    """63 kW in both hours of the block at .4: six steps of ten, and three are beyond the block at its penalty."""
    fleet = [member(n, [0] * 4, pv_kw=[31.5] * 4) for n in "ab"]
    block = {
        "kind": "bid_block",
        "name": "block",
        "start": "2024-05-16T01:00+02:00",
        "end": "2024-05-16T03:00+02:00",
        "price_per_kwh": 0.4,
        "most_kw": 200,
    }
    plan = plan_shared(fleet, read(fleet, block), hours(4))
    assert plan.solution.objective == pytest.approx(-0.4 * 63 * 2)
    steps = plan_shared(fleet, read(fleet, block | {"step_kw": 10}), hours(4))
    assert steps.solution.objective == pytest.approx(-0.4 * 60 * 2)
    np.testing.assert_allclose(net(steps, "a")[1:3] + net(steps, "b")[1:3], -60, atol=1e-6)
    least = plan_shared(fleet, read(fleet, block | {"least_kw": 150}), hours(4))
    assert least.solution.objective == pytest.approx(0.0, abs=1e-9)


def test_reserve_is_held_as_far_as_it_can_be() -> None:
    """Batteries half full hold what the energy in them lasts for; the rest of 25 kW is short at its penalty."""
    product = {"kind": "reserve_product", "name": "up", "offer_kw": 100, "price_per_kwh": 0, "duration_minutes": 60}
    grid = connection(tariff=tariff(0.0))
    fleet = [member(n, [0], battery_kwh=20, more=[product], grid=grid) for n in "ab"]
    held = {"kind": "reserve_held", "name": "held", "reserve_kw": 25, "penalty_per_kwh": 3}
    plan = plan_shared(fleet, read(fleet, held), hours(1))
    assert plan.passed
    used = float(plan.uses.used[0])
    assert 0 < used < 25
    assert plan.uses.short[0] == pytest.approx(-(25 - used))
    assert plan.solution.objective == pytest.approx(3 * (25 - used))


def centre(name: str, price: float, batch: bool, **fields: object) -> dict[str, object]:
    own = {
        "kind": "data_centre",
        "name": "dc",
        "bus": "ac",
        "capacity_kw": 100,
        "overhead": [{"it_kw": 100, "overhead_kw": 20}],
        "pool": "work",
        "pool_reach": "fleet",
    }
    work = {"name": "batch", "window": {"start": "2024-05-16T00:00+02:00", "end": "2024-05-16T02:00+02:00"}}
    if batch:
        own["batches"] = [work | {"energy_kwh": 90, "max_kw": 60}]
    return own | fields


def centres(**paths: object) -> SharedPlan:
    fleet = []
    for name, price_, batch in (("dear", 0.5, True), ("mid", 0.3, False), ("cheap", 0.1, False)):
        grid = connection(tariff=tariff(price_))
        one = member(name, [0, 0], more=[centre(name, price_, batch)], grid=grid)
        fleet.append(type(one)(one.site, dict(one.series) | {("dc", "demand_kw"): np.full((1, 2), 20.0)}))
    return plan_shared(fleet, read(fleet, {"kind": "movable_work", "name": "work"} | paths), hours(2))


def test_work_is_done_where_it_is_cheapest_within_its_window() -> None:
    """90 kWh of IT work, 60 kW at the most: all of it at the cheap site, whose overhead is 20 %."""
    plan = centres()
    assert plan.passed
    leaving = plan.solution.effects[:, plan.fleet.scope.entries["work_leaving_kw"]]
    np.testing.assert_allclose(leaving.sum(axis=1), [90, 0, -90], atol=1e-6)
    base = 40 * 1.2 * (0.5 + 0.3 + 0.1)
    assert plan.money == pytest.approx(base + 90 * 1.2 * 0.1)


def test_paths_limit_and_price_what_moves() -> None:
    paths = [
        {"origin": "dear", "destination": "cheap", "most_kw": 10, "latency_ms": 20},
        {"origin": "dear", "destination": "mid", "cost_per_kwh": 0.1, "latency_ms": 5},
    ]
    plan = centres(paths=paths)
    leaving = plan.solution.effects[:, plan.fleet.scope.entries["work_leaving_kw"]].sum(axis=1)
    np.testing.assert_allclose(leaving, [90, -70, -20], atol=1e-6)
    near = centres(paths=paths, latency_max_ms=10)
    leaving = near.solution.effects[:, near.fleet.scope.entries["work_leaving_kw"]].sum(axis=1)
    np.testing.assert_allclose(leaving, [90, -90, 0], atol=1e-6)
