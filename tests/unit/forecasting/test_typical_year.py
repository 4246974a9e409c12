"""Weather of years from files: every kind at the right hour, and a typical year on the days asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib
import pytest

from forecasting.archive import Archive
from forecasting.errors import ForecastError
from forecasting.physics import solar_elevation_deg
from forecasting.weather.base import stored
from forecasting.weather.named import named
from forecasting.weather.typical import TypicalYear, _mean
from forecasting.weather.year_files import read_year_file

# TMY3 files that pvlib brings along: of Alaska, and of North Carolina with a February of a leap year.
SAND_POINT, GREENSBORO = (Path(pvlib.__file__).parent / "data" / name for name in ("703165TY.csv", "723170TYA.CSV"))
LATITUDE, LONGITUDE = 45.0, 8.0
NOW = pd.Timestamp("2024-02-27T12:30Z")
HOURS_2001 = pd.date_range("2001-01-01", periods=8760, freq="1h", tz="UTC")


def sun(times: pd.DatetimeIndex) -> np.ndarray:
    """A radiation that only the sun's height decides [W/m²]."""
    return 1000 * np.maximum(np.sin(np.deg2rad(solar_elevation_deg(times, LATITUDE, LONGITUDE))), 0)


def epw(path: Path) -> Path:
    """Hours of local standard time (UTC+1), each line of the hour that ends: what EnergyPlus writes."""
    begin = HOURS_2001
    end_utc = begin + pd.Timedelta("1h") - pd.Timedelta("1h")  # local time less an hour of zone
    rows = []
    ghi = sun(pd.DatetimeIndex(end_utc) - pd.Timedelta("30min"))
    for k, local in enumerate(begin):
        cells = ["0"] * 35
        cells[:5] = [str(1990 + local.month), str(local.month), str(local.day), str(local.hour + 1), "60"]
        cells[6:10] = [f"{local.hour}", "99.9", "80", "99000"]
        cells[13:16] = [f"{ghi[k]:.2f}", "9999", "0"]
        cells[20:23] = ["180", "3.5", "99"]
        rows.append(",".join(cells))
    head = ["LOCATION,Turin,-,ITA,IGDG,160590,45.0,8.0,1.0,287.0", *(f"LINE {k}" for k in range(7))]
    path.write_text("\n".join([*head, *rows]) + "\n")
    return path


def pvgis_typical(path: Path) -> Path:
    stamp = HOURS_2001
    ghi = sun(stamp + pd.Timedelta(hours=0.25))
    years = [2005 + m for m in range(12)]
    head = ["Latitude (decimal degrees): 45.000", "Longitude (decimal degrees): 8.000", "Elevation (m): 250.0"]
    head += ["Irradiance Time Offset (h): 0.25", "month,year", *(f"{m + 1},{y}" for m, y in enumerate(years))]
    head += ["time(UTC),T2m,RH,G(h),Gb(n),Gd(h),IR(h),WS10m,WD10m,SP"]
    text = [f"{years[t.month - 1]}{t:%m%d:%H%M}" for t in stamp]
    rows = [f"{s},{t.hour},80,{g:.2f},0,{g:.2f},300,2,90,98000" for s, t, g in zip(text, stamp, ghi, strict=True)]
    path.write_text("\r\n".join([*head, *rows, "", "T2m: temperature"]) + "\r\n")
    return path


def pvgis_hourly(path: Path, slope: int = 0, years: int = 3) -> Path:
    stamp = pd.date_range("2015-01-01T00:10", f"{2014 + years}-12-31T23:10", freq="1h", tz="UTC")
    beam = sun(stamp) * (stamp.year - 2014) / 4
    rows = [
        {"time": f"{t:%Y%m%d:%H%M}", "Gb(i)": b, "Gd(i)": 0.0, "H_sun": 0.0, "T2m": t.year - 2000.0, "Int": 0}
        for t, b in zip(stamp, beam, strict=True)
    ]  # fmt: skip
    for row, height in zip(rows, solar_elevation_deg(stamp, LATITUDE, LONGITUDE), strict=True):
        row["H_sun"] = max(float(height), 0.0)
    inputs = {
        "location": {"latitude": 45.0, "longitude": 8.0, "elevation": 250.0},
        "mounting_system": {"fixed": {"slope": {"value": slope}}},
    }
    content = {"inputs": inputs, "outputs": {"hourly": rows}, "meta": {"inputs": {}}}
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("write", [epw, pvgis_typical])
def test_radiation_is_the_mean_of_the_hour_that_ends(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path / ("year.epw" if write is epw else "year.csv"))
    run = TypicalYear(path).fetch(45, 8, pd.Timestamp("2024-06-10T00:00Z"), pd.Timestamp("2024-06-12T00:00Z"), NOW)
    expected = sun(run.valid_time - pd.Timedelta("30min"))
    np.testing.assert_allclose(
        run.columns["shortwave_radiation"], expected, atol=25
    )  # other year, dawn is interpolated
    shifted = sun(run.valid_time)
    assert np.abs(run.columns["shortwave_radiation"] - shifted).max() > 80  # an hour beside would be seen
    np.testing.assert_allclose(run.columns["temperature_2m"], run.valid_time.hour)


