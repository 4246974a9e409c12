"""Small parks of data centres: work that goes west, and a hall that warms its neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch.accounts.matching import matched
from tests.unit.dispatch.parks.known import answer, plan_of, report_of, require_sound


@pytest.mark.parametrize("name", ["east_west", "heat_campus"])
def test_the_park_is_planned_and_serves_everybody(name: str) -> None:
    require_sound(name)


def test_work_goes_west_when_it_is_cheaper_there() -> None:
    schedule, hours = plan_of("east_west").schedule, plan_of("east_west").horizon.hours
    sent = float(schedule.asset("east_hall", "sent_kw") @ hours)
    assert sent == pytest.approx(float(schedule.asset("west_hall", "received_kw") @ hours))
    # Of 5400 kWh of work four fifths may move; by night the east is the cheaper one, by day the west.
    assert 1_000 < sent <= 0.8 * 5400 + 1e-3
    east, west = (schedule.inputs.series[f"{side}_grid", "import_price_per_kwh"][0] for side in ("east", "west"))
    assert (east > west + 0.05)[schedule.asset("east_hall", "sent_kw") > 1e-3].all()
    it, overhead = (schedule.asset("west_hall", name) for name in ("it_kw", "overhead_kw"))
    assert 1.1 < 1 + overhead.sum() / it.sum() < 1.2


def test_the_west_is_green_to_85_per_cent_and_proves_nothing_for_the_east() -> None:
    plan = plan_of("east_west")
    imported, green = (plan.schedule.asset("west_grid", name) for name in ("import_kw", "green_0_kw"))
    assert green == pytest.approx(0.85 * imported)
    east = plan.schedule.asset("east_grid", "import_kw")
    found = matched(plan.site, plan.schedule)
    assert found.green_share == pytest.approx(float(green.sum() / (imported + east).sum()))
    assert "moved" in " ".join(name for name, _ in answer("east_west", "Compute").facts)


def test_waste_heat_serves_the_network_before_the_heat_pump() -> None:
    plan = plan_of("heat_campus")
    hall, hours = plan.schedule.asset("hall", "heat_kw"), plan.horizon.hours
    most = 0.7 * plan.schedule.asset("hall", "it_kw")
    assert (hall <= most + 1e-3).all()
    pump = next(line for balance in report_of("heat_campus").balances for line in balance.supply
                if balance.carrier == "heat" and line.name == "back_up")  # fmt: skip
    assert np.array(pump.values)[hall < most - 1.0].max() < 1e-3
    demand = plan.schedule.inputs.series["heating", "demand_kw"][0]
    assert float(hall @ hours) > 0.7 * float(demand @ hours)


def test_sixty_per_cent_are_direct_and_seventy_green() -> None:
    plan = plan_of("heat_campus")
    assert all(np.max(short) < 1e-3 for short in plan.schedule.wish_short_kwh.values())
    found = matched(plan.site, plan.schedule)
    assert found.direct_share >= 0.6
    assert found.green_share >= 0.7
    assert {text for text, _, kept in report_of("heat_campus").wishes if kept and "share of at least" in text} == {
        "direct share of at least 60% per day",
        "clean share of at least 70% per day",
    }
