"""Receivers of compressed air: filled while power is cheap, leaking all the time."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.audit import audit
from dispatch.config.references import reference_problems
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.thermal_parks import grid, hourly_tariff, problem

SCREW = {
    "kind": "compressor_air",
    "name": "screw",
    "bus": "main",
    "air_bus": "air",
    "electric_kw": 200,
    "efficiency": 0.5,
}


def vessel(**fields: Any) -> dict[str, Any]:
    base = {"kind": "air_receiver", "name": "vessel", "bus": "air", "energy_kwh": 40, "charge_kw": 50}
    return base | {"discharge_kw": 50, "start_fill": 0, "end_fill_min": 0} | fields


@pytest.mark.parametrize(("leak", "bought"), [(0.0, 40.0), (0.1, 40.0 / 0.9)])
def test_it_is_filled_in_the_cheap_hour_for_the_dear_one(leak: float, bought: float) -> None:
    """36 of work are wanted in the second hour; what is kept for an hour loses ``leak``."""
    made = problem(
        SCREW, vessel(loss_fraction_per_h=leak), grid(tariff=hourly_tariff([0.1, 0.5])), demand={"air": [0.0, 36]}
    )
    plan = solve(made)
    assert plan.asset("screw", "air_kw") == pytest.approx([36 * bought / 40, 0], abs=1e-6)
    assert plan.money[0] == pytest.approx(2 * 36 * bought / 40 * 0.1)
    assert audit(plan).violations == ()
    rules = rule_based(made)
    assert rules.money[0] == pytest.approx(72 * 0.5)
    assert audit(rules).violations == ()


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_full_and_empty_starts_in_one_step(start: float) -> None:
    made = problem(SCREW, vessel(start_fill=start, loss_fraction_per_h=0), grid(), demand={"air": [30.0]})
    plan = solve(made)
    assert plan.asset("vessel", "discharge_kw") == pytest.approx([30 * start], abs=1e-6)
    assert audit(plan).violations == ()


def test_on_a_heat_bus_it_is_refused() -> None:
    raw = {"buses": [{"name": "air", "carrier": "heat"}], "assets": [vessel()], "latitude_deg": 0, "longitude_deg": 0}
    (found,) = reference_problems(raw)
    assert found.accepted == "a bus for compressed_air: none yet"
