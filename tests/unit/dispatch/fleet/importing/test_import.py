"""``parkwatt fleet import`` as a person meets it: lists in the encodings they come in, with what is wrong with them."""

from __future__ import annotations

import csv
import json
import shutil
import time
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest
import yaml

from dispatch.config.documents import CONFIGS
from dispatch.fleet.importing.mapping import EXAMPLE, StationMapping, schema
from dispatch.fleet.importing.tables import read_stations
from tests.unit.dispatch.typed import Ended, Run, refused, run

__all__ = ["run"]  # a fixture

HEADER = "场站编号,名称,纬度,经度,装机容量\uff08MWp\uff09,储能容量,馈线,权益,备注"
MAPPING = """
site_column: 场站编号
missing: [-999, 无]
fields:
  - {column: 名称, field: title}
  - {column: 纬度, field: latitude_deg}
  - {column: 经度, field: longitude_deg}
  - {column: "装机容量(MWp)", field: facade_and_roof.peak_kw, unit: MWp, required: true}
  - {column: 储能容量, field: battery.energy_kwh, unit: 兆瓦时, least: 20, most: 20000}
labels:
  - {column: 馈线, label: feeder}
  - {column: 权益, label: equity, unit: "%"}
"""
GOOD = [
    "S1,北园,31.2,120.5,1.2,0.4,F1,60,x",
    "S2,南园,31.3,120.6,\uff10.\uff18,无,F1,40,",
    "S3,东园,31.4,120.7,2500 kW,\"1,000 kWh\",F2,100,",
]  # fmt: skip


def lists(
    folder: Path, rows: list[str], mapping: str = MAPPING, encoding: str = "utf-8", name: str = "list.csv"
) -> None:
    (folder / "map.yaml").write_text(mapping, encoding="utf-8")
    (folder / name).write_bytes("\r\n".join([HEADER, *rows, ""]).encode(encoding))


def imported(run: Run, *more: object, name: str = "list.csv") -> Ended:
    return run(
        "fleet", "import", name, "--mapping", "map.yaml", "--template", "dc_building", "--out", "s.parquet", *more
    )


