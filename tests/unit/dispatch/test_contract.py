"""The contract that every later part stands on: shared commitment, months, templates, network limits as data."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.errors import ContractError
from dispatch.problem import NetworkLimits, Problem
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff, unit


def test_one_commitment_is_shared_by_ten_scenarios_while_output_is_not():
    site = park(load(), grid(import_kw=40), unit(min_kw=30, max_kw=100, start_cost=5, min_up_h=3))
    horizon = hours(8)
    demand = 60 + 20 * np.random.default_rng(0).random((10, 8))
    problem = Problem(
        site, given(site, horizon, {("load", "demand_kw"): demand}, scenarios=10), Mode("exact", shared=True)
    )
    schedule = solve(problem)
    units = schedule.kinds["thermal"]
    on = units.series["on"]
    assert on.shape == (10, 8)
    assert (on == on[0]).all(), "here-and-now: the same in every scenario"
    assert np.ptp(units.series["power_kw"], axis=0).max() > 1, "recourse: output follows the scenario"
    assert units.series["committed"].shape == (1, 8)
    assert audit(schedule).passed


def test_commitment_that_is_not_shared_may_differ():
    site = park(load(), grid(import_kw=40), unit(min_kw=30, max_kw=100, start_cost=0.1))
    demand = np.vstack([np.full(4, 30.0), np.full(4, 90.0)])
    inputs = given(site, hours(4), {("load", "demand_kw"): demand}, scenarios=2)
    apart = solve(Problem(site, inputs, Mode("exact", shared=False))).kinds["thermal"].series["on"]
    assert apart[1].all()
    # Running at minimum output is dearer than importing 30 kW only because of the start.
    assert solve(Problem(site, inputs, Mode("exact", shared=True))).kinds["thermal"].series["on"].shape == (2, 4)


def test_given_commitment_is_followed():
    site = park(load(), grid(), unit(min_kw=10))
    inputs = given(
        site, hours(4), {("load", "demand_kw"): 50.0 * np.ones(4), ("unit", "commitment"): np.array([0, 1, 1, 0])}
    )
    schedule = solve(Problem(site, inputs, Mode("given")))
    assert schedule.asset("unit", "on") == pytest.approx([0, 1, 1, 0])


def test_a_demand_charge_counts_each_month_by_itself_and_carries_a_peak_into_the_first_only():
    connection = grid(tariff=tariff(0.1, demand=10.0), month_to_date_peak_kw=80)
    site = park(load(), connection)
    horizon = hours(48, "2024-03-31T00:00")  # one day in March, one in April
    demand = np.where(np.arange(48) < 24, 100.0, 60.0)
    schedule = solve(Problem(site, given(site, horizon, {("load", "demand_kw"): demand})))
    charged = schedule.kinds["grid_connection"].cost_period[0]
    assert charged == pytest.approx([10 * (100 - 80), 10 * 60])
    assert schedule.money[0] == pytest.approx(0.1 * demand.sum() + 200 + 600)
    assert audit(schedule).passed


def test_the_problem_of_one_month_is_solved_again_across_the_end_of_the_month():
    site = park(load(), grid(tariff=tariff(0.1, demand=10.0)))
    series = {("load", "demand_kw"): np.full(24, 50.0)}
    inside, across = hours(24, "2024-03-15T00:00"), hours(24, "2024-03-31T12:00")
    problem = Problem(site, given(site, inside, series))
    assert solve(problem).money[0] == pytest.approx(24 * 50 * 0.1 + 500)
    problem.update(given(site, across, series))
    assert solve(problem).money[0] == pytest.approx(24 * 50 * 0.1 + 2 * 500), (
        "two months, two peaks, no new compilation"
    )


def test_a_hundred_differing_sites_share_one_compiled_problem():
    random = np.random.default_rng(1)
    horizon = hours(24)
    shape = 50 + 40 * np.sin(np.arange(24) / 24 * 2 * np.pi)

    def site_of(k: int):
        r = np.random.default_rng(k)
        store = battery(
            energy_kwh=r.uniform(50, 200),
            charge_kw=r.uniform(20, 60),
            discharge_kw=r.uniform(20, 60),
            charge_efficiency=r.uniform(0.85, 0.99),
            wear_cost_per_kwh=r.uniform(0, 0.02),
            start_fill=r.uniform(0.2, 0.8),
        )
        engine = unit(min_kw=r.uniform(5, 20), max_kw=r.uniform(40, 90), cost_per_kwh=r.uniform(0.1, 0.3), min_up_h=2)
        return park(load(), grid(import_kw=r.uniform(120, 200)), store, engine, name=f"site_{k}")

    sites = [site_of(k) for k in range(100)]
    inputs = [given(s, horizon, {("load", "demand_kw"): shape * random.uniform(0.5, 1.5)}) for s in sites]
    problem = Problem(sites[0], inputs[0], Mode("convex"), template=True)
    compiled = problem.compiled
    began = time.perf_counter()
    together = []
    for site, data in zip(sites, inputs, strict=True):
        problem.update(data, site=site)
        together.append(solve(problem).proof.bound)
    assert problem.compiled is compiled
    shared_s = time.perf_counter() - began
    began = time.perf_counter()
    alone = [solve(Problem(sites[k], inputs[k], Mode("convex"))).proof.bound for k in (0, 37, 99)]
    alone_s = (time.perf_counter() - began) / 3
    assert [together[k] for k in (0, 37, 99)] == pytest.approx(alone, rel=1e-7)
    assert len(set(np.round(together, 6))) == 100
    assert shared_s / 100 < alone_s, "re-solving must be cheaper than building"


def test_a_template_refuses_a_site_of_another_structure_and_a_single_problem_refuses_any():
    horizon = hours(3)
    one, two = park(load(), grid()), park(load(), grid(), battery(), name="two")
    data = given(one, horizon, {("load", "demand_kw"): 1.0 * np.ones(3)})
    with pytest.raises(ContractError, match="structure differs"):
        Problem(one, data, template=True).update(site=two)
    with pytest.raises(ContractError, match="no template"):
        Problem(one, data).update(site=park(load(), grid(), name="other"))
    slow, fast = (park(load(), grid(), unit(min_up_h=h), name=f"up_{h}") for h in (3, 1))
    built = given(slow, horizon, {("load", "demand_kw"): 1.0 * np.ones(3)})
    with pytest.raises(ContractError, match="structure differs"):
        Problem(slow, built, template=True).update(site=fast)


def test_network_limits_arrive_as_data_and_bind():
    site = park(
        load(),
        grid(export_kw=500, tariff=tariff(0.2, feed_in=0.1)),
        {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 400},
        grid={"network": "test", "bus_of": {"main": "node"}},
    )
    inputs = given(
        site, hours(4), {("load", "demand_kw"): 50.0 * np.ones(4), ("pv", "available_kw"): 300.0 * np.ones(4)}
    )
    problem = Problem(site, inputs, network_slots=2)
    compiled = problem.compiled
    free = solve(problem)
    assert free.asset("pcc", "export_kw") == pytest.approx([250] * 4)
    limits = NetworkLimits.none(2, 1, 4)
    limits.coefficient[1, 0, 2], limits.bound_kw[1, 2] = 1.0, 120.0
    problem.update(limits=limits)
    held = solve(problem)
    assert held.injection_kw(("main",))[0] == pytest.approx([250, 250, 120, 250])
    assert held.asset("pv", "curtailed_kw") == pytest.approx([0, 0, 130, 0])
    assert problem.compiled is compiled
    assert held.limit_excess_kw.max() == pytest.approx(0)
    limits.bound_kw[
        1, 2
    ] = -80.0  # 50 kW of load is all there is to take: 30 kW of excess remain, priced, not infeasible
    problem.update(limits=limits)
    assert solve(problem).limit_excess_kw[0, 2] == pytest.approx(30, abs=1e-6)


def test_local_price_is_what_one_more_kwh_costs():
    site = park(load(), grid(tariff=tariff(0.2)), objective={"carbon_price_per_t": 100})
    dirty = site.model_copy(
        update={"assets": (site.assets[0], site.assets[1].model_copy(update={"carbon_intensity_kg_per_kwh": 0.5}))}
    )
    for step_h in (1.0, 0.25):
        schedule = solve(
            Problem(dirty, given(dirty, hours(4, step_h=step_h), {("load", "demand_kw"): 7.0 * np.ones(4)}))
        )
        assert schedule.price_per_kwh is not None
        assert schedule.price_per_kwh[0, 0] == pytest.approx(0.2 + 0.5 * 0.1)


def test_what_scenarios_fear_changes_what_is_published():
    """Electric stores are here-and-now: a scenario with a dear last hour keeps energy for it on every path."""
    site = park(load(), grid(), battery(start_fill=0.5, end_fill_min=0.0, charge_kw=1e-3))
    price = np.array([[0.2, 0.3, 0.1], [0.2, 0.3, 9.0]])
    series = {("load", "demand_kw"): 60.0 * np.ones(3), ("pcc", "import_price_per_kwh"): price}
    central = solve(Problem(site, given(site, hours(3), {key: np.atleast_2d(v)[:1] for key, v in series.items()})))
    both = solve(Problem(site, given(site, hours(3), series, scenarios=2)))
    assert central.asset("battery", "discharge_kw")[1] == pytest.approx(50 * 0.9193, rel=1e-3)
    assert both.asset("battery", "discharge_kw", 0) == pytest.approx(both.asset("battery", "discharge_kw", 1))
    assert both.asset("battery", "discharge_kw")[2] == pytest.approx(50 * 0.9193, rel=1e-3)
    assert audit(both).passed is False, "the bill is read from the tariff, and these prices were put in beside it"


def price_and_difference(
    site: Site, series: dict[tuple[str, str], Any], scenarios: int, **update: Any
) -> tuple[Any, Any]:
    """The local price at ``main`` in step 1 by scenario, and what 1 kW more there adds to each scenario's own cost."""

    def solved(more: float) -> Any:
        demand = np.atleast_2d(series["load", "demand_kw"]) * np.ones((scenarios, 1))
        demand[:, 1] += more
        inputs = given(site, hours(3), series | {("load", "demand_kw"): demand}, scenarios=scenarios)
        problem = Problem(site, inputs, network_slots=1 if update else 0)
        problem.update(**update)
        return solve(problem)

    base, more = solved(0.0), solved(0.01)
    cost = (more.money + more.penalty - base.money - base.penalty) / 0.01
    return base.price_per_kwh[:, 0, 1], cost


def test_local_price_where_a_network_limit_binds():
    pv = {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 1000}
    connection = grid(tariff=tariff(0.3, feed_in=0.05), export_kw=1000)
    site = park(load(), pv, connection, grid={"network": "test", "bus_of": {"main": "node"}})
    series = {("load", "demand_kw"): 50.0 * np.ones(3), ("pv", "available_kw"): 500.0}
    limits = NetworkLimits(np.ones((1, 1, 3)), np.full((1, 3), 100.0))
    price, cost = price_and_difference(site, series, 1, limits=limits)
    assert price == pytest.approx(cost, abs=1e-6)
    assert price == pytest.approx(0.0, abs=1e-6), "one more kWh is met by what is curtailed"


def test_local_price_of_every_scenario_under_cvar():
    site = park(load(), grid(tariff=tariff(0.1)), objective={"cvar_weight": 0.5, "cvar_level": 0.5})
    demand = np.array([[10.0, 10, 10], [20, 20, 20], [40, 40, 40]])
    price, cost = price_and_difference(site, {("load", "demand_kw"): demand}, 3)
    assert price == pytest.approx(cost, rel=1e-5)
    assert price == pytest.approx(0.1)
