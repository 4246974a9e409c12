"""The plan as a whole, on ten days of made-up history: pure, blind to the future, and never unproved."""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import dispatch.ladder.climb as ladder
import dispatch.plan as module
from dispatch.audit import audit
from dispatch.cli.planning import write
from dispatch.cli.tables import show
from dispatch.errors import SolveError
from dispatch.plan import Background, Plan, plan
from dispatch.planning.certificate import certificate
from dispatch.presentation.page import report_data
from dispatch.problem import Problem
from dispatch.report import render
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.tables import schedule_table
from forecasting.archive import Archive
from tests.parks import battery, grid, load, park, tariff, unit
from tests.unit.dispatch import bad_solvers

ZONE = "Europe/Berlin"
DAY = date(2024, 5, 15)
WIND = {"kind": "wind", "name": "wind", "bus": "main", "rated_kw": 80}


def site(*more: dict[str, Any], scenarios: int = 3, **fields: Any) -> Site:
    connection = grid(import_kw=150, tariff=tariff(0.2, demand=5.0), expected_peak_kw=60)
    place = {"time_zone": ZONE, "latitude_deg": 52.5, "longitude_deg": 13.4}
    asked = {"planning": {"scenarios": scenarios, "step_minutes": 60}}
    assets = more or (load(), WIND, connection, battery(), unit(min_kw=20, start_cost=3))
    return park(*assets, **place | asked | fields)


def horizon(day: date = DAY, days: int = 1) -> Horizon:
    return Horizon.local_day(day, ZONE, 60, days)


def issue(at: Horizon) -> datetime:
    return at.start - timedelta(hours=12)


def history(at: Horizon, days: int = 10, beyond: float = 1.0) -> Archive:
    """Hourly load and wind until two days after the plan is issued; what comes after is multiplied by ``beyond``."""
    last = pd.Timestamp(issue(at))
    end = pd.date_range(last - pd.Timedelta(days=days), last + pd.Timedelta(days=2), freq="1h")
    random = np.random.default_rng(7)
    demand = 60 + 40 * np.sin(np.arange(end.size) / 24 * 2 * np.pi) + random.uniform(-5, 5, end.size)
    wind = random.uniform(0, 80, end.size)
    # A measurement is known a quarter of an hour after its step.
    later = np.where(end + pd.Timedelta(minutes=15) > last, beyond, 1.0)
    archive = Archive.empty().with_measurements("test", "load", end, demand * later)
    return archive.with_measurements("test", "wind", end, wind * later)


def made(at: Horizon | None = None, park_site: Site | None = None, **fields: Any) -> Plan:
    at = at or horizon()
    return plan(park_site or site(), at, fields.pop("archive", history(at)), issue(at), **fields)


def came(value: float = 1.0) -> dict[str, np.ndarray]:
    return {"load": 70.0 * value * np.ones(24), "wind": 30.0 * np.ones(24)}


@pytest.fixture(scope="module")
def first() -> Plan:
    return made(actual=came())


def values(found: Plan) -> dict[str, np.ndarray]:
    return {f"{k}.{n}": v for k, s in found.schedule.kinds.items() for n, v in s.series.items()}


def test_the_same_plan_twice_gives_the_same_bytes(first: Plan, tmp_path: Path):
    second = made(actual=came())
    assert second.certificate == first.certificate
    for name, found in (("one", first), ("two", second)):
        write(found, tmp_path / name)
    names = sorted(p.name for p in (tmp_path / "one").iterdir())
    tables = ["carbon.parquet", "forecast.parquet", "schedule.parquet"]
    assert names == sorted([*tables, "certificate.json", "report.html", "state.json"])
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_a_plan_is_proved_and_says_how(first: Plan):
    assert first.audit.passed
    assert first.audit.checked > 100
    told = json.loads(json.dumps(first.certificate, allow_nan=False))
    assert told["solution"]["quality"] == "optimal"
    assert told["solution"]["reason"] == ""
    assert told["solution"]["bound"] <= told["solution"]["objective"]
    assert told["network"] is None
    assert set(told["forecast"]["rungs"].values()) == {"own_past"}
    assert told["issued"] == "2024-05-14T10:00:00+00:00"
    assert told["horizon"] == ["2024-05-14T22:00:00Z", "2024-05-15T22:00:00Z"]


