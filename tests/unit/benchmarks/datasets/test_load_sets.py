"""Load and carbon data: protocol, units and holidays, read from the files that are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.datasets import carbon_intensity, gefcom2014_load, holidays, openstef_examples


@pytest.fixture
def data(shared: Path) -> Path:
    for name in ("gefcom2014_load", "openstef_examples", "gb_carbon_intensity"):
        if not (shared / "data" / name).is_dir():
            pytest.skip(f"no {name} among the shared data")
    return shared / "data"


def test_holidays_fall_where_they_are_known_to() -> None:
    assert {"2010-07-05", "2010-11-25", "2010-12-24"} <= set(holidays.united_states([2010]))
    assert {"2022-01-03", "2021-04-02", "2021-04-05", "2021-08-30", "2021-12-27", "2021-12-28"} <= set(
        holidays.britain([2021, 2022])
    )
    assert {"2021-04-27", "2021-05-13", "2021-05-24", "2020-12-26"} <= set(holidays.netherlands([2020, 2021]))
    assert {"2020-07-14", "2020-06-01"} <= set(holidays.france([2020]))
    assert {"2020-10-03", "2020-04-10"} <= set(holidays.germany([2020]))


def test_a_month_of_the_competition_sees_nothing_of_itself(data: Path) -> None:
    del data
    loads = gefcom2014_load.load()
    tasks = {task.number: task for task in loads.tasks()}
    assert tasks[4].edges[0].tz_convert(gefcom2014_load.ZONE) == pd.Timestamp("2011-01-01", tz=gefcom2014_load.ZONE)
    assert len(tasks[4].actual_kw) == 31 * 24
    assert np.isfinite(tasks[4].actual_kw).all()
    known = loads.archive.as_of(tasks[4].issue)
    for site, variable in ((gefcom2014_load.SITE, "load"), (loads.target.weather[0], "temperature_2m")):
        assert known.measurements(site, variable).end_ns.max() == tasks[4].issue.as_unit("ns").value
    assert 10 < known.measurements(loads.target.weather[0], "temperature_2m").value.mean() < 20
    assert loads.load_kw.median() == pytest.approx(135_100, rel=0.01)


def test_the_clock_in_the_load_file_knows_no_daylight_saving(data: Path) -> None:
    table = pd.read_parquet(data / "gefcom2014_load" / "load.parquet")
    assert (table["timestamp"].diff().dropna() == pd.Timedelta("1h")).all()


def test_entrants_are_read_with_their_gaps(data: Path) -> None:
    del data
    table = gefcom2014_load.entrants()
    complete = table[list(range(4, 16))].dropna().mean(axis=1).sort_values()
    assert complete.iloc[2] == pytest.approx(7.956, abs=1e-3)


def test_feeders_are_issued_before_their_day_with_runs_that_reach_its_end(data: Path) -> None:
    del data
    feeder = openstef_examples.feeders()[0]
    issue = feeder.issues[0]
    edges = feeder.edges(issue)
    known = feeder.archive.as_of(issue)
    assert known.measurements(feeder.name, "load").end_ns.max() < issue.as_unit("ns").value
    run = known.runs(f"{feeder.name}/ahead", "shortwave_radiation")[-1]
    assert run.issue_ns == issue.as_unit("ns").value
    assert run.valid_ns.max() == edges[-1].as_unit("ns").value
    assert np.nanmin(run.value) > -1
    assert np.nanmax(run.value) < 1200
    first = pd.Timestamp(feeder.table.index[0])
    share = (issue - first) / (pd.Timestamp(feeder.table.index[-1]) - first)
    assert share >= openstef_examples.TRAIN_SHARE


def test_the_day_the_clock_changes_has_its_quarter_hours() -> None:
    spring = openstef_examples.day_after(pd.Timestamp("2021-03-27T13:00Z"))
    autumn = openstef_examples.day_after(pd.Timestamp("2020-10-24T12:00Z"))
    assert (len(spring) - 1, len(autumn) - 1) == (92, 100)


def test_carbon_intensity_is_known_half_an_hour_after_its_hour(data: Path) -> None:
    del data
    zones = {zone.name: zone for zone in carbon_intensity.short_series()}
    assert set(zones) == {"gb", "fr", "ger"}
    issue = pd.Timestamp("2020-06-01T00:00Z")
    known = zones["fr"].archive.as_of(issue)
    last = pd.to_datetime(known.measurements("fr", carbon_intensity.NAME).end_ns.max(), utc=True)
    assert last == issue - pd.Timedelta("1h")
    assert "generation_wind_onshore_mw" in known.variables("fr")
    assert "import_be_mw" in known.variables("fr")
    assert (
        carbon_intensity.mix_name("Hydro Run-of-river and poundage") == "generation_hydro_run_of_river_and_poundage_mw"
    )
    (britain,) = carbon_intensity.long_series()
    assert britain.archive.as_of(issue).variables("gb") == (carbon_intensity.NAME,)  # no temperature: it is observed
    assert np.isfinite(britain.actual["2024"]).all()
