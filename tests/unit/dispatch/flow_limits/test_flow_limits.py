"""Limits on the carbon that reaches a meter, on cases done by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs, Mode
from dispatch.audit import audit
from dispatch.carbon.marginal_ledger import rates_around
from dispatch.emissions.flow_limits import FlowRow
from dispatch.errors import ConfigError, ContractError, DataError
from dispatch.flow_limits import counts, hold_flow_limits, inside
from dispatch.flow_limits.linearised import giving, levers, linearised
from dispatch.flow_limits.proof import FlowProof, rewritten
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff, unit


def limit(meter: str = "load", **fields: Any) -> dict[str, Any]:
    return {"meter": meter} | fields


def two_sources(*wishes: dict[str, Any]) -> Site:
    """Import at .1 per kWh and .7 kg; a unit at .2 and .2 kg."""
    pcc = grid(tariff=tariff(0.1), carbon_intensity_kg_per_kwh=0.7)
    return park(load(), pcc, unit(cost_per_kwh=0.2, co2_kg_per_kwh=0.2), wishes=list(wishes))


def held(site: Site, inputs: Inputs, mode: Mode | None = None) -> tuple[Schedule, Schedule, FlowProof]:
    """The plan without its limits, the one with them, and the proof."""
    problem = Problem(site, inputs, mode)
    first = solve(problem)
    schedule, proof = hold_flow_limits(site, problem, first, solve)
    assert proof is not None
    assert audit(schedule).passed
    return first, rewritten(schedule, proof.limits), proof


def demand(site: Site, kw: Any, steps: int = 3, **named: Any) -> Inputs:
    return given(site, hours(steps), {("load", "demand_kw"): kw}, **named)


@pytest.mark.parametrize(("over", "passed"), [("horizon", 1), ("day", 1), ("hour", 3)])
def test_a_limit_takes_as_much_of_the_cleaner_source_as_it_needs(over: str, passed: int) -> None:
    """.7 a + .2 b = .3 (a + b): four fifths of the unit."""
    site = two_sources(limit(kg_per_kwh_max=0.3, over=over))
    first, schedule, proof = held(site, demand(site, 50.0))
    assert first.asset("unit", "power_kw").max() == 0
    assert schedule.money == pytest.approx([150 * 0.1 + 120 * 0.1])
    assert schedule.asset("unit", "power_kw").sum() == pytest.approx(120.0)
    if over == "hour":
        assert schedule.asset("unit", "power_kw") == pytest.approx(np.full(3, 40.0))
    assert schedule.penalty == pytest.approx([0.0], abs=1e-6)
    assert proof.passed_before == passed
    (sentence, kept), *_ = proof.told()
    assert kept
    assert f"carbon at load of at most 0.3 kg/kWh per {over}: kept, at most 0.3 kg/kWh" in sentence


def test_how_far_an_impossible_limit_can_be_kept_needs_no_proved_plans() -> None:
    """Where rows are dear it may pay to burn energy: a proof of that optimum takes hours, and nobody asked for it."""
    site = two_sources(limit(kg_per_kwh_max=0.1))
    problem = Problem(site, demand(site, 50.0))
    roughly: list[float] = []
    told: list[str] = []

    def rough(asked: Problem) -> Schedule:
        found = solve(asked)
        roughly.append(found.proof.objective)
        return found

    proved = solve(problem)
    _, proof = hold_flow_limits(site, problem, proved, solve, told.append, rough=rough)
    assert proof is not None
    assert proof.limits[0].reached is not None
    assert roughly
    assert "plan 1 of" in told[0]
    assert "at all" in told[-1]


def test_a_limit_on_the_amount() -> None:
    site = two_sources(limit(kg_max=60.0))
    _, schedule, proof = held(site, demand(site, 50.0))
    assert schedule.asset("unit", "power_kw").sum() == pytest.approx(90.0)  # .7 (150 − b) + .2 b = 60
    assert proof.limits[0].counted.carbon_kg == pytest.approx(np.array([[60.0]]))


def test_a_limit_that_does_not_bind_costs_one_tracing() -> None:
    site = two_sources(limit(kg_per_kwh_max=0.8))
    first, schedule, proof = held(site, demand(site, 50.0))
    assert proof.rounds == 1
    assert schedule.money == first.money
    assert proof.limits[0].gap_kg == 0


def test_a_park_without_limits_has_no_proof() -> None:
    site = two_sources()
    problem = Problem(site, demand(site, 50.0))
    schedule = solve(problem)
    assert hold_flow_limits(site, problem, schedule, solve) == (schedule, None)


def test_a_limit_out_of_reach_is_passed_by_as_little_as_can_be_and_says_what_can_be_reached() -> None:
    """The unit gives 100 kW at most: of 150 kW a third is bought, (100 · .2 + 50 · .7) / 150 = .3667 kg/kWh."""
    site = two_sources(limit(kg_per_kwh_max=0.3))
    _, schedule, proof = held(site, demand(site, 150.0))
    over = (55 - 45) * 3
    assert schedule.wish_over_kg["carbon at load of at most 0.3 kg/kWh per horizon"] == pytest.approx(
        np.array([[over]])
    )
    assert schedule.penalty == pytest.approx([10.0 * over])
    (sentence, kept), *_ = proof.told()
    assert not kept
    assert "over by 30 kg, most with 0.3667 kg/kWh" in sentence
    assert "the least that a plan comes to without leaving more undone: 0.3667 kg/kWh" in sentence


def test_a_limit_that_nothing_moves_leaves_the_rows_of_its_plan_behind() -> None:
    """All is imported at .7: a kWh more emits .7 kg and a kg over costs its 10, whatever was tried with dear rows."""
    pcc = grid(tariff=tariff(0.1), carbon_intensity_kg_per_kwh=0.7, export_kw=100)
    site = park(load(), pcc, wishes=[limit(kg_per_kwh_max=0.4)])
    problem = Problem(site, demand(site, 50.0))
    first = solve(problem)
    schedule, proof = hold_flow_limits(site, problem, first, solve)
    assert proof is not None
    assert proof.limits[0].reached is not None
    assert schedule.proof.objective == pytest.approx(15 + 10 * 0.3 * 150)
    assert solve(problem).proof.objective == pytest.approx(schedule.proof.objective)
    np.testing.assert_allclose(rates_around(problem, schedule).kg_per_kwh[0, 0], 0.7)


def test_a_penalty_that_is_too_low_is_paid_and_said() -> None:
    """A kg less costs .1 / .5."""
    site = two_sources(limit(kg_per_kwh_max=0.3, penalty_per_kg=0.1))
    _, schedule, proof = held(site, demand(site, 50.0))
    assert schedule.asset("unit", "power_kw").max() == pytest.approx(0.0, abs=1e-6)
    assert schedule.penalty == pytest.approx([0.1 * 60])
    (sentence, kept), *_ = proof.told()
    assert not kept
    assert "it can be kept, but that costs more than its penalty of 0.1 per kg" in sentence


PRICES = (0.05, 0.05, 0.1, 0.1, 0.1, 0.4, 0.4)
INTENSITIES = (0.9, 0.9, 0.3, 0.1, 0.1, 0.6, 0.6, 0.5)


def by_the_hour(prices: Sequence[float]) -> dict[str, Any]:
    made = [
        {"name": f"h{k}", "basis": "energy", "price_per_kwh": p, "calendar": {"hours": [f"{k:02d}:00-{k + 1:02d}:00"]}}
        for k, p in enumerate(prices)
    ]
    made.append({"name": "rest", "basis": "energy", "price_per_kwh": 0.1, "calendar": {"hours": ["07:00-24:00"]}})
    return {"name": "t", "currency": "EUR", "components": [one | {"source": "test"} for one in made]}


def arbitrage(most: float) -> tuple[Site, Inputs]:
    """Cheap dirty night, clean noon, dear evening with most of the load; an empty battery."""
    site = park(
        load(),
        battery(start_fill=0.0),
        grid(tariff=by_the_hour(PRICES)),
        wishes=[limit(kg_per_kwh_max=most)],
    )
    inputs = demand(site, [0, 0, 0, 20, 20, 50, 50, 0], 8)
    series = dict(inputs.series) | {("pcc", "carbon_intensity_kg_per_kwh"): np.array([INTENSITIES])}
    return site, replace(inputs, series=series)


def test_a_store_is_charged_when_it_is_clean_as_far_as_the_limit_asks() -> None:
    site, inputs = arbitrage(0.2)
    first, schedule, proof = held(site, inputs)
    assert first.asset("battery", "charge_kw")[:2] == pytest.approx([50.0, 50.0])
    assert schedule.asset("battery", "charge_kw")[3:5].sum() > 90
    assert proof.limits[0].counted.carbon_kg[0, 0] == pytest.approx(0.2 * 140, rel=1e-6)
    assert schedule.penalty == pytest.approx([0.0], abs=1e-3)
    assert schedule.money[0] > first.money[0]


def test_with_a_store_the_least_that_can_be_reached_is_found() -> None:
    """Noon's 40 kWh and all that the battery can hold of hours 3 and 4, then of 2; the evening's rest is bought."""
    site, inputs = arbitrage(0.1)
    _, schedule, proof = held(site, inputs)
    gain = float(site.assets[1].charge_efficiency)  # type: ignore[attr-defined]
    content = 100.0
    third = (content - 100 * gain) / gain
    bought = 100 - content * float(site.assets[1].discharge_efficiency)  # type: ignore[attr-defined]
    least = 40 * 0.1 + 100 * 0.1 + third * 0.3 + bought * 0.6
    assert schedule.asset("battery", "charge_kw")[2:5] == pytest.approx([third, 50.0, 50.0], abs=1e-4)
    assert proof.limits[0].counted.carbon_kg[0, 0] == pytest.approx(least, rel=1e-5)
    reached = proof.limits[0].reached
    assert reached is not None
    assert reached.carbon_kg[0, 0] == pytest.approx(least, rel=1e-5)


def sold_beside() -> tuple[Site, Inputs]:
    """A cheap dirty unit sells beside the load, a dear clean one could; what is sold has the mix of the bus, too."""
    dirty = unit("dirty", cost_per_kwh=0.05, co2_kg_per_kwh=0.9, max_kw=100)
    clean = unit("clean", cost_per_kwh=0.2, co2_kg_per_kwh=0.0, max_kw=60)
    pcc = grid(tariff=tariff(0.5, feed_in=0.18), import_kw=10.0, export_kw=200.0)
    site = park(load(), dirty, clean, pcc, wishes=[limit(kg_per_kwh_max=0.3)])
    return site, demand(site, 50.0, 1)


def test_rows_around_the_first_plan_are_wrong_and_the_loop_mends_them() -> None:
    site, inputs = sold_beside()
    problem = Problem(site, inputs)
    first = solve(problem)
    row = linearised(site, first, site.wishes, giving(problem), inside(site, first))  # type: ignore[arg-type]
    text = next(iter(row))
    counted = counts(site, first, site.wishes[0], inside(site, first))  # type: ignore[arg-type]
    problem.update(flows={text: row[text].through(levers(first), counted.over_kg)})
    second = solve(problem)
    said, came = second.wish_over_kg[text], counts(site, second, site.wishes[0], inside(site, second)).over_kg  # type: ignore[arg-type]
    assert abs(said[0, 0] - max(came[0, 0], 0.0)) > 1.0, "the first row is exact after all: this case tests nothing"
    _, schedule, proof = held(site, inputs)
    # .9 d = .3 (d + c): the clean unit at its 60 kW allows 30 kW of the dirty one; the sale of 40 earns.
    assert schedule.asset("clean", "power_kw") == pytest.approx([60.0], abs=1e-4)
    assert schedule.asset("dirty", "power_kw") == pytest.approx([30.0], abs=1e-4)
    assert proof.rounds > 2
    assert proof.limits[0].gap_kg < 1e-3


def test_every_scenario_keeps_the_limit() -> None:
    site = two_sources(limit(kg_per_kwh_max=0.3))
    inputs = demand(site, np.array([[50.0] * 3, [80.0] * 3]), scenarios=2)
    _, schedule, proof = held(site, inputs)
    counted = proof.limits[0].counted
    assert counted.carbon_kg == pytest.approx(np.array([[45.0], [72.0]]))
    assert schedule.wish_over_kg["carbon at load of at most 0.3 kg/kWh per horizon"] == pytest.approx(
        np.zeros((2, 1)), abs=1e-4
    )


def test_heat_of_a_boiler_and_a_pump_is_limited_through_three_carriers() -> None:
    """The pump's heat has the grid's carbon over its COP, the boiler's what its fuel emits."""
    gas = {
        "kind": "fuel_supply", "name": "gas", "bus": "gas", "max_kw": 1e3, "price_per_kwh": 0.02, "co2_kg_per_kwh": 0.3,
    }  # fmt: skip
    boiler = {
        "kind": "gas_boiler",
        "name": "boiler",
        "fuel_bus": "gas",
        "heat_bus": "heat",
        "heat_kw": 100,
        "efficiency": 1.0,
    }
    pump = {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "heat", "electric_kw": 50}
    pcc = grid(tariff=tariff(0.3), carbon_intensity_kg_per_kwh=0.6)
    buses = [{"name": "main"}, {"name": "heat", "carrier": "heat"}, {"name": "gas", "carrier": "gas"}]
    need = load("need", bus="heat")
    site = park(need, gas, boiler, pump, pcc, buses=buses, wishes=[limit("need", kg_per_kwh_max=0.25)])
    inputs = given(site, hours(2), {("need", "demand_kw"): 60.0})
    first, schedule, proof = held(site, inputs)
    cop = site.assets[3].per_input(inputs.horizon)["heat"][0]  # type: ignore[attr-defined]
    fired = 120 * (0.25 - 0.6 / cop) / (0.3 - 0.6 / cop)
    assert first.asset("boiler", "fuel_kw").sum() == pytest.approx(120.0)
    assert schedule.asset("boiler", "fuel_kw").sum() == pytest.approx(fired, abs=1e-3)
    assert proof.limits[0].counted.carbon_kg == pytest.approx(np.array([[30.0]]))


