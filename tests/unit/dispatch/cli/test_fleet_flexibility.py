"""``parkwatt fleet flexibility`` and ``disaggregate``, as a user calls them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from dispatch.cli.commands import app
from tests.unit.dispatch.small_park import measured, park, write

DAY = ["--day", "2024-06-03"]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two parks, and what they can do."""
    folder = tmp_path_factory.mktemp("fleet")
    unit = {"kind": "thermal", "name": "engine", "bus": "main", "min_kw": 15, "max_kw": 30, "cost_per_kwh": 0.5}
    for name, more in (("one", []), ("two", [unit])):
        content = park(name=name)
        content["assets"] += more
        path = write(folder / name, content)
        measured("2024-06-02").to_csv(folder / name / "measured.csv", index=False)
        assert path.name == "park.yaml"
    return folder


def files(folder: Path, *names: str) -> list[str]:
    return [str(folder / name / "park.yaml") for name in names]


@pytest.fixture(scope="module")
def found(fleet: Path) -> Path:
    into = fleet / "found"
    asked = ["fleet", "flexibility", *files(fleet, "one", "two"), *DAY, "--into", str(into), "--blocks", "2"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    assert "one" in result.output
    assert "engine" in result.output
    assert "an outer bound" in result.output
    return into


def test_tables_hold_the_plan_and_what_is_beside_it(found: Path) -> None:
    band = pd.read_parquet(found / "envelope.parquet")
    assert len(band) == 48
    assert (band["least_kw"] <= band["plan_kw"] + 1e-3).all()
    assert (band["plan_kw"] <= band["most_kw"] + 1e-3).all()
    assert set(band["from"]) == {"devices", "problem"}
    blocks = pd.read_parquet(found / "flexibility.parquet")
    assert set(blocks["way"]) == {"up", "down"}
    assert (blocks["kw"] > 0).all()
    assert (blocks["cost_per_kwh"] < 500).all()  # no load is shed for an offer
    for _, rows in blocks.groupby(["site", "start", "way"]):
        assert (np.diff(rows["cost_per_kwh"]) >= -1e-6).all()


def test_the_page_says_what_a_band_is_and_is_the_same_again(found: Path, fleet: Path) -> None:
    page = (found / "flexibility.html").read_text(encoding="utf-8")
    for text in (
        "Net draw, hour by hour",
        "Energy band around the plan",
        "Price of up",
        "What a call brings back",
        "outer bound",
    ):
        assert text in page
    again = fleet / "again"
    asked = ["fleet", "flexibility", *files(fleet, "one", "two"), *DAY, "--into", str(again), "--blocks", "2"]
    assert CliRunner().invoke(app, asked).exit_code == 0
    for name in ("envelope.parquet", "flexibility.parquet", "flexibility.html"):
        assert (found / name).read_bytes() == (again / name).read_bytes()


def shared(fleet: Path, found: Path, change: np.ndarray, *more: str, sites: tuple[str, ...] = ("one",)) -> str:
    band = pd.read_parquet(found / "envelope.parquet")
    plan = band[band["site"].isin(sites)].groupby("start")["plan_kw"].sum()
    table = pd.DataFrame({"start": plan.index, "kw": plan.to_numpy() + change})
    table.to_csv(fleet / "profile.csv", index=False)
    asked = ["fleet", "disaggregate", str(fleet / "profile.csv"), *files(fleet, *sites), *DAY]
    result = CliRunner().invoke(app, [*asked, "--into", str(fleet / "shared"), *more])
    assert result.exit_code == (0 if "is met" in result.output else 1)
    return result.output


def test_a_profile_is_shared_out_among_devices(fleet: Path, found: Path) -> None:
    change = np.append([5.0, -4.0], np.zeros(22))
    assert "The profile is met" in shared(fleet, found, change)
    devices = pd.read_parquet(fleet / "shared" / "devices.parquet")
    assert set(devices["device"]) == {"one/hall", "one/store"}
    profile = pd.read_csv(fleet / "profile.csv")
    assert np.allclose(devices.groupby("start")["kw"].sum(), profile["kw"], atol=1e-6)


def test_what_is_missed_is_said_with_its_reason(fleet: Path, found: Path) -> None:
    output = shared(fleet, found, np.full(24, 30.0))
    assert "kWh are missed" in output
    assert "can be drawn" in " ".join(output.split())


def test_sites_with_units_share_by_their_problems(fleet: Path, found: Path) -> None:
    change = np.append([5.0, -4.0], np.zeros(22))
    for more in ((), ("--cheapest",)):
        assert "The profile is met" in shared(fleet, found, change, *more, sites=("one", "two"))
    sites = pd.read_parquet(fleet / "shared" / "sites.parquet")
    profile = pd.read_csv(fleet / "profile.csv")
    assert np.allclose(sites.groupby("start")["kw"].sum(), profile["kw"], atol=1e-5)
    assert "beyond what the sites can do" in shared(fleet, found, np.full(24, 300.0), sites=("one", "two"))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("start,power\n2024-06-03T00:00,1\n", "no column kw; accepted: start, kw"),
        ("start,kw\n2024-06-03T00:00,1\n", "1 rows that are not the steps planned; accepted: 24 from"),
        ("start,kw\nnever,1\n", "accepted: times like"),
    ],
)
def test_a_wrong_profile_is_told_why(fleet: Path, tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "p.csv").write_text(table)
    result = CliRunner().invoke(app, ["fleet", "disaggregate", str(tmp_path / "p.csv"), *files(fleet, "one"), *DAY])
    assert message in _said(result)


