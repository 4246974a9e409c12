from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from forecasting.archive import Archive
from forecasting.errors import ForecastError

END = pd.date_range("2023-01-01T00:15Z", periods=8, freq="15min")


def measured(values: object = None, **more: object) -> Archive:
    return Archive.empty().with_measurements("park", "pv", END, np.arange(8.0) if values is None else values, **more)


def test_a_measurement_is_seen_from_its_delay_on() -> None:
    archive = measured(delay=pd.Timedelta("10min"))
    assert archive.as_of("2023-01-01T00:24:59Z").measurements("park", "pv").value.tolist() == []
    assert archive.as_of("2023-01-01T00:25Z").measurements("park", "pv").value.tolist() == [0.0]
    assert archive.as_of("2023-01-01T00:40Z").measurements("park", "pv").value.tolist() == [0.0, 1.0]


def test_the_default_delay_is_a_quarter_of_an_hour() -> None:
    seen = measured().as_of("2023-01-01T01:00Z").measurements("park", "pv")
    assert seen.value.tolist() == [0.0, 1.0, 2.0]
    assert (seen.available_ns - seen.end_ns == 15 * 60 * 10**9).all()


def test_a_revision_counts_once_it_is_known() -> None:
    late = pd.Timedelta("5h")
    archive = measured().with_measurements("park", "pv", END[:1], [9.0], delay=late)
    assert archive.as_of("2023-01-01T05:00Z").measurements("park", "pv").value[0] == 0.0
    after = archive.as_of("2023-01-01T05:15Z").measurements("park", "pv")
    assert (after.value[0], len(after.value)) == (9.0, 8)
    assert after.available_ns[0] == END[0].value + 15 * 60 * 10**9  # first known, not last


def test_an_archive_is_never_changed() -> None:
    first = measured()
    values = np.arange(8.0)
    second = first.with_measurements("park", "load", END, values)
    values[:] = -1
    assert len(first) == 8
    assert len(second) == 16
    assert second.as_of("2024-01-01T00:00Z").measurements("park", "load").value.min() == 0


def test_missing_stays_missing_and_infinite_is_refused() -> None:
    values = np.array([1, np.nan, *range(6)])
    assert np.isnan(measured(values).as_of("2024-01-01T00:00Z").measurements("park", "pv").value[1])
    values[1] = np.inf
    with pytest.raises(ForecastError, match=r"park/pv at 2023-01-01T00:30Z: inf"):
        measured(values)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: measured(np.arange(3.0)), "3 values for 8 times"),
        (lambda: measured(delay=pd.Timedelta("-1min")), "delay .* is negative"),
        (lambda: Archive.empty().with_measurements("a", "b", END.tz_localize(None), np.arange(8.0)), "time zone"),
        (lambda: measured().as_of("2023-01-01"), "no time zone"),
        (
            lambda: Archive.empty().with_forecast(
                "a", "b", "2023-01-01T06:00Z", "2023-01-01T05:00Z", END, np.arange(8.0)
            ),
            "before issue_time",
        ),
        (lambda: Archive.read("nowhere.parquet"), "no such file"),
    ],
)
def test_what_cannot_be_is_refused(call: object, says: str) -> None:
    with pytest.raises(ForecastError, match=says):
        call()  # type: ignore[operator]


def test_forecast_runs_come_oldest_first_and_only_when_available() -> None:
    archive = Archive.empty()
    for hour in (6, 0, 12):
        issue = pd.Timestamp(f"2023-01-01T{hour:02}:00Z")
        archive = archive.with_forecast("park", "t", issue, issue + pd.Timedelta("2h"), END, np.full(8, hour))
    runs = archive.as_of("2023-01-01T13:59Z").runs("park", "t")
    assert [run.value[0] for run in runs] == [0, 6]
    assert [run.value[0] for run in archive.as_of("2023-01-01T14:00Z").runs("park", "t")] == [0, 6, 12]
    assert archive.as_of("2023-01-02T00:00Z").measurements("park", "t").value.size == 0


def test_members_are_apart() -> None:
    archive = Archive.empty()
    for member in (0, 1):
        archive = archive.with_forecast("park", "t", END[0], END[0], END, np.full(8, member * 1.0), member=member)
    known = archive.as_of(END[0])
    assert [len(known.runs("park", "t", member)) for member in (0, 1, 2)] == [1, 1, 0]
    assert known.runs("park", "t", 1)[0].value[0] == 1


def test_writing_and_reading_keeps_every_row(tmp_path: Path) -> None:
    archive = measured(np.array([1, np.nan, *range(6)])).with_forecast(
        "roof", "temperature_2m", END[0], END[1], END, np.arange(8.0), member=3
    )
    archive.write(tmp_path / "a.parquet")
    again = Archive.read(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(again.table().to_pandas(), archive.table().to_pandas())
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.column_names == [
        "site", "variable", "issue_time", "valid_time", "available_at", "member", "value",
    ]  # fmt: skip
    assert table["issue_time"].null_count == 8
    again.write(tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_an_empty_archive_is_written_and_read(tmp_path: Path) -> None:
    Archive.empty().write(tmp_path / "none.parquet")
    assert len(Archive.read(tmp_path / "none.parquet")) == 0


def test_merging_twice_adds_nothing() -> None:
    both = measured().merge(Archive.empty().with_measurements("park", "load", END, np.arange(8.0)))
    assert len(both) == 16
    assert len(both.merge(both)) == 16


def test_a_year_of_six_series_is_quick(tmp_path: Path) -> None:
    end = pd.date_range("2023-01-01T00:15Z", periods=35_040, freq="15min")
    begin = time.perf_counter()
    archive = Archive.empty()
    for number in range(6):
        archive = archive.with_measurements("park", f"v{number}", end, np.arange(35_040.0))
    known = archive.as_of(end[20_000])
    counts = [len(known.measurements("park", f"v{number}").value) for number in range(6)]
    assert time.perf_counter() - begin < 1.0
    assert counts == [20_000] * 6