def test_the_same_data_in_a_twin() -> None:
    site = two_sources(limit(kg_per_kwh_max=0.3))
    problem = Problem(site, demand(site, 50.0))
    schedule, proof = hold_flow_limits(site, problem, solve(problem), solve)
    assert proof is not None
    assert solve(problem.twin()).money == pytest.approx(schedule.money)
    with pytest.raises(ContractError, match="is no flow limit"):
        problem.update(flows={"another": FlowRow({}, np.zeros((1, 1)))})


def test_rows_come_back_as_they_were_given() -> None:
    """Of two scenarios and two windows, so that none can stand in another's place."""
    site = two_sources(limit(kg_per_kwh_max=0.3, over="hour"))
    problem = Problem(site, demand(site, np.array([[50.0] * 2, [80.0] * 2]), steps=2, scenarios=2))
    (text,) = problem.total.carbon.flow_limits.given
    rng, empty = np.random.default_rng(0), problem.total.carbon.flow_limits.given[text]
    made = FlowRow(
        {lever: rng.normal(size=slope.shape) for lever, slope in empty.slope.items()},
        rng.normal(size=empty.constant_kg.shape),
    )
    assert not any(slope.any() for slope in empty.slope.values())
    problem.update(flows={text: made})
    found = problem.total.carbon.flow_limits.given[text]
    np.testing.assert_array_equal(found.constant_kg, made.constant_kg)
    assert found.slope.keys() == made.slope.keys()
    for lever, slope in made.slope.items():
        np.testing.assert_array_equal(found.slope[lever], slope)


