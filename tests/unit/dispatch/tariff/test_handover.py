"""State from window to window: rolling through months gives the month's bill, whatever the cuts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from dispatch.assets.grid_connection import GridConnection
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.signals import Array, Horizon
from dispatch.solve import solve
from tests.parks import given, grid, load, park
from tests.unit.dispatch.tariff.billing import demand, energy, hours, money_of, terms, tier

EVERYTHING = terms(
    energy(0.1),
    tier((20000.0, 0.2), (None, 0.1)),
    tier((300.0, 0.1), (None, 0.4), name="daily", per="day"),
    demand(10.0, ratchet={"fraction": 0.9, "months": 2}),
    demand(5.0, name="noon", calendar={"hours": ["10:00-14:00"]}, rebate={"kwh_per_kva_month": 100, "factor": 0.5}),
)


def rolled(pcc: dict[str, Any], use: Array, horizon: Horizon, cuts: list[int]) -> tuple[float, dict[str, float]]:
    """The money of all windows, each planned with what the one before handed over."""
    site = park(load(), grid(**pcc), time_zone=horizon.time_zone)
    state: dict[str, Any] = {}
    money = 0.0
    for first, last in pairwise(cuts):
        window = Horizon(horizon.edges[first : last + 1], horizon.time_zone)
        inputs = given(site, window, {("load", "demand_kw"): use[first:last]}, state=state)
        schedule = solve(Problem(site, inputs))
        assert audit(schedule).violations == ()
        money += schedule.money[0]
        rows = schedule.kinds["grid_connection"].rows
        state = GridConnection.carry(rows, inputs, schedule.kinds["grid_connection"].series, last - first)
    return money, state["pcc"]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai"])
def test_windows_add_up_to_the_bill_whatever_the_cuts(zone: str) -> None:
    horizon = hours(24 * 12, "2024-03-25T00:00", zone)
    use = np.random.default_rng(3).uniform(5, 60, horizon.steps)
    pcc = {"tariff": EVERYTHING, "contracted_kva": 50.0, "past_peaks_kw": {"demand": [50.0, 60.0]}}
    made = grid_of(pcc).tariff
    past = {"demand": (50.0, 60.0)}
    # What the ratchet bills without any use is never the plan's: windows pay what they add to it.
    whole = money_of(made, horizon, use, contracted_kva=50.0, past_peaks_kw=past)
    nothing = money_of(made, horizon, 0.0, contracted_kva=50.0, past_peaks_kw=past)
    cuts = [0, 24, 100, 101, 180, horizon.steps]
    april = list(horizon.month).index((2024, 4))
    cuts = sorted({*cuts, april})
    money, state = rolled(pcc, use, horizon, cuts)
    assert state["month_to_date_kwh:blocks"] == pytest.approx(use[april:].sum())
    assert state["month_to_date_peak_kw:demand"] == pytest.approx(use[april:].max())
    assert state["past_peaks_kw:demand:1"] == pytest.approx(use[:april].max())
    assert state["past_peaks_kw:demand:2"] == pytest.approx(50.0)
    today = horizon.local_start[-1].date()
    here = np.array([start.date() == today for start in horizon.local_start])
    assert state["month_to_date_kwh:daily"] == pytest.approx(
        use[here].sum() if horizon.local_end[-1].date() == today else 0
    )
    # A new month begins with what March's peak holds up, which the windows of March could not know to be paid.
    held = 10 * max(0.9 * max(use[:april].max(), 50) - 0.9 * 50, 0)
    assert money == pytest.approx(whole - nothing - held, abs=0.01)


def grid_of(pcc: dict[str, Any]) -> GridConnection:
    made = park(load(), grid(**pcc)).assets[1]
    assert isinstance(made, GridConnection)
    return made


def test_a_window_that_ends_with_its_month_hands_over_a_fresh_one() -> None:
    horizon = hours(48, "2024-03-30T00:00")
    pcc = {"tariff": EVERYTHING, "contracted_kva": 50.0, "month_to_date_peak_kw": {"demand": 70.0}}
    _, state = rolled(pcc, np.full(48, 30.0), horizon, [0, 48])
    assert state["month_to_date_peak_kw:demand"] == 0
    assert state["past_peaks_kw:demand:1"] == pytest.approx(70)
    assert state["month_to_date_kwh:blocks"] == state["month_to_date_kwh:noon"] == state["month_to_date_kwh:daily"] == 0


def test_only_the_steps_that_were_done_are_handed_over() -> None:
    pcc = {"tariff": EVERYTHING, "contracted_kva": 50.0, "month_to_date_kwh": {"blocks": 100.0}}
    site = park(load(), grid(**pcc))
    inputs = given(site, hours(4, "2024-03-05T12:00"), {("load", "demand_kw"): [10.0, 20, 99, 99]})
    schedule = solve(Problem(site, inputs)).kinds["grid_connection"]
    state = GridConnection.carry(schedule.rows, inputs, schedule.series, 2)["pcc"]
    assert state["month_to_date_kwh:blocks"] == pytest.approx(130)
    assert state["month_to_date_peak_kw:noon"] == pytest.approx(20)


def test_green_power_counts_what_was_delivered() -> None:
    green = {"name": "ppa", "price_per_kwh": 0.1, "share_min": 0.5, "share_max": 0.5, "take_kwh_month": 90}
    pcc = {"tariff": terms(energy(0.2)), "green_power": [green]}
    money, state = rolled(pcc, np.full(8, 20.0), hours(8), [0, 3, 8])
    assert state["month_to_date_kwh:ppa"] == pytest.approx(80)
    assert money == pytest.approx(160 * 0.2), "90 kWh are owed in the month; no more than those were taken"