def test_what_stands_for_missing_in_an_epw_file_is_left_out(tmp_path: Path) -> None:
    found = read_year_file(epw(tmp_path / "year.epw"))
    assert found.kind == "EPW"
    for name in ("dew_point_2m", "direct_normal_irradiance", "cloud_cover"):
        assert np.isnan(found.columns[name]).all()
    assert set(found.columns["surface_pressure"]) == {990.0}
    run = TypicalYear(found.path).fetch(45, 8, NOW, NOW + pd.Timedelta("1D"), NOW)
    assert set(run.columns) == {
        "shortwave_radiation", "diffuse_radiation", "temperature_2m", "relative_humidity_2m", "wind_speed_10m",
        "wind_direction_10m", "surface_pressure",
    }  # fmt: skip


def test_a_real_file_has_its_sun_at_the_right_hour() -> None:
    found = read_year_file(SAND_POINT)
    assert found.kind == "TMY3"
    ghi = found.columns["shortwave_radiation"]
    height = [
        np.maximum(np.sin(np.deg2rad(solar_elevation_deg(
            found.end - pd.Timedelta(minutes=30 + 60 * shift), found.latitude_deg, found.longitude_deg))), 0)
        for shift in (-1, 0, 1)
    ]  # fmt: skip
    fit = [np.corrcoef(ghi, one)[0, 1] for one in height]
    assert fit[1] > max(fit[0], fit[2])


def test_the_days_asked_for_get_the_hours_of_their_date() -> None:
    provider = TypicalYear(SAND_POINT)
    run = provider.fetch(55.3, -160.5, NOW, pd.Timestamp("2024-03-01T11:00Z"), NOW)
    assert run.valid_time[0] <= NOW
    assert run.valid_time[-1] > pd.Timestamp("2024-03-01T11:00Z")
    local = (run.valid_time - pd.Timedelta("1h")).tz_convert("Etc/GMT+9").strftime("%d")
    warm = run.columns["temperature_2m"]
    leap, before = warm[local == "29"], warm[local == "28"]
    np.testing.assert_array_equal(leap[:24], before[:24])
    assert run.notes == ("weather is of a typical year (703165TY.csv), no forecast: expect the errors of climate",)
    far = provider.fetch(45, 8, NOW, NOW + pd.Timedelta("1D"), NOW)
    assert "703165TY.csv is of a place 8" in far.notes[1]
    assert len(provider.members(55, -160, NOW, NOW, NOW)) == 1


def test_many_years_give_their_mean_and_each_as_a_member(tmp_path: Path) -> None:
    provider = TypicalYear(pvgis_hourly(tmp_path / "hours.json"))
    start = pd.Timestamp("2024-06-10T00:00Z")
    end = start + pd.Timedelta("1D")
    run = provider.fetch(45, 8, start, end, NOW)
    assert "the mean of 3 years" in run.notes[0]
    np.testing.assert_allclose(run.columns["temperature_2m"], 16)
    members = provider.members(45, 8, start, end, NOW)
    assert [member.member for member in members] == [1, 2, 3]
    assert [member.columns["temperature_2m"][5] for member in members] == [15, 16, 17]
    noon = int(np.argmax(run.columns["shortwave_radiation"]))
    by_year = [member.columns["shortwave_radiation"][noon] for member in members]
    np.testing.assert_allclose(np.array(by_year) / by_year[0], [1, 2, 3], rtol=0.01)
    assert run.columns["direct_normal_irradiance"].max() == pytest.approx(500, rel=0.05)
    archive = Archive.empty()
    for one in (run, *members):
        archive = stored(archive, "climate", one)
    assert archive.as_of(NOW).members("climate", "temperature_2m") == (0, 1, 2, 3)


def test_a_leap_day_in_the_file_leaves_no_gap() -> None:
    run = TypicalYear(GREENSBORO).fetch(
        36.1, -79.9, pd.Timestamp("2023-02-26T00:00Z"), pd.Timestamp("2023-03-02T00:00Z"), NOW
    )
    assert all(np.isfinite(values).all() for values in run.columns.values())


def test_commands_and_parks_call_it_tmy(tmp_path: Path) -> None:
    found = named(["tmy:year.epw"], folder=tmp_path)
    assert found == TypicalYear(tmp_path / "year.epw")
    epw(tmp_path / "year.epw")
    run = found.fetch(45, 8, NOW, NOW + pd.Timedelta("1D"), NOW)
    assert run.provider == "typical year year.epw"
    with pytest.raises(ForecastError, match=r"accepted: .*tmy:FILE"):
        named(["tmyy"], folder=tmp_path)


def test_directions_are_averaged_around_the_circle() -> None:
    np.testing.assert_allclose(_mean("wind_direction_10m", np.array([[350.0, 90.0], [30.0, np.nan]])), [10, 90])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "time,kw\n1,2\n", "is no file of weather years; give an EPW file"),
        ("a.epw", "LOCATION\n", "is not a whole EPW file"),
        ("a.json", "{}", "is not a whole PVGIS file"),
        ("a.json", "no json", "is not a whole PVGIS file"),
    ],
)
def test_what_is_no_weather_year_is_refused(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ForecastError, match=says):
        TypicalYear(tmp_path / name).fetch(45, 8, NOW, NOW, NOW)


def test_a_tilted_plane_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="on a plane of slope 30; ask PVGIS for slope 0"):
        read_year_file(pvgis_hourly(tmp_path / "hours.json", slope=30, years=1))
    with pytest.raises(ForecastError, match="no such file"):
        TypicalYear(tmp_path / "none.epw").fetch(45, 8, NOW, NOW, NOW)