def test_a_certificate_is_that_of_one_schedule(first: Plan):
    """Whoever holds schedule.parquet can tell whether it is the certified one; a set-point moved by a watt is not."""
    table, digest = schedule_table(first.schedule, "EUR"), hashlib.sha256()
    for name in sorted(n for n in table.column_names if "." in n and not n.endswith(".local_price_per_kwh")):
        digest.update(name.encode() + table[name].to_numpy().astype("<f8").tobytes())
    assert first.certificate["schedule_sha256"] == digest.hexdigest()
    load = first.schedule.kinds["load"]
    moved = {**load.series, "served_kw": load.series["served_kw"] + 1e-3}
    changed = replace(first.schedule, kinds={**first.schedule.kinds, "load": replace(load, series=moved)})
    other = certificate(first.site, first.issue_time, first.outlook, changed, first.audit, None, {})
    assert other["schedule_sha256"] != first.certificate["schedule_sha256"]


def test_no_plan_sees_what_comes_after_it_is_issued(first: Plan):
    at = horizon()
    other = made(archive=history(at, beyond=5.0), actual=came(1.7))
    for name, series in values(first).items():
        np.testing.assert_array_equal(series, values(other)[name], err_msg=name)
    assert other.certificate == first.certificate
    assert other.outcomes[:2] == first.outcomes[:2]
    assert other.outcomes[2] != first.outcomes[2], "the comparison alone knows what came"


def test_what_was_known_does_matter(first: Plan):
    at = horizon()
    other = plan(site(), at, history(at, beyond=5.0), issue(at) + timedelta(hours=12), actual=None)
    assert not np.array_equal(values(first)["load.served_kw"], values(other)["load.served_kw"])


@pytest.mark.parametrize("lacking", [{}, {"load": np.ones(24)}, came() | {"wind": np.full(24, np.nan)}])
def test_a_day_that_is_not_known_throughout_is_not_compared(lacking: dict[str, np.ndarray]):
    found = made(park_site=site(scenarios=0), actual=lacking)
    assert [o.name for o in found.outcomes] == ["plan", "rules of the park"]
    assert found.actual == {}


def test_scenarios_carry_their_probabilities(first: Plan):
    forecast = first.outlook.forecast
    assert forecast is not None
    weights = first.schedule.weights
    assert weights.shape == (4,)
    assert weights.sum() == pytest.approx(1)
    assert weights[0] == pytest.approx(1 / 4), "the central path counts as an average scenario"
    assert weights[1:] == pytest.approx(forecast.weights * 3 / 4)
    np.testing.assert_array_equal(first.outlook.inputs.series["load", "demand_kw"][0], forecast.central["load"])
    alone = made(park_site=site(scenarios=0))
    assert alone.schedule.weights == pytest.approx([1])


def refuse(problem: Problem, *_: Any, **__: Any) -> Schedule:
    raise SolveError("HiGHS stopped without a plan: of the test")


def miscount(problem: Problem, *_: Any, **__: Any) -> Schedule:
    schedule = solve(problem)
    return replace(schedule, money=schedule.money + 100.0)


@pytest.mark.parametrize(("broken", "why"), [(refuse, "of the test"), (miscount, "audit: site: money differs")])
def test_where_no_solve_is_proved_the_rules_of_the_park_are_the_plan(
    monkeypatch: pytest.MonkeyPatch, broken: Any, why: str
):
    monkeypatch.setattr(ladder, "solve", broken)
    found = made()
    assert found.schedule.proof.quality == "rule_based"
    assert audit(found.schedule).passed
    assert found.audit.passed
    solution = json.loads(json.dumps(found.certificate, allow_nan=False))["solution"]
    assert solution["quality"] == "rule_based"
    assert why in solution["reason"]
    assert [a["rung"] for a in solution["attempts"]] == [
        "optimal", "incumbent", "convex_recovery", "relaxed", "last_good",
    ]  # fmt: skip
    assert all(a["reason"] and not a["clock_limit_fired"] for a in solution["attempts"])
    assert solution["bound"] == "-inf"
    data = report_data(found)
    assert any(f.severity == "warning" and why in f.text and "rule based" in f.text for f in data.findings)
    assert data.status.gap is None
    render(data)