def test_what_is_wrong_with_a_limit_is_said() -> None:
    for wrong in ({}, {"kg_max": 1.0, "kg_per_kwh_max": 1.0}):
        with pytest.raises(ValueError, match="give either kg_per_kwh_max or kg_max"):
            two_sources(limit(**wrong))
    site = two_sources(limit("nobody", kg_max=1.0))
    with pytest.raises(DataError, match="no meter is called so; accepted: load"):
        held(site, demand(site, 50.0))
    site = park(load(), battery(), grid(), wishes=[limit("battery", kg_max=1.0)])
    with pytest.raises(DataError, match="no meter is called so; accepted: load"):
        held(site, demand(site, 50.0))


def test_a_file_that_names_no_meter_is_refused_with_its_place(tmp_path: Any) -> None:
    from dispatch.config.park import load_site

    text = """
name: works
time_zone: UTC
currency: EUR
buses: [{name: main}]
assets:
  - {kind: load, name: hall, bus: main}
  - {kind: pv, name: roof, bus: main, peak_kw: 10, tilt_deg: 20, azimuth_deg: 180}
  - {kind: battery, name: store, bus: main, energy_kwh: 10, charge_kw: 5, discharge_kw: 5}
  - {kind: grid_connection, name: pcc, bus: main, import_kw: 10, carbon_intensity_kg_per_kwh: 0.5,
     tariff: {name: t, currency: EUR, components: [{name: e, basis: energy, price_per_kwh: 0.2, source: test}]}}
wishes:
  - {meter: hal, kg_max: 3}
  - {meter: store, kg_max: 3}
  - {meter: roof, kg_max: 3}
  - {meter: hall, kg_max: 3, kg_per_kwh_max: 1}
"""
    file = tmp_path / "works.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as found:
        load_site(str(file))
    said = {p.path: str(p) for p in found.value.problems}
    assert "hall" in said["wishes[0].meter"]
    assert "what it takes it gives back" in said["wishes[1].meter"]
    assert "'roof' is a pv: it takes no power. Accepted: one of hall, pcc" in said["wishes[2].meter"]
    assert said["wishes[3]"].endswith("give either kg_per_kwh_max or kg_max."), "fields are not listed once more"


def test_a_replay_says_that_it_does_not_hold_limits_on_traced_carbon() -> None:
    from dispatch.cli.replaying import not_held

    (text,) = not_held(two_sources(limit(kg_max=60.0)))
    assert text == "not held in a replay, only by 'parkwatt plan': carbon at load of at most 60 kg per horizon"
    assert not list(not_held(two_sources()))
