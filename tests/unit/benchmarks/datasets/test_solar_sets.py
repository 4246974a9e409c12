"""What is known to be wrong with the published photovoltaic data, found by rule."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.datasets import gefcom2014_solar, pvod, series
from forecasting.archive import MEASURED_NS
from forecasting.clock import DAY_NS, HOUR_NS, utc_index
from forecasting.models.solar.rows import LOOKED_UP
from forecasting.physics import solar_elevation_deg

MINUTES_15 = 15 * 60 * 10**9


def test_a_slipped_stamp_takes_the_instant_between_its_neighbours_and_a_double_claim_is_dropped() -> None:
    stamp = np.arange(10) * MINUTES_15
    slipped = stamp.copy()
    slipped[4] += DAY_NS
    mended, unclear = series.mended(slipped)
    np.testing.assert_array_equal(mended, stamp)
    assert not unclear.any()
    twice = np.concatenate([stamp[:5], [stamp[2]], stamp[8:]])
    assert series.mended(twice)[1].tolist() == [False, False, True, False, False, True, False, False]


@lru_cache(maxsize=1)
def _pvod(folder: Path) -> pvod.Pvod:
    return pvod.load(folder)


@pytest.fixture
def data(shared: Path) -> pvod.Pvod:
    return _pvod(shared / "data" / "pvod_hebei_pv")


def test_pvod_what_was_measured_on_site_is_in_the_archive_as_measurements_only(data: pvod.Pvod) -> None:
    beside = [key for key in data.archive.rows() if key[1].startswith("lmd_")]
    assert len(beside) >= len(data.targets)
    for key in beside:
        assert (data.archive.rows()[key].issue_ns == MEASURED_NS).all()
        assert key[1] not in LOOKED_UP
    known = data.archive.as_of(utc_index(data.issues_ns[:1])[0])
    for target in data.targets:
        assert not known.runs(target.site, "lmd_totalirrad")


def test_pvod_a_station_that_exceeds_its_nameplate_before_the_test_is_left_out_and_others_stay(data: pvod.Pvod) -> None:
    assert set(data.left_out) == {"station04"}
    names = {target.name for target in data.targets}
    # Two never come near their nameplate. That is no mistake of scale, and they stay.
    known = data.archive.as_of(utc_index(np.array([data.train_until_ns]))[0])
    highest = {t.name: float(known.measurements(t.site, t.name).value.max()) / t.capacity_kw for t in data.targets}
    assert highest["station06"] < 0.79
    assert highest["station09"] < 0.61
    assert {"station06", "station09", "station05"} <= names
    assert max(highest.values()) <= pvod.METER_ERROR


def test_pvod_the_mis_stamped_row_of_station_0_is_put_back(shared: Path, data: pvod.Pvod) -> None:
    table = pd.read_parquet(shared / "data" / "pvod_hebei_pv" / "pvod.parquet", columns=["station", "time_utc"])
    stamp = pd.DatetimeIndex(table.loc[table["station"] == 0, "time_utc"]).as_unit("ns").asi8
    assert len(np.unique(stamp)) < len(stamp)
    mended, unclear = series.mended(stamp)
    assert (mended != stamp).sum() == 1
    assert not unclear.any()
    assert (np.diff(mended) > 0).all()
    rows = data.archive.rows()["station00", "station00"]
    assert len(rows) == len(stamp)


def test_pvod_a_day_is_issued_before_it_begins_and_power_follows_the_sun_of_its_stamp(data: pvod.Pvod) -> None:
    target = data.targets[0]
    assert target.plant is not None
    rows = data.archive.rows()[target.site, "shortwave_radiation"]
    lead_h = (rows.valid_ns - rows.issue_ns) / HOUR_NS
    assert lead_h.min() > 0
    assert lead_h.max() == 24.0
    np.testing.assert_array_equal(rows.issue_ns, rows.available_ns)
    power = data.archive.rows()[target.site, target.name]
    elevation = solar_elevation_deg(
        utc_index(power.valid_ns - MINUTES_15 // 2), target.plant.latitude_deg, target.plant.longitude_deg
    )
    assert float(power.value[elevation < -1].max()) < 0.01 * target.capacity_kw


def test_gefcom_radiation_that_accumulates_is_differenced_and_dark_at_night(shared: Path) -> None:
    table = pd.read_parquet(shared / "data" / "gefcom2014_solar" / "nwp_task1.parquet")
    hourly = gefcom2014_solar.differenced(table)
    columns = gefcom2014_solar.weather_columns(hourly)
    valid, ghi = columns["shortwave_radiation"]
    middle = utc_index(valid - HOUR_NS // 2)
    elevation = solar_elevation_deg(middle, gefcom2014_solar.LATITUDE_DEG, gefcom2014_solar.LONGITUDE_DEG)
    assert np.nanmax(ghi) < 1200
    assert np.nanmean(ghi[elevation < -8]) < 1.0
    assert np.corrcoef(ghi, np.maximum(elevation, 0))[0, 1] > 0.85
    raw = table["var169"].to_numpy() / 3600
    assert raw[elevation < -8].mean() > 100  # as it stands in the file, the night has the day's sum


def test_differencing_starts_anew_each_day_and_does_not_bridge_a_missing_hour() -> None:
    hours = pd.to_datetime(
        ["2013-01-01 01:00", "2013-01-01 02:00", "2013-01-01 04:00", "2013-01-02 00:00", "2013-01-02 01:00"]
    )
    table = pd.DataFrame({"zone": 1, "timestamp": hours, "var169": [10.0, 30.0, 90.0, 100.0, 7.0]})
    found = gefcom2014_solar.differenced(table)["var169"].to_numpy()
    np.testing.assert_allclose(found[[0, 1, 4]], [10.0, 20.0, 7.0])
    assert np.isnan(found[2])


def test_gefcom_hours_are_named_by_their_end_and_a_month_is_released_at_its_first_hour(shared: Path) -> None:
    data = gefcom2014_solar.load(shared / "data" / "gefcom2014_solar")
    assert len(data.targets) == 3
    (task,) = data.tasks
    edges = gefcom2014_solar.edges_ns(task)
    assert str(utc_index(edges[:1])[0]) == "2013-04-01 00:00:00+00:00"
    assert len(edges) == 30 * 24 + 1
    known = data.archive.as_of(utc_index(edges[:1])[0])
    measured = known.measurements("zone1", "zone1")
    assert measured.end_ns[-1] == edges[0]
    runs = known.runs("zone1", "shortwave_radiation")
    assert runs[-1].valid_ns[0] == edges[1]
    assert runs[-1].valid_ns[-1] == edges[-1]