def test_no_unproved_plan_comes_out(monkeypatch: pytest.MonkeyPatch):
    def wrong(problem: Problem) -> Schedule:
        return replace(rule_based(problem), money=np.full(problem.scenarios, 1e9))

    monkeypatch.setattr(ladder, "solve", refuse)
    monkeypatch.setattr(ladder, "rule_based", wrong)
    monkeypatch.setattr(ladder, "safe_state", wrong)
    with pytest.raises(SolveError, match=r"of the test.*rule_based: audit: site: money differs.*safe_state: audit"):
        made()


def test_with_a_deadline_the_plan_is_the_same_where_the_time_is_enough(first: Plan):
    timed = made(park_site=site(planning={"scenarios": 3, "step_minutes": 60, "deadline_s": 60}), actual=came())
    assert timed.schedule.proof.quality == "optimal"
    for name, series in values(first).items():
        np.testing.assert_array_equal(series, values(timed)[name], err_msg=name)
    assert timed.outcomes == first.outcomes


def test_a_deadline_that_is_too_short_is_kept_and_told():
    asked = {"scenarios": 3, "step_minutes": 60, "deadline_s": 1e-3}
    found = made(park_site=site(planning=asked), actual=came())
    assert found.audit.passed
    assert found.schedule.proof.quality == "rule_based"
    solution: Any = found.certificate["solution"]
    assert solution["clock_limit_fired"]
    assert solution["attempts"][0] == {
        "rung": "optimal", "reason": "no time was left for it", "clock_limit_fired": True,
    }  # fmt: skip
    assert "perfect foresight" not in [o.name for o in found.outcomes]


@pytest.mark.parametrize(("day", "steps"), [(date(2024, 3, 31), 23), (date(2024, 10, 27), 25)])
def test_both_daylight_saving_days_are_ordinary_days(day: date, steps: int):
    found = made(horizon(day))
    assert found.audit.passed
    assert found.horizon.steps == steps
    data = report_data(found)
    assert len(set(data.step_start)) == steps
    assert data.day == f"{day:%A %d %B %Y}"
    render(data)


def test_two_days_over_the_end_of_a_month_pay_for_two_peaks():
    at = horizon(date(2024, 4, 30), days=2)
    found = made(at)
    assert found.audit.passed
    connection = found.schedule.kinds["grid_connection"]
    peaks, imported = connection.series["added_peak_kw"][0], connection.series["import_kw"][0]
    highest = [imported[:24].max(), imported[24:].max()]
    assert connection.cost_period[0] == pytest.approx([5.0 * max(h - 60, 0) for h in highest], abs=1e-4)
    assert peaks.shape == (2,)
    assert report_data(found).day == "30 April to 01 May 2024"


def test_a_park_without_forecasts_needs_no_history():
    connection = grid(export_kw=50, tariff=tariff(0.1, feed_in=0.3))
    found = made(park_site=site(battery(), connection), archive=Archive.empty())
    assert found.outlook.forecast is None
    assert found.outlook.data_age_h is None
    assert found.certificate["forecast"] is None
    assert found.schedule.money[0] < -5, "bought for .1, sold for .3"
    data = report_data(found)
    assert data.fans == ()
    assert [m.name for m in data.comparison] == ["plan", "rules of the park"]
    render(data)


