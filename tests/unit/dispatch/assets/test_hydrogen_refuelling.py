"""Refuelling: timetable or forecast, dispensers, and what is not served."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dispatch.assets.hydrogen_refuelling import HydrogenRefuelling
from dispatch.audit import audit
from dispatch.errors import DataError
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.hydrogen_parks import LHV, cell, priced, problem
from tests.unit.dispatch.assets.test_hydrogen_tank import LINEAR


def station(**fields: Any) -> dict[str, Any]:
    return {"kind": "hydrogen_refuelling", "name": "trucks", "bus": "h2"} | fields


MORNING = [
    {"start": "2024-03-01T00:00Z", "end": "2024-03-01T02:00Z", "value": 5},
    {"start": "2024-03-01T02:00Z", "end": "2024-03-01T03:00Z", "value": 30},
]


def test_a_timetable_in_kg_per_h_is_served_as_far_as_dispensers_go() -> None:
    station_of = station(demand_kg_per_h=MORNING, dispensers_kg_per_h=15, unserved_cost_per_kg=20)
    built = problem(priced(0.1), cell(**LINEAR), station_of, steps=3)
    for schedule in (solve(built), rule_based(built)):
        assert schedule.asset("trucks", "served_kg_per_h") == pytest.approx([5, 5, 15])
        assert schedule.penalty == pytest.approx([15 * 20])
        assert schedule.money == pytest.approx([25 * 50 * 0.1], rel=1e-5)
        assert audit(schedule).violations == ()


def test_what_cannot_be_made_is_not_served_and_priced() -> None:
    built = problem(priced(0.1, import_kw=200), cell(**LINEAR), station(demand_kg_per_h=10, unserved_cost_per_kg=30))
    for schedule in (solve(built), rule_based(built)):
        assert schedule.asset("trucks", "served_kg_per_h") == pytest.approx([4], rel=1e-4)
        assert schedule.penalty == pytest.approx([180], rel=1e-4)
        assert audit(schedule).violations == ()


def test_where_serving_costs_more_than_not_serving_nothing_is_served() -> None:
    built = problem(priced(1.0), cell(**LINEAR), station(demand_kg_per_h=10, unserved_cost_per_kg=49))
    assert solve(built).asset("trucks", "served_kg_per_h") == pytest.approx([0], abs=1e-6)


def test_a_forecast_comes_in_kw_and_is_needed_only_without_a_timetable() -> None:
    assert HydrogenRefuelling.model_validate(station(demand_kg_per_h=3)).needs == ()
    (need,) = HydrogenRefuelling.model_validate(station()).needs
    assert (need.quantity, need.kind) == ("demand_kw", "load")
    schedule = solve(problem(priced(0.1), cell(**LINEAR), station(), trucks=6 * LHV))
    assert schedule.asset("trucks", "served_kg_per_h") == pytest.approx([6])


def test_what_cannot_be_is_refused() -> None:
    history = {"file": "trucks.csv", "column": "kw"}
    with pytest.raises(ValidationError, match="not both"):
        HydrogenRefuelling.model_validate(station(demand_kg_per_h=3, history=history))
    with pytest.raises(DataError, match="demand of 'trucks' is negative"):
        problem(priced(0.1), cell(**LINEAR), station(demand_kg_per_h=-3))
