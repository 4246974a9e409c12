"""Ice: frozen at a lower ratio in the cheap hour, one thing at a time, melted no faster than there is ice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.thermal_parks import grid, hourly_tariff, point_signal, problem, relaxed, tariff

TWO_PRICES = grid(tariff=hourly_tariff([0.1, 0.5]))


def ice(**fields: Any) -> dict[str, Any]:
    base = {"kind": "ice_store", "name": "ice", "bus": "cold", "electric_bus": "main", "energy_kwh": 100}
    base |= {"charge_kw": 40, "discharge_kw": 50, "chill_kw": 35, "energy_efficiency_ratio": 4}
    base |= {"freezing_loss_fraction": 0.25, "loss_fraction_per_h": 0, "start_fill": 0, "end_fill_min": 0}
    return base | fields


def test_ice_of_the_cheap_hour_serves_the_dear_one() -> None:
    """30 of cold: frozen at a ratio of 3 for .1 against chilled at 4 for .5."""
    made = problem(ice(), TWO_PRICES, demand={"cold": [0.0, 30]})
    plan = solve(made)
    assert plan.asset("ice", "charge_kw") == pytest.approx([30, 0], abs=1e-6)
    assert plan.asset("ice", "power_kw") == pytest.approx([10, 0], abs=1e-6)
    assert plan.money[0] == pytest.approx(1.0)
    assert plan.proof.objective == pytest.approx(relaxed(made)), "tight: it never wants to do both"
    assert audit(plan).violations == ()


def test_where_it_must_chill_it_cannot_freeze_and_the_branch_catches_it() -> None:
    """Half the hour each is what the relaxation makes of it; whole, the first hour chills and so does the second."""
    made = problem(ice(), TWO_PRICES, demand={"cold": [20.0, 30]})
    plan = solve(made)
    assert relaxed(made) < plan.proof.objective - 0.5
    assert plan.proof.rounds > 1
    assert plan.asset("ice", "charge_kw") == pytest.approx([0, 0], abs=1e-6)
    assert plan.money[0] == pytest.approx(20 / 4 * 0.1 + 30 / 4 * 0.5)
    assert audit(plan).violations == ()


def test_without_a_lower_ratio_and_loss_ice_is_moved_chilling() -> None:
    made = problem(ice(freezing_loss_fraction=0), TWO_PRICES, demand={"cold": [0.0, 30]})
    assert solve(made).money[0] == pytest.approx(30 / 4 * 0.1)


def test_at_equal_prices_it_chills() -> None:
    plan = solve(problem(ice(), grid(tariff=tariff(0.2)), demand={"cold": [0.0, 30]}))
    assert plan.asset("ice", "chilled_kw") == pytest.approx([0, 30], abs=1e-6)


def test_it_melts_no_faster_than_its_ice() -> None:
    """With a rate of 1 per hour, 40 of ice give 20 in an hour: the end of the hour still holds as much as is melted."""
    plan = solve(problem(ice(melt_fraction_per_h=1.0), TWO_PRICES, demand={"cold": [0.0, 30]}))
    assert plan.asset("ice", "charge_kw") == pytest.approx([40, 0], abs=1e-6)
    assert plan.asset("ice", "discharge_kw") == pytest.approx([0, 20], abs=1e-6)
    assert plan.money[0] == pytest.approx(40 / 3 * 0.1 + 10 / 4 * 0.5)
    assert audit(plan).violations == ()


def test_a_fast_melt_is_limited_by_its_power_first() -> None:
    full = ice(melt_fraction_per_h=10.0, start_fill=1.0, chill_kw=0)
    plan = solve(problem(full, TWO_PRICES, demand={"cold": [60.0]}))
    assert plan.asset("ice", "discharge_kw") == pytest.approx([50])
    assert plan.asset("cold_load", "shed_kw") == pytest.approx([10])


@pytest.mark.parametrize(("start", "melted"), [(0.0, 0.0), (1.0, 50.0)])
def test_full_and_empty_without_a_chiller_past_the_ice(start: float, melted: float) -> None:
    made = problem(ice(start_fill=start, chill_kw=0), TWO_PRICES, demand={"cold": [60.0]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("ice", "discharge_kw") == pytest.approx([melted], abs=1e-6)
        assert schedule.asset("cold_load", "shed_kw") == pytest.approx([60 - melted])
        assert audit(schedule).violations == ()


def test_the_rules_chill_first_and_melt_for_what_is_more() -> None:
    made = problem(ice(start_fill=0.5), TWO_PRICES, demand={"cold": [20.0, 60]})
    rules = rule_based(made)
    assert rules.asset("ice", "chilled_kw") == pytest.approx([20, 35])
    assert rules.asset("ice", "discharge_kw") == pytest.approx([0, 25], abs=1e-6)
    assert audit(rules).violations == ()


def test_its_ratio_may_change_in_time() -> None:
    plan = solve(problem(ice(energy_efficiency_ratio=point_signal(2, 5)), TWO_PRICES, demand={"cold": [30.0, 30]}))
    assert plan.asset("ice", "power_kw")[0] == pytest.approx(15)


def test_a_limit_by_fill_beside_the_melting_rate_and_a_fast_reserve_are_refused() -> None:
    points = [{"fill": 0, "share": 0}, {"fill": 1, "share": 1}]
    with pytest.raises(ValidationError, match="discharge_limit follows from melt_fraction_per_h"):
        problem(ice(discharge_limit=points), TWO_PRICES, demand={"cold": [1.0]})
    with pytest.raises(ValidationError, match="leave melt_fraction_per_h out"):
        problem(ice(melt_fraction_per_h=0.5, fast_reserve_kw=1), TWO_PRICES, demand={"cold": [1.0]})


def test_a_negative_price_does_not_make_it_freeze_and_melt_at_once() -> None:
    made = problem(ice(start_fill=1.0), grid(tariff=tariff(-0.1)), demand={"cold": [10.0, 10]})
    plan = solve(made)
    frozen, melted = plan.asset("ice", "charge_kw"), plan.asset("ice", "discharge_kw")
    assert np.minimum(frozen, melted).max() < 1e-6
    assert audit(plan).violations == ()
