from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.errors import ForecastError
from forecasting.importing.mapping import MappingError, checked, read_mapping
from forecasting.importing.run import ImportMistakesError, Incoming, read_files

LATE = "2030-01-01T00:00Z"
MAPPED_SAYS = "or give its pattern in the mapping, such as time_format: '%d-%m-%Y %H:%M'"


def write(path: Path, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def read(folder: Path, *files: dict[str, Any], **more: Any) -> Incoming:
    return read_files(checked({"files": list(files), "time_zone": "UTC"} | more), folder)


def values(archive: Archive, site: str, variable: str) -> list[float]:
    return [float(v) for v in archive.as_of(LATE).measurements(site, variable).value]


def mistakes(folder: Path, *files: dict[str, Any], **more: Any) -> list[str]:
    with pytest.raises(ImportMistakesError) as told:
        read(folder, *files, **more)
    return [str(one).removeprefix(f"{folder}/") for one in told.value.mistakes]


WIDE: dict[str, Any] = {"files": "*.csv", "site": "park", "series": [{"column": "kw", "variable": "load"}]}


def test_a_wide_table_with_units_signs_and_another_zone(tmp_path: Path) -> None:
    write(
        tmp_path / "scada.csv",
        "time;P_MW;kwh;t;flag",
        *(f"01.02.2023 0{k}:00;-1,5;{k};{k + 273.15};{k % 2}".replace(".15", ",15") for k in range(4)),
    )
    rule = {
        "files": "scada.csv",
        "site": "park",
        "decimal": ",",
        "time_zone": "Asia/Shanghai",
        "stamp": "end",
        "available_after": "2h",
        "series": [
            {"column": "P_MW", "variable": "wind", "unit": "MW", "sign": "reversed", "available_after": "10min",
             "curtailed": {"column": "flag"}},
            {"column": "kwh", "variable": "load", "unit": "kWh", "scale": 2},
            {"column": "t", "variable": "temperature_2m", "unit": "K"},
        ],
    }  # fmt: skip
    found = read(tmp_path, rule)
    assert values(found.archive, "park", "wind") == [1500] * 4
    assert values(found.archive, "park", "wind_curtailed") == [0, 1, 0, 1]
    assert values(found.archive, "park", "load") == [0, 2, 4, 6]
    np.testing.assert_allclose(values(found.archive, "park", "temperature_2m"), range(4))
    known = found.archive.as_of(LATE).measurements("park", "wind")
    assert known.end_ns[0] == pd.Timestamp("2023-01-31T16:00Z").value
    assert (known.available_ns - known.end_ns == 600 * 10**9).all()
    other = found.archive.as_of(LATE).measurements("park", "load")
    assert (other.available_ns - other.end_ns == 7200 * 10**9).all()
    assert found.unused == {}


def test_a_meter_in_kwh_of_quarter_hours_is_a_power_at_the_end_of_each(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "t,kw", *(f"2023-01-01 00:{m:02},{m}" for m in (0, 15, 30, 45)))
    found = read(tmp_path, WIDE | {"series": [{"column": "kw", "variable": "load", "unit": "kWh"}]})
    known = found.archive.as_of(LATE).measurements("park", "load")
    assert known.value.tolist() == [0, 60, 120, 180]
    assert known.end_ns[0] == pd.Timestamp("2023-01-01T00:15Z").value


def test_a_long_table_of_many_sites_with_their_own_names(tmp_path: Path) -> None:
    rows = [
        f"{s},{v},2023-01-01 0{h}:00,{10 * h + n}" for h in range(3) for n, v in enumerate("pq") for s in ("A", "B")
    ]
    write(tmp_path / "long.csv", "plant,name,when,what", *rows)
    rule = {
        "files": "*.csv", "site_column": "plant", "sites": {"A": "north"}, "variable_column": "name",
        "value_column": "what", "time_column": "when", "series": [{"column": "p", "variable": "wind"}],
    }  # fmt: skip
    found = read(tmp_path, rule)
    assert found.archive.as_of(LATE).series_names() == ("B/wind", "north/wind")
    assert values(found.archive, "north", "wind") == [0, 10, 20]
    assert found.unused == {tmp_path / "long.csv": ("name=q",)}


def test_runs_with_leads_members_and_a_rule_of_availability(tmp_path: Path) -> None:
    rows = [
        f"2023-01-01T{i:02}:00Z,{lead},{m},{i + lead + m / 10}" for i in (0, 6) for lead in (1, 2, 3) for m in (0, 1)
    ]
    write(tmp_path / "nwp.csv", "run,lead,member,ws", *rows)
    rule = {
        "files": "nwp.csv", "site": "sky", "issue_column": "run", "lead_column": "lead", "member_column": "member",
        "available_after": "6h", "series": [{"column": "ws", "variable": "wind_speed_100m", "unit": "km/h"}],
    }  # fmt: skip
    archive = read(tmp_path, rule, time_zone=None).archive
    assert archive.as_of("2023-01-01T05:59Z").series_names() == ()
    known = archive.as_of("2023-01-01T06:00Z")
    assert known.members("sky", "wind_speed_100m") == (0, 1)
    found = known.ensemble("sky", "wind_speed_100m")
    assert found is not None
    np.testing.assert_allclose(found.value * 3.6, [[1, 2, 3], [1.1, 2.1, 3.1]])
    assert found.valid_ns[0] == pd.Timestamp("2023-01-01T01:00Z").value


def test_the_site_may_stand_in_the_name_of_the_file(tmp_path: Path) -> None:
    for name in ("p_north.csv", "p_7.csv"):
        write(tmp_path / name, "t,kw", "2023-01-01 00:00,1", "2023-01-01 01:00,2")
    rule = {name: value for name, value in WIDE.items() if name != "site"} | {"site_in_name": r"p_(\w+)\.csv"}
    found = read(tmp_path, rule | {"sites": {"7": "seven"}})
    assert found.archive.as_of(LATE).sites() == ("north", "seven")
    told = mistakes(tmp_path, rule | {"site_in_name": r"plant_(\w+)"})
    assert told[0].startswith(r"p_7.csv: the name does not fit site_in_name 'plant_(\\w+)'")


def test_runs_in_a_file_each_with_the_issue_in_its_name(tmp_path: Path) -> None:
    for hour in (0, 12):
        times = pd.date_range(f"2023-01-01T{hour:02}:00", periods=3, freq="1h")
        pd.DataFrame({"t": times, "a": [1.0, 2, 3], "b": [4.0, 5, 6]}).to_parquet(
            tmp_path / f"run_20230101{hour:02}.parquet"
        )
    rule = {
        "files": "run_*.parquet", "site": "sky", "issue_in_name": "run_%Y%m%d%H.parquet", "available_after": "3h",
        "series": [
            {"column": "a", "variable": "temperature_2m"}, {"column": "b", "variable": "temperature_2m", "member": 1}
        ],
    }  # fmt: skip
    known = read(tmp_path, rule).archive.as_of("2023-01-01T03:00Z")
    found = known.ensemble("sky", "temperature_2m")
    assert found is not None
    assert found.value.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert found.issue_ns == pd.Timestamp("2023-01-01T00:00Z").value
    told = mistakes(tmp_path, rule | {"issue_in_name": "run_%Y.parquet"})
    assert len(told) == 2
    assert told[0].startswith("run_2023010100.parquet: the name does not fit issue_in_name 'run_%Y.parquet'")


def test_availability_from_a_column_keeps_restated_values(tmp_path: Path) -> None:
    write(
        tmp_path / "a.csv", "t,kw,known",
        "2023-01-01 00:00,1,2023-01-01 02:00",
        "2023-01-01 01:00,2,2023-01-01 03:00",
        "2023-01-01 00:00,5,2023-01-09 00:00",
    )  # fmt: skip
    found = read(tmp_path, WIDE | {"available_column": "known"})
    before, after = (found.archive.as_of(t).measurements("park", "load").value for t in ("2023-01-05T00:00Z", LATE))
    assert (before.tolist(), after.tolist()) == ([1, 2], [5, 2])


def test_times_in_two_columns_with_a_format_and_lines_before_the_header(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "plant 7", "in kW", "day|hour|kw", *(f"3/1/23|{h}.00|{h}" for h in range(3)))
    rule = WIDE | {"time_column": ["day", "hour"], "time_format": "%d/%m/%y %H.%M", "separator": "|", "skip_rows": 2}
    found = read(tmp_path, rule)
    assert found.archive.as_of(LATE).measurements("park", "load").end_ns[0] == pd.Timestamp("2023-01-03T01:00Z").value


def test_daylight_saving_is_read_in_order_for_each_site(tmp_path: Path) -> None:
    local = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]
    rows = [f"{s},2023-10-29 {t},{k}" for k, t in enumerate(local) for s in "AB"]
    write(tmp_path / "a.csv", "site,t,kw", *rows)
    rule = {"files": "a.csv", "site_column": "site", "time_column": "t", "time_zone": "Europe/Berlin",
            "series": [{"column": "kw", "variable": "load"}]}  # fmt: skip
    archive = read(tmp_path, rule).archive
    for site in "AB":
        assert values(archive, site, "load") == [0, 1, 2, 3, 4, 5]


