"""``--weather open-meteo`` end to end, against a server on this machine."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from dispatch.cli import main
from dispatch.cli.planning import cache_folder
from forecasting import fetching
from tests.unit.dispatch.small_park import measured, park, write
from tests.unit.dispatch.weather_service import served


@pytest.fixture
def windy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """PV and wind without history, a load with two weeks up to yesterday."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARKWATT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    content = park()
    content["assets"] += [
        {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100},
        {"kind": "wind", "name": "mill", "bus": "main", "rated_kw": 2000, "turbine": "V90/2000"},
    ]
    yesterday = pd.Timestamp.now(tz="Europe/Berlin").normalize() - pd.Timedelta(days=1)
    measured(f"{yesterday:%Y-%m-%d}").to_csv(tmp_path / "measured.csv", index=False)
    return write(tmp_path, content)


def plan(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["parkwatt", "plan", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    text = capsys.readouterr()
    return int(left.value.code or 0), text.out, text.err


def test_weather_stands_in_for_history_and_an_outage_is_told(
    windy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with served() as (url, asked):
        options = [str(windy), "--weather", "open-meteo", "--weather-url", url, "--out"]
        status, out, err = plan(monkeypatch, capsys, *options, "up")
        assert status == 0, err
        assert asked == ["/v1/forecast"]
        assert "forecast roof, from the latest weather forecast" in err
        assert "stands in" not in out
    forecast = pq.read_table(tmp_path / "up" / "forecast.parquet").to_pandas()
    median = forecast[forecast.level == 0.5].groupby("variable").value.max()
    assert 20 < median.roof < 100, "PV follows the radiation"
    assert 100 < median.mill < 2000, "wind follows the speed at the hub"
    certificate: dict[str, Any] = json.loads((tmp_path / "up" / "certificate.json").read_text("utf-8"))
    assert "weather" in json.dumps(certificate)
    assert list((tmp_path / "cache" / "weather").glob("*.json"))

    old = next((tmp_path / "cache" / "weather").glob("*.json"))
    kept = json.loads(old.read_text("utf-8"))
    kept["issue_time"] = (pd.Timestamp(kept["issue_time"]) - pd.Timedelta(hours=3)).isoformat()
    old.write_text(json.dumps(kept), encoding="utf-8")
    status, out, err = plan(monkeypatch, capsys, *options, "down")
    assert status == 0, err
    assert "stands in" in " ".join(out.split())
    assert "stands in" in (tmp_path / "down" / "report.html").read_text("utf-8")

    old.unlink()
    status, out, err = plan(monkeypatch, capsys, *options, "nothing")
    assert (status, out) == (2, "")
    assert "no earlier run is kept" in err
    assert "'roof' has no history: give 'history', or weather that answers" in " ".join(err.split())
    assert "Traceback" not in err


def test_where_no_service_answers_what_is_known_without_it_forecasts(
    windy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As the tutorial says of a daily timer; a port that nobody listens on stands for a network that is down."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    write(windy.parent, park())
    status, out, err = plan(monkeypatch, capsys, str(windy), "--weather", "open-meteo", "--weather-url", url)
    assert status == 0, err
    said = " ".join(out.split())
    assert f"note: weather from {url}: no answer (ConnectError), and no earlier run is kept for this place" in said
    assert "the forecast without it stands in" in said
    page = next(tmp_path.glob("plans/*/report.html")).read_text("utf-8")
    assert "the forecast without it stands in" in page


def test_without_weather_every_asset_that_lacks_data_is_named_at_once(
    windy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = plan(monkeypatch, capsys, str(windy), "--out", "out")
    assert (status, out) == (2, "")
    assert "'roof'" in err
    assert "'mill'" in err
    assert "--weather open-meteo" in err
    assert "reading" not in err


def test_an_address_that_is_none_is_one_line(
    windy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--weather", "open-meteo", "--weather-url", "not an address", "--out", "out"]
    status, _, err = plan(monkeypatch, capsys, str(windy), *options)
    assert status == 2
    assert "not an address" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, ".cache/parkwatt"),
        ("linux", {"XDG_CACHE_HOME": "xdg"}, "xdg/parkwatt"),
        ("darwin", {}, "Library/Caches/parkwatt"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/parkwatt"),
        ("linux", {"PARKWATT_CACHE": "own"}, "own"),
    ],
)
def test_where_downloads_are_kept(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], expected: str
) -> None:
    for name in ("PARKWATT_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder().as_posix().endswith(expected)
