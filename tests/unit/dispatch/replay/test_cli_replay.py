"""The command as a person meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dispatch.cli import main
from tests.unit.dispatch.replay.days import folder_with_park

ROOT = Path(__file__).resolve().parents[4]
DAYS = ("--from", "2024-03-31", "--to", "2024-04-01")
FEW = ("--every", "8h", "--methods", "rule_based,rolling,perfect", "--executor", "serial")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setattr(sys, "argv", ["parkwatt", "replay", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file() and p.name != "timings.json"}


def test_a_park_of_whole_hours_is_replayed_by_the_hour_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, days = folder_with_park(tmp_path), ("--from", "2024-04-01", "--to", "2024-04-01")
    methods = ("--methods", "rolling", "--executor", "serial")
    assert run(monkeypatch, path, *days, *methods, "--out", tmp_path / "one") == 0
    told = json.loads((tmp_path / "one" / "replay.json").read_text("utf-8"))
    assert told["methods"]["rolling"]["plans"] == 24
    assert run(monkeypatch, path, *days, *methods, "--every", "15min", "--out", tmp_path / "two") == 2
    assert "every 0.25 h" in capsys.readouterr().err


@pytest.mark.timeout(300)
def test_a_replay_from_the_command_line_and_a_second_one_that_was_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder_with_park(tmp_path)
    assert run(monkeypatch, path, *DAYS, *FEW, "--out", tmp_path / "one") == 0
    printed = capsys.readouterr().out
    assert "rolling" in printed
    assert "perfect foresight: one solve over the whole span" in printed
    told = json.loads((tmp_path / "one" / "replay.json").read_text("utf-8"))
    assert list(told["methods"]) == ["rule_based", "rolling", "perfect"]
    assert all(of["unproved"] == 0 for of in told["methods"].values())
    assert pq.read_table(tmp_path / "one" / "steps.parquet").num_rows == 3 * 47
    assert pq.read_table(tmp_path / "one" / "days.parquet").num_rows == 3 * 2
    assert "<table" in (tmp_path / "one" / "replay.html").read_text("utf-8")

    command = [sys.executable, "-m", "dispatch", "replay", str(path), *DAYS, *FEW, "--out", "two"]
    first_day = tmp_path / "two" / "checkpoints" / "rolling" / "2024-03-31.npz"
    killed = subprocess.Popen(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    began = time.monotonic()
    while not first_day.is_file() and killed.poll() is None and time.monotonic() - began < 200:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "two" / "replay.json").exists(), "it was killed before its end"
    before = first_day.stat().st_mtime_ns
    assert run(monkeypatch, path, *DAYS, *FEW, "--out", tmp_path / "two", "--resume") == 0
    assert first_day.stat().st_mtime_ns == before, "what is done is not done again"
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_a_mistake_in_an_option_is_one_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = folder_with_park(tmp_path), tmp_path / "out"

    def refused(arguments: list[str], *parts: str) -> None:
        assert run(monkeypatch, path, *arguments, "--out", out) == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        for part in parts:
            assert part in said, said

    refused(["--from", "31.3.2024", "--to", "2024-04-01"], "--from '31.3.2024' is not a date")
    refused(["--from", "2024-04-01", "--to", "2024-03-31"], "--to 2024-03-31 is before --from 2024-04-01")
    refused([*DAYS, "--executor", "threads"], "serial, processes, ray")
    refused([*DAYS, "--every", "often"], "--every", "15min")
    refused([*DAYS, "--every", "-1h"], "--every -1h", "above 0")
    refused([*DAYS, "--every", "1h", "--methods", "magic"], "magic", "rule_based, day_ahead")
    refused(["--from", "2024-04-01", "--to", "2024-04-09", "--every", "1h"], "hall", "what really came")
    refused(["--from", "9999-12-31", "--to", "9999-12-31", "--every", "1h"], "outside the calendar")


def test_what_is_resumed_must_be_the_same_replay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = folder_with_park(tmp_path), tmp_path / "out"
    rules = ("--methods", "rule_based", "--executor", "serial", "--out", out)
    assert run(monkeypatch, path, *DAYS, "--every", "8h", *rules) == 0
    capsys.readouterr()
    assert run(monkeypatch, path, *DAYS, "--every", "4h", *rules, "--resume") == 2
    assert "holds another replay" in capsys.readouterr().err
    # Methods may be added: each stands by itself.
    more = ("--methods", "rule_based,perfect", *rules[2:])
    assert run(monkeypatch, path, *DAYS, "--every", "8h", *more, "--resume") == 0
    assert "rules of the park" in capsys.readouterr().out
