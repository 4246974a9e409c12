"""``parkwatt fleet plan`` as a user types it: files to plans, going on after Ctrl-C, and mistakes."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from dispatch.cli.commands import app
from dispatch.cli.fleet_request import Request
from tests.unit.dispatch.fleet.run.small_fleet import TARIFF, hashes
from tests.unit.dispatch.small_park import measured, park

DAY = "2024-04-02"


@pytest.fixture
def sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three parks that share their history."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "sites"
    folder.mkdir()
    for number in range(3):
        content = park(name=f"park_{number}")
        content["assets"][1]["energy_kwh"] = 100 + 50 * number
        content["assets"][2]["tariff"] = TARIFF
        (folder / f"park_{number}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    measured(DAY).to_csv(folder / "measured.csv", index=False)
    return folder


def typed(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["fleet", "plan", *map(str, arguments)])
    text = str(done.exception) if done.exception and not isinstance(done.exception, SystemExit) else ""
    return done.exit_code, done.output + text


def test_parks_are_planned_and_summed(sites: Path) -> None:
    files = sorted(sites.glob("*.yaml"))
    status, said = typed(*files, "--day", DAY, "--executor", "serial", "--chunk", "2", "--out", "out")
    assert status == 0, said
    assert "3 sites" in said
    assert "optimal" in said
    assert "EUR" in said
    found = pq.read_table("out/sites.parquet")
    assert found["site"].to_pylist() == ["park_0", "park_1", "park_2"]
    money = found["money"].to_pylist()
    assert money[0] > money[1] > money[2], "a larger battery is worth something under two prices"
    before = hashes(Path("out"))
    assert typed(*files, "--day", DAY, "--executor", "serial", "--chunk", "2", "--out", "out", "--resume")[0] == 0
    assert hashes(Path("out")) == before


def test_a_table_of_sites_gives_what_their_files_would(sites: Path) -> None:
    columns = {
        "site": ["a", "b"],
        "park": ["park_0.yaml"] * 2,
        "store.energy_kwh": [None, 150.0],
        "label.zone": ["x", "y"],
    }
    pq.write_table(pa.table(columns | {"label.zone": ["x", "y"]}), sites / "sites.parquet")
    status, said = typed(sites / "sites.parquet", "--day", DAY, "--executor", "serial", "--out", "table")
    assert status == 0, said
    assert typed(*sorted(sites.glob("*.yaml")), "--day", DAY, "--executor", "serial", "--out", "files")[0] == 0
    money = [pq.read_table(f"{name}/sites.parquet")["money"].to_pylist() for name in ("table", "files")]
    assert money[0] == money[1][:2]


@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_the_named_command_goes_on_with(sites: Path) -> None:
    for number in range(3, 10):
        text = (sites / "park_0.yaml").read_text().replace("park_0", f"park_{number:02d}")
        (sites / f"park_{number:02d}.yaml").write_text(text)
    files = [str(path) for path in sorted(sites.glob("*.yaml"))]
    options = ["--day", DAY, "--executor", "serial", "--chunk", "1"]
    command = [sys.executable, "-m", "dispatch", "fleet", "plan", *files, *options, "--out", "out"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not Path("out/done/00002.json").exists():
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate()
    assert running.returncode == 130
    assert "what is done is kept" in said
    again = next(line for line in said.splitlines() if line.startswith("parkwatt fleet plan"))
    assert again.endswith("--resume")
    done = subprocess.run(
        [sys.executable, "-m", "dispatch", *shlex.split(again)[1:]], capture_output=True, text=True, check=True
    )
    assert "sites are there already" in done.stderr
    assert typed(*files, *options, "--out", "whole")[0] == 0
    left, whole = hashes(Path("out")), hashes(Path("whole"))
    left.pop("issued.json")
    whole.pop("issued.json")
    assert left == whole


def test_mistakes_are_named_before_anything_is_planned(sites: Path) -> None:
    first = sites / "park_0.yaml"
    for options, message in (
        (("--day", "2024-13-01"), "--day '2024-13-01' is not a date"),
        (("--executor", "abacus"), "executor 'abacus' is not known"),
        (("--address", "10.0.0.1"), "accepted: host:port"),
        (("--executor", "serial", "--address", "10.0.0.1:1"), "takes no address"),
    ):
        status, said = typed(first, "--out", "out", *options)
        assert status != 0
        assert message in said
    (sites / "park_1.yaml").write_text((sites / "park_1.yaml").read_text().replace("import_kw: 400", "import_kw: -1"))
    (sites / "park_2.yaml").write_text((sites / "park_2.yaml").read_text().replace("kind: load", "kind: lode"))
    status, said = typed(*sorted(sites.glob("*.yaml")), "--day", DAY, "--executor", "serial", "--out", "out")
    assert status != 0
    assert "import_kw" in said
    assert "lode" in said
    assert not Path("out/run.json").exists()


def test_another_day_in_the_folder_is_refused_and_none_given_is_the_same(sites: Path) -> None:
    options = ("--executor", "serial", "--out", "out")
    assert typed(sites / "park_0.yaml", "--day", DAY, *options)[0] == 0
    status, said = typed(sites / "park_0.yaml", "--day", "2024-04-01", *options, "--resume")
    assert status != 0
    assert "is of 2024-04-02" in said
    assert typed(sites / "park_0.yaml", *options, "--resume")[0] == 0
    assert json.loads(Path("out/issued.json").read_text())["day"] == DAY


@pytest.mark.parametrize(
    ("asked", "address", "sites", "place"),
    [
        (None, None, 999, "processes"),
        (None, None, 1000, "ray"),
        (None, "auto", 3, "ray"),
        ("serial", None, 5000, "serial"),
    ],
)
def test_large_fleets_run_on_ray_where_nothing_else_is_asked_for(
    asked: str | None, address: str | None, sites: int, place: str
) -> None:
    request = Request(("x",), None, asked, None, address, None, False, 25, None)
    assert request.placed(sites).place == place
    assert f"--executor {place}" in request.placed(sites).again(Path("out"))
