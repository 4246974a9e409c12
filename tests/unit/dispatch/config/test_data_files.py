"""What validation says of the files that a park names, and of values that look like another unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dispatch.config.data_files import require_files
from dispatch.config.park import load_site
from dispatch.errors import ConfigError
from tests.unit.dispatch import small_park

ROWS = "time,hall_kw\n2024-03-01T00:00,5\n2024-03-01T01:00,{}\n2024-03-01T02:00,120\n"


def written(folder: Path, rows: str, **history: Any) -> Path:
    content = small_park.park()
    content["assets"][0]["history"] |= history
    (folder / "measured.csv").write_text(rows, encoding="utf-8")
    return small_park.write(folder, content)


def looked(path: Path) -> tuple[str, ...]:
    return require_files(load_site(path), path)


@pytest.mark.parametrize(
    ("rows", "history", "message"),
    [
        (ROWS, {"file": "meter.csv"}, r"assets\[0\].history.file \(line 15\): there is no file 'meter.csv'"),
        (ROWS, {"column": "hal_kw"}, r"history.column \(line 16\): .*no column 'hal_kw'.*did you mean 'hall_kw'"),
        (ROWS, {"time_column": "when"}, r"history.time_column \(line 17\): .*no column 'when'.*one of time, hall_kw"),
        ("", {}, r"history.file \(line 15\): .*'measured.csv': is empty. Accepted: a row of column names"),
        (ROWS.format("lots"), {}, r"history.column \(line 16\): row 3 .*'lots' is not a number"),
        (ROWS.format("1,5"), {}, r"history.file \(line 15\): .*row 3 has 3 cells, the header 2"),
        (ROWS.format('"1,5"'), {"column": "hall"}, "no column 'hall'"),
    ],
)
def test_what_a_plan_could_not_read_is_said_with_its_line(
    tmp_path: Path, rows: str, history: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        looked(written(tmp_path, rows, **history))


@pytest.mark.parametrize(
    "rows",
    [
        ROWS.format(""),
        ROWS.format("NULL"),
        ROWS.format('"1,5"'),
        ROWS.replace(",{}", ""),  # a row that ends early
        ROWS.format("7").replace(",", ";").replace(";5", ";0,5"),
    ],
)
def test_what_a_plan_reads_is_no_mistake(tmp_path: Path, rows: str) -> None:
    assert looked(written(tmp_path, rows)) == ()


def test_columns_of_a_parquet_file_are_looked_for_too(tmp_path: Path) -> None:
    pq.write_table(pa.table({"time": ["2024-03-01T00:00"], "hall_kw": [20.0]}), tmp_path / "m.parquet")
    assert looked(written(tmp_path, "", file="m.parquet")) == ()
    with pytest.raises(ConfigError, match="no column 'hall'"):
        looked(written(tmp_path, "", file="m.parquet", column="hall"))


def doubted(folder: Path, change: dict[str, Any], rows: str = ROWS.format("7"), **history: Any) -> str:
    content = small_park.park()
    content["assets"][0]["history"] |= history
    content["assets"][2] |= change
    (folder / "measured.csv").write_text(rows, encoding="utf-8")
    return "\n".join(looked(small_park.write(folder, content)))


def tariff(price: Any) -> dict[str, Any]:
    component = {"name": "energy", "basis": "energy", "price_per_kwh": price, "source": "test"}
    return {"tariff": {"name": "flat", "currency": "EUR", "components": [component]}}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"carbon_intensity_kg_per_kwh": 386.9}, "386.9 kg/kWh is more than any power station emits"),
        ({"marginal_intensity_kg_per_kwh": 800}, "Accepted: '800 g/kWh' if it is in g/kWh or kg/MWh"),
        (tariff(330), "components[0].price_per_kwh (line"),
        (tariff([330] * 24), "330 EUR/kWh is more than any energy costs (5 EUR/kWh at most)"),
        ({"import_kw": 0.4}, "all electric loads come to 120 kW at most, beside connections for 0.4 kW"),
        ({"import_kw": 40_000}, "assets[0].history.column (line 16): all electric loads come to 120 kW"),
    ],
)
def test_a_value_that_looks_like_another_unit_is_doubted_with_its_line(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    assert says in doubted(tmp_path, change)


@pytest.mark.parametrize(
    "change", [{}, {"carbon_intensity_kg_per_kwh": 1.3}, tariff(4.9), tariff("330 EUR/MWh"), {"import_kw": 12_000}]
)
def test_what_there_is_somewhere_is_not_doubted(tmp_path: Path, change: dict[str, Any]) -> None:
    assert doubted(tmp_path, change) == ""


@pytest.mark.parametrize(
    ("column", "unit", "says"),
    [
        ("hall_kwh", "kW", "'hall_kwh' sounds like energy and is read as mean power in kW"),
        ("Energy (kWh)", "kW", "sounds like energy"),
        ("Hall [MW]", "kW", "is read in kW. Accepted: unit: MW"),
        ("hall_kw", "MW", "is read in MW. Accepted: unit: kW"),
        ("Hall [MW]", "MW", ""),
        ("wharf", "kW", ""),
    ],
)
def test_the_unit_in_a_columns_name_is_held_against_the_one_it_is_read_in(
    tmp_path: Path, column: str, unit: str, says: str
) -> None:
    rows = ROWS.format("7").replace("hall_kw", column)
    if unit == "MW":
        rows = rows.replace(",5", ",0.005").replace(",7", ",0.007").replace(",120", ",0.120")
    found = doubted(tmp_path, {}, rows, column=column, unit=unit)
    assert says in found
    assert bool(says) == bool(found)


@pytest.mark.parametrize(("peak_kw", "is_doubted"), [(120, False), (61, False), (0.12, True), (120_000, True)])
def test_a_plant_of_another_size_than_its_history_is_doubted(tmp_path: Path, peak_kw: float, is_doubted: bool) -> None:
    content = small_park.park()
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": peak_kw, "tilt_deg": 20, "azimuth_deg": 180}
    content["assets"].append(roof | {"history": {"file": "measured.csv", "column": "hall_kw"}})
    (tmp_path / "measured.csv").write_text(ROWS.format("7"), encoding="utf-8")
    found = looked(small_park.write(tmp_path, content))
    assert [("assets[3].history.column" in one, "its highest power is 120 kW" in one) for one in found] == (
        [(True, True)] if is_doubted else []
    )
