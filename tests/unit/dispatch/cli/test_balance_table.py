"""The terminal's hourly table: what stands at electric buses is in it, and it balances."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from dispatch.asset import Inputs
from dispatch.cli.tables import columns, comparison, contents_told
from dispatch.config.park import load_site
from dispatch.planning.comparison import Outcome
from dispatch.problem import Problem
from dispatch.report.wording import unsigned
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.parks.small import known

PARKS = sorted((Path(__file__).resolve().parents[4] / "configs" / "parks").glob("*.yaml"))


def unbalanced_kw(site: Site, schedule: Schedule) -> float:
    return float(np.abs(sum(sign * values for _, values, sign in columns(site, schedule))).max())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("path", PARKS, ids=lambda p: p.stem)
def test_the_columns_of_every_shipped_park_balance(path: Path) -> None:
    site = load_site(path)
    if site.embedded is not None:
        inputs = known(site)
    else:
        horizon = Horizon.local_day(date(2024, 3, 5), site.time_zone, 60)
        needs = {(a.name, need.quantity): np.full((1, horizon.steps), 1.0) for a in site.assets for need in a.needs}
        inputs = Inputs(horizon, 1, dict(site.known_series(horizon)) | needs)
    schedule = rule_based(Problem(site, inputs))
    assert unbalanced_kw(site, schedule) == pytest.approx(0, abs=0.01)


def test_vehicles_have_a_column_and_what_has_none_is_other() -> None:
    car = {"arrival": "2024-03-01T00:00Z", "departure": "2024-03-01T02:00Z", "charge_kw": 10.0, "needed_kwh": 20.0}
    cars = {"kind": "ev_fleet", "name": "cars", "bus": "main", "charge_efficiency": 1.0, "sessions": [car]}
    site = park(load(), grid(), battery(), cars)
    schedule = solve(Problem(site, given(site, hours(2), {("load", "demand_kw"): 30.0})))
    found = {name: values for name, values, _ in columns(site, schedule)}
    assert found["vehicles"] == pytest.approx([10, 10])
    assert found["load"] == pytest.approx([30, 30])
    assert found["other\n(gives +)"] == pytest.approx([0, 0], abs=1e-6)
    assert unbalanced_kw(site, schedule) == pytest.approx(0, abs=1e-6)


def test_demand_that_is_not_served_stands_beside_a_cost_that_is_lower_for_it() -> None:
    rules = Outcome("rules", "forecast", 100.0, 100.0, 0.0, 0.5, 40.0, 0.0, 0.0)
    plan = replace(rules, name="plan", cost=80.0, bill=80.0, shed_kwh=1273.7)

    def told(*rows: Outcome) -> str:
        console = Console(width=120, record=True, file=io.StringIO())
        console.print(comparison(rows, "CNY"))
        return console.export_text()

    assert "not served" in told(plan, rules)
    assert [line.split()[-1] for line in told(plan, rules).splitlines()[-2:]] == ["1,274", "0"]
    assert "not served" not in told(rules)


def test_a_cost_that_is_not_the_money_of_the_headline_says_why() -> None:
    """1 797 paid, and contents worth 74 given away: 1 871 beside the baselines."""
    plan = Outcome("plan", "forecast", 1871.0, 1797.0, 0.0, 0.5, 40.0, 0.0, 0.0)
    (line,) = contents_told((plan,), "EUR")
    assert line == "cost counts what stores hold: the plan leaves 74 EUR less in them than it finds"
    (line,) = contents_told((replace(plan, cost=1790.0),), "EUR")
    assert "leaves 7 EUR more in them" in line
    assert list(contents_told((replace(plan, cost=1797.2),), "EUR")) == []


@pytest.mark.parametrize(
    ("text", "shown"), [("-0", "0"), ("-0.00", "0.00"), ("-0.0%", "0.0%"), ("-0.1", "-0.1"), ("-", "-"), ("0", "0")]
)
def test_a_zero_has_no_sign(text: str, shown: str) -> None:
    assert unsigned(text) == shown