def test_what_stands_for_missing_is_missing_and_repeated_rows_count_once(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", "t,kw", "2023-01-01 00:00,1", "2023-01-01 01:00,-999", "2023-01-01 02:00,")
    write(tmp_path / "2.csv", "t,kw", "2023-01-01 00:00,1", "2023-01-01 03:00,bad")
    found = read(tmp_path, WIDE | {"missing": [-999, "bad"], "step": "1h"})
    np.testing.assert_array_equal(values(found.archive, "park", "load"), [1, np.nan, np.nan, np.nan])
    assert found.repeated["park", "load"] == 1


def test_a_number_in_single_precision_stands_for_missing_too(tmp_path: Path) -> None:
    times = pd.date_range("2023-01-01", periods=3, freq="1h")
    table = pd.DataFrame({"t": times, "kw": np.array([1, -273.2, 3], dtype=np.float32)})
    table.to_parquet(tmp_path / "a.parquet")
    found = read(tmp_path, WIDE | {"files": "a.parquet", "missing": [-273.2]})
    np.testing.assert_array_equal(values(found.archive, "park", "load"), [1, np.nan, 3])


def test_all_mistakes_of_all_files_are_named_and_nothing_comes_in(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", "t,kw", "2023-01-01 00:00,lots", "2023-01-01 01:00,1", "2023-01-01 02:00,inf")
    write(tmp_path / "2.csv", "t,power", "2023-01-01 00:00,1")
    write(tmp_path / "3.csv", "t,kw", "soon,1", "2023-01-01 01:00,1")
    write(tmp_path / "4.csv", "t,kw", *(f"2023-01-02 0{k}:00,1" for k in range(4)), "2023-01-02 03:30,1")
    write(tmp_path / "5.csv", "t,kw")
    told = mistakes(tmp_path, WIDE, WIDE | {"files": "none/*.csv"})
    assert told == [
        f"none/*.csv: no file in {tmp_path} fits; give a path or a pattern",
        "1.csv, row 2, column 'kw': 'lots' is not a finite number; leave it empty where it is missing",
        "1.csv, row 4, column 'kw': 'inf' is not a finite number; leave it empty where it is missing",
        "2.csv: no column 'kw'; it has ['t', 'power']",
        "3.csv, row 2, column 't': 'soon' is not a time; write 2016-03-27 14:15 or with offset, " + MAPPED_SAYS,
        "4.csv, row 6, column 't': '2023-01-02 03:30' is off the 60-min steps of its series; resample it first",
        "5.csv: holds no row below its header",
    ]


def test_rows_that_contradict_each_other_are_named_with_both_places(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", "t,kw", "2023-01-01 00:00,1", "2023-01-01 01:00,2")
    write(tmp_path / "2.csv", "t,kw", "2023-01-01 01:00,3", "2023-01-01 02:00,2")
    told = mistakes(tmp_path, WIDE)
    assert len(told) == 1
    assert told[0] == (
        f"2.csv, row 2, column 'kw': park/load at 2023-01-01T02:00Z: 3, but {tmp_path}/1.csv, row 3 says 2; "
        "remove one, say which counts (repeated), or give a restated value its own available_column"
    )


@pytest.mark.parametrize(("which", "value"), [("first", 2), ("last", 3)])
def test_of_rows_that_contradict_each_other_the_mapping_may_say_which_counts(
    tmp_path: Path, which: str, value: float
) -> None:
    rows = ["2023-01-01 00:00,1,0", "2023-01-01 01:00,2,0", "2023-01-01 01:00,3,1"]
    write(tmp_path / "1.csv", "t,kw,flag", *rows)
    series = [{"column": "kw", "variable": "load", "curtailed": {"column": "flag"}}]
    found = read(tmp_path, WIDE | {"repeated": which, "series": series})
    assert values(found.archive, "park", "load") == [1, value]
    assert values(found.archive, "park", "load_curtailed") == [0, value - 2]
    assert found.set_aside == {("park", "load"): 1}


@pytest.mark.parametrize(
    ("rule", "rows", "says"),
    [
        ({}, ["2023-01-01 00:00,1"], "one time alone does not say how long its interval is; give step"),
        (
            {"time_zone": "Europe/Berlin"},
            ["2023-03-26 01:00,1", "2023-03-26 02:00,1"],
            "row 3, column 't': .*skips that hour",
        ),
        (
            {"series": [{"column": "kw", "variable": "wind_speed_10m"}]},
            ["2023-01-01 00:00,1", "2023-01-01 01:00,500"],
            r"row 3, column 'kw': 500 m/s, which no wind_speed_10m is \(0 … 130 m/s\)",
        ),
        (
            {"available_column": "kw"},
            ["2023-01-01 01:00,2023-01-01 00:30", "2023-01-01 02:00,2023-01-01 05:00"],
            "row 2, column 'kw': '2023-01-01 00:30' is before its interval had ended",
        ),
        (
            {"site": None, "site_column": "kw"},
            ["2023-01-01 00:00,", "2023-01-01 01:00,a"],
            "row 2, column 'kw': is empty",
        ),
        (
            {"issue_column": "t", "time_column": None, "lead_column": "kw", "available_after": "1h"},
            ["2023-01-01,"], "row 2, column 'kw': the lead is missing",
        ),
        (
            {"issue_column": "t", "time_column": "t", "member_column": "kw", "available_after": "1h"},
            ["2023-01-01,-1"], "row 2, column 'kw': .*-1.* is no member",
        ),
    ],
)  # fmt: skip
def test_what_a_row_can_have_wrong_is_named_with_its_place(
    tmp_path: Path, rule: dict[str, Any], rows: list[str], says: str
) -> None:
    write(tmp_path / "a.csv", "t,kw", *rows)
    given = {name: value for name, value in (WIDE | rule).items() if value is not None}
    with pytest.raises(ForecastError, match=says):
        read(tmp_path, given)


def test_times_without_offset_or_zone_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "t,kw", "2023-01-01 00:00,1", "2023-01-01 01:00,1")
    told = mistakes(tmp_path, WIDE, time_zone=None)
    says = "has no offset, and the mapping no time_zone: give one, such as Asia/Shanghai"
    assert told == [f"a.csv, row 2, column 't': '2023-01-01 00:00' {says}"]


def test_of_many_rows_with_one_mistake_the_first_are_named(tmp_path: Path) -> None:
    rows = [f"2023-01-01T00:00:{k:02}Z,x" for k in range(20)]
    write(tmp_path / "a.csv", "t,kw", *rows)
    told = mistakes(tmp_path, WIDE)
    assert len(told) == 6
    assert told[-1] == "a.csv, row 7, column 'kw': and 15 more such rows from here on"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({}, "files: is missing"),
        ({"files": []}, "files: .*at least 1 item"),
        ({"files": [WIDE | {"stamp": "middle"}]}, r"files\[0\].stamp: should be 'start' or 'end' \(found 'middle'\)"),
        ({"files": [WIDE | {"clolumn": 1}]}, r"files\[0\].clolumn: is not a known field; known are files, series"),
        ({"files": [WIDE], "time_zone": "Mars"}, "time zone 'Mars' is unknown"),
        ({"files": [WIDE | {"available_after": "soon"}]}, "'soon' is not a duration; write it like 15min"),
        ({"files": [WIDE | {"site": None}]}, "which site"),
        ({"files": [WIDE | {"site_in_name": "a(b)"}]}, "give one of site, site_column and site_in_name"),
        ({"files": [WIDE | {"site_in_name": "a(b"}]}, "is not a regular expression"),
        ({"files": [WIDE | {"site_in_name": "ab"}]}, "has 0 pairs of parentheses; put one around the site"),
        ({"files": [WIDE | {"issue_column": "i"}]}, "since when could a run be used"),
        (
            {"files": [WIDE | {"series": [{"column": "a", "variable": "wind_speed_10m", "unit": "kW"}]}]},
            r"series\[0\]: unit 'kW' is none for wind_speed_10m, kept in m/s; accepted: m/s, km/h, kn, mph",
        ),
        (
            {"files": [WIDE | {"series": [{"column": "a", "variable": "b", "unit": "stone"}]}]},
            "unit 'stone' is unknown",
        ),
        ({"files": [WIDE | {"series": [{"column": "a", "variable": "b", "scale": 0}]}]}, "would make every value 0"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_with_its_place(raw: dict[str, Any], says: str) -> None:
    with pytest.raises(MappingError, match=says):
        checked(raw)


def test_a_mapping_file_is_read_or_named(tmp_path: Path) -> None:
    path = write(tmp_path / "map.yaml", "time_zone: UTC", "files:", "  - files: a.csv", "    site: 7",
                 "    series: [{column: kw, variable: load}]")  # fmt: skip
    assert read_mapping(path).files[0].site == "7"
    for content, says in [("files: [", "line 2: is not YAML"), ("- a", r"is not a mapping \(found list\)")]:
        with pytest.raises(MappingError, match=says):
            read_mapping(write(tmp_path / "bad.yaml", content))
    with pytest.raises(MappingError, match="cannot be read: No such file"):
        read_mapping(tmp_path / "none.yaml")


def weather(variable: str, unit: str | None = None) -> dict[str, Any]:
    return WIDE | {"series": [{"column": "kw", "variable": variable} | ({"unit": unit} if unit else {})]}


def test_weather_that_misses_a_bound_by_a_hair_stands_on_it(tmp_path: Path) -> None:
    """Interpolated runs are 1e-11 below 0 and above 100, and a pyranometer's night is 3 W/m² below 0; −5 are a mistake.

    Bounds of radiation are 1 900 W/m² apart, of which .2 % are 3.8.
    """
    write(tmp_path / "a.csv", "t,kw", *(f"2023-01-01 0{k}:00,{v}" for k, v in enumerate(("-1e-11", "-3", "", "7"))))
    found = values(read(tmp_path, weather("shortwave_radiation")).archive, "park", "shortwave_radiation")
    np.testing.assert_array_equal(found, [0.0, 0.0, np.nan, 7.0])
    write(tmp_path / "a.csv", "t,kw", "2023-01-01 00:00,100.00001", "2023-01-01 01:00,99")
    assert values(read(tmp_path, weather("cloud_cover")).archive, "park", "cloud_cover") == [100.0, 99.0]
    write(tmp_path / "a.csv", "t,kw", "2023-01-01 00:00,-5", "2023-01-01 01:00,0")
    (told,) = mistakes(tmp_path, weather("shortwave_radiation"))
    assert "-5 W/m², which no shortwave_radiation is (0 … 1900 W/m²)" in told


def test_joules_of_quarter_hours_are_a_power(tmp_path: Path) -> None:
    """90 000 J/m² in 900 s are 100 W/m²."""
    write(tmp_path / "a.csv", "t,kw", *(f"2023-01-01 00:{m:02},90000" for m in (0, 15, 30)))
    found = read(tmp_path, weather("shortwave_radiation", "J/m2")).archive
    assert values(found, "park", "shortwave_radiation") == pytest.approx([100.0] * 3)


def test_what_the_mapping_could_say_of_times_and_commas_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "t;kw", "02-10-2020 11:45;3,310", "02-10-2020 12:00;2,620")
    told = mistakes(tmp_path, WIDE | {"separator": ";"})
    assert "give its pattern in the mapping, such as time_format: '%d-%m-%Y %H:%M'" in told[0]
    told = mistakes(tmp_path, WIDE | {"separator": ";", "time_format": "%d-%m-%Y %H:%M"})
    assert "may be 3.310 or 3310" in told[0]
    assert "give decimal: ',' in the mapping" in told[0]


def test_times_of_issue_and_of_knowing_may_be_written_as_the_others(tmp_path: Path) -> None:
    lines = (f"02-10-2020 1{k}:00;02-10-2020 06:00;2020-10-02 08:00;3" for k in "12")
    write(tmp_path / "a.csv", "t;issued;known;kw", *lines)
    rule = weather("wind_speed_100m") | {"separator": ";", "time_format": "%d-%m-%Y %H:%M", "time_column": "t"}
    found = read(tmp_path, rule | {"issue_column": "issued", "available_column": "known"}).archive
    (run,) = found.as_of(LATE).runs("park", "wind_speed_100m")
    assert run.issue_ns == pd.Timestamp("2020-10-02T06:00Z").value
    assert run.available_ns == pd.Timestamp("2020-10-02T08:00Z").value


def test_single_glitches_of_weather_may_count_as_missing_and_a_wrong_unit_may_not(tmp_path: Path) -> None:
    """One hour of 1 357 % in a day of clouds; of a column in tenths of a per cent most is beyond 100."""
    rule = weather("cloud_cover")
    series = [rule["series"][0] | {"impossible": "missing"}]
    write(tmp_path / "a.csv", "t,kw", *(f"2023-01-01 {k:02}:00,{1357 if k == 7 else 50 + k}" for k in range(24)))
    found = values(read(tmp_path, rule | {"series": series}).archive, "park", "cloud_cover")
    np.testing.assert_array_equal(found, [np.nan if k == 7 else 50 + k for k in range(24)])
    (told,) = mistakes(tmp_path, rule)
    assert told.endswith("look at unit, scale and sign, or give missing, or impossible: missing")
    write(tmp_path / "a.csv", "t,kw", *(f"2023-01-01 {k:02}:00,{50 * k}" for k in range(24)))
    assert "which no cloud_cover is" in mistakes(tmp_path, rule | {"series": series})[0]
