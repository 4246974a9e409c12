"""Prices and limits out of the user's own files, and values given by points and durations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter, ValidationError

from dispatch.config.park import load_site
from dispatch.errors import ConfigError, DataError
from dispatch.fields.series import Signal, signal_values
from dispatch.signals import Horizon
from tests.parks import hours
from tests.unit.dispatch import small_park


def read(signal: Any) -> Any:
    return TypeAdapter(Signal).validate_python(signal)


def values(signal: Any, horizon: Horizon) -> list[float]:
    return signal_values(read(signal), horizon.local_start, horizon.local_end, "price")


def test_intervals_may_say_how_long_they_last() -> None:
    signal = [{"start": "2024-03-01T01:00Z", "duration": "PT1H", "value": 3}]
    signal += [{"start": "2024-03-01T00:00Z", "end": "2024-03-01T01:00Z", "value": 2}]
    assert values(signal, hours(2)) == [2, 3]


def test_a_point_holds_until_the_next_and_the_last_as_long_as_the_one_before_it() -> None:
    signal = [{"datetime": "2024-03-01T00:00Z", "value": 1}, {"datetime": "2024-03-01T02:00Z", "value": -2}]
    assert values(signal, hours(4)) == [1, 1, -2, -2]
    with pytest.raises(DataError, match="price is unknown at 2024-03-01T04:00"):
        values(signal, hours(5))


@pytest.mark.parametrize(
    ("signal", "text"),
    [
        ([{"start": "2024-03-01T01:00Z", "value": 3}], "either an end or a duration"),
        ([{"start": "2024-03-01T01:00Z", "end": "2024-03-01T00:00Z", "value": 3}], "must be after start"),
        ([{"datetime": "2024-03-01T00:00Z", "value": 1}], "one point does not say how long"),
        ([{"datetime": f"2024-03-0{d}T00:00Z", "value": 1} for d in (2, 1)], "is not later than it"),
        (
            [
                {"datetime": "2024-03-01T00:00Z", "value": 1},
                {"start": "2024-03-01T01:00Z", "duration": "PT1H", "value": 3},
            ],
            "intervals .* or points .*, not both",
        ),
    ],
)
def test_values_that_mean_nothing_are_refused(signal: Any, text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        read(signal)


def test_an_overlap_and_a_change_inside_a_step_are_refused() -> None:
    two = [{"start": "2024-03-01T00:00Z", "end": "2024-03-01T02:00Z", "value": v} for v in (1, 2)]
    with pytest.raises(DataError, match="2 intervals cover it"):
        values(two, hours(1))
    points = [{"datetime": f"2024-03-01T00:{m}Z", "value": 1} for m in ("00", "30")]
    with pytest.raises(DataError, match="changes inside the step"):
        values(points, hours(1))


def test_a_year_of_quarter_hours_is_read_quickly() -> None:
    count = 4 * 8784
    seconds = tuple(float(s) for s in np.datetime64("2024-01-01", "s").astype(int) + 900 * np.arange(count))
    signal = {"file": "f", "column": "c", "seconds": seconds, "values": tuple(map(float, range(count)))}
    assert values(signal, hours(4, step_h=0.25)) == [float(60 * 96 + k) for k in range(4)]


PRICE = {"file": "prices.csv", "column": "day_ahead", "unit": "EUR/MWh"}
CSV = "time,day_ahead\n2024-03-01T00:00,50\n2024-03-01T01:00,-20\n2024-03-01T02:00,\n2024-03-01T03:00,80\n"


def priced(folder: Path, csv: str = CSV, **fields: Any) -> Path:
    park = small_park.park()
    price = {"name": "energy", "basis": "energy", "price_per_kwh": PRICE | fields, "source": "test"}
    park["assets"][2]["tariff"]["components"] = [price]
    path = small_park.write(folder, park)
    (folder / "prices.csv").write_text(csv, encoding="utf-8")
    return path


def test_a_price_is_read_from_a_file_with_its_unit_and_its_local_clock(tmp_path: Path) -> None:
    site = load_site(priced(tmp_path, default=0.3))
    price, _ = site.assets[2].tariff.prices(hours(4, "2024-02-29T23:00", "Europe/Berlin"))  # type: ignore[attr-defined]
    assert price == pytest.approx([0.05, -0.02, 0.3, 0.08])
    unknown = load_site(priced(tmp_path))
    with pytest.raises(DataError, match="price 'energy' of tariff 'flat' is unknown at 2024-03-01T02:00"):
        unknown.assets[2].tariff.prices(hours(4, "2024-02-29T23:00", "Europe/Berlin"))  # type: ignore[attr-defined]


def test_a_price_list_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """GB 18030, semicolons, decimal commas: 50.5 and −20.25 EUR/MWh."""
    path = priced(tmp_path, column="电价")
    rows = "时间;电价\n2024-03-01T00:00;50,5\n2024-03-01T01:00;-20,25\n"
    (tmp_path / "prices.csv").write_bytes(rows.encode("gb18030"))
    price, _ = load_site(path).assets[2].tariff.prices(hours(2, "2024-02-29T23:00", "Europe/Berlin"))  # type: ignore[attr-defined]
    assert price == pytest.approx([0.0505, -0.02025])


def test_a_parquet_file_with_times_that_carry_their_zone(tmp_path: Path) -> None:
    path = priced(tmp_path, file="prices.parquet")
    times = pa.array(np.arange("2024-03-01T00", "2024-03-01T03", dtype="datetime64[h]").astype("datetime64[s]"))
    table = pa.table({"time": times.cast(pa.timestamp("s", tz="UTC")), "day_ahead": [1000.0, 2000.0, 3000.0]})
    pq.write_table(table, tmp_path / "prices.parquet")
    price, _ = load_site(path).assets[2].tariff.prices(hours(3))  # type: ignore[attr-defined]
    assert price == pytest.approx([1, 2, 3])


def test_the_hour_that_comes_twice_is_read_twice(tmp_path: Path) -> None:
    rows = "".join(f"2024-10-27T0{h}:00,{v}\n" for h, v in ((1, 10), (2, 20), (2, 30), (3, 40)))
    site = load_site(priced(tmp_path, "time,day_ahead\n" + rows))
    price, _ = site.assets[2].tariff.prices(hours(4, "2024-10-26T23:00", "Europe/Berlin"))  # type: ignore[attr-defined]
    assert price == pytest.approx([0.01, 0.02, 0.03, 0.04])


@pytest.mark.parametrize(
    ("csv", "fields", "message"),
    [
        (CSV, {"file": "price.csv"}, "price_per_kwh.file.*: there is no file 'price.csv'"),
        (CSV, {"column": "dayahead"}, "price_per_kwh.column.*has no column 'dayahead'.*did you mean 'day_ahead'"),
        (CSV, {"time_column": "when"}, "time_column.*has no column 'when'"),
        (CSV, {"unit": "kW"}, "price_per_kwh.unit.*'kW' does not fit price_per_kwh"),
        (CSV, {"seconds": [1.0]}, "'seconds' and 'values' are read from the file"),
        (CSV.replace("50", "much"), {}, "row 2 of 'prices.csv': 'much' is not a number"),
        (CSV.replace("50", "inf"), {}, "row 2 of 'prices.csv': the value is infinite"),
        (CSV.replace("T01", "T00"), {}, "row 3 of 'prices.csv': 2024-03-01T00:00 is not later"),
        (CSV.replace("2024-03-01T01:00", "soon"), {}, "row 3 of 'prices.csv': 'soon' is no time"),
        (CSV.replace("-20", "-20,7"), {}, "rows of different length: row 3 has 3 cells, the header 2"),
        (CSV.replace("-20", '"2,000"').replace("50", "7").replace("80", "7"), {}, "'2,000' may be 2.000 or 2000"),
        ("", {}, "price_per_kwh.file .*'prices.csv': is empty. Accepted: a row of column names"),
        ("time,day_ahead\n2024-03-31T01:00,5\n2024-03-31T02:30,6\n", {}, "is skipped by the clock"),
        ("time,day_ahead\n2024-03-31T01:00,5\n", {}, "fewer than two rows"),
        (CSV, {"file": "park.yaml", "column": "time"}, "has no column 'time'|rows of different length"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_place(
    tmp_path: Path, csv: str, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_site(priced(tmp_path, csv, **fields))


def test_a_broken_parquet_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "prices.parquet").write_bytes(b"no table")
    with pytest.raises(ConfigError, match=r"price_per_kwh\.file.*is no Parquet table"):
        load_site(priced(tmp_path, file="prices.parquet"))


def test_a_park_built_without_its_folder_says_that_the_file_is_unread() -> None:
    with pytest.raises(DataError, match=r"'prices\.csv' has not been read"):
        values(PRICE, hours(1))
