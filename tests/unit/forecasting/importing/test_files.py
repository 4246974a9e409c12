from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import ForecastError
from forecasting.importing.files import Stamp, read_series
from forecasting.importing.text import text_of


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def csv(tmp_path: Path, *rows: str, header: str = "time,kw") -> Path:
    return write(tmp_path / "load.csv", "\n".join([header, *rows]) + "\n")


def test_local_times_become_utc_and_units_are_scaled(tmp_path: Path) -> None:
    path = csv(tmp_path, "2023-01-01 00:00,1.5", "2023-01-01 00:15,2", "2023-01-01 00:30,3")
    found = read_series(path, "kw", time_zone="Asia/Shanghai", unit_scale=1000)
    assert found.index[0] == pd.Timestamp("2022-12-31T16:00Z")
    assert found.index.name == "interval_start"
    assert found.tolist() == [1500, 2000, 3000]


def test_the_end_of_the_interval_is_named_as_such(tmp_path: Path) -> None:
    path = csv(tmp_path, "2023-01-01 00:15,1", "2023-01-01 00:30,2")
    assert read_series(path, "kw", time_zone="UTC", stamp="end").index.name == "interval_end"


def test_rows_that_end_with_a_carriage_return_alone_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_bytes(b"time,kw\r2023-01-01 00:00,1\r2023-01-01 00:15,2\r")
    assert read_series(path, "kw", time_zone="UTC").tolist() == [1.0, 2.0]
    assert text_of(path) == "time,kw\n2023-01-01 00:00,1\n2023-01-01 00:15,2\n"


def test_a_gap_and_an_empty_cell_are_missing_not_zero(tmp_path: Path) -> None:
    path = csv(tmp_path, "2023-01-01T00:00,1", "2023-01-01T00:15,", "2023-01-01T00:30,3", "2023-01-01T01:00,5")
    found = read_series(path, "kw", time_zone="UTC")
    np.testing.assert_array_equal(found.to_numpy(), [1, np.nan, 3, np.nan, 5])


@pytest.mark.parametrize(("step", "rows"), [("15min", 40_000), ("h", 8_760), ("D", 400)])
def test_a_long_series_keeps_its_last_reading(tmp_path: Path, step: str, rows: int) -> None:
    """A range of nanoseconds that is divided as floats ends one step early after half a year."""
    times = pd.date_range("2022-01-01", periods=rows, freq=step)
    frame = pd.DataFrame({"time": times.strftime("%Y-%m-%dT%H:%M"), "kw": np.arange(1, rows + 1)})
    frame.to_csv(tmp_path / "load.csv", index=False)
    found = read_series(tmp_path / "load.csv", "kw", time_zone="UTC")
    assert len(found) == rows
    assert found.index[-1] == times[-1].tz_localize("UTC")
    assert found.iloc[-1] == rows


def test_days_of_a_clock_that_changes_come_as_they_are(tmp_path: Path) -> None:
    path = csv(tmp_path, *(f"2023-10-{day},{day}" for day in (27, 28, 29, 30, 31)))
    with pytest.raises(ForecastError, match="is off the file's 1440-min steps"):
        read_series(path, "kw", time_zone="Europe/Berlin")
    found = read_series(path, "kw", time_zone="Europe/Berlin", stamp="end", by_day=True)
    assert found.tolist() == [27, 28, 29, 30, 31]
    assert found.index.name == "interval_end"
    assert np.diff(found.index.as_unit("s").asi8).tolist() == [86_400, 86_400, 90_000, 86_400]


@pytest.mark.parametrize("sep", [",", ";", "\t"])
def test_separators_and_german_dates(tmp_path: Path, sep: str) -> None:
    rows = [f"31.01.2023 23:4{k}{sep}{k}" for k in range(3)]
    found = read_series(csv(tmp_path, *rows, header=f"time{sep}kw"), "kw", time_zone="UTC")
    assert found.index[0] == pd.Timestamp("2023-01-31T23:40Z")


def test_offsets_in_the_file_win_over_the_zone(tmp_path: Path) -> None:
    path = csv(tmp_path, "2023-10-29T02:00+02:00,1", "2023-10-29T02:00+01:00,2")
    found = read_series(path, "kw", time_zone="Asia/Shanghai")
    assert found.index.tolist() == [pd.Timestamp("2023-10-29T00:00Z"), pd.Timestamp("2023-10-29T01:00Z")]