def table(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


@pytest.mark.parametrize(("content", "word"), [("Zähler,Größe", "Größe"), ("站名,容量", "容量")])
def test_the_encoding_of_a_list_is_the_one_that_it_must_have(tmp_path: Path, content: str, word: str) -> None:
    """The two letters of an accented word in Latin-1 are a Chinese one in GB 18030, too."""
    encoding = "gb18030" if word == "容量" else "latin-1"
    (tmp_path / "list.csv").write_bytes(f"{content}\nA,1\n".encode(encoding))
    table = read_stations(tmp_path / "list.csv", StationMapping.model_validate(yaml.safe_load(MAPPING)))
    assert table.find(word) == word


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_list_comes_in_with_its_units(run: Run, tmp_path: Path, encoding: str) -> None:
    lists(tmp_path, GOOD, encoding=encoding)
    ended = imported(run)
    assert ended.status == 0, ended.err
    north, south, east = table(tmp_path / "s.parquet")
    assert north == {
        "site": "S1", "park": "dc_building", "title": "北园", "latitude_deg": 31.2, "longitude_deg": 120.5,
        "battery.energy_kwh": 400.0, "facade_and_roof.peak_kw": 1200.0, "label.feeder": "F1", "label.equity": 0.6,
    }  # fmt: skip
    assert south["facade_and_roof.peak_kw"] == 800.0  # full-width digits
    assert south["battery.energy_kwh"] is None  # as in the park, and not zero
    assert (east["facade_and_roof.peak_kw"], east["battery.energy_kwh"]) == (2500.0, 1000.0)  # a unit in the cell wins
    assert "3 new, 0 changed" in ended.out
    assert "备注" in ended.out  # what is not taken is said


def test_the_same_list_twice_changes_nothing_in_any_order(run: Run, tmp_path: Path) -> None:
    lists(tmp_path, GOOD)
    imported(run)
    first = (tmp_path / "s.parquet").read_bytes()
    assert "0 new, 0 changed, 3 as they were" in imported(run).out
    assert (tmp_path / "s.parquet").read_bytes() == first
    lists(tmp_path, GOOD[::-1])
    imported(run)
    assert (tmp_path / "s.parquet").read_bytes() == first


def test_another_list_brings_sites_up_to_date(run: Run, tmp_path: Path) -> None:
    lists(tmp_path, GOOD)
    imported(run)
    lists(tmp_path, [GOOD[0].replace("1.2,", "1.5,", 1).replace(",60,", ",61,"), GOOD[1], GOOD[0].replace("S1", "S9")])
    ended = imported(run, "--json", "came.json")
    told = json.loads((tmp_path / "came.json").read_text("utf-8"))
    assert (told["new"], told["changed"], told["same"], told["kept"]) == (["S9"], ["S1"], 1, ["S3"])
    assert told["changed_columns"] == {"facade_and_roof.peak_kw": 1, "label.equity": 1} or told["changed_columns"]
    assert "1 not in the list, kept: S3" in ended.out
    assert [row["site"] for row in table(tmp_path / "s.parquet")] == ["S1", "S2", "S3", "S9"]
    assert "taken out: S3" in imported(run, "--drop-gone").out
    assert [row["site"] for row in table(tmp_path / "s.parquet")] == ["S1", "S2", "S9"]


BAD = [
    "S 1,a,31.2,120.5,1,0.4,F1,60,",  # row 2: no name
    "S2,b,31.2,120.5,abc,0.4,F1,60,",  # 3: no number
    "S3,c,31.2,120.5,-2,0.4,F1,60,",  # 4: the model's own range
    "S4,d,31.2,120.5,1,500,F1,60,",  # 5: the mapping's range
    "S5,e,131,31,1,0.4,F1,60,",  # 6: latitude
    "S6,f,31.2,120.5,,0.4,F1,60,",  # 7: required
    "S7,g,31.2,,1,0.4,F1,60,",  # 8: half a place
    "S8,h,31.2,120.5,1,0.4,F1,60,",  # 9: right
    "S8,h,31.2,120.5,2,0.4,F1,60,",  # 10: said twice
    "S9,i,0,0,1,0.4,F1,60,",  # 11: no place
    ",j,31.2,120.5,1,0.4,F1,60,",  # 12: no name
    "S10,k,31.2,120.5,1,3 t,F1,60,",  # 13: another unit
    "S11,l,31.3,120.5,1,0.4,F1,60,",  # 14: right
    "S11,l,31.3,120.5,1,0.4,F1,60,",  # 15: repeated
    ",,,,,,,,",  # 16: empty
]
WRONG = {
    2: "is no name of a site", 3: "not a number", 4: "is too small", 5: "out of range", 6: "out of range",
    7: "is empty", 8: "only one of latitude", 10: "is said twice", 11: "lies in the sea", 12: "has no name",
    13: "not a number",
}  # fmt: skip


def test_everything_that_is_wrong_is_said_at_once(run: Run, tmp_path: Path) -> None:
    lists(tmp_path, BAD)
    ended = imported(run, "--mistakes", "wrong.csv")
    places = [f"row {row}, column" for row in WRONG]
    refused(ended, *places, *WRONG.values(), "20 to 20000", "-90 to 90", "above 0", "500, which is 500000")
    assert not (tmp_path / "s.parquet").exists()
    with (tmp_path / "wrong.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {int(one["row"]): one for one in csv.DictReader(file)}
    assert {row: rows[row]["problem"] for row in rows} == {row: rows[row]["problem"] for row in WRONG}
    assert all(WRONG[row] in rows[row]["problem"] and rows[row]["accepted"] for row in WRONG)
    assert rows[4]["value"].startswith("-2")


def test_rows_that_are_right_are_taken_when_asked(run: Run, tmp_path: Path) -> None:
    lists(tmp_path, BAD)
    ended = imported(run, "--skip-wrong", "--json", "came.json")
    assert ended.status == 0, ended.err
    assert [row["site"] for row in table(tmp_path / "s.parquet")] == ["S11"]
    told = json.loads((tmp_path / "came.json").read_text("utf-8"))
    assert (told["rows"], told["stations"], told["repeated"], told["empty"]) == (15, 1, 1, 1)
    assert "row 13, column '储能容量'" in ended.out
    # Every row is somewhere: taken, repeated, empty, or wrong (both that contradict each other are).
    assert told["stations"] + told["repeated"] + told["empty"] + told["wrong"] + 1 == told["rows"]


def test_of_contradicting_rows_one_counts_where_the_mapping_says_so(run: Run, tmp_path: Path) -> None:
    for rule, peak in (("first", 1000.0), ("last", 2000.0)):
        lists(tmp_path, [BAD[7], BAD[8]], MAPPING + f"repeated: {rule}\n")
        ended = imported(run)
        assert ended.status == 0, ended.err
        assert table(tmp_path / "s.parquet")[0]["facade_and_roof.peak_kw"] == peak
        assert "1 set aside" in ended.out


def test_many_equal_mistakes_are_counted_in_the_message_and_all_in_the_file(run: Run, tmp_path: Path) -> None:
    lists(tmp_path, [f"S{k},a,31.2,120.{k:03d},x{k},0.4,F1,60," for k in range(100, 400)])
    ended = imported(run, "--mistakes", "wrong.csv")
    refused(ended, "300 mistakes", "and 295 more rows")
    assert len((tmp_path / "wrong.csv").read_text("utf-8").splitlines()) == 301


def test_a_mapping_that_does_not_fit_the_park_says_what_there_is(run: Run, tmp_path: Path) -> None:
    wrong = MAPPING.replace("battery.energy_kwh", "batery.energy_kwh").replace(
        "facade_and_roof.peak_kw", "facade_and_roof.peak"
    )
    lists(tmp_path, GOOD, wrong.replace("unit: MWp", "unit: MWh").replace("column: 馈线", "column: 馈路"))
    refused(imported(run), "did you mean 'battery'", "did you mean 'peak_kw'", "no column '馈路'", "fields[4].field")
    lists(tmp_path, GOOD, MAPPING.replace("unit: MWp", "unit: MWh").replace("field: title", "field: titel"))
    refused(imported(run), "'MWh' does not fit 'peak_kw'", "did you mean 'title'")


def test_a_mapping_that_is_wrong_says_where(run: Run, tmp_path: Path) -> None:
    lists(tmp_path, GOOD, MAPPING + "repeated: never\nfoo: 1\nparks: {a: b}\n")
    refused(imported(run), "repeated (line 13)", "foo (line 14): is not a known field")
    twice = MAPPING + "  - {column: 权益, label: feeder}\n"
    lists(tmp_path, GOOD, twice)
    refused(imported(run), "label 'feeder' is mapped twice")
    lists(tmp_path, GOOD, MAPPING.replace("least: 20", "least: 30000").replace("required: true", "scale: 0"))
    refused(imported(run), "scale 0 would", "least 30000 is above most 20000")
    lists(tmp_path, GOOD, MAPPING.replace("site_column: 场站编号", "") + "labels: []\n")
    refused(imported(run), "site_column: is missing", "is written twice")


def test_stations_of_several_parks(run: Run, tmp_path: Path) -> None:
    mapping = MAPPING + "park_column: 备注\nparks: {光储: dc_building, 公建: own/park.yaml}\n"
    (tmp_path / "own").mkdir()
    shutil.copy(CONFIGS / "parks" / "base_station.yaml", tmp_path / "own" / "park.yaml")
    shutil.copy(CONFIGS / "parks" / "base_station.csv", tmp_path / "own")
    rows = ["S1,a,31.2,120.5,1,0.4,F1,60,光储", "S2,b,31.2,120.6,1,,F1,60,公建", "S3,c,31.2,120.7,1,1,F1,60,别的"]
    lists(tmp_path, rows, mapping)
    refused(imported(run), "row 3", "has no facade_and_roof.peak_kw", "row 4", "is none of the parks", "光储, 公建")
    lists(tmp_path, rows[:1], mapping)
    ended = run("fleet", "import", "list.csv", "--mapping", "map.yaml", "--out", "deep/s.parquet")
    assert ended.status == 0, ended.err
    lists(tmp_path, ["S2,b,31.2,120.6,,,F1,60,公建"], mapping.replace(", required: true", ""))
    assert run("fleet", "import", "list.csv", "--mapping", "map.yaml", "--out", "deep/s.parquet").status == 0
    first, second = table(tmp_path / "deep" / "s.parquet")
    assert (first["park"], second["park"]) == ("dc_building", "../own/park.yaml")


def test_rows_are_left_out_and_far_numbers_are_noted(run: Run, tmp_path: Path) -> None:
    rows = [f"S{k},a,31.2,120.{k},1,0.4,F1,60,运行" for k in range(10, 20)]
    rows += ["S30,a,31.2,120.10,250,0.4,F1,60,运行", "S31,,,,,,,,合计"]
    lists(tmp_path, rows, MAPPING + "leave_out: [{column: 备注, values: [合计]}]\n")
    ended = imported(run)
    assert ended.status == 0, ended.err
    assert "1 left out by the mapping" in ended.out
    assert "facade_and_roof.peak_kw: row 12 lies a hundred times off the usual 1000" in ended.out
    assert "places: row 12 lies where another station is" in ended.out


def test_a_workbook_and_a_parquet_file(run: Run, tmp_path: Path) -> None:
    import pandas as pd

    lists(tmp_path, GOOD)
    frame = pd.DataFrame([row.split(",")[:6] for row in GOOD[:2]], columns=HEADER.split(",")[:6])
    frame["馈线"], frame["权益"], frame["装机容量\uff08MWp\uff09"] = ["F1", "F2"], [60, 40.5], [1.2, 0.8]
    with pd.ExcelWriter(tmp_path / "list.xlsx") as book:
        frame.to_excel(book, sheet_name="场站", index=False)
    ended = imported(run, name="list.xlsx")
    assert ended.status == 0, ended.err
    from_book = table(tmp_path / "s.parquet")
    assert [row["label.equity"] for row in from_book] == [0.6, 0.405]
    frame.to_parquet(tmp_path / "list.parquet")
    assert "0 new, 0 changed, 2 as they were" in imported(run, name="list.parquet").out
    (tmp_path / "map.yaml").write_text(MAPPING + "sheet: 别的\n", encoding="utf-8")
    refused(imported(run, name="list.xlsx"), "no sheet '别的'; it has 场站")


def test_files_that_are_no_lists(run: Run, tmp_path: Path) -> None:
    lists(tmp_path, GOOD)
    refused(imported(run, name="none.csv"), "no such file")
    (tmp_path / "list.json").write_text("{}")
    refused(imported(run, name="list.json"), "accepted: .csv")
    (tmp_path / "list.xlsx").write_text("no workbook")
    refused(imported(run, name="list.xlsx"), "not a workbook")
    (tmp_path / "list.parquet").write_text("no table")
    refused(imported(run, name="list.parquet"), "not a Parquet table")
    (tmp_path / "odd.csv").write_bytes(b"a,b\n\x81\x20\x8d\x8d\x8d,1\n")
    refused(imported(run, name="odd.csv"), "neither UTF-8 nor GB 18030 nor Latin-1")
    (tmp_path / "head.csv").write_text(HEADER + "\n", encoding="utf-8")
    refused(imported(run, name="head.csv"), "no row below its header")
    (tmp_path / "twice.csv").write_text("a,a \n1,2\n")
    refused(imported(run, name="twice.csv"), "two columns are called 'a'")
    (tmp_path / "s.parquet").write_text("no table")
    refused(imported(run), "cannot be read as a table of sites")
    refused(run("fleet", "import", "list.csv", "--mapping", "map.yaml", "--check"), "--template", "is missing")
    refused(run("fleet", "import", "list.csv", "--mapping", "map.yaml", "--template", "dc_building"), "--out")


def test_a_table_has_the_name_of_one(run: Run, tmp_path: Path) -> None:
    asked = ("fleet", "import", "list.csv", "--mapping", "map.yaml", "--template", "dc_building", "--out", "s.txt")
    refused(run(*asked), "--out s.txt", ".parquet")
    assert not (tmp_path / "s.txt").exists()


def test_check_writes_nothing(run: Run, tmp_path: Path) -> None:
    lists(tmp_path, GOOD)
    ended = imported(run, "--check")
    assert (ended.status, (tmp_path / "s.parquet").exists()) == (0, False)
    assert "nothing written" in ended.out


def test_the_example_is_a_mapping_and_fits_the_schema(run: Run) -> None:
    ended = run("fleet", "mapping")
    assert ended.out == EXAMPLE
    StationMapping.model_validate(yaml.safe_load(ended.out))
    jsonschema.validate(yaml.safe_load(ended.out), json.loads(run("fleet", "mapping", "--schema").out))
    assert json.loads(run("fleet", "mapping", "--schema").out) == schema()


def test_ten_thousand_rows_take_seconds(run: Run, tmp_path: Path) -> None:
    lists(
        tmp_path,
        [f"S{k},园{k},{31 + k / 1e5},120.5,{1 + k / 1e4},{0.1 + k / 1e5},F{k % 20},60," for k in range(10_000)],
    )
    began = time.thread_time()
    assert imported(run).status == 0
    assert time.thread_time() - began < 5