def test_a_missing_number_is_not_zero(fleet: Path, tmp_path: Path) -> None:
    start = pd.date_range("2024-06-03", periods=24, freq="1h").strftime("%Y-%m-%dT%H:%M")
    values = np.append(np.full(23, 100.0), np.nan)
    pd.DataFrame({"start": start, "kw": values}).to_csv(tmp_path / "p.csv", index=False)
    result = CliRunner().invoke(app, ["fleet", "disaggregate", str(tmp_path / "p.csv"), *files(fleet, "one"), *DAY])
    assert "row 25: kw is missing" in _said(result)


def test_a_site_that_cannot_be_forecast_is_left_out_and_named(fleet: Path, tmp_path: Path) -> None:
    content = park(name="blind")
    write(tmp_path / "blind", content)
    (tmp_path / "blind" / "measured.csv").write_text("time,other_kw\n2024-06-01T00:00:00Z,1\n")
    asked = ["fleet", "flexibility", str(tmp_path / "blind" / "park.yaml"), *files(fleet, "one"), *DAY]
    result = CliRunner().invoke(app, [*asked, "--into", str(tmp_path / "out"), "--blocks", "0"])
    assert result.exit_code == 0, result.output
    assert "left out: " in result.output
    assert set(pd.read_parquet(tmp_path / "out" / "envelope.parquet")["site"]) == {"one"}
    assert not (tmp_path / "out" / "flexibility.parquet").exists()
    alone = CliRunner().invoke(app, [*asked[:3], *DAY])
    assert "blind" in _said(alone)
    assert alone.exit_code != 0


def test_a_fleets_file_is_a_fleet(tmp_path: Path) -> None:
    asked = ["fleet", "flexibility", "industrial_feeder", "--into", str(tmp_path), "--blocks", "0"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, _said(result)
    assert "what the sites share is left out" in result.output
    band = pd.read_parquet(tmp_path / "envelope.parquet")
    assert band["site"].nunique() == 12
    assert "a fleet's file names them itself" in _said(CliRunner().invoke(app, [*asked, "--inputs", "x.csv"]))


def test_folders_and_names_are_looked_at(fleet: Path, tmp_path: Path) -> None:
    assert "no file fits" in _said(CliRunner().invoke(app, ["fleet", "flexibility", str(tmp_path), *DAY]))
    twice = ["fleet", "flexibility", *files(fleet, "one", "one"), *DAY]
    assert "2 sites are called 'one'" in _said(CliRunner().invoke(app, twice))
    nothing = tmp_path / "p.csv"
    result = CliRunner().invoke(app, ["fleet", "disaggregate", str(nothing), *files(fleet, "one"), *DAY])
    assert "cannot be read" in _said(result)


def _said(result: object) -> str:
    """What a user reads: printed, or raised for the command's own door to print."""
    said = f"{getattr(result, 'output', '')} {getattr(result, 'exception', '')}"
    return " ".join(said.split())


def test_prices_that_leave_no_offer_and_a_fleets_file_are_told(fleet: Path, tmp_path: Path) -> None:
    asked = ["fleet", "flexibility", *files(fleet, "one"), *DAY, "--into", str(tmp_path / "out"), "--dearest", "-1"]
    said = _said(CliRunner().invoke(app, asked))
    assert "No site has anything to offer that costs at most -1 per kWh" in said
    assert "most up [kW]" in said
    said = _said(CliRunner().invoke(app, ["fleet", "flexibility", "three_zones", *DAY]))
    assert "the fleet's file says what is known of 2024-06-18" in said
    (tmp_path / "fleet.yaml").write_text("name: f\nsites: [{table: sites.csv}]\n")
    said = _said(CliRunner().invoke(app, ["fleet", "flexibility", str(tmp_path / "fleet.yaml"), *DAY]))
    assert "fleet.yaml: 2 problems day: is missing" in said
