"""Converters: losses by hand, both directions, and the relaxations where they are tight and where they are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.config.references import reference_problems
from dispatch.ladder.fallback import safe_state
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff
from tests.unit.dispatch.assets.templates import hourly_tariff

BUSES = [{"name": "main"}, {"name": "dc", "current": "dc"}]
PV = {"kind": "pv", "name": "pv", "bus": "dc", "peak_kw": 200}


def link(**fields: Any) -> dict[str, Any]:
    base = {"kind": "converter", "name": "link", "bus": "main", "dc_bus": "dc", "rated_kw": 100.0}
    return base | {"loss_per_kw": 0.01, "loss_per_kw2": 4e-4, "segments": 4} | fields


def built(
    *others: dict[str, Any], dc_kw: Any = 0.0, sun_kw: Any = None, steps: int = 1, pcc: Any = None, **fields: Any
) -> Problem:
    series: dict[tuple[str, str], Any] = {("lamps", "demand_kw"): dc_kw}
    plant = [PV] if sun_kw is not None else []
    series |= {("pv", "available_kw"): sun_kw} if plant else {}
    site = park(link(**fields), load("lamps", bus="dc"), *plant, *others, pcc or grid(tariff=tariff(0.2)), buses=BUSES)
    return Problem(site, given(site, hours(steps), series))


def planned(problem: Problem) -> Schedule:
    plan = solve(problem)
    assert audit(plan).violations == ()
    return plan


@pytest.mark.parametrize(("drawn", "loss"), [(25.0, 0.5), (50.0, 1.5), (100.0, 5.0), (75.0, 3.0)])
def test_losses_are_those_of_the_parabola_at_the_ends_of_its_pieces(drawn: float, loss: float) -> None:
    # b p + a p²: 25 → .25 + .25, 50 → .5 + 1, 75 → .75 + 2.25, 100 → 1 + 4.
    problem = built(dc_kw=drawn - loss)
    for schedule in (planned(problem), rule_based(problem)):
        assert schedule.asset("link", "to_dc_kw") == pytest.approx([drawn])
        assert schedule.asset("link", "to_dc_loss_kw") == pytest.approx([loss])
        assert schedule.money[0] == pytest.approx(0.2 * drawn)
        assert audit(schedule).violations == ()


def test_without_losses_what_goes_in_comes_out() -> None:
    plan = planned(built(dc_kw=70.0, loss_per_kw=0.0, loss_per_kw2=0.0, segments=1))
    assert plan.asset("link", "to_dc_kw") == pytest.approx([70])


def test_two_in_parallel_share_the_power_and_lose_less() -> None:
    # Each draws 50: 2 · 1.5.
    plan = planned(built(dc_kw=97.0, count=2))
    assert plan.asset("link", "to_dc_kw") == pytest.approx([100])
    assert plan.asset("link", "to_dc_loss_kw") == pytest.approx([3])


def test_surplus_of_the_dc_side_is_sold_at_a_loss() -> None:
    problem = built(sun_kw=60.0, dc_kw=10.0, pcc=grid(export_kw=100, tariff=tariff(0.2, feed_in=0.1)))
    for schedule in (planned(problem), rule_based(problem)):
        assert schedule.asset("link", "to_ac_kw") == pytest.approx([50])
        assert schedule.asset("pcc", "export_kw") == pytest.approx([48.5])
        assert audit(schedule).violations == ()


def test_beyond_its_rating_load_is_shed() -> None:
    problem = built(dc_kw=200.0)
    for schedule in (planned(problem), rule_based(problem)):
        assert schedule.asset("lamps", "shed_kw") == pytest.approx([105])
        assert audit(schedule).violations == ()


def test_off_costs_nothing_and_on_has_a_standing_loss() -> None:
    problem = built(sun_kw=np.array([0.0, 20.0]), dc_kw=20.0, steps=2, no_load_kw=2.0)
    plan = planned(problem)
    assert plan.asset("link", "on") == pytest.approx([1, 0])
    # On the first piece, of slope .02, 20 / .98 are drawn; 2 kW stand.
    assert plan.money[0] == pytest.approx(0.2 * (20 / 0.98 + 2))
    assert problem.compiled.matrices().integer.sum() == 2
    assert not built(dc_kw=1.0).compiled.matrices().integer.any(), "without a standing loss it is linear"
    small = planned(
        built(sun_kw=1.0, dc_kw=1.2, no_load_kw=2.0, pcc=grid(export_kw=10, tariff=tariff(0.2, feed_in=0.19)))
    )
    assert small.asset("link", "on") == pytest.approx([1])


def test_where_energy_has_a_price_the_relaxation_is_tight() -> None:
    store = battery(bus="dc", energy_kwh=100, charge_kw=50, discharge_kw=50, start_fill=0)
    prices = [0.1, 0.1, 0.4, 0.4]
    pcc = grid(export_kw=100, tariff=hourly_tariff(prices))
    plan = planned(built(store, dc_kw=[20.0, 10, 30, 20], steps=4, pcc=pcc))
    assert plan.proof.rounds == 1
    assert plan.proof.nodes <= 1


def test_where_energy_is_worth_less_than_nothing_the_branch_catches_an_overstated_loss() -> None:
    problem = built(dc_kw=30.0, pcc=grid(tariff=tariff(-0.2)))
    plan = planned(problem)
    assert plan.proof.rounds > 1, "the relaxation burns energy in the dearest piece"
    # 30 = p − loss(p) on the second piece: loss = .5 + .04 (p − 25).
    assert plan.asset("link", "to_dc_kw") == pytest.approx([(30 + 0.5 - 1.0) / 0.96])
    assert plan.asset("link", "to_ac_kw") == pytest.approx([0])


def test_where_surplus_is_curtailed_a_loss_is_that_of_its_power_all_the_same() -> None:
    lamps = load("works", bus="main")
    site = park(link(), load("lamps", bus="dc"), PV, lamps, grid(tariff=tariff(0.2)), buses=BUSES)
    series = {
        ("lamps", "demand_kw"): 5.0,
        ("works", "demand_kw"): np.array([40.0, 20.0]),
        ("pv", "available_kw"): 200.0,
    }
    plan = planned(Problem(site, given(site, hours(2), series)))
    assert plan.money[0] == pytest.approx(0)
    drawn = plan.asset("link", "to_ac_kw")
    assert drawn - plan.asset("link", "to_ac_loss_kw") == pytest.approx([40, 20])
    assert drawn == pytest.approx([(40 - 0.5) / 0.96, 20 / 0.98])


def test_power_goes_one_way_at_a_time() -> None:
    store = battery(bus="dc", energy_kwh=100, charge_kw=50, discharge_kw=50, start_fill=0.5)
    plan = planned(built(store, dc_kw=5.0, steps=3, pcc=grid(import_kw=200, export_kw=200, tariff=tariff(-0.1))))
    both = np.minimum(plan.asset("link", "to_dc_kw"), plan.asset("link", "to_ac_kw"))
    assert both.max() < 1e-3


def test_the_rules_draw_no_more_than_the_connection_gives() -> None:
    schedule = rule_based(built(dc_kw=50.0, pcc=grid(import_kw=20)))
    assert audit(schedule).violations == ()
    assert schedule.asset("pcc", "import_kw")[0] == pytest.approx(20, abs=0.05)
    assert audit(safe_state(built(dc_kw=50.0))).violations == ()


def test_a_curve_that_loses_all_it_draws_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"another kW would lose 1\.01 kW"):
        park(link(loss_per_kw2=5e-3))


def test_it_joins_an_ac_and_a_dc_bus() -> None:
    raw: dict[str, Any] = {"buses": [*BUSES, {"name": "far"}], "assets": [link(dc_bus="far")]}
    (problem,) = reference_problems(raw)
    assert (problem.path, problem.message) == ("assets[0].dc_bus", "bus 'far' is ac")
    assert "a bus with current: dc: dc" in problem.accepted
    raw["assets"] = [link(bus="dc", dc_bus="main")]
    assert [p.path for p in reference_problems(raw)] == ["assets[0].bus", "assets[0].dc_bus"]
    raw["assets"] = [link()]
    assert list(reference_problems(raw)) == []
