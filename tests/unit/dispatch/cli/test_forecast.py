"""Forecasting and backtesting as a person meets them: what is printed and written, and how mistakes are answered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.unit.dispatch.small_park import measured, write
from tests.unit.dispatch.typed import Run, refused, run, small

__all__ = ["run", "small"]  # fixtures

ROOT = Path(__file__).resolve().parents[4]
DAYS = ("--from", "2024-03-28", "--to", "2024-03-30")


def test_a_forecast_is_a_table_that_any_scheduler_reads(run: Run, small: Path, tmp_path: Path) -> None:
    done = run("forecast", small, "--day", "2024-03-31", "--days", 2, "--scenarios", 4, "--out", "out")
    assert done.status == 0, done.err
    assert "hall" in done.out
    assert "own_past" in done.out
    table = pq.read_table(tmp_path / "out" / "forecast.parquet").to_pandas()
    assert set(table["variable"]) == {"hall"}
    assert len(table) == (23 + 24) * 7
    paths = pq.read_table(tmp_path / "out" / "scenarios.parquet").to_pandas()
    assert paths.groupby("scenario")["weight"].first().sum() == pytest.approx(1)
    assert len(paths) == 4 * 47
    middle = table[np.isclose(table["level"], 0.5)].set_index("valid_time")["value"]
    expected = (paths["weight"] * paths["value"]).groupby(paths["valid_time"]).sum()
    assert np.abs(expected - middle).mean() < 5
    page = (tmp_path / "out" / "forecast.html").read_text()
    assert "Bands hold 90" in page
    assert "fill-opacity" in page


def test_the_same_forecast_gives_the_same_bytes(run: Run, small: Path, tmp_path: Path) -> None:
    for out in ("one", "two"):
        assert run("forecast", small, "--day", "2024-03-31", "--out", out).status == 0
    for name in ("forecast.parquet", "scenarios.parquet", "forecast.html"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_backtest_prints_and_writes_scores(run: Run, small: Path, tmp_path: Path) -> None:
    done = run("backtest", small, *DAYS, "--executor", "serial", "--out", "out")
    assert done.status == 0, done.err
    assert "parkwatt" in done.out
    assert "smart persistence" in done.out
    assert "note: parkwatt, hall: answered from its own past 100 %." in done.out
    assert "answered from" not in done.out.partition("its own past 100 %.")[2], "references need no word"
    assert "0 of 4 chunks are there already" in done.err
    results = pq.read_table(tmp_path / "out" / "results.parquet").to_pandas()
    assert len(results) == 4 * 3 * 24 * 7
    assert set(results[results["model"] == "parkwatt"]["rung"]) == {"own_past"}
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert {row["model"] for row in scores["lead_days"]} == {
        "parkwatt",
        "climatology",
        "persistence",
        "smart persistence",
    }
    page = (tmp_path / "out" / "backtest.html").read_text()
    for part in ("Reliability", "Skill", "Fans", "Errors by lead day", "as it should be"):
        assert part in page
    again = run("backtest", small, *DAYS, "--executor", "serial", "--out", "out")
    assert "4 of 4 chunks are there already" in again.err


def test_a_spec_says_all_and_days_without_data_are_unverified(run: Run, small: Path, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(
        "park: park.yaml\nfrom: 2024-03-30\nto: 2024-03-30\ndays: 3\nissue_before_h: 2\nmodels: [climatology]\n"
    )
    done = run("backtest", "study.yaml", "--executor", "serial", "--out", "out")
    assert done.status == 0, done.err
    assert "unverified" in done.out
    assert "unverified" in (tmp_path / "out" / "backtest.html").read_text()
    rows = json.loads((tmp_path / "out" / "scores.json").read_text())["lead_days"]
    assert {row["lead_day"]: row["count"] for row in rows} == {"all": 24, 1: 24, 2: 0, 3: 0}


def test_what_was_retrained_and_why_stands_in_scores_and_page(run: Run, small: Path, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(
        "park: park.yaml\nfrom: 2024-03-26\nto: 2024-03-30\nretrain_days: 3\nretrain_on_drift: true\n"
        "models: [parkwatt, climatology]\n"
    )
    for out, option in (("file", ()), ("off", ("--no-retrain-on-drift",)), ("on", ("--retrain-on-drift",))):
        done = run("backtest", "study.yaml", *option, "--executor", "serial", "--out", out)
        assert done.status == 0, done.err
        told = json.loads((tmp_path / out / "scores.json").read_text())
        assert told["spec"]["retrain_on_drift"] == (out != "off")
        own = [row for row in told["trainings"] if row["model"] == "parkwatt"]
        assert [row["reason"] for row in own] == ["first", "schedule"]
        page = (tmp_path / out / "backtest.html").read_text()
        assert "Learnt from what was known at" in page
        assert own[1]["text"] in page
        assert ("retrained every 3 days and on drift" in page) == (out != "off")
    assert own[1]["text"] == "it learnt 3 days ago; the schedule says 3"


def test_mistakes_in_a_spec_are_told_with_their_place(run: Run, small: Path, tmp_path: Path) -> None:
    refused(run("backtest", small), "give --from and --to")
    refused(run("backtest", small, "--from", "2024-03-30", "--to", "2024-03-28"), "to 2024-03-28 is before")
    refused(run("backtest", small, *DAYS, "--executor", "cloud"), "executor 'cloud' is not known")
    (tmp_path / "s.yaml").write_text("park: park.yaml\nfrom: 2024-03-30\nto: 2024-03-30\nmodels: [oracle]\nhours: 3\n")
    refused(
        run("backtest", "s.yaml"), "models (line 4): oracle: no such model", "hours (line 5): is no key", "retrain_days"
    )
    (tmp_path / "t.yaml").write_text("park: park.yaml\nfrom: 2024-03-30\nto: 2024-03-30\nseries: [wind]\n")
    refused(run("backtest", "t.yaml"), "series wind: not forecast in small; accepted: hall")


@pytest.mark.slow
def test_a_backtest_that_was_killed_goes_on(tmp_path: Path) -> None:
    """A real process, ended without warning after its first chunks."""
    write(tmp_path)
    measured("2024-03-30", days=20).to_csv(tmp_path / "measured.csv", index=False)
    (tmp_path / "s.yaml").write_text(
        "park: park.yaml\nfrom: 2024-03-24\nto: 2024-03-30\nretrain_days: 1\nmodels: [climatology, persistence]\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PARKWATT_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "dispatch", "backtest", "s.yaml", "--executor", "processes", "--workers", "1"]
    chunks = tmp_path / "out" / "chunks"
    process = subprocess.Popen([*command, "--out", "out"], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while len(list(chunks.glob("*.parquet"))) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(list(chunks.glob("*.parquet")))
    assert 2 <= done < 14
    serial = [*command[:-4], "--executor", "serial"]
    rest = subprocess.run(
        [*serial, "--out", "out"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert f"{done} of 14 chunks are there already" in rest.stderr
    subprocess.run([*serial, "--out", "whole"], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert (tmp_path / "out" / "results.parquet").read_bytes() == (tmp_path / "whole" / "results.parquet").read_bytes()


def test_a_model_is_kept_with_its_card_and_used_again(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path)
    measured("2024-03-30", days=30).to_csv(tmp_path / "measured.csv", index=False)
    asked = ("forecast", path, "--models", "models", "--out")
    first = run(*asked, "one", "--day", "2024-03-29")
    assert first.status == 0, first.err
    assert "model trained anew: it has not learnt yet" in first.err
    (card,) = (tmp_path / "models").glob("*/card.md")
    assert "Forecasts hall" in card.read_text()
    again = run(*asked, "two", "--day", "2024-03-29")
    assert "model kept since 2024-03-28" in again.err
    for name in ("forecast.parquet", "scenarios.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    later = run(*asked, "three", "--day", "2024-03-30")
    assert "model kept since 2024-03-28" in later.err


def test_a_plan_and_its_explanation_ask_the_model_that_is_kept(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path)
    measured("2024-03-30", days=30).to_csv(tmp_path / "measured.csv", index=False)
    first = run("plan", path, "--models", "models", "--out", "one", "--day", "2024-03-29")
    assert first.status == 0, first.err
    assert "model trained anew: it has not learnt yet" in first.err
    again = run("plan", path, "--models", "models", "--out", "two", "--day", "2024-03-29")
    assert "model kept since 2024-03-28" in again.err
    plain = run("plan", path, "--out", "three", "--day", "2024-03-29")
    assert "model" not in plain.err
    for name in ("schedule.parquet", "forecast.parquet", "report.html"):
        one = (tmp_path / "one" / name).read_bytes()
        assert (tmp_path / "two" / name).read_bytes() == one
        assert (tmp_path / "three" / name).read_bytes() == one
    note = "forecasts by a model that was kept: it has learnt from what was known on 2024-03-28"
    assert note not in again.out
    assert note in run("plan", path, "--models", "models", "--day", "2024-03-30").out.replace("\n", " ")
    later = run("explain", path, "--models", "models", "--day", "2024-03-30")
    assert "model kept since 2024-03-28" in later.err
    assert len(list((tmp_path / "models").iterdir())) == 1
    (tmp_path / "a_file").touch()
    refused(run("plan", path, "--models", "a_file", "--day", "2024-03-29"), "give another folder with --models")
