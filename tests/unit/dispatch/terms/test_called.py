"""Reserve that the grid calls goes over the connections: what they have no room for is not sold, and the audit sees it.

A load of 60 kW; an engine from 20 to 100 kW makes a kWh for .1, the grid sells it for .2 and pays nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.explain import Priced
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park, tariff, unit

ENGINE = unit(min_kw=20, max_kw=100, cost_per_kwh=0.1, on_before_h=5, power_before_kw=50)
DEAR, CHEAP = 0.5, 0.05  # for a kW held for an hour; a kW made and not imported spares .1


def product(**fields: Any) -> dict[str, Any]:
    base = {"kind": "reserve_product", "name": "frr", "offer_kw": 30, "price_per_kwh": DEAR, "block_hours": 4}
    return base | {"penalty_per_kwh": 2.0} | fields


def problem(*assets: dict[str, Any], load_kw: Any = 60.0, scenarios: int = 1, **connection: Any) -> Problem:
    pcc = grid(tariff=tariff(0.2), **connection)
    site = park(load(), pcc, ENGINE, *assets)
    return Problem(site, given(site, hours(4), {("load", "demand_kw"): load_kw}, scenarios))


def planned(built: Problem) -> Schedule:
    plan = solve(built)
    assert audit(plan).violations == ()
    return plan


@pytest.mark.parametrize(
    ("export_kw", "price", "sold_kw", "import_kw"),
    [(0, DEAR, 30, 30), (0, CHEAP, 0, 0), (10, DEAR, 30, 20), (10, CHEAP, 10, 0), (30, CHEAP, 30, 0)],
)
def test_up_is_sold_as_far_as_import_can_fall_and_export_may_rise(
    export_kw: float, price: float, sold_kw: float, import_kw: float
) -> None:
    """Beyond the export limit a kW held takes one imported, which costs .1 more than one made."""
    plan = planned(problem(product(price_per_kwh=price), export_kw=export_kw))
    assert plan.asset("frr", "sold_kw") == pytest.approx([sold_kw] * 4, abs=1e-6)
    assert plan.asset("pcc", "import_kw") == pytest.approx([import_kw] * 4, abs=1e-6)


@pytest.mark.parametrize(("import_kw", "sold_kw"), [(25, 25), (40, 30)])
def test_down_is_sold_as_far_as_import_may_rise(import_kw: float, sold_kw: float) -> None:
    plan = planned(problem(product(direction="down"), import_kw=import_kw))
    assert plan.asset("frr", "sold_kw") == pytest.approx([sold_kw] * 4, abs=1e-6)


def test_products_of_one_direction_share_the_room_and_a_connection_that_is_off_has_none() -> None:
    off = [{"start": "2024-03-01T01:00Z", "end": "2024-03-01T02:00Z"}]
    two = product(name="first", block_hours=1), product(name="second", block_hours=1, price_per_kwh=0.4)
    plan = planned(problem(*two, export_kw=40, planned_outages=off))
    # The engine may be raised by 40 kW beside the load; what is more takes imports at .1, and brings .4.
    both = plan.asset("first", "sold_kw") + plan.asset("second", "sold_kw")
    assert both == pytest.approx([60, 0, 60, 60], abs=1e-6)
    assert plan.asset("pcc", "import_kw") == pytest.approx([20, 0, 20, 20], abs=1e-6)


def test_in_every_scenario() -> None:
    loads = np.array([[60.0] * 4, [120.0] * 4])
    plan = planned(problem(product(price_per_kwh=CHEAP), load_kw=loads, scenarios=2, export_kw=0))
    held = plan.kinds["reserve_product"].series["sold_kw"]
    # With 120 kW the site imports 20 kW beside the engine's 100, whose reserve takes .1 a kW.
    assert held[0] == pytest.approx([0] * 4, abs=1e-6)
    imports = plan.kinds["grid_connection"].series["import_kw"]
    assert (imports - held >= -1e-6).all()


@pytest.mark.parametrize(("for_grid", "import_kw"), [(False, 0), (True, 30)])
def test_a_requirement_asks_for_room_where_the_grid_calls_it(for_grid: bool, import_kw: float) -> None:
    need = {"kind": "reserve", "name": "need", "required_kw": 30.0, "penalty_per_kwh": 5.0, "for_grid": for_grid}
    plan = planned(problem(need, export_kw=0))
    assert plan.asset("need", "reserve_short_kw") == pytest.approx([0] * 4, abs=1e-6)
    assert plan.asset("pcc", "import_kw") == pytest.approx([import_kw] * 4, abs=1e-6)


@pytest.mark.parametrize(("direction", "limit"), [("up", "export"), ("down", "import")])
def test_the_audit_sees_reserve_that_no_connection_could_carry(direction: str, limit: str) -> None:
    plan = planned(problem(product(direction=direction), export_kw=100, import_kw=100))
    most = np.full((1, 4), 29.0)  # of the 30 that are held, beside an exchange of nothing
    assert plan.asset("pcc", "import_kw") == pytest.approx([0] * 4, abs=1e-6)
    series = dict(plan.inputs.series) | {("pcc", f"{limit}_limit_kw"): most}
    found = audit(told_otherwise(plan, series)).violations
    assert {v.what for v in found} == {f"reserve that would pass the connections' {limit} limits when it is called"}
    assert {v.step for v in found} == {0, 1, 2, 3}


def told_otherwise(plan: Schedule, series: Any) -> Schedule:
    """The plan with other limits than those it was made with."""
    return replace(plan, inputs=replace(plan.inputs, series=series))


def test_the_room_has_a_price() -> None:
    """A kW more of export limit spares importing one for .2 that could be made for .1."""
    built = problem(product(), export_kw=10)
    limits = {str(b.named): b for b in Priced(built, solve(built)).limits()}
    room = limits["site: room of the connections for reserve up that is called"]
    assert room.worth == {step: pytest.approx(0.1) for step in range(4)}
