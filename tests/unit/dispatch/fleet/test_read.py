"""What a user names becomes sites: files, patterns, tables; and every mistake is told with its row and column."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from benchmarks.topics.fleet.sites import document, fleet_sites, horizon, tariff
from dispatch.errors import ConfigError
from dispatch.fleet.given import read_inputs
from dispatch.fleet.read import read_sites
from dispatch.fleet.shared.files import load_fleet
from dispatch.signals import Horizon

CHANGED = ("battery.energy_kwh", "battery.charge_kw", "genset.cost_per_kwh", "grid.import_kw", "pv.peak_kw")


def park(folder: Path, name: str = "park") -> Path:
    content = document(0) | {"name": name, "latitude_deg": 31.0, "longitude_deg": 121.0}
    content["assets"][-1]["tariff"] = tariff().model_dump(mode="json", exclude_unset=True)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def rows(count: int) -> dict[str, list[Any]]:
    """Columns of a table with the first sites of the invented fleet."""
    documents = [document(n) for n in range(count)]
    found: dict[str, list[Any]] = {
        "site": [d["name"] for d in documents],
        "park": ["park.yaml"] * count,
        "label.feeder": [f"f{n % 2}" for n in range(count)],
        "label.zone": [float(n) for n in range(count)],
    }
    for column in CHANGED:
        asset, name = column.split(".")
        found[column] = [next(a for a in d["assets"] if a["name"] == asset)[name] for d in documents]
    return found


def written(path: Path, columns: Mapping[str, Sequence[Any]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            cells = zip(*columns.values(), strict=True)
            writer.writerows([["" if cell is None else cell for cell in row] for row in cells])
    else:
        pq.write_table(pa.table(dict(columns)), path)
    return path


def problems(*sources: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        read_sites(sources)
    return str(raised.value)


@pytest.mark.parametrize("name", ["sites.parquet", "sites.csv"])
def test_a_table_gives_a_site_for_each_row_with_its_own_numbers_and_labels(tmp_path: Path, name: str) -> None:
    template = park(tmp_path)
    columns = rows(4)
    columns["battery.energy_kwh"][2] = None
    sites = read_sites([written(tmp_path / name, columns)])
    assert [one.site.name for one in sites] == columns["site"]
    assert sites[1].labels == {"feeder": "f1", "zone": 1.0}
    assert sites[1].folder == tmp_path
    base = read_sites([template])[0].site
    for n, one in enumerate(sites):
        assets = {asset.name: asset for asset in one.site.assets}
        for column in CHANGED:
            asset, field = column.split(".")
            own = columns[column][n]
            assert getattr(assets[asset], field) == (own if own is not None else getattr(base.assets[2], field))
        assert assets["load"] is base.assets[0] or assets["load"] == base.assets[0]
        assert one.site.buses == base.buses


def test_files_folders_patterns_and_names_may_be_mixed(tmp_path: Path) -> None:
    folder = tmp_path / "parks"
    folder.mkdir()
    for name in ("b", "a"):
        park(folder, name)
    park(tmp_path)
    table = written(tmp_path / "sites.parquet", rows(1))
    sources = [folder / "b.yaml", table, "campus"]
    assert [one.site.name for one in read_sites(sources)] == ["b", "site_00000", "campus"]
    assert [one.site.name for one in read_sites([folder])] == ["a", "b"]
    assert [one.site.name for one in read_sites([f"{folder}/*.yaml"])] == ["a", "b"]
    assert "no file fits" in problems(tmp_path / "*.yml")
    assert "2 sites are called 'a'" in problems(folder / "a.yaml", folder)


def test_every_wrong_cell_is_told_with_its_row_its_column_and_what_is_accepted(tmp_path: Path) -> None:
    park(tmp_path)
    columns = rows(5)
    columns["battery.energy_kwh"][0] = -5.0
    columns["site"][1] = "two words"
    columns["park"][2] = "no_such.yaml"
    columns["genset.cost_per_kwh"][3] = -0.5
    said = problems(written(tmp_path / "sites.parquet", columns))
    assert "row 1, battery.energy_kwh: is too small (found -5.0)" in said
    assert "above 0" in said
    assert "row 2, site: is not written as it must be (found 'two words')" in said
    assert "no_such.yaml" in said
    assert "row 4, genset.cost_per_kwh" in said
    said = problems(written(tmp_path / "sites.csv", rows(2) | {"battery.start_fill": ["half", "0.5"]}))
    assert "row 2, battery.start_fill" in said, "a CSV's header is row 1"


def test_numbers_that_do_not_fit_each_other_name_all_their_columns(tmp_path: Path) -> None:
    park(tmp_path)
    columns = {k: v for k, v in rows(2).items() if not k.startswith("genset")}
    said = problems(written(tmp_path / "s.csv", columns | {"genset.min_kw": [9e9, 1.0], "genset.max_kw": [5.0, 5.0]}))
    assert "row 2, genset.max_kw, genset.min_kw: min_kw 9e+09 is above max_kw 5" in said
    assert "row 3" not in said


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("batery.energy_kwh", "is nothing that a site has"),
        ("battery.energy", "did you mean 'energy_kwh'"),
        ("colour", "is nothing that a site has"),
        ("battery.bus", "takes no 'bus'"),
        ("battery.name", "takes no 'name'"),
    ],
)
def test_columns_that_no_park_has_are_told_once(tmp_path: Path, column: str, said: str) -> None:
    park(tmp_path)
    found = problems(written(tmp_path / "sites.parquet", rows(3) | {column: [1.0, 2.0, 3.0]}))
    assert said in found
    assert f"column '{column}'" in found
    assert "1 problem\n" in found


def test_tables_that_are_none_say_so(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 nothing")
    assert "cannot be read as a table" in problems(tmp_path / "torn.parquet")
    assert "cannot be read as a table" in problems(tmp_path / "missing.csv")
    assert "has no column 'site'" in problems(written(tmp_path / "a.csv", {"name": ["x"]}))
    (tmp_path / "b.csv").write_text("site,park\nx\n")
    assert "row 2: has 1 cells, the header 2" in problems(tmp_path / "b.csv")
    park(tmp_path)
    assert "row 2, park: is empty" in problems(written(tmp_path / "c.csv", {"site": ["x"]}))
    assert "site: is empty" in problems(written(tmp_path / "d.csv", rows(1) | {"site": [None]}))


def test_words_with_units_and_the_sites_own_place_may_stand_in_a_table(tmp_path: Path) -> None:
    park(tmp_path)
    columns = rows(1) | {"battery.energy_kwh": ["1.2 MWh"], "latitude_deg": ["30.5"], "title": ["Works 1"]}
    site = read_sites([written(tmp_path / "s.csv", columns)])[0].site
    assert site.assets[2].energy_kwh == 1200
    assert (site.latitude_deg, site.title) == (30.5, "Works 1")
    said = problems(written(tmp_path / "s.csv", rows(1) | {"latitude_deg": ["95"]}))
    assert "row 2, latitude_deg" in said


def test_two_thousand_rows_take_a_moment(tmp_path: Path) -> None:
    park(tmp_path)
    table = written(tmp_path / "sites.parquet", rows(2000))
    began = time.thread_time()
    assert len(read_sites([table])) == 2000
    assert time.thread_time() - began < 2.0


def inputs(path: Path, count: int, day: Horizon, **other: Any) -> Path:
    columns: dict[str, list[Any]] = {name: [] for name in ("site", "asset", "quantity", "value")}
    times = []
    for member in fleet_sites(count, steps=day.steps):
        for (asset, quantity), values in member.series.items():
            for name, value in (("site", member.name), ("asset", asset), ("quantity", quantity)):
                columns[name] += [value] * day.steps
            columns["value"] += values[0].tolist()
            times.append(day.edges[:-1])
    stamps = np.concatenate(times).astype("datetime64[s]")
    table = pa.table(columns | {"time": pa.array(stamps, pa.timestamp("s", tz="UTC"))} | other)
    if path.suffix == ".csv":
        table.to_pandas().to_csv(path, index=False)
    else:
        pq.write_table(table, path)
    return path


def test_a_long_table_says_what_is_known_of_each_site(tmp_path: Path) -> None:
    day, members = horizon(8), fleet_sites(3, steps=8)
    sites = [m.site for m in members]
    found = read_inputs(inputs(tmp_path / "in.parquet", 3, day), sites, day)
    for member in members:
        for key, values in member.series.items():
            assert np.array_equal(found[member.name][key], values)
    again = read_inputs(inputs(tmp_path / "in.csv", 3, day), sites, day)
    assert np.array_equal(again["site_00001"]["pv", "available_kw"], members[1].series["pv", "available_kw"])
    local = [f"{start:%Y-%m-%d %H:%M}" for start in day.local_start] * 6
    told = read_inputs(inputs(tmp_path / "local.parquet", 3, day, time=pa.array(local)), sites, day)
    assert np.array_equal(told["site_00002"]["load", "demand_kw"], members[2].series["load", "demand_kw"])


def test_steps_that_the_table_leaves_out_are_missing_and_not_zero(tmp_path: Path) -> None:
    day = horizon(8)
    path = inputs(tmp_path / "in.parquet", 2, day)
    pq.write_table(pq.read_table(path).slice(3), path)
    found = read_inputs(path, [m.site for m in fleet_sites(2)], day)
    assert np.isnan(found["site_00000"]["load", "demand_kw"][0, :3]).all()
    assert np.isfinite(found["site_00000"]["load", "demand_kw"][0, 3:]).all()
    assert np.isfinite(found["site_00001"]["load", "demand_kw"]).all()


def test_what_no_site_has_what_is_said_twice_and_between_steps_is_told_with_its_row(tmp_path: Path) -> None:
    day, sites = horizon(8), [m.site for m in fleet_sites(1)]
    frame = pq.read_table(inputs(tmp_path / "in.parquet", 1, day)).to_pandas()
    frame.loc[0, "site"], frame.loc[1, "asset"], frame.loc[2, "quantity"] = "site_1", "laod", "demand"
    frame.loc[4, "time"] = frame.loc[3, "time"]
    frame.loc[5, "time"] += np.timedelta64(120, "s")
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "bad.parquet")
    with pytest.raises(ConfigError) as raised:
        read_inputs(tmp_path / "bad.parquet", sites, day)
    said = str(raised.value)
    assert "row 1, site: there is no site 'site_1'" in said
    assert "row 2, asset: site 'site_00000' has no asset 'laod'" in said
    assert "row 3, quantity: asset 'load' of 'site_00000' asks for no 'demand'" in said
    assert "row 5: 'site_00000', 'load', demand_kw has a value for this time already" in said
    assert "row 6, time" in said
    assert "lies between two steps" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": ["a"] * 16}, "row 1, value: 'a' is no number"),
        ({"time": ["soon"] * 16}, "column 'time': is not read as times"),
        ({"time": list(range(16))}, "column 'time': is not read as times"),
    ],
)
def test_columns_of_the_wrong_sort_are_told(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    day, sites = horizon(8), [m.site for m in fleet_sites(1)]
    path = inputs(tmp_path / "in.parquet", 1, day, **{k: pa.array(v) for k, v in change.items()})
    with pytest.raises(ConfigError, match=said):
        read_inputs(path, sites, day)
    (tmp_path / "short.csv").write_text("site,asset\nx,y\n")
    with pytest.raises(ConfigError, match="has no column quantity, time, value"):
        read_inputs(tmp_path / "short.csv", sites, day)


def test_a_fleets_file_names_tables_patterns_and_inputs(tmp_path: Path) -> None:
    park(tmp_path)
    (tmp_path / "more").mkdir()
    park(tmp_path / "more", "extra")
    written(tmp_path / "sites.csv", {k: v for k, v in rows(2).items() if k != "park"})
    inputs(tmp_path / "in.parquet", 2, horizon(96))
    content: dict[str, Any] = {
        "name": "east",
        "time_zone": "Asia/Shanghai",
        "day": "2024-05-16",
        "sites": [
            {"table": "sites.csv", "park": "park.yaml"},
            {"files": "more/*.yaml", "labels": {"feeder": "f9"}},
        ],
        "inputs": {"table": "in.parquet"},
    }
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(content))
    fleet = load_fleet(tmp_path / "fleet.yaml")
    assert [m.name for m in fleet.members] == ["site_00000", "site_00001", "extra"]
    assert fleet.members[2].labels == {"feeder": "f9"}
    expected = fleet_sites(2)[1].series["load", "demand_kw"]
    assert np.array_equal(fleet.members[1].series["load", "demand_kw"], expected)
    assert fleet.members[2].series == {}, "what nobody knows of one site is that site's matter"
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump({k: v for k, v in content.items() if k != "inputs"}))
    with pytest.raises(ConfigError, match=r"inputs.*is missing: nothing is known of the day of 'site_00000'"):
        load_fleet(tmp_path / "fleet.yaml")
    content["sites"].append({"table": "none.csv"})
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=r"sites\[2\].*none.csv.*cannot be read"):
        load_fleet(tmp_path / "fleet.yaml")
