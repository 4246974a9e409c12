"""The connection: limits, both prices, demand charges, carbon, and one direction at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.errors import DataError
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff


def problem(
    pcc: dict[str, Any], *others: dict[str, Any], demand: Any = 0.0, steps: Horizon | None = None, **state: float
) -> Problem:
    site = park(load(), pcc, *others)
    inputs = given(site, steps or hours(4), {("load", "demand_kw"): demand}, state={"pcc": state} if state else None)
    return Problem(site, inputs)


def both(built: Problem) -> list[Schedule]:
    schedules = [solve(built), rule_based(built)]
    for schedule in schedules:
        assert audit(schedule).violations == ()
    return schedules


def test_energy_is_paid_by_the_length_of_the_step() -> None:
    edges = np.datetime64("2024-03-01T00:00", "s") + np.array([0, 900, 4500]).astype("timedelta64[s]")
    for schedule in both(problem(grid(tariff=tariff(0.2)), demand=[40.0, 10], steps=Horizon(edges, "UTC"))):
        assert schedule.money[0] == pytest.approx(0.2 * (10 + 10))


def test_a_demand_charge_is_for_the_highest_step_of_the_month() -> None:
    for schedule in both(problem(grid(tariff=tariff(0.1, demand=6.0)), demand=[10.0, 70, 30, 0])):
        assert schedule.money[0] == pytest.approx(0.1 * 110 + 6 * 70)


@pytest.mark.parametrize(
    ("to_date", "expected", "added"), [(0, 0, 70), (50, 0, 20), (0, 50, 20), (60, 50, 10), (90, 0, 0), (0, 90, 0)]
)
def test_a_peak_that_is_paid_anyway_costs_nothing_more(to_date: float, expected: float, added: float) -> None:
    pcc = grid(tariff=tariff(0.0, demand=6.0), month_to_date_peak_kw=to_date, expected_peak_kw=expected)
    for schedule in both(problem(pcc, demand=[10.0, 70, 30, 0])):
        assert schedule.money[0] == pytest.approx(6 * added)


def test_the_peak_to_date_comes_from_the_state_where_it_is_known() -> None:
    pcc = grid(tariff=tariff(0.0, demand=6.0), month_to_date_peak_kw=10)
    for schedule in both(problem(pcc, demand=70.0, month_to_date_peak_kw=65.0)):
        assert schedule.money[0] == pytest.approx(6 * 5)


def test_a_store_shaves_the_peak_down_to_what_is_paid_already() -> None:
    pcc = grid(tariff=tariff(0.1, demand=6.0), month_to_date_peak_kw=50)
    store = battery(charge_efficiency=1, discharge_efficiency=1)
    plan = solve(problem(pcc, store, demand=[40.0, 70, 45, 40]))
    assert plan.asset("pcc", "import_kw").max() == pytest.approx(50)
    assert plan.money[0] == pytest.approx(0.1 * 195)


def test_exports_earn_their_own_price_up_to_their_limit() -> None:
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}
    site = park(load(), grid(export_kw=30, tariff=tariff(0.3, feed_in=0.08)), roof)
    series = {("load", "demand_kw"): 10.0, ("roof", "available_kw"): [0.0, 25, 90]}
    for schedule in both(Problem(site, given(site, hours(3), series))):
        assert schedule.asset("pcc", "export_kw") == pytest.approx([0, 15, 30], abs=1e-6)
        assert schedule.money[0] == pytest.approx(0.3 * 10 - 0.08 * 45)


def test_exports_that_pay_more_than_imports_cost_do_not_go_round_in_a_circle() -> None:
    built = problem(grid(export_kw=100, tariff=tariff(0.1, feed_in=0.3)), demand=20.0)
    schedule = solve(built)
    assert schedule.asset("pcc", "import_kw") == pytest.approx([20] * 4)
    assert schedule.asset("pcc", "export_kw") == pytest.approx([0] * 4, abs=1e-6)
    assert schedule.proof.rounds > 1
    assert audit(schedule).passed


def test_carbon_is_that_of_imports_at_their_time() -> None:
    steps = [("2024-03-01T00:00Z", "2024-03-01T02:00Z", 0.8), ("2024-03-01T02:00Z", "2024-03-01T04:00Z", 0.2)]
    intensity = [{"start": a, "end": b, "value": v} for a, b, v in steps]
    for schedule in both(problem(grid(carbon_intensity_kg_per_kwh=intensity), demand=[10.0, 20, 30, 40])):
        assert schedule.co2_kg[0] == pytest.approx(0.8 * 30 + 0.2 * 70)


def test_an_hour_without_a_known_carbon_intensity_is_refused() -> None:
    gap = [{"start": "2024-03-01T00:00Z", "end": "2024-03-01T03:00Z", "value": 0.5}]
    with pytest.raises(DataError, match="carbon intensity of 'pcc' is unknown at 2024-03-01T03:00"):
        problem(grid(carbon_intensity_kg_per_kwh=gap), demand=1.0)


@pytest.mark.parametrize(("fraction", "unclean"), [(0.0, 50.0), (0.4, 30.0), (1.0, 0.0)])
def test_the_clean_share_of_imports(fraction: float, unclean: float) -> None:
    for schedule in both(problem(grid(clean_fraction=fraction), demand=50.0)):
        assert schedule.per_step("unclean_kw") == pytest.approx([unclean] * 4)
        assert schedule.per_step("supply_kw") == pytest.approx([50] * 4)


def test_two_connections_take_the_cheaper_one_first() -> None:
    cheap, dear = grid(import_kw=30, tariff=tariff(0.1)), grid(name="second", tariff=tariff(0.2))
    plan = solve(problem(cheap, dear, demand=50.0))
    assert plan.asset("pcc", "import_kw") == pytest.approx([30] * 4)
    assert plan.asset("second", "import_kw") == pytest.approx([20] * 4)
    assert audit(plan).passed


def test_two_connections_of_which_one_has_a_demand_charge() -> None:
    charged, plain = grid(tariff=tariff(0.1, demand=9.0)), grid(name="second", tariff=tariff(0.2))
    for schedule in both(problem(charged, plain, demand=50.0)):
        assert schedule.asset("pcc", "import_kw") + schedule.asset("second", "import_kw") == pytest.approx([50] * 4)
