"""The command as a person meets it: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from dispatch.cli import main, planning
from dispatch.config.park import CONFIGS, load_site
from dispatch.errors import ConfigError
from dispatch.site import schema
from tests.unit.dispatch.small_park import measured, park, write
from tests.unit.dispatch.typed import Run, refused, run, small

__all__ = ["run", "small"]  # fixtures

ROOT = Path(__file__).resolve().parents[4]


def process(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PARKWATT_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "dispatch", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_first_user_gets_from_init_to_a_plan(tmp_path: Path) -> None:
    assert "init" in process("--help", folder=tmp_path).stdout
    made = process("init", "mine", folder=tmp_path)
    assert made.returncode == 0
    assert "parkwatt plan mine" in made.stdout
    assert "valid. my_park: 4 assets" in process("validate", "mine", folder=tmp_path).stdout
    planned = process("plan", "mine", "--scenarios", "0", "--out", "out", folder=tmp_path)
    assert planned.returncode == 0, planned.stderr
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "schedule.parquet",
        "forecast.parquet",
        "carbon.parquet",
        "report.html",
        "certificate.json",
        "state.json",
        "timings.json",
    }
    assert "central path:" in planned.stdout
    assert "forecast factory, from its own past" in planned.stderr
    again = process("init", "mine", folder=tmp_path)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    assert load_site(tmp_path / "mine").name == "my_park"


def test_init_overwrites_neither_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "measured.csv").write_text("mine", encoding="utf-8")
    refused(run("init", "f"), "measured.csv", "exists already")
    assert (tmp_path / "f" / "measured.csv").read_text("utf-8") == "mine"
    assert not (tmp_path / "f" / "park.yaml").exists()


def test_the_command_alone_helps_and_an_unknown_one_is_refused(run: Run) -> None:
    assert "Usage" in run().out + run("-h").out
    ended = run("plann")
    assert ended.status == 2
    assert "Traceback" not in ended.err


def test_validate_tells_every_mistake_with_status_2(run: Run, small: Path) -> None:
    assert run("validate", small).out.endswith("3 assets (battery, grid_connection, load) on 2 buses.\n")
    write(small.parent, park(currency="Euro", time_zone="Berlin"))
    refused(run("validate", small), "currency", "time_zone", "line 3")


def test_validate_warns_of_cables_in_a_loop(run: Run, small: Path) -> None:
    ring = [
        {"kind": "cable", "name": name, "bus": "main", "far_bus": "other", "rating_kw": 9.0} for name in ("one", "two")
    ]
    raw = park()
    raw["buses"] = [*raw["buses"], {"name": "other"}]
    raw["assets"] = [*raw["assets"], *ring]
    write(small.parent, raw)
    told = run("validate", small)
    assert told.status == 0
    assert "warning: cables one, two form a loop: their flows are transport flows" in told.err


def test_validate_warns_of_connections_that_are_joined_inside_the_park(run: Run, small: Path) -> None:
    raw = park()
    raw["buses"] = [*raw["buses"], {"name": "other"}]
    (connection,) = [asset for asset in raw["assets"] if asset["kind"] == "grid_connection"]
    tie = {"kind": "cable", "name": "tie", "bus": connection["bus"], "far_bus": "other", "rating_kw": 9.0}
    raw["assets"] = [*raw["assets"], connection | {"name": "second", "bus": "other"}, tie]
    write(small.parent, raw)
    told = run("validate", small)
    assert told.status == 0
    assert f"warning: connections {connection['name']}, second are joined inside the park" in told.err


def test_validate_looks_whether_the_data_are_there(run: Run, tmp_path: Path) -> None:
    assert run("init", tmp_path / "mine").status == 0
    assert run("validate", tmp_path / "mine").status == 0
    (tmp_path / "mine" / "measured.csv").unlink()
    refused(run("validate", tmp_path / "mine"), "assets[0].history.file", "assets[1].history.file", "measured.csv")


def test_the_schema_accepts_what_ships_and_refuses_what_the_reader_refuses(run: Run, tmp_path: Path) -> None:
    printed = json.loads(run("schema").out)
    assert printed == json.loads(json.dumps(schema()))
    jsonschema.Draft202012Validator.check_schema(printed)
    validator = jsonschema.Draft202012Validator(printed)
    numbers = park()
    numbers["assets"][1]["energy_kwh"] = 100
    assert list(validator.iter_errors(numbers)) == []
    for mistake in ({"curency": "EUR"}, {"currency": "Euro"}, {"buses": []}, {"assets": [{"kind": "batery"}]}):
        wrong = numbers | mistake
        assert list(validator.iter_errors(wrong)), mistake
        with pytest.raises(ConfigError):
            load_site(write(tmp_path, wrong))


def test_the_schema_lets_an_editor_accept_all_that_the_starter_writes() -> None:
    starter = yaml.safe_load((CONFIGS / "parks" / "starter.yaml").read_text("utf-8"))
    for asset in starter["assets"]:
        asset.pop("use", None)
    assert list(jsonschema.Draft202012Validator(schema()).iter_errors(starter)) == []


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--day", "tomorrow"], ["--day 'tomorrow'", "2016-10-14"]),
        (["--day", "2024-02-30"], ["--day '2024-02-30'"]),
        (["--weather", "dwd"], ["--weather 'dwd'", "open-meteo"]),
        (["--weather-url", "http://127.0.0.1:1"], ["--weather open-meteo"]),
        (["--day", "2024-03-31", "--weather", "open-meteo"], ["has begun", "first whole day"]),
        (["--day", "2024-03-01"], ["forecast:", "hall", "days"]),
        (["--day", "9999-12-31"], ["--day"]),
    ],
)
def test_an_option_that_cannot_be_is_refused(run: Run, small: Path, options: list[str], parts: list[str]) -> None:
    refused(run("plan", small, *options), *parts)


def test_an_embedded_park_takes_no_weather_and_no_other_year(run: Run) -> None:
    refused(run("plan", "yizhuang", "--weather", "open-meteo"), "embedded", "2016")
    refused(run("plan", "yizhuang", "--day", "2024-05-01"), "2016")


def test_steps_that_do_not_fill_the_day_are_refused(run: Run, small: Path) -> None:
    write(small.parent, park(planning={"step_minutes": 7}))
    refused(run("plan", small, "--day", "2024-03-31"), "step_minutes 7", "15")


def test_an_output_folder_that_cannot_be_written_is_said_before_the_work(run: Run, small: Path) -> None:
    (small.parent / "taken").write_text("", encoding="utf-8")
    ended = run("plan", small, "--day", "2024-03-31", "--out", "taken/here")
    refused(ended, "taken/here", "--out")
    assert "forecasting" not in ended.err


def spoil(text: Callable[[pd.DataFrame], Any]) -> Callable[[Path], None]:
    return lambda path: text(measured("2024-03-30")).to_csv(path, index=False)


@pytest.mark.parametrize(
    ("damage", "parts"),
    [
        (lambda path: path.unlink(), ["assets[0].history.file (line 15)", "no file 'measured.csv'"]),
        (lambda path: path.write_bytes(b"\x00\x01\xff,\x80\n1"), ["measured.csv"]),
        (lambda path: path.write_text(""), ["measured.csv", "is empty", "column names"]),
        (
            spoil(lambda t: t.rename(columns={"hall_kw": "hall"})),
            ["history.column (line 16)", "no column 'hall_kw'", "one of time, hall"],
        ),
        (spoil(lambda t: t.replace(t.hall_kw.iloc[50], "abc")), ["row", "'abc'"]),
        (spoil(lambda t: t.assign(hall_kw=-t.hall_kw)), ["hall", "negative"]),
        (spoil(lambda t: t.assign(hall_kw=None)), ["hall", "0.0 days"]),
    ],
)
def test_data_that_cannot_be_used_are_named(
    run: Run, small: Path, damage: Callable[[Path], None], parts: list[str]
) -> None:
    damage(small.parent / "measured.csv")
    refused(run("plan", small, "--day", "2024-03-31", "--out", "out"), *parts)


def test_a_column_that_looks_like_another_unit_is_doubted_by_validate_and_by_plan(run: Run, small: Path) -> None:
    content = park()
    content["assets"][0]["history"]["column"] = "hall_kwh"
    write(small.parent, content)
    spoil(lambda t: t.rename(columns={"hall_kw": "hall_kwh"}))(small.parent / "measured.csv")
    words = "warning: assets[0].history.column (line 16): 'hall_kwh' sounds like energy"
    checked, planned = run("validate", small), run("plan", small, "--day", "2024-03-31", "--out", "out")
    for ended in (checked, planned):
        assert ended.status == 0, ended.err
        assert words in ended.err
    assert "valid. small" in checked.out


def test_a_folder_or_a_broken_parquet_in_place_of_data(run: Run, small: Path) -> None:
    content = park()
    content["assets"][0]["history"]["file"] = "data.parquet"
    write(small.parent, content)
    (small.parent / "data.parquet").mkdir()
    refused(run("plan", small, "--day", "2024-03-31", "--out", "out"), "assets[0].history", "data.parquet")
    (small.parent / "data.parquet").rmdir()
    (small.parent / "data.parquet").write_bytes(b"PAR1 broken")
    refused(run("plan", small, "--day", "2024-03-31", "--out", "out"), "assets[0].history", "data.parquet")


@pytest.mark.parametrize(
    ("last", "day", "hours", "labels"),
    [
        ("2024-03-30", "2024-03-31", 23, ["01", "03"]),
        ("2024-10-26", "2024-10-27", 25, ["02 CEST", "02 CET"]),
    ],
)
def test_both_days_on_which_the_clock_changes_are_ordinary_days(
    run: Run, tmp_path: Path, last: str, day: str, hours: int, labels: list[str]
) -> None:
    path = write(tmp_path)
    measured(last).to_csv(tmp_path / "measured.csv", index=False)
    ended = run("plan", path, "--day", day, "--out", "out")
    assert ended.status == 0, ended.err
    table = pq.read_table(tmp_path / "out" / "schedule.parquet")
    assert table.num_rows == hours
    shown = [line for line in ended.out.splitlines() if re.match(r"\s*\d\d( CES?T)?\s+\d", line)]
    assert len(shown) == hours
    for label in labels:
        assert any(line.strip().startswith(label) for line in shown), label
    assert ("02" in {line.strip()[:2] for line in shown}) == (hours == 25)


def test_gaps_in_the_history_and_parquet_make_no_difference_to_the_way(run: Run, small: Path) -> None:
    table = measured("2024-03-30").drop(index=range(100, 120))
    table.loc[200:210, "hall_kw"] = None
    table.to_csv(small.parent / "measured.csv", index=False)
    assert run("plan", small, "--day", "2024-03-31", "--out", "csv").status == 0
    content = park()
    content["assets"][0]["history"] = {"file": "data.parquet", "column": "hall_kw"}
    write(small.parent, content)
    table.assign(time=pd.to_datetime(table.time, utc=True)).to_parquet(small.parent / "data.parquet")
    assert run("plan", small, "--day", "2024-03-31", "--out", "parquet").status == 0
    one, two = (pq.read_table(small.parent / k / "schedule.parquet") for k in ("csv", "parquet"))
    assert one.equals(two)


def test_the_same_plan_twice_is_the_same_bytes(run: Run, small: Path) -> None:
    for out in ("one", "two"):
        assert run("plan", small, "--day", "2024-03-31", "--out", out, "--scenarios", 2).status == 0
    tables = ("schedule.parquet", "forecast.parquet", "carbon.parquet")
    for name in (*tables, "report.html", "certificate.json", "state.json"):
        assert (small.parent / "one" / name).read_bytes() == (small.parent / "two" / name).read_bytes(), name


def test_a_deadline_is_a_number_of_seconds_and_the_plan_is_there(run: Run, small: Path) -> None:
    for wrong in (0, "inf", "nan", 1e300):
        refused = run("plan", small, "--day", "2024-03-31", "--out", "out", "--deadline", wrong)
        assert refused.status == 2
        assert "--deadline" in refused.err
    ran = run("plan", small, "--day", "2024-03-31", "--out", "out", "--deadline", 60)
    assert ran.status == 0
    solution = json.loads((small.parent / "out" / "certificate.json").read_text("utf-8"))["solution"]
    assert (solution["quality"], solution["attempts"], solution["clock_limit_fired"]) == ("optimal", [], False)


def test_ctrl_c_ends_with_130_and_a_line(run: Run, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(planning, "planned", stop)
    ended = run("plan", small, "--day", "2024-03-31", "--out", "out")
    assert ended.status == 130
    assert ended.err.splitlines()[-1] == "parkwatt: stopped"


def test_a_disk_that_fails_while_writing_is_one_line(run: Run, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "out/schedule.parquet")

    monkeypatch.setattr(planning, "write", full)
    ended = run("plan", small, "--day", "2024-03-31", "--out", "out")
    assert ended.status == 2
    assert ended.err.splitlines()[-1] == "parkwatt: out/schedule.parquet: No space left on device"


def test_a_mistake_of_the_packages_below_is_one_line_and_a_bug_is_not_hidden(
    run: Run, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grid_models.errors import GridError

    def fail(error: Exception) -> Callable[..., None]:
        def failing(*_: object, **__: object) -> None:
            raise error

        return failing

    monkeypatch.setattr("dispatch.plan.plan", fail(GridError("step 3 has no AC solution")))
    ended = run("plan", small, "--day", "2024-03-31", "--out", "out")
    assert ended.status == 2
    assert ended.err.splitlines()[-1] == "parkwatt: step 3 has no AC solution"
    monkeypatch.setattr("dispatch.plan.plan", fail(ZeroDivisionError("a bug")))
    monkeypatch.setattr(sys, "argv", ["parkwatt", "plan", str(small), "--day", "2024-03-31", "--out", "out"])
    with pytest.raises(ZeroDivisionError):
        main()


def test_without_simbench_the_message_says_how_to_get_it(
    run: Run, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    from forecasting import embedded

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "simbench" else found(name, *a))
    monkeypatch.setitem(sys.modules, "simbench", None)
    for cached in (embedded.profile, embedded.names):
        getattr(cached, "cache_clear", lambda: None)()
    ended = run("plan", "yizhuang", "--out", "out")
    refused(ended, "asset 'wind'", "pip install", "parkwatt[simbench]")
    write(small.parent, park(grid={"network": "simbench:1-MV-rural--0-sw", "bus_of": {"main": "x"}}))
    ended = run("plan", small, "--day", "2024-03-31", "--out", "out")
    refused(ended, "grid:", "pip install", "parkwatt[simbench]")


def test_progress_is_quiet_lines_beside_the_result_where_there_is_no_terminal(run: Run, small: Path) -> None:
    ended = run("plan", small, "--day", "2024-03-31", "--out", "out")
    assert ended.err.splitlines()[0] == "reading hall"
    assert "\x1b" not in ended.err + ended.out
    assert "scheduling" not in ended.out
    stages = json.loads((small.parent / "out" / "timings.json").read_text("utf-8"))
    assert {"reading the park", "writing the report", "total"} < set(stages)


def test_old_data_are_told(run: Run, small: Path) -> None:
    ended = run("plan", small, "--day", "2024-06-30", "--out", "out")
    assert ended.status == 0
    assert "warning: the newest measurement of hall was 90 days old" in ended.out
    assert "warning" not in run("plan", small, "--day", "2024-03-31", "--out", "out").out


def test_a_name_in_brackets_is_shown_and_not_taken_for_a_style(run: Run, small: Path) -> None:
    write(small.parent, park(title="Works [north]"))
    assert "Works [north]" in run("plan", small, "--day", "2024-03-31", "--out", "out").out
