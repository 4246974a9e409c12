"""``parkwatt explain`` and ``parkwatt export`` as a person meets them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.dispatch.small_park import measured, park, write
from tests.unit.dispatch.typed import Run, refused, run, small

__all__ = ["run", "small"]  # fixtures


def cramped(folder: Path) -> Path:
    """The small park with a connection that cannot carry its noon."""
    content = park()
    content["assets"][2]["import_kw"] = 105
    write(folder, content)
    measured("2024-03-30").to_csv(folder / "measured.csv", index=False)
    return folder


def told(text: str) -> str:
    """Without the line breaks that the width of the terminal makes."""
    return " ".join(text.split())


def test_explain_says_what_binds_what_lacks_and_what_mends_it(run: Run, tmp_path: Path) -> None:
    ended = run("explain", cramped(tmp_path), "--day", "2024-03-29")
    assert ended.status == 0, ended.err
    text = told(ended.out)
    assert "pcc: import at its upper limit" in text
    assert "not met: hall: demand that is not served" in text
    assert "fix 1: raise import_kw of pcc from 105 to" in text


def test_a_suggested_fix_written_into_the_file_serves_the_demand(run: Run, tmp_path: Path) -> None:
    ended = run("explain", cramped(tmp_path), "--day", "2024-03-29")
    found = re.search(r"fix 1: raise import_kw of pcc from 105 to ([\d.]+)", told(ended.out))
    assert found is not None
    content = park()
    content["assets"][2]["import_kw"] = float(found[1])
    write(tmp_path, content)
    assert "not met" not in run("explain", tmp_path, "--day", "2024-03-29").out


def test_explain_an_hour(run: Run, small: Path) -> None:
    ended = run("explain", small, "--day", "2024-03-29", "--at", "18:00")
    assert ended.status == 0, ended.err
    text = told(ended.out)
    assert "29 March 2024, 18:00–19:00" in text
    assert "a kWh is worth, in EUR: main 0.3" in text
    assert "a kWh kept is worth" in text
    assert "next best: store" in text


def test_a_decision_may_have_a_unit_as_in_a_parks_file(run: Run, small: Path) -> None:
    asked = ("explain", small, "--day", "2024-03-29", "--at", "18:00", "--asset", "store", "--set")
    assert "store: charge 20 kW at 18:00–19:00 costs" in told(run(*asked, "charge_kw='0.02 MW'").out)
    refused(run(*asked, "charge_kw=2 MWh"), "'2 MWh' has a unit that does not fit 'charge_kw'", "(W, kW, MW, GW)")


def test_explain_an_hour_of_a_plan_with_a_deadline(run: Run, small: Path) -> None:
    ended = run("explain", small, "--day", "2024-03-29", "--deadline", "60")
    assert ended.status == 0, ended.err
    assert "limits that bind" in told(ended.out)
    refused(run("explain", small, "--deadline", "0"), "--deadline")


def test_explain_another_decision(run: Run, small: Path) -> None:
    asked = ("explain", small, "--day", "2024-03-29", "--at", "18:00", "--asset", "store")
    ended = run(*asked, "--set", "charge_kw=20")
    assert re.search(r"store: charge 20 kW at 18:00–19:00 costs \d+\.\d\d EUR more", told(ended.out))
    assert "pcc, import_kw" in told(ended.out)
    assert "cannot be: within reach is charge 0 to 50 kW" in told(run(*asked, "--set", "charge_kw=90").out)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--at", "25:00"), "write it like 18:00"),
        (("--asset", "stor"), "there are hall, store, pcc"),
        (("--set", "charge_kw=2"), "--set needs --asset and --at"),
        (("--at", "18:00", "--asset", "store", "--set", "charge_kw"), "write it like charge_kw=200"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_before_planning(
    run: Run, small: Path, options: tuple[str, ...], words: str
) -> None:
    ended = run("explain", small, "--day", "2024-03-29", *options)
    refused(ended, words)
    assert "scheduling" not in ended.err


def test_a_series_that_cannot_be_set_is_refused(run: Run, small: Path) -> None:
    ended = run("explain", small, "--day", "2024-03-29", "--at", "18:00", "--asset", "store", "--set", "heat_kw=1")
    refused(ended, "'store' has no 'heat_kw' that could be set; it has charge_kw")


def test_a_park_without_any_plan_says_why(run: Run, tmp_path: Path) -> None:
    content = park()
    unit = {"kind": "thermal", "name": "engine", "bus": "main", "min_kw": 700, "max_kw": 900, "cost_per_kwh": 0.1}
    content["assets"].append(unit | {"on_before_h": 1, "min_up_h": 5, "power_before_kw": 700})
    write(tmp_path, content)
    measured("2024-03-30").to_csv(tmp_path / "measured.csv", index=False)
    ended = run("explain", tmp_path, "--day", "2024-03-29")
    assert "engine: on at its lower limit" in told(ended.out)
    assert "raise export_kw of pcc from 0 to" in told(ended.out)


@pytest.mark.parametrize("form", ["mps", "lp"])
def test_export_writes_the_problem_and_the_log(run: Run, small: Path, tmp_path: Path, form: str) -> None:
    out, log = tmp_path / f"problem.{form}", tmp_path / "solver.log"
    ended = run("export", small, "--day", "2024-03-29", "--format", form, "--out", out, "--solver-log", log)
    assert ended.status == 0, ended.err
    assert "rows" in ended.out
    moment = "[2024-03-29T18:00]" if form == "mps" else "(20240329T1800)"
    assert f"battery.store.charge_kw{moment}" in out.read_text("utf-8")
    assert "Optimal" in log.read_text("utf-8")


def test_export_refuses_what_it_does_not_know(run: Run, small: Path, tmp_path: Path) -> None:
    refused(run("export", small, "--format", "gms", "--out", tmp_path / "x.gms"), "accepted: mps, lp")


def test_plan_keeps_the_solvers_log_where_it_is_told(run: Run, small: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    ended = run("plan", small, "--day", "2024-03-29", "--out", tmp_path / "out", "--solver-log", log)
    assert ended.status == 0, ended.err
    assert "Optimal" in log.read_text("utf-8")
    refused(run("plan", small, "--day", "2024-03-29", "--solver-log", tmp_path / "no" / "log"), "cannot be written")
