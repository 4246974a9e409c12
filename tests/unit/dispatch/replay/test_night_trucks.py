"""Vehicles over midnight in a replay: no state jumps at a seam, and what fails an audit is said and ends with 1."""

from __future__ import annotations

import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import dispatch.replay
from dispatch.cli import main
from dispatch.cli.replaying import show
from dispatch.config.park import load_site
from dispatch.executor import executor
from dispatch.replay import Case, Journal, Replayed, Settings, replay
from dispatch.replay.ledger import ledger
from dispatch.replay.pieces import buses
from dispatch.replay.replay_page import exchange_kw, page
from dispatch.replay.results import found, lines, span_text
from dispatch.signals import Horizon
from dispatch.sources import gather
from tests.unit.dispatch.replay.days import FAST, FIRST, folder_with_park, replayed_park
from tests.unit.dispatch.small_park import write

pytestmark = pytest.mark.timeout(300)

TRUCKS = {
    "kind": "ev_fleet", "name": "trucks", "bus": "main", "charge_efficiency": 0.9, "sessions": [
        {"name": "a", "arrival": "18:00", "departure": "06:00", "charge_kw": 11, "arrival_kwh": 10, "needed_kwh": 45,
         "capacity_kwh": 80},
        {"name": "b", "arrival": "20:00", "departure": "05:00", "charge_kw": 11, "arrival_kwh": 20, "needed_kwh": 18,
         "capacity_kwh": 80},
        {"name": "c", "arrival": "12:00", "departure": "14:00", "charge_kw": 11, "needed_kwh": 9},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Two days of the small park with trucks."""
    folder = tmp_path_factory.mktemp("trucks")
    folder_with_park(folder)
    content = replayed_park()
    content["assets"].append(TRUCKS)
    site = load_site(write(folder, content))
    span = Horizon.local_day(FIRST, site.time_zone, 60, days=2)
    sources = gather(site, span, folder)
    case = Case(site, span, sources.actual, sources.archive, Settings(every_h=3.0, methods=FAST))
    return replay(case, executor("serial"), Journal(folder / "journal"))


def spoilt(done: Replayed) -> Replayed:
    """A rolling path whose second window was handed 5 kWh too much of truck a, and that charged 1 kW too little."""
    ran, case = done.ran["rolling"], done.case
    seams = {key: values.copy() for key, values in ran.piece.seams.items()}
    (key,) = (key for key in seams if key == f"trucks/a@{case.days[0][0].replace(day=30).isoformat()}")
    at = int(np.flatnonzero(np.isfinite(seams[key]))[0])
    seams[key][at] += 5.0
    arrays = dict(ran.piece.arrays)
    arrays["ev_fleet/series/charge_kw"] = arrays["ev_fleet/series/charge_kw"] - 1.0
    wrong = replace(ran.piece, seams=seams, arrays=arrays)
    of = ledger(case, wrong, buses(case), {})
    return replace(
        done, ran={**done.ran, "rolling": replace(ran, piece=wrong)}, ledgers={**done.ledgers, "rolling": of}
    )


def test_trucks_over_midnight_pass_the_audit_with_every_way_to_run_the_park(done: Replayed) -> None:
    for method, of in done.ledgers.items():
        assert of.violations == (), method
        assert of.jumps == (), method
    told = {line.method: line for line in lines(done)}
    assert all(line.regret is not None and line.regret > -1e-2 for line in told.values())


def test_each_truck_takes_what_it_needs_and_no_more(done: Replayed) -> None:
    # The clock goes forward in the first night: at 00:00 a has been there for 6 of its 11 hours, b for 4 of 8. By 06:00
    # they want 45 · 5/11 and 18 / 2 more; the night between wants 45 and 18, twice comes c for 9. The last evening may
    # end anywhere up to 45 and 18.
    begun = 45 * 5 / 11 + 18 / 2
    least, most = (begun + 45 + 18 + 2 * 9) / 0.9, (begun + 2 * (45 + 18 + 9)) / 0.9
    for method, ran in done.ran.items():
        taken = float((ran.piece.arrays["ev_fleet/series/charge_kw"][0] * done.case.span.hours).sum())
        assert least - 0.01 <= taken <= most + 0.01, method


def test_seams_hand_on_vehicles_that_are_there_and_none_that_left(done: Replayed) -> None:
    seams = done.ran["rolling"].piece.seams
    starts = done.ran["rolling"].piece.starts
    key = f"trucks/a@{FIRST.replace(day=30).isoformat()}"
    hours = [done.case.window(int(s), 1).local_start[0].hour for s in starts[np.isfinite(seams[key])]]
    assert max(hours) < 6, "it left at 06:00"


def test_what_jumps_is_found_and_stands_on_page_and_terminal(done: Replayed) -> None:
    wrong = spoilt(done)
    assert any("a@2024-03-30" in text for text in wrong.ledgers["rolling"].jumps)
    reasons = found(wrong)
    assert {method for method, _ in reasons} == {"rolling"}
    text = page(wrong)
    assert "What the audit found" in text
    assert "a@2024-03-30" in text
    assert "What the audit found" not in page(done)
    console = Console(record=True, width=200, file=StringIO())
    assert not show(wrong, console)
    said = console.export_text()
    assert "the audit failed" in said
    assert "a@2024-03-30" in said
    assert show(done, Console(quiet=True))


def test_the_page_names_the_days_that_were_asked_for_and_draws_cost_and_exchange(done: Replayed) -> None:
    assert span_text(done) == "2024-03-31 to 2024-04-01"
    text = page(done)
    assert "2024-03-31 to 2024-04-01" in text
    assert "2024-04-02" not in text
    assert text.count("<svg") >= 2
    arrays = done.ran["rolling"].piece.arrays
    bought = arrays["grid_connection/series/import_kw"][0] - arrays["grid_connection/series/export_kw"][0]
    assert exchange_kw(done, "rolling") == pytest.approx(bought)


def test_a_failed_audit_ends_with_1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, done: Replayed) -> None:
    wrong = spoilt(done)
    monkeypatch.setattr(dispatch.replay, "replay", lambda *_, **__: wrong)
    arguments = ("--from", "2024-03-31", "--to", "2024-04-01", "--every", "3h", "--executor", "serial")
    path = folder_with_park(tmp_path)
    monkeypatch.setattr(sys, "argv", ["parkwatt", "replay", str(path), *arguments, "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    assert "What the audit found" in (tmp_path / "out" / "replay.html").read_text("utf-8")