def test_a_wish_that_cannot_be_met_reports_what_is_missing():
    found = made(park_site=site(load(), grid(clean_fraction=0.25), wishes=[{"clean_share_min": 0.9}], scenarios=0))
    demand = found.outlook.inputs.series["load", "demand_kw"][0]
    text = "clean share of at least 90% per day"
    short = (0.75 - 0.1) * demand.sum()
    assert found.schedule.wish_short_kwh[text][0] == pytest.approx([short])
    assert (text, f"short by {short:,.0f} kWh", False) in report_data(found).wishes


def test_times_are_of_the_zone_and_inputs_stand_in_the_certificate():
    at = horizon()
    found = made(at, background=Background(hashes={"b": "2", "a": "1"}))
    assert list(found.certificate["inputs_sha256"].items()) == [("a", "1"), ("b", "2")]  # type: ignore[attr-defined]
    assert found.horizon.start == datetime(2024, 5, 14, 22, tzinfo=UTC)
    assert found.outlook.data_age_h == pytest.approx(1.0)


def engine_that_must_run(connected: bool = True) -> Site:
    """An engine that must stay on for three hours above all that anybody could take."""
    engine = unit("engine", min_kw=500, max_kw=600, min_up_h=4, on_before_h=1, power_before_kw=500)
    return site(load(), WIND, engine, *([grid(import_kw=150, tariff=tariff(0.2))] if connected else []))


@pytest.mark.parametrize(("deadline_s", "connected"), [(None, True), (40.0, True), (None, False)])
def test_a_plan_that_cannot_be_says_why_and_what_would_mend_it(deadline_s: float | None, connected: bool):
    park_site = engine_that_must_run(connected)
    within = park_site.planning.model_copy(update={"deadline_s": deadline_s})
    found = made(park_site=park_site.model_copy(update={"planning": within}))
    assert (found.schedule.proof.quality == "relaxed") == connected  # without a connection nothing can be relaxed
    assert found.reason is not None
    assert found.reason.why[0] == "there is no plan that keeps every limit"
    assert any("engine: committed at its lower limit" in line for line in found.reason.why)
    assert found.reason.first_fix.startswith(("lower min_kw of engine", "lower min_up_h of engine"))
    told = json.loads(json.dumps(found.certificate, allow_nan=False))
    assert told["explanation"] == {"why": list(found.reason.why), "first_fix": found.reason.first_fix}
    texts = [finding.text for finding in report_data(found).findings if finding.severity == "warning"]
    assert "; ".join(found.reason.why) in texts
    assert f"the first fix: {found.reason.first_fix}" in texts
    console = Console(width=400, record=True, file=io.StringIO())
    show(found, console)
    assert f"the first fix: {found.reason.first_fix}" in console.export_text()


def test_the_fix_of_a_plan_that_cannot_be_mends_it():
    found = made(park_site=engine_that_must_run())
    assert found.reason is not None
    name, value = re.search(r"lower (\w+) of engine from \S+ to (\S+)", found.reason.first_fix).groups()  # type: ignore[union-attr]
    assets = [
        asset.model_copy(update={name: float(value)}) if asset.name == "engine" else asset
        for asset in engine_that_must_run().assets
    ]
    mended = made(park_site=engine_that_must_run().model_copy(update={"assets": tuple(assets)}))
    assert mended.schedule.proof.quality == "optimal"
    assert mended.reason is None
    assert mended.certificate["explanation"] is None


def test_a_solver_that_fails_is_no_reason_to_ask_why(monkeypatch: pytest.MonkeyPatch):
    """There is a plan; it was not found. Asking would name limits that are none."""
    monkeypatch.setattr(module, "climb", partial(module.climb, run=bad_solvers.out_of_memory))
    found = made()
    assert found.schedule.proof.quality == "rule_based"
    assert found.reason is None


def test_asking_why_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "reason_of", bad_solvers.endless)
    park_site = engine_that_must_run()
    within = park_site.planning.model_copy(update={"deadline_s": 8.0})
    began = time.monotonic()
    found = made(park_site=park_site.model_copy(update={"planning": within}))
    assert time.monotonic() - began < 8.0 + 12.0  # forecasting before it, the rules after it
    assert found.reason is None
    assert found.audit.passed
