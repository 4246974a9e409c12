"""Wind data sets: everything is read from the files, and nothing is known before the protocol says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.datasets import components, gefcom2012_wind, gefcom2014_wind, la_haute_borne

HOUR = pd.Timedelta(hours=1)


@pytest.fixture
def monthly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> gefcom2014_wind.Data:
    """Fourteen months of two farms, the last without powers."""
    end = pd.date_range("2020-03-01 01:00", "2021-05-01 00:00", freq="1h")
    rng = np.random.default_rng(0)
    parts = []
    for zone in (3, 7):
        part = pd.DataFrame({"zone": zone, "timestamp": end, "power": rng.uniform(0, 1, len(end))})
        part.loc[end > "2021-04-01", "power"] = np.nan
        for name in ("u10", "v10", "u100", "v100"):
            part[name] = rng.standard_normal(len(end))
        parts.append(part)
    folder = tmp_path / "data" / "gefcom2014_wind"
    folder.mkdir(parents=True)
    pd.concat(parts).to_parquet(folder / "wind.parquet")
    monkeypatch.setenv("PARKWATT_SHARED", str(tmp_path))
    return gefcom2014_wind.load.__wrapped__()


def test_months_and_farms_come_from_the_file(monthly: gefcom2014_wind.Data) -> None:
    assert [target.name for target in monthly.targets] == ["power_3", "power_7"]
    assert [task.number for task in monthly.tasks] == [1, 2, 3, 4]  # April 2021 has no powers
    assert [task.issue for task in monthly.scored] == [pd.Timestamp("2021-03-01", tz="UTC")]
    assert len(monthly.scored[0].edges) == 31 * 24 + 1
    assert np.isfinite(monthly.actual(monthly.scored[0])).all()
    assert [task.number for task in monthly.earlier] == [1, 2, 3]


def test_a_month_is_released_as_it_begins_and_revealed_as_it_ends(monthly: gefcom2014_wind.Data) -> None:
    task = monthly.scored[0]
    before = monthly.archive.as_of(task.issue - pd.Timedelta(seconds=1))
    known = monthly.archive.as_of(task.issue)
    assert before.issued("zone_3", "wind_speed_100m").valid_ns.max() == task.issue.value
    assert known.issued("zone_3", "wind_speed_100m").valid_ns.max() == task.end[-1].value
    assert known.measurements("zone_3", "power_3").end_ns.max() == task.issue.value
    runs = known.runs("zone_3", "wind_speed_100m")
    assert {len(run.valid_ns) for run in runs} == {24}
    assert all(run.issue_ns % (24 * HOUR.value) == 0 for run in runs)


@pytest.fixture
def windowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> gefcom2012_wind.Data:
    """Ten days of one farm with two windows of 48 h."""
    stamp = pd.date_range("2020-01-01", periods=241, freq="1h")
    held = ((stamp > "2020-01-04") & (stamp <= "2020-01-06")) | (
        (stamp > "2020-01-07 12:00") & (stamp <= "2020-01-09 12:00")
    )
    power = pd.DataFrame({"timestamp": stamp, "wp4": np.linspace(0, 1, 241)})
    power["usage"] = np.where(held, "Held", gefcom2012_wind.KNOWN)
    issue = np.repeat(pd.date_range("2020-01-01", "2020-01-09 12:00", freq="12h"), 48)
    lead = np.tile(np.arange(1, 49), len(issue) // 48)
    runs = pd.DataFrame({"farm": 4, "issue_time": issue, "lead_h": lead, "valid_time": issue + lead * HOUR})
    runs["u"], runs["v"] = 3.0, -4.0
    folder = tmp_path / "data" / "gefcom2012_wind"
    folder.mkdir(parents=True)
    power.to_parquet(folder / "power.parquet")
    runs.to_parquet(folder / "nwp.parquet")
    monkeypatch.setenv("PARKWATT_SHARED", str(tmp_path))
    return gefcom2012_wind.load.__wrapped__()


def test_windows_come_from_the_file_and_their_powers_are_never_known(windowed: gefcom2012_wind.Data) -> None:
    assert [window.issue.isoformat() for window in windowed.windows] == [
        "2020-01-04T00:00:00+00:00",
        "2020-01-07T12:00:00+00:00",
    ]
    assert {len(window.end) for window in windowed.windows} == {48}
    known = windowed.archive.as_of("2020-02-01T00:00Z").measurements("farm_4", "wp4")
    inside = np.isin(known.end_ns, windowed.windows[0].end.as_unit("ns").asi8)
    assert inside.sum() == 48
    assert np.isnan(known.value[inside]).all()
    assert np.isfinite(windowed.actual(windowed.windows[0])).all()


def test_a_window_sees_the_run_of_its_beginning_and_the_power_before_it(windowed: gefcom2012_wind.Data) -> None:
    window = windowed.windows[1]
    known = windowed.archive.as_of(window.issue)
    assert known.runs("farm_4", "wind_speed_10m")[-1].issue_ns == window.issue.value
    measured = known.measurements("farm_4", "wp4")
    assert measured.end_ns[np.isfinite(measured.value)].max() == window.issue.value


def test_components_become_speed_and_the_direction_the_wind_comes_from() -> None:
    east, north = np.array([0.0, 5.0, 0.0, -3.0]), np.array([-2.0, 0.0, 1.0, -3.0])
    assert components.speed_m_s(east, north) == pytest.approx([2.0, 5.0, 1.0, 18**0.5])
    assert components.from_deg(east, north) == pytest.approx([0.0, 270.0, 180.0, 45.0])


def test_the_real_files_have_the_published_tasks(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARKWATT_SHARED", str(shared))
    assert [task.number for task in gefcom2014_wind.load().scored] == list(range(4, 15))
    assert len(gefcom2012_wind.load().windows) == 156


def test_a_reanalysis_is_not_a_forecast_and_intervals_end(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARKWATT_SHARED", str(shared))
    data = la_haute_borne.load()
    known = data.archive.as_of("2015-06-01T00:00Z")
    assert not len(known.issued("era5", "wind_speed_100m"))
    assert known.measurements("era5", "wind_speed_100m").end_ns.max() == pd.Timestamp("2015-05-27", tz="UTC").value
    assert data.end[0] == pd.Timestamp("2014-01-01T00:10Z")
    assert np.nanmin(data.density_kg_per_m3) > 1.0  # sensors that say −273 °C are not believed
    assert np.nanmax(data.density_kg_per_m3) < 1.4
    assert (data.lost_kwh >= 0).all()
