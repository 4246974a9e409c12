"""Compressors: electricity per hydrogen lifted, and the rating."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.audit import audit
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.parks import load
from tests.unit.dispatch.assets.hydrogen_parks import LHV, cell, priced, problem
from tests.unit.dispatch.assets.test_hydrogen_tank import LINEAR


def compressor(**fields: Any) -> dict[str, Any]:
    base = {"kind": "hydrogen_compressor", "name": "lift", "low_bus": "h2", "high_bus": "h2_high", "bus": "main"}
    return base | {"hydrogen_kw": 500} | fields


@pytest.mark.parametrize("per_kwh", [0.05, 0.0])
def test_it_takes_electricity_in_proportion(per_kwh: float) -> None:
    cars = load("cars", bus="h2_high")
    built = problem(priced(0.1), cell(**LINEAR), compressor(electricity_kwh_per_kwh=per_kwh), cars, cars=10 * LHV)
    for schedule in (solve(built), rule_based(built)):
        # 10 kg at 50 kWh, and 5 % of their 333.3 kWh.
        assert schedule.money == pytest.approx([0.1 * (500 + per_kwh * 333.3)], rel=1e-5)
        assert schedule.asset("lift", "electricity_kw") == pytest.approx([per_kwh * 333.3])
        assert audit(schedule).violations == ()


def test_beyond_its_rating_nothing_is_lifted() -> None:
    cars = load("cars", bus="h2_high")
    built = problem(priced(0.1), cell(**LINEAR), compressor(hydrogen_kw="5 kg/h"), cars, cars=10 * LHV)
    for schedule in (solve(built), rule_based(built)):
        assert schedule.asset("cars", "shed_kw") == pytest.approx([5 * LHV], rel=1e-4)
        assert audit(schedule).violations == ()
