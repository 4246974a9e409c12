"""Sites without a grid connection: planned, reported, ruled, rested; and what surviving an outage is told to cost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.ladder.climb import climb
from dispatch.ladder.fallback import last_good, safe_state
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.parks import battery, given, hours, load, unit
from tests.parks import park as small_site
from tests.unit.dispatch.small_park import measured, park, write
from tests.unit.dispatch.typed import Run, run

__all__ = ["run"]  # a fixture

DIESEL = {"kind": "thermal", "name": "diesel", "bus": "main", "use": "diesel_genset", "min_kw": 30, "max_kw": 200}
BLACKOUT = {"kind": "outage", "name": "blackout", "use": "outage_four_hours", "loads": ["hall"], "critical_share": 0.3}


def written(folder: Path, *assets: dict[str, Any], connected: bool) -> Path:
    content = park()
    content["assets"] = [*content["assets"][: 3 if connected else 2], *assets]
    write(folder, content)
    measured("2024-03-30").to_csv(folder / "measured.csv", index=False)
    return folder


def test_a_park_without_a_connection_is_planned_and_reported(run: Run, tmp_path: Path) -> None:
    ended = run("plan", written(tmp_path, DIESEL, connected=False), "--day", "2024-03-29")
    assert ended.status == 0, ended.err
    assert "schedule: optimal" in ended.out
    assert "audit passed" in ended.out
    assert "rules of the park" in ended.out.replace("\n", " ") or "rules of the" in ended.out
    assert "breaks a limit" not in ended.out
    report = next(tmp_path.rglob("report.html")).read_text("utf-8")
    assert "diesel: typical numbers, not verified for this plant (diesel .25 l/kWh" in report


def island(*assets: dict[str, Any], **series: Any) -> Problem:
    site = small_site(load(), *assets)
    values = {(name, "demand_kw" if name == "load" else "available_kw"): value for name, value in series.items()}
    return Problem(site, given(site, hours(6), values))


DEMAND = np.array([40.0, 60, 90, 30, 20, 50])
PANEL = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 90}


def test_every_rung_has_an_answer_on_an_island() -> None:
    built = island(battery(), unit(min_kw=10), PANEL, load=DEMAND, roof=[0.0, 0, 80, 90, 60, 0])
    plan = solve(built)
    for schedule in (plan, rule_based(built), last_good(built, plan), safe_state(built)):
        assert audit(schedule).violations == (), schedule.proof.quality
    assert plan.asset("load", "shed_kw") == pytest.approx(np.zeros(6), abs=1e-6)
    assert rule_based(built).asset("load", "shed_kw") == pytest.approx(np.zeros(6), abs=1e-6)
    assert climb(built).schedule.proof.quality == "optimal"


def test_a_unit_too_large_for_its_island_leaves_it_dark_but_never_without_an_answer() -> None:
    found = climb(island(unit(min_kw=100, max_kw=200), load=20.0)).schedule
    assert audit(found).violations == ()
    assert found.asset("load", "shed_kw") == pytest.approx(np.full(6, 20.0))


def test_explain_and_report_say_whether_an_outage_is_survived_and_what_that_costs(run: Run, tmp_path: Path) -> None:
    folder = written(tmp_path, BLACKOUT, connected=True)
    ended = run("explain", folder, "--day", "2024-03-29")
    text = " ".join(ended.out.split())
    assert "blackout: 4 h without the grid, at any time:" in text
    assert "kWh would lack" in text, "a 100 kWh store is not enough at noon"
    assert re.search(r"being able to costs [\d.]+ EUR of the day \([\d,.]+ EUR with it, [\d,.]+ without\)", text)
    planned = run("plan", folder, "--day", "2024-03-29")
    assert "plan without" in planned.out
    assert "4 h without the grid" in " ".join(planned.out.split())
    with_diesel = written(tmp_path / "more", BLACKOUT, DIESEL | {"black_start_h": 0.0}, connected=True)
    kept = " ".join(run("explain", with_diesel, "--day", "2024-03-29").out.split())
    assert "at any time: kept being able to costs 0.00 EUR" in kept
