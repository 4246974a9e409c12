"""``parkwatt carbon``: from a table or an archive to files and a page, and what is said where something is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from benchmarks.datasets import metered_park
from tests.unit.dispatch.typed import Run, refused, run, small

__all__ = ["run", "small"]  # fixtures

SPAN = metered_park.horizon(1, 60)
DAYS = ("--from", "2025-01-01", "--to", "2025-01-01", "--step", "1h")


@pytest.fixture
def park(tmp_path: Path) -> Path:
    """The made-up park's file beside a day of its meters."""
    metered_park.table(SPAN).to_csv(tmp_path / "meters.csv", index=False)
    return written(tmp_path)


def written(folder: Path, **changes: Any) -> Path:
    content = json.loads(json.dumps({**metered_park.PARK, **changes}))
    (folder / "park.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return folder / "park.yaml"


def test_a_day_from_a_table(run: Run, park: Path, tmp_path: Path) -> None:
    batch = "2025-01-01T06:00..2025-01-01T18:00"
    ended = run("carbon", park, *DAYS, "--measured", "meters.csv", "--into", "out", "--batch", batch,
                "--cn", "ammonia=2814 10 00", "--format", "csv", "--format", "parquet")  # fmt: skip
    assert ended.status == 0, ended.err
    for words in (
        "Carbon by meter [t]",
        "production",
        "market, by",
        "on no meter",
        "hydrogen",
        "hour, claimed",
        "cooperative game",
    ):
        assert words in ended.out
    files = {path.name for path in (tmp_path / "out").iterdir()}
    tables = {f"{name}.{form}" for name in ("ledgers", "certificates", "goods") for form in ("csv", "parquet")}
    assert files == {*tables, "account.json", "cbam.json", "footprints.json", "account.html"}
    ledgers = pd.read_csv(tmp_path / "out" / "ledgers.csv")
    traced = ledgers[ledgers["ledger"] == "traced, losses apart"]["carbon_kg"].sum()
    said = json.loads((tmp_path / "out" / "account.json").read_text(encoding="utf-8"))
    assert traced == pytest.approx(said["ledgers"]["traced, losses apart"]["emitted_kg"])
    goods = pd.read_csv(tmp_path / "out" / "goods.csv")
    assert (goods["period"] == batch).sum() == 2 * 4  # heat and hydrogen in four ledgers
    codes = {row["cn_code"] for row in json.loads((tmp_path / "out" / "cbam.json").read_text())["goods"]}
    assert codes == {"2804 10 00"}


MAPPING = """
files:
  - files: meters.csv
    site: metered
    available_after: AFTER
    series:
SERIES
"""


def archived(run: Run, folder: Path, after: str = "15min", **more: Any) -> Path:
    """The same meters in an archive, with what was fetched beside them."""
    table = metered_park.table(SPAN, **more)
    table["time"] = table["time"].dt.strftime("%Y-%m-%dT%H:%MZ")
    table.to_csv(folder / "meters.csv", index=False)
    lines = []
    for column in table.columns[1:]:
        unit = "g/kWh" if column.endswith("g_per_kwh") else "kW"
        name = column if unit == "g/kWh" else column.removesuffix("_kw")
        lines.append(f"      - {{column: {column}, variable: {name}, unit: {unit}}}")
    text = MAPPING.replace("AFTER", after).replace("SERIES", "\n".join(lines))
    (folder / "map.yaml").write_text(text, encoding="utf-8")
    ended = run("archive", "import", "map.yaml", "--into", "held")
    assert ended.status == 0, ended.err
    return written(folder, archive={"folder": "held"})


def total(folder: Path, ledger: str = "location") -> float:
    said = json.loads((folder / "account.json").read_text(encoding="utf-8"))
    return float(said["ledgers"][ledger]["on_meters_kg"])


def test_an_archive_tells_the_same_as_a_table(run: Run, park: Path, tmp_path: Path) -> None:
    assert run("carbon", park, *DAYS, "--measured", "meters.csv", "--into", "table").status == 0
    path = archived(run, tmp_path, carbon_intensity_g_per_kwh=np.full(24, 200.0))
    ended = run("carbon", path, *DAYS, "--into", "held_out")
    assert ended.status == 0, ended.err
    assert total(tmp_path / "held_out") == pytest.approx(total(tmp_path / "table"))
    fetched = run("carbon", path, *DAYS, "--into", "fetched", "--factors", "fetched")
    assert fetched.status == 0, fetched.err
    assert total(tmp_path / "fetched") < 0.6 * total(tmp_path / "table")
    said = json.loads((tmp_path / "fetched" / "account.json").read_text(encoding="utf-8"))
    assert "carbon_intensity_g_per_kwh of" in said["factors"]["average"]


def test_a_feed_of_the_parks_file_is_what_was_known_at_the_time(run: Run, tmp_path: Path) -> None:
    archived(run, tmp_path, after="2h", carbon_intensity_g_per_kwh=np.full(24, 200.0))
    assets = [
        *metered_park.PARK["assets"][:-1],
        metered_park.PARK["assets"][-1] | {"carbon_intensity_kg_per_kwh": {"feed": "carbon_intensity_g_per_kwh"}},
    ]
    path = written(tmp_path, archive={"folder": "held"}, assets=assets)  # fmt: skip
    ended = run("carbon", path, *DAYS, "--into", "out")
    assert ended.status == 0, ended.err
    imported = float(metered_park.series(SPAN)["pcc.import_kw"] @ SPAN.hours)
    gas = float(metered_park.series(SPAN)["gas_main_kw"] @ SPAN.hours)
    assert total(tmp_path / "out") == pytest.approx(0.2 * imported + 0.2 * gas)
    early = run("carbon", path, *DAYS, "--as-of", "2025-01-01T12:00+08:00")
    refused(early, "nothing is known of 2025-01-01 10:00 to 2025-01-02 00:00")


def test_what_was_fetched_stands_under_the_parks_name_and_meters_under_their_own(run: Run, tmp_path: Path) -> None:
    archived(run, tmp_path, marginal_intensity_g_per_kwh=np.full(24, 700.0))
    text = (tmp_path / "map.yaml").read_text(encoding="utf-8").replace("site: metered", "site: works")
    (tmp_path / "map.yaml").write_text(text, encoding="utf-8")
    assert run("archive", "import", "map.yaml", "--into", "works").status == 0
    path = written(tmp_path, archive={"folder": "works", "site": "works"})
    ended = run("carbon", path, *DAYS, "--into", "out")
    assert ended.status == 0, ended.err
    assert "marginal, by" in ended.out
    refused(run("carbon", path, *DAYS, "--factors", "fetched"), "no carbon_intensity_g_per_kwh of 'metered'", "fetch")
    path = written(tmp_path, archive={"folder": "works", "site": "other"})
    refused(run("carbon", path, *DAYS), "no series of 'other' is one of this park's; it has nothing")
    path = written(tmp_path, archive={"folder": "nowhere"})
    refused(run("carbon", path, *DAYS), "nowhere", "there is no archive here")


def test_a_table_takes_its_factors_from_what_was_fetched(run: Run, tmp_path: Path) -> None:
    path = archived(run, tmp_path, carbon_intensity_g_per_kwh=np.full(24, 200.0))
    metered_park.table(SPAN).to_csv(tmp_path / "meters.csv", index=False)
    ended = run("carbon", path, *DAYS, "--measured", "meters.csv", "--factors", "fetched", "--into", "out")
    assert ended.status == 0, ended.err
    said = json.loads((tmp_path / "out" / "account.json").read_text(encoding="utf-8"))
    assert "what was fetched for 'metered'" in said["factors"]["average"]
    assert "archive:metered/carbon_intensity_g_per_kwh" in said["hashes"]


def test_a_plans_own_schedule_is_a_table_of_measurements(run: Run, small: Path, tmp_path: Path) -> None:
    """All that the park emits is what it imports, at .3 kg/kWh."""
    assert run("plan", small, "--day", "2024-03-29", "--out", "plan").status == 0
    days = ("--from", "2024-03-29", "--to", "2024-03-29")
    ended = run("carbon", small, *days, "--measured", "plan/schedule.parquet", "--into", "out")
    assert ended.status == 0, ended.err
    said = json.loads((tmp_path / "out" / "account.json").read_text(encoding="utf-8"))
    plan = pd.read_parquet(tmp_path / "plan" / "schedule.parquet")
    imported_kwh = float((plan["pcc.import_kw"] * plan["step_h"]).sum())
    assert said["ledgers"]["traced, losses apart"]["emitted_kg"] == pytest.approx(0.3 * imported_kwh)
    assert "Series that mean nothing for this park were not used: step_h, " in " ".join(ended.out.split())
    # A table of meters with a name that its asset has not is still refused.
    plan[["start", "pcc.import_kw", "hall.served_kw", "store.outside_band_kwh"]].to_csv("wrong.csv", index=False)
    refused(run("carbon", small, *days, "--measured", "wrong.csv"), "'store.outside_band_kwh' is nothing that 'store'")


def test_names_of_meters_are_listed(run: Run, park: Path) -> None:
    ended = run("carbon", park, "--names")
    assert ended.status == 0, ended.err
    for name in ("pcc.import_kw", "li.discharge_kw", "hp.heat_kw", "trucks_kw", "marginal_intensity_g_per_kwh"):
        assert name in ended.out
    refused(run("carbon", park, "--measured", "meters.csv"), "give --from and --to")


def test_what_is_wrong_with_the_options_is_said(run: Run, park: Path) -> None:
    table = ("--measured", "meters.csv")
    refused(run("carbon", park, *DAYS), "names no archive: give --measured FILE")
    refused(run("carbon", park, *DAYS, *table, "--by", "week"), "--by week", "step, hour, day")
    refused(run("carbon", park, *DAYS, *table, "--format", "xlsx"), "--format xlsx", "parquet, csv, json")
    refused(run("carbon", park, *DAYS, *table, "--factors", "guess"), "--factors guess", "file, fetched")
    refused(run("carbon", park, *DAYS, *table, "--factors", "fetched"), "names no archive, so nothing was fetched")
    refused(run("carbon", park, *DAYS, *table, "--tolerance", "much"), "--tolerance", "'2 %'")
    refused(run("carbon", park, *DAYS, *table, "--tolerance=-3"), "is below 0")
    refused(run("carbon", park, *DAYS, *table, "--batch", "noon"), "--batch 'noon'", "2025-03-04T06:00..")
    late = "2025-01-01T06:00..2025-01-03T06:00"
    refused(run("carbon", park, *DAYS, *table, "--batch", late), "begins and ends with steps of the period")
    for code in ("ammonia", "ammonia=1 1 1", "ammonia=281410000", "ammonia=28141"):
        refused(run("carbon", park, *DAYS, *table, "--cn", code), f"--cn '{code}'", "hydrogen=28041000")
    refused(run("carbon", park, *DAYS, *table, "--cn", "amonia=28141000"), "no good 'amonia'", "did you mean 'ammonia'")
    refused(run("carbon", park, *DAYS, "--measured", "none.csv"), "none.csv", "no such file")
    refused(run("carbon", park, *DAYS, *table, "--as-of", "noon"), "--as-of 'noon'", "2025-02-01T00:00Z")
    refused(run("carbon", park, *DAYS, *table, "--time-column", "when"), "no column 'when'")
    refused(run("carbon", park, "--from", "2025-01-02", "--to", "2025-01-01", *table), "is before --from")


def test_meters_that_differ_are_refused_unless_the_tolerance_says_otherwise(
    run: Run, park: Path, tmp_path: Path
) -> None:
    production = metered_park.series(SPAN)["production_kw"] + np.where(np.arange(24) == 9, 300.0, 0.0)
    metered_park.table(SPAN, production_kw=production).to_csv(tmp_path / "meters.csv", index=False)
    table = ("--measured", "meters.csv", "--into", "out")
    refused(run("carbon", park, *DAYS, *table), "bus 'mv' at 2025-01-01T09:00:00+08:00", "differ by 300 kW")
    ended = run("carbon", park, *DAYS, *table, "--tolerance", "300 kW")
    assert ended.status == 0, ended.err
    assert "the meters of 'mv' do not agree" in " ".join(ended.out.split())
    assert "300 kWh were taken that none gave" in " ".join(ended.out.split())