def test_the_repeated_hour_of_autumn_is_read_in_order(tmp_path: Path) -> None:
    local = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]
    found = read_series(
        csv(tmp_path, *(f"2023-10-29 {t},{k}" for k, t in enumerate(local))), "kw", time_zone="Europe/Berlin"
    )
    expected = pd.date_range("2023-10-28T23:30Z", periods=6, freq="30min")
    assert (found.index == expected).all()
    assert found.tolist() == [0, 1, 2, 3, 4, 5]


def test_the_skipped_hour_of_spring_is_no_gap(tmp_path: Path) -> None:
    path = csv(tmp_path, *(f"2023-03-26 {t},1" for t in ("01:00", "01:30", "03:00", "03:30")))
    found = read_series(path, "kw", time_zone="Europe/Berlin")
    assert len(found) == 4
    assert found.notna().all()


def test_a_time_that_daylight_saving_skips_is_refused_with_its_row(tmp_path: Path) -> None:
    path = csv(tmp_path, *(f"2023-03-26 {t},1" for t in ("01:00", "01:30", "02:00", "02:30")))
    with pytest.raises(ForecastError, match=r"row 4: '2023-03-26 02:00' does not exist in Europe/Berlin"):
        read_series(path, "kw", time_zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["2023-01-01 00:00,1", "2023-01-01 00:00,2"], "row 3: .* repeats"),
        (["2023-01-01 01:00,1", "2023-01-01 00:00,2"], "row 3: .* earlier"),
        (["2023-01-01 00:00,1", "soon,2"], "row 3: 'soon' is not a time"),
        (["2023-01-01 00:00,1", "2023-01-01 01:00,inf"], "row 3, column 'kw'.*not a finite"),
        (["2023-01-01 00:00,1", "2023-01-01 01:00,lots"], "row 3, column 'kw': 'lots'"),
        (["2023-01-01 00:00,1", "2023-01-01T01:00Z,2"], "row 2: .* no offset while others"),
        (["2023-01-01 00:00,1"], "at least two"),
        (["0,1", "1,2"], "bare number"),
        (
            [f"2023-01-01 00:{m:02},1" for m in (0, 15, 30, 37)],
            "row 5: .*37.* is off the file's 15-min steps",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(tmp_path: Path, rows: list[str], says: str) -> None:
    with pytest.raises(ForecastError, match=says):
        read_series(csv(tmp_path, *rows), "kw", time_zone="UTC")


def test_names_that_are_not_there_are_answered_with_those_that_are(tmp_path: Path) -> None:
    path = csv(tmp_path, "2023-01-01 00:00,1", "2023-01-01 00:15,1")
    with pytest.raises(ForecastError, match=r"no column 'mw'; it has \['time', 'kw'\]"):
        read_series(path, "mw", time_zone="UTC")
    with pytest.raises(ForecastError, match="no column 'when'"):
        read_series(path, "kw", time_column="when", time_zone="UTC")
    with pytest.raises(ForecastError, match="time zone 'Nowhere'"):
        read_series(path, "kw", time_zone="Nowhere")
    with pytest.raises(ForecastError, match="no such file"):
        read_series(tmp_path / "none.csv", "kw", time_zone="UTC")
    with pytest.raises(ForecastError, match="stamp 'middle'"):
        read_series(path, "kw", time_zone="UTC", stamp="middle")  # type: ignore[arg-type]
    with pytest.raises(ForecastError, match=r"'\.xls' is unknown"):
        read_series(write(tmp_path / "a.xls", ""), "kw", time_zone="UTC")


@pytest.mark.parametrize("aware", [True, False])
def test_parquet_with_its_times_as_index_or_column(tmp_path: Path, aware: bool) -> None:
    times = pd.date_range("2023-06-01", periods=4, freq="15min", tz="Europe/Berlin" if aware else None, name="t")
    frame = pd.DataFrame({"kw": np.arange(4.0)}, index=times)
    frame.to_parquet(tmp_path / "index.parquet")
    frame.reset_index().to_parquet(tmp_path / "column.parquet")
    for name in ("index", "column"):
        found = read_series(tmp_path / f"{name}.parquet", "kw", time_zone="Europe/Berlin")
        assert found.index[0] == pd.Timestamp("2023-05-31T22:00Z")
        assert found.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("stamp", ["start", "end"])
def test_a_meter_that_changes_its_interval_is_read_as_it_is_where_that_is_wanted(tmp_path: Path, stamp: Stamp) -> None:
    """Thirty hours, then twelve quarters; each value stands at the end of its own interval."""
    ends = pd.date_range("2023-01-01T01:00Z", periods=30, freq="h").append(
        pd.date_range("2023-01-02T06:15Z", periods=12, freq="15min")
    )
    stamps = ends if stamp == "end" else ends[:-1].insert(0, pd.Timestamp("2023-01-01T00:00Z"))
    path = csv(tmp_path, *(f"{time.isoformat()},{value}" for value, time in enumerate(stamps)))
    with pytest.raises(ForecastError, match="is off the file's 60-min steps"):
        read_series(path, "kw", time_zone="UTC", stamp=stamp)
    found = read_series(path, "kw", time_zone="UTC", stamp=stamp, uneven=True)
    assert found.index.name == "interval_end"
    assert found.index.tolist() == ends.tolist()
    assert found.tolist() == list(range(42))


def test_most_stamps_beside_a_grid_are_refused_even_so(tmp_path: Path) -> None:
    times = pd.date_range("2023-01-01T00:00Z", periods=40, freq="h") + pd.to_timedelta(
        (np.arange(40) % 4 == 3) * 1, "min"
    )
    path = csv(tmp_path, *(f"{time.isoformat()},1" for time in times))
    with pytest.raises(ForecastError, match=r"row 5: .* is off the file's"):
        read_series(path, "kw", time_zone="UTC", uneven=True)


def in_bytes(tmp_path: Path, header: str, *cells: str, encoding: str = "utf-8", sep: str = ";") -> Path:
    """A file of two columns, the rows an hour apart."""
    rows = [f"2023-01-01 {hour:02}:00{sep}{cell}" for hour, cell in enumerate(cells)]
    (tmp_path / "load.csv").write_bytes("\r\n".join([header, *rows]).encode(encoding))
    return tmp_path / "load.csv"


@pytest.mark.parametrize(
    ("header", "column", "encoding"),
    [
        ("时间;负荷", "负荷", "gb18030"),
        ("时间;1号线kW", "1号线kW", "gb18030"),
        ("时间;负荷", "负荷", "utf-8-sig"),
        ("时间;负荷", "负荷", "utf-16"),
        ("Zähler;Größe_kW", "Größe_kW", "latin-1"),
        ("Zeit;Außen [°C]", "Außen [°C]", "cp1252"),
    ],
)
def test_what_spreadsheets_write_in_other_encodings_is_read(
    tmp_path: Path, header: str, column: str, encoding: str
) -> None:
    path = in_bytes(tmp_path, header, "1.5", "2", encoding=encoding)
    assert read_series(path, column, time_zone="UTC").tolist() == [1.5, 2]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "load.csv: is empty; accepted: a row of column names"),
        (b"\r\n \r\n", "is empty"),
        (b"time,kw\n", "at least two"),
        ("时间,热".encode("gb18030")[5:] + b"\n1,2\n", "may be GB 18030 or Latin-1 text; accepted: .*UTF-8"),
        (b"time,\x81\x20\x8d\x8d\x8d\n", "is neither UTF-8 nor GB 18030 nor Latin-1"),
    ],
)
def test_a_file_without_text_or_in_an_encoding_nobody_knows_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "load.csv").write_bytes(content)
    with pytest.raises(ForecastError, match=says):
        read_series(tmp_path / "load.csv", "kw", time_zone="UTC")


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("0,33", "-12,5", "7", ""), [0.33, -12.5, 7, np.nan]),  # decimal commas
        (("1.877,3", "999,9"), [1877.3, 999.9]),  # and points between thousands
        (("1,877.3", "12,345,678.9", "7"), [1877.3, 12345678.9, 7]),  # commas between thousands
        (("1,877", "12,5"), [1.877, 12.5]),  # the second cannot be thousands
    ],
)
def test_a_decimal_comma_and_separators_of_thousands_are_read_where_all_cells_have_them(
    tmp_path: Path, cells: tuple[str, ...], values: list[float]
) -> None:
    found = read_series(in_bytes(tmp_path, "time;kw", *cells), "kw", time_zone="UTC")
    np.testing.assert_array_equal(found.to_numpy(), values)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (("5", "1,877", "2,500"), "row 3, column 'kw': '1,877' may be 1.877 or 1877, as may every other"),
        (("0,33", "0.33"), "row 2, column 'kw': '0,33' is not a finite number.*in every such number"),
    ],
)
def test_a_comma_that_may_mean_two_things_is_refused(tmp_path: Path, cells: tuple[str, ...], says: str) -> None:
    with pytest.raises(ForecastError, match=says):
        read_series(in_bytes(tmp_path, "time;kw", *cells), "kw", time_zone="UTC")


def test_decimal_commas_between_commas_are_no_cells_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match=r"rows have 3 cells and 2 names above them; .*a semicolon between cells"):
        read_series(in_bytes(tmp_path, "time,kw", "1,5", "2,5", sep=","), "kw", time_zone="UTC")
