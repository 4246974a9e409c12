"""``parkwatt fleet plan`` of tables of sites and of what is known of their day, and of a fleet's file."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from benchmarks.topics.fleet.sites import horizon
from dispatch.cli.commands import app
from tests.unit.dispatch.fleet.test_read import inputs, park, rows, written

RIGHT = "site_00000,load,demand_kw,2024-05-16T00:00,5"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three sites without gensets, two of which are known."""
    monkeypatch.chdir(tmp_path)
    path = park(tmp_path)
    content = yaml.safe_load(path.read_text())
    content["assets"] = [asset for asset in content["assets"] if asset["kind"] != "thermal"]
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    inputs(tmp_path / "in.parquet", 2, horizon())
    return written(tmp_path / "sites.csv", {k: v for k, v in rows(3).items() if not k.startswith("genset")})


def typed(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["fleet", "plan", *map(str, arguments), "--executor", "serial", "--out", "out"])
    return done.exit_code, " ".join(f"{done.output} {done.exception}".split())


def test_what_a_table_knows_is_planned_and_what_it_does_not_is_that_sites_failure(table: Path) -> None:
    _, said = typed(table, "--inputs", "in.parquet", "--day", "2024-05-16")
    found = pq.read_table("out/sites.parquet")
    assert found["site"].to_pylist() == ["site_00000", "site_00001", "site_00002"]
    assert found["quality"].to_pylist()[:2] == ["optimal", "optimal"]
    assert "needs a series" in said


def test_a_fleets_file_without_anything_shared_is_planned_site_by_site(table: Path) -> None:
    content = {
        "name": "east",
        "time_zone": "Asia/Shanghai",
        "day": "2024-05-16",
        "sites": [{"table": table.name}],
        "inputs": {"table": "in.parquet"},
    }
    Path("fleet.yaml").write_text(yaml.safe_dump(content))
    typed("fleet.yaml")
    found = pq.read_table("out/sites.parquet")
    assert found["quality"].to_pylist()[:2] == ["optimal", "optimal"]
    status, said = typed("fleet.yaml", "--inputs", "in.parquet")
    assert status != 0
    assert "a fleet's file names them itself" in said
    status, said = typed("fleet.yaml", "--day", "2024-05-17")
    assert status != 0
    assert "the fleet's file says what is known of 2024-05-16" in said


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "holds no row below its header"),
        ([RIGHT, RIGHT.replace("00000", "9")], "row 3, site"),
        ([RIGHT, RIGHT.replace("T00:00", "T00:15") + "x"], "row 3, value: '5x' is no number"),
    ],
)
def test_a_wrong_row_is_told_as_a_spreadsheet_counts(table: Path, rows: list[str], said: str) -> None:
    Path("in.csv").write_text("\n".join(["site,asset,quantity,time,value", *rows]) + "\n")
    status, told = typed(table, "--inputs", "in.csv", "--day", "2024-05-16")
    assert status != 0
    assert said in told


def test_sums_say_of_how_many_sites_they_are(table: Path) -> None:
    _, said = typed(table, "--inputs", "in.parquet", "--day", "2024-05-16")
    assert "of 2 of 3 sites" in said
    _, said = typed(table, "--inputs", "in.parquet", "--day", "2024-05-17")
    assert "holds a run already" in said
    assert "reading" not in said
    Path("out").rename("before")
    status, said = typed(table, "--inputs", "in.parquet", "--day", "2024-05-17")
    assert status != 0
    assert "no site has a plan, for the reasons that are named" in said
    assert "cost and CO2 are not known: no site has a plan" in said
    assert Path("out/fleet.html").is_file()
