"""Ammonia beside the fuel: shares, prices, clean supply."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.replay.plant import executed
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.thermal_parks import grid, problem, relaxed, supply, tariff


def unit(**fields: Any) -> dict[str, Any]:
    base = {"kind": "co_firing", "name": "unit", "bus": "main", "fuel_bus": "fuel", "ammonia_bus": "nh3"}
    return base | {"max_kw": 100, "efficiency": 0.4, "ammonia_share_min": 0.1} | fields


def built(coal: float, ammonia: float, demand: list[float], price: float = 0.5, **fields: Any) -> Any:
    fuels = (supply("fuel", coal, co2_kg_per_kwh=0.34), supply("nh3", ammonia))
    site = {"objective": {"carbon_price_per_t": fields.pop("carbon_price", 0)}}
    return problem(unit(**fields), *fuels, grid(tariff=tariff(price)), demand={"main": demand}, **site)


@pytest.mark.parametrize(("ammonia", "share"), [(0.1, 0.1), (0.01, 0.35)])
def test_it_burns_as_little_or_as_much_ammonia_as_its_price_says(ammonia: float, share: float) -> None:
    """40 kW of power are 100 of fuel, of which 10 to 35 are ammonia."""
    plan = solve(built(0.04, ammonia, [40.0]))
    assert plan.asset("unit", "ammonia_kw") == pytest.approx([100 * share])
    assert plan.money[0] == pytest.approx(100 * (share * ammonia + (1 - share) * 0.04))
    assert plan.co2_kg[0] == pytest.approx(100 * (1 - share) * 0.34)
    assert audit(plan).violations == ()


def test_a_price_of_carbon_turns_to_ammonia() -> None:
    """.06 more a kWh against .34 kg: from 176 a tonne on."""
    for price, share in ((170, 10), (180, 35)):
        plan = solve(built(0.04, 0.1, [40.0], carbon_price=price))
        assert plan.asset("unit", "ammonia_kw") == pytest.approx([share])


@pytest.mark.parametrize(("clean", "unclean"), [(True, 26.0), (False, 40.0)])
def test_power_out_of_ammonia_counts_as_clean_where_it_is_renewable(clean: bool, unclean: float) -> None:
    plan = solve(built(0.04, 0.01, [40.0], ammonia_clean=clean))
    assert plan.per_step("supply_kw") == pytest.approx([40])
    assert plan.per_step("unclean_kw") == pytest.approx([unclean])
    assert audit(plan).violations == ()


def test_the_rules_run_it_where_power_lacks_and_burn_the_least_ammonia() -> None:
    made = problem(
        unit(), supply("fuel", 0.04), supply("nh3", 0.1), grid(import_kw=10), demand={"main": [50.0, 5.0, 200.0]}
    )
    rules = rule_based(made)
    assert rules.asset("unit", "load_kw") == pytest.approx([40, 0, 100], abs=1e-6)
    assert rules.asset("unit", "ammonia_kw") == pytest.approx([10, 0, 25], abs=1e-6)
    assert audit(rules).violations == ()


def test_ammonia_that_is_short_limits_its_load() -> None:
    made = problem(
        unit(), supply("fuel", 0.04), supply("nh3", 0.1, max_kw=5), grid(tariff=tariff(0.5)), demand={"main": [100.0]}
    )
    plan = solve(made)
    assert plan.asset("unit", "load_kw") == pytest.approx([20]), "5 of ammonia are a tenth of 50"
    rules = rule_based(made)
    assert audit(rules).violations == ()


def test_the_relaxation_is_tight_above_its_minimum_load_and_not_below() -> None:
    above, below = (built(0.04, 0.1, [kw], min_load_fraction=0.4) for kw in (60.0, 30.0))
    assert solve(above).proof.objective == pytest.approx(relaxed(above))
    plan = solve(below)
    assert plan.proof.objective == pytest.approx(30 * 0.5)
    assert relaxed(below) < plan.proof.objective - 1
    assert plan.asset("unit", "on") == pytest.approx([0], abs=1e-6)
    assert audit(plan).violations == ()


def test_a_least_share_above_the_largest_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"ammonia_share_min 0\.5 is above ammonia_share_max 0\.35"):
        built(0.04, 0.1, [1.0], ammonia_share_min=0.5)


def test_no_ammonia_and_nothing_but_ammonia_are_limits_of_the_share() -> None:
    for share in (0.0, 1.0):
        plan = solve(built(0.04, 0.05, [40.0], ammonia_share_min=share, ammonia_share_max=share))
        assert plan.asset("unit", "ammonia_kw") == pytest.approx([100 * share], abs=1e-6)
        assert audit(plan).violations == ()


def test_power_that_nobody_takes_is_taken_off_the_unit_that_runs_however_large_the_one_beside_it() -> None:
    """50 planned, 20 wanted, and no way out."""
    fuels = (supply("fuel", 0.04), supply("nh3", 0.1))
    made = problem(unit(), unit(name="idle", max_kw=10_000), *fuels, demand={"main": [20.0]})
    planned = {"co_firing": {"load_kw": np.array([[50.0], [0.0]]), "ammonia_kw": np.array([[12.5], [0.0]])}}
    done = executed(made, planned)
    assert audit(done).violations == ()
    assert done.asset("unit", "load_kw") == pytest.approx([20])
    assert done.asset("idle", "load_kw") == pytest.approx([0])
