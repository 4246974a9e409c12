"""Buildings as stores of warmth: temperatures by hand, the band, heating against cooling, the horizon's end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.assets.hvac import Hvac
from dispatch.audit import audit
from dispatch.errors import DataError
from dispatch.ladder.fallback import safe_state
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.solve import solve
from dispatch.tables import missed
from tests.parks import given, grid, hours, park
from tests.unit.dispatch.assets.templates import hourly_tariff

KEEP = math.exp(-1 / 10)  # R C = 2 · 5 h


def rooms(**fields: Any) -> dict[str, Any]:
    base = {"kind": "hvac", "name": "rooms", "bus": "main", "resistance_degc_per_kw": 2.0, "capacity_kwh_per_degc": 5.0}
    base |= {"heat_kw": 20.0, "heat_cop": 3.0, "ambient_degc": 0.0, "start_degc": 20.0, "end_penalty_per_kwh": 0.0}
    return base | {"comfort_penalty_per_degc_h": 100.0} | fields


def built(prices: Any, horizon: Horizon | None = None, pcc: Any = None, **fields: Any) -> Problem:
    site = park(rooms(**fields), pcc or grid(tariff=hourly_tariff(prices)))
    return Problem(site, given(site, horizon or hours(len(prices)), {}))


def planned(problem: Problem) -> Schedule:
    plan = solve(problem)
    assert audit(plan).violations == ()
    return plan


def test_keeping_a_temperature_costs_what_is_lost() -> None:
    # 20 K over 2 K/kW are 10 kW of heat, a third of it electricity.
    problem = built([0.3] * 4, min_degc=20.0, max_degc=20.0)
    for schedule in (planned(problem), rule_based(problem)):
        assert schedule.asset("rooms", "heating_kw") == pytest.approx([10 / 3] * 4)
        assert schedule.money[0] == pytest.approx(0.3 * 40 / 3)
        assert audit(schedule).violations == ()


def test_warmth_is_stored_before_a_dear_hour() -> None:
    # Two hours, heat at .1 then 1.0, band 20 to 24, by hand: the second hour ends at 20 without heat if the first ends
    # at 20 / KEEP = 22.103; that needs (22.103 − 20 KEEP) / (1 − KEEP) / 2 kW of heat.
    plan = planned(built([0.1, 1.0], min_degc=20.0, max_degc=24.0))
    top = 20 / KEEP
    heat = (top - 20 * KEEP) / (1 - KEEP) / 2
    assert plan.asset("rooms", "inside_degc") == pytest.approx([top, 20.0])
    assert plan.asset("rooms", "heating_kw") == pytest.approx([heat / 3, 0.0], abs=1e-6)
    assert plan.money[0] == pytest.approx(0.1 * heat / 3)
    narrow = planned(built([0.1, 1.0], min_degc=20.0, max_degc=21.0))
    assert narrow.asset("rooms", "inside_degc")[0] == pytest.approx(21.0), "the band limits what is stored"


def test_steps_of_any_length_give_the_same_temperature() -> None:
    edges = np.array(["2024-03-01T00:00", "2024-03-01T00:15", "2024-03-01T01:00", "2024-03-01T03:00"], "datetime64[s]")
    plan = planned(built([0.1] * 3, Horizon(edges, "UTC"), min_degc=-50.0, gains_kw=2.0))
    # Left alone it settles at 4 °C: 4 + 16 e^(−t/10).
    assert plan.asset("rooms", "inside_degc") == pytest.approx([4 + 16 * math.exp(-t / 10) for t in (0.25, 1.0, 3.0)])


def test_cooling_keeps_the_upper_edge() -> None:
    problem = built([0.3] * 3, ambient_degc=36.0, start_degc=26.0, cool_kw=10.0, cool_cop=4.0, max_degc=26.0)
    for schedule in (planned(problem), rule_based(problem)):
        assert schedule.asset("rooms", "cooling_kw") == pytest.approx([5 / 4] * 3)
        assert schedule.asset("rooms", "heating_kw") == pytest.approx([0] * 3, abs=1e-6)


def test_many_zones_are_as_many_times_one() -> None:
    one, many = (planned(built([0.1, 1.0], min_degc=20.0, max_degc=21.0, count=n)) for n in (1, 7))
    assert many.money[0] == pytest.approx(7 * one.money[0])
    assert many.asset("rooms", "inside_degc") == pytest.approx(one.asset("rooms", "inside_degc"))


def test_a_band_by_hours_of_use_and_a_price_of_discomfort() -> None:
    band = [{"start": "2024-03-01T00:00Z", "end": "2024-03-01T02:00Z", "value": 10.0},
            {"start": "2024-03-01T02:00Z", "end": "2024-03-01T03:00Z", "value": 21.0}]  # fmt: skip
    plan = planned(built([0.3] * 3, min_degc=band))
    assert plan.asset("rooms", "inside_degc")[2] == pytest.approx(21.0)
    assert plan.asset("rooms", "heating_kw")[0] == pytest.approx(0, abs=1e-6)
    weak = planned(built([0.3] * 3, min_degc=band, heat_kw=2.0))
    missing = 21.0 - weak.asset("rooms", "inside_degc")[2]
    assert weak.asset("rooms", "outside_band_degc")[2] == pytest.approx(missing)
    assert weak.penalty[0] == pytest.approx(100 * missing)
    assert missed(weak) == [f"rooms: outside its comfort band for 1 h, most from 02:00 on, by {missing:.1f} °C"]
    assert missed(plan) == []
    dear = planned(built([0.3] * 3, min_degc=band, comfort_penalty_per_degc_h=0.001))
    assert dear.asset("rooms", "heating_kw") == pytest.approx([0] * 3, abs=1e-6)


def test_the_end_of_the_horizon_is_not_given_away() -> None:
    cold = planned(built([0.3] * 4, min_degc=10.0))
    assert cold.asset("rooms", "heating_kw") == pytest.approx([0] * 4, abs=1e-6)
    kept = planned(built([0.3] * 4, min_degc=10.0, end_penalty_per_kwh=1.0))
    assert kept.asset("rooms", "inside_degc")[-1] == pytest.approx(20.0)
    wished = planned(built([0.3] * 4, min_degc=10.0, end_penalty_per_kwh=1.0, end_degc=15.0))
    assert wished.asset("rooms", "inside_degc")[-1] == pytest.approx(15.0)


def test_heating_against_cooling_pays_at_a_negative_price_and_does_not_happen() -> None:
    problem = built([-0.2] * 3, cool_kw=20.0, cool_cop=3.0, min_degc=19.0, max_degc=23.0)
    plan = planned(problem)
    assert plan.proof.rounds > 1, "the relaxation does both"
    both = np.minimum(plan.asset("rooms", "heating_kw"), plan.asset("rooms", "cooling_kw"))
    assert both.max() < 1e-3
    tight = planned(built([0.2] * 3, cool_kw=20.0, min_degc=19.0, max_degc=23.0))
    assert tight.proof.rounds == 1


def test_without_power_comfort_gives_way() -> None:
    schedule = rule_based(built([0.3] * 2, min_degc=20.0, pcc=grid(import_kw=1)))
    assert schedule.asset("rooms", "heating_kw") == pytest.approx([1, 1])
    assert audit(schedule).violations == ()
    rest = safe_state(built([0.3] * 2))
    assert rest.asset("rooms", "heating_kw") == pytest.approx([0, 0])
    assert audit(rest).violations == ()


def test_the_next_window_starts_with_the_temperature() -> None:
    problem = built([0.1, 1.0], min_degc=20.0, max_degc=24.0)
    found = planned(problem).kinds["hvac"]
    state = Hvac.carry(found.rows, problem.inputs, found.series, 1)
    assert state == {"rooms": {"start_degc": pytest.approx(20 / KEEP)}}


def test_a_band_upside_down_and_an_impossible_efficiency_are_errors() -> None:
    with pytest.raises(DataError, match="'rooms' has min_degc 27 above max_degc 26 from 2024-03-01T00:00"):
        built([0.1], min_degc=27.0)
    with pytest.raises(DataError, match="heat_cop of 'rooms' is 0"):
        built([0.1], heat_cop=0.0)
    with pytest.raises(ValidationError, match="neither heats nor cools"):
        park(rooms(heat_kw=0.0))
