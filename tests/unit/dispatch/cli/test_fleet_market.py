"""From what sites can give to who is paid: bid, award, set-points, meters, settlement and split as they are typed."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from dispatch.markets.settlement import CENTS
from dispatch.report.wording import number
from tests.unit.dispatch.typed import Run, run

__all__ = ["run"]  # a fixture

ZONE = "Asia/Shanghai"
DAY = date(2026, 8, 6)  # a Thursday
SITES = ("mill", "cold_store", "campus")
CAN_KW = {"mill": 4000.0, "cold_store": 2500.0, "campus": 1500.0}
COST = {"mill": 0.9, "cold_store": 0.4, "campus": 0.6}
LOAD_KW = {"mill": 9000.0, "cold_store": 4000.0, "campus": 5000.0}


def hours(first: date, days: int) -> list[datetime]:
    start = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(ZONE))
    return [start + timedelta(hours=h) for h in range(24 * days)]


def rows_of(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))


def flexibility(folder: Path) -> Path:
    """Each site can use less from 14 to 18 h."""
    rows = [
        {"site": site, "start": at.isoformat(), "way": "up", "kw": CAN_KW[site] if 14 <= at.hour < 18 else 0.0,
         "cost_per_kwh": COST[site]}
        for site in SITES for at in hours(DAY, 1)
    ]  # fmt: skip
    file = folder / "flexibility.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    return file


def meters(folder: Path, gives: dict[str, float], name: str = "meters.parquet") -> Path:
    """Five weeks of plain days; on the day each site gives a share of its set-point from 15 to 17 h."""
    clock = hours(DAY - timedelta(days=34), 36)
    table: dict[str, Any] = {"time": pd.to_datetime([t.isoformat() for t in clock], utc=True)}
    for site in SITES:
        kw = np.array([LOAD_KW[site] * (1 + 0.1 * np.sin(t.hour)) for t in clock])
        event = np.array([t.date() == DAY and 15 <= t.hour < 17 for t in clock])
        table[f"{site}.net_import_mw"] = (kw - event * gives[site]) / 1000
    file = folder / name
    pd.DataFrame(table).to_parquet(file, index=False)
    return file


@pytest.fixture
def bid(run: Run, tmp_path: Path) -> Path:
    """The folder of a bid."""
    into = tmp_path / "bid"
    ended = run("fleet", "bid", flexibility(tmp_path), "--product", "guangdong_demand_response", "--day", DAY,
                "--at", "2026-08-05T10:00", "--portfolio", "delta", "--into", into)  # fmt: skip
    assert ended.status == 0, ended.err
    assert "4 of 24 periods, 8,000 to 8,000 kW, 560.00 to 900.00 CNY/MWh" in ended.out
    assert "not verified" in ended.out
    return into


@pytest.fixture
def won(run: Run, bid: Path, tmp_path: Path) -> Path:
    """The folder of an award: 6 MW from 15 to 17 h at 950 CNY/MWh."""
    rows = ["start,quantity_kw,price", "2026-08-06T15:00,6000,950", "2026-08-06T16:00,6000,950"]
    file = tmp_path / "award.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    into = tmp_path / "won"
    ended = run("fleet", "award", file, "--bid", bid / "bid-up.json", "--flexibility", tmp_path / "flexibility.csv",
                "--into", into)  # fmt: skip
    assert ended.status == 0, ended.err
    assert "2 of 24 periods awarded, 12,000 kWh from 3 of 3 sites" in ended.out
    return into


def settle(run: Run, won: Path, file: Path, *more: object) -> Any:
    return run("fleet", "settle", won / "award.json", "--metered", file, "--baseline", "ten_of_ten",
               "--setpoints", won / "setpoints.parquet", *more)  # fmt: skip


def test_from_flexibility_to_the_sites_revenue(run: Run, bid: Path, won: Path, tmp_path: Path) -> None:
    curve = rows_of(bid / "bid.csv")
    # The least bid takes all of the cold store and the campus, and 1 MW of the mill: its mean cost is its price.
    assert [(row["quantity_kw"], row["price"]) for row in curve] == [("5000.0", "560.0"), ("3000.0", "900.0")] * 4
    points = pq.read_table(won / "setpoints.parquet").to_pandas()
    at = points[points["kw"] > 0].groupby("site")["kw"].first()
    # In merit order: the cold store, the campus, and the mill for the rest.
    assert at.to_dict() == {"cold_store": 2500.0, "campus": 1500.0, "mill": 2000.0}
    file = meters(tmp_path, {"cold_store": 2500.0, "campus": 750.0, "mill": 2400.0})
    into = tmp_path / "settled"
    ended = settle(run, won, file, "--into", into)
    assert ended.status == 0, ended.err
    assert "11,300 of 12,000 kWh delivered in 2 periods, whole in 100%" in ended.out
    plain = json.loads((into / "settlement.json").read_text(encoding="utf-8"))
    assert plain["revenue"] == pytest.approx(11300 * 0.95)
    assert plain["portfolio"] == "delta"
    assert plain["sites"] == {"mill": 4560.0, "cold_store": 4750.0, "campus": 1425.0}
    invoice = pq.read_table(into / "invoice.parquet")
    assert sum(invoice["revenue"].to_pylist()) == Decimal("10735.00")
    split = pq.read_table(into / "split.parquet")
    assert sum(split["revenue"].to_pylist()) == Decimal("10735.00")
    page = (into / "settlement.html").read_text(encoding="utf-8")
    assert number(10735, 2) in page
    assert "CAISO 10 of 10" in page
    assert "not verified" in page


@pytest.mark.parametrize("by", ["marginal", "shapley"])
def test_other_splits_add_up_too(run: Run, won: Path, tmp_path: Path, by: str) -> None:
    file = meters(tmp_path, {"cold_store": 2500.0, "campus": 750.0, "mill": 2400.0})
    ended = settle(run, won, file, "--by", by, "--into", tmp_path / by)
    assert ended.status == 0, ended.err
    plain = json.loads((tmp_path / by / "settlement.json").read_text(encoding="utf-8"))
    assert round(CENTS * sum(plain["sites"].values())) == 1073500
    assert plain["split_by"] == by


def test_little_delivered_is_not_paid(run: Run, won: Path, tmp_path: Path) -> None:
    file = meters(tmp_path, {"cold_store": 2500.0, "campus": 0.0, "mill": 0.0})
    ended = settle(run, won, file, "--into", tmp_path / "less")
    assert ended.status == 0, ended.err
    assert "in all: 0.00 CNY" in ended.out


def test_baselines_of_an_event_and_their_error_on_the_data(run: Run, tmp_path: Path) -> None:
    file = meters(tmp_path, {"cold_store": 2500.0, "campus": 750.0, "mill": 2400.0})
    into = tmp_path / "baselines"
    ended = run("fleet", "baseline", file, "--time-zone", ZONE, "--method", "ten_of_ten", "--method", "meter_before",
                "--event", f"{DAY}T15:00 {DAY}T17:00", "--bias", "--hours", "15-17", "--into", into)  # fmt: skip
    assert ended.status == 0, ended.err
    assert f"ten_of_ten, {DAY}: 11,300.0 kWh below the baseline" in ended.out
    rows = rows_of(into / "baseline.csv")
    assert len(rows) == 2 * 3 * 2
    table = {row["method"]: row for row in rows_of(into / "bias.csv") if not row["start_h"]}
    assert set(table) == {"ten_of_ten", "meter_before"}
    everything = run("fleet", "baseline", file, "--time-zone", ZONE, "--hours", "9-11")
    assert everything.status == 0, everything.err
    assert "high_five_of_ten" in everything.out
    assert "weather_regression" not in everything.out


def test_an_award_of_more_than_was_bid_is_told(run: Run, bid: Path, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    file.write_text("start,quantity_kw,price\n2026-08-06T15:00,9000,950\n", encoding="utf-8")
    ended = run("fleet", "award", file, "--bid", bid / "bid-up.json", "--flexibility", tmp_path / "flexibility.csv")
    assert ended.status == 2
    assert "at most 8000 kW, what was offered" in ended.err


def test_meters_that_are_not_understood_are_told(run: Run, won: Path, tmp_path: Path) -> None:
    gives = dict.fromkeys(SITES, 0.0)
    table = pd.read_parquet(meters(tmp_path, gives))

    def told(changed: pd.DataFrame, *more: object) -> str:
        changed.to_parquet(tmp_path / "other.parquet", index=False)
        ended = settle(run, won, tmp_path / "other.parquet", "--into", tmp_path / "x", *more)
        assert ended.status == 2, ended.out
        return str(ended.err)

    name = "mill.net_import_mw"
    assert "'mill' has no meter" in told(table.drop(columns=name))
    assert "no import" in told(table.rename(columns={name: "mill.export_mw"}))
    assert "net import beside others" in told(table.assign(**{"mill.import_kw": 1.0}))
    assert "two columns say" in told(table.assign(**{"mill.net_import_kw": 1.0}))
    assert "--by 'equally' is unknown" in told(table, "--by", "equally")
    gone = table.copy()
    gone.loc[gone["time"] == pd.Timestamp("2026-08-06T07:00Z"), name] = np.nan
    assert "reading of 'mill' from 2026-08-06T15:00:00+08:00 is missing, 1 in all" in told(gone)
    assert "too few readings" in told(table.tail(24 * 9))
    gone.to_parquet(tmp_path / "other.parquet", index=False)
    known = settle(run, won, tmp_path / "other.parquet", "--into", tmp_path / "known", "--provisional")
    assert known.status == 0, known.err
    assert (
        "neither as delivered nor as short: 'mill' from 2026-08-06T15:00+08:00 to 2026-08-06T16:00+08:00"
        in " ".join(known.out.split())
    )
    assert "-0 of" not in known.out
    renamed = table.rename(columns={name: "Meter 17 kW"})
    assert "no column 'Meter 18'" in told(renamed, "--column", "mill=Meter 18")


def test_energy_with_imbalance_and_a_baseline_of_ones_own(run: Run, tmp_path: Path) -> None:
    """A day-ahead sale of one hour, with the plan as baseline."""
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 8, 6, tzinfo=zone)
    quarters = [start + timedelta(minutes=15 * k) for k in range(96)]
    times = [t.isoformat() for t in quarters]
    pd.DataFrame({"time": times, "a": 1000.0, "b": 500.0}).to_csv(tmp_path / "plan.csv", index=False)
    sold = np.array([48 <= k < 52 for k in range(96)])
    read = {"time": times, "a": 1000.0 - 300 * sold, "b": 500.0 - 100 * sold}
    pd.DataFrame(read).to_csv(tmp_path / "read.csv", index=False)
    pd.DataFrame({"time": times, "up": 0.1, "down": 0.2}).to_csv(tmp_path / "prices.csv", index=False)
    award = {
        "product": "sdac_day_ahead", "day": "2026-08-06", "side": "up",
        "periods": [{"start": times[k], "quantity_kw": 500, "price": 80} for k in range(48, 52)],
    }  # fmt: skip
    (tmp_path / "award.json").write_text(json.dumps(award), encoding="utf-8")
    common = ("fleet", "settle", tmp_path / "award.json", "--metered", tmp_path / "read.csv", "--baseline",
              tmp_path / "plan.csv", "--into", tmp_path / "out")  # fmt: skip
    ended = run(*common, "--imbalance", f"{tmp_path / 'prices.csv'}:up")
    assert ended.status == 0, ended.err
    assert "energy: 40.00 EUR" in ended.out
    assert "imbalance: -10.00 EUR" in ended.out
    assert "award counts as asked of all alike" in ended.out
    two = run(*common, "--imbalance", f"{tmp_path / 'prices.csv'}:up,down")
    assert "one imbalance price" in two.err
    assert "give its prices" in run(*common).err
    assert "write FILE:COLUMN" in run(*common, "--imbalance", "prices").err


def stores(folder: Path, energy_kwh: float) -> Path:
    held = {"energy_kwh": energy_kwh, "start_kwh": energy_kwh}
    rows = [{"site": site, "charge_kw": 3000.0, "discharge_kw": CAN_KW[site], **held} for site in SITES]
    file = folder / "stores.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    return file


def test_an_award_is_shared_so_that_stores_can_do_it(run: Run, bid: Path, won: Path, tmp_path: Path) -> None:
    common = ("fleet", "award", won / "award.json", "--bid", bid / "bid-up.json", "--flexibility",
              tmp_path / "flexibility.csv", "--into", tmp_path / "shared")  # fmt: skip
    ended = run(*common, "--stores", stores(tmp_path, 5000.0))
    assert ended.status == 0, ended.err
    points = pq.read_table(tmp_path / "shared" / "setpoints.parquet").to_pandas()
    total = points.groupby("start")["kw"].sum()
    assert total[total > 0].round(6).tolist() == [6000.0, 6000.0]
    assert points.groupby("site")["kw"].sum().max() <= 5000.0 + 1e-6
    assert "Beforehand" not in ended.out
    empty = stores(tmp_path, 5000.0)
    table = pd.read_csv(empty)
    table.assign(start_kwh=0.0).to_csv(empty, index=False)
    ended = run(*common, "--stores", empty)
    told = " ".join(ended.out.split())
    assert "must be charged, by 12,000 kWh in all at least, which the set-points do not hold" in told
    short = run(*common, "--stores", stores(tmp_path, 3000.0))
    assert short.status == 2
    assert "3,000.0 kWh of the award cannot be given" in short.err
    other = tmp_path / "stores.csv"
    other.write_text(other.read_text("utf-8").replace("mill", "forge"), encoding="utf-8")
    assert "'forge' is not in both tables once" in run(*common, "--stores", other).err
    other.write_text("site,charge_kw\nmill,1\n", encoding="utf-8")
    assert "no column discharge_kw, energy_kwh, start_kwh" in run(*common, "--stores", other).err


def test_files_that_are_none_are_told(run: Run, won: Path, tmp_path: Path) -> None:
    file = meters(tmp_path, dict.fromkeys(SITES, 0.0))
    assert "no such file" in settle(run, won, tmp_path / "none.parquet").err
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    common = ("fleet", "settle", "--metered", file, "--baseline", "ten_of_ten")
    assert "is no JSON" in run(*common, tmp_path / "bad.json").err
    assert "cannot be read" in run(*common, tmp_path / "gone.json").err
    (tmp_path / "bad.json").write_text('{"product": "fcr"}', encoding="utf-8")
    assert "day: is missing" in run(*common, tmp_path / "bad.json").err
    (tmp_path / "award.csv").write_text("start,quantity_kw\n", encoding="utf-8")
    assert "needs its bid" in run(*common, tmp_path / "award.csv").err
    other = tmp_path / "points.csv"
    for text, said in (
        ("start,kw\n2026-08-06T15:00,1\n", "no column 'site'"),
        ("site,start,kw\nforge,2026-08-06T15:00,1\n", "'forge' has no meter"),
        ("site,start,kw\nmill,2026-08-06T15:10,1\n", "no step of the meters begins then"),
        ("site,start,kw\nmill,2026-08-06T15:00,1\n", "set-points are missing"),
    ):
        other.write_text(text, encoding="utf-8")
        assert said in run(*common, won / "award.json", "--setpoints", other).err
    halves = [tmp_path / "one.csv", tmp_path / "two.csv"]
    table = pq.read_table(won / "setpoints.parquet").to_pandas()
    table[table["site"] == "mill"].to_csv(halves[0], index=False)
    table[table["site"] != "mill"].to_csv(halves[1], index=False)
    both = run(
        *common, won / "award.json", "--setpoints", halves[0], "--setpoints", halves[1], "--into", tmp_path / "b"
    )
    assert both.status == 0, both.err
    plan = tmp_path / "plan.parquet"
    read = pd.read_parquet(file)
    read.drop(columns="mill.net_import_mw").to_parquet(plan, index=False)
    given = ("fleet", "settle", won / "award.json", "--metered", file, "--baseline", plan)
    assert "of all metered sites" in run(*given).err
    read.iloc[1:].to_parquet(plan, index=False)
    assert "not those of the meters" in run(*given).err


@pytest.mark.parametrize("option", ["--imbalance", "--availability", "--activated"])
def test_what_a_product_is_not_settled_by_is_refused(run: Run, won: Path, tmp_path: Path, option: str) -> None:
    ended = settle(run, won, meters(tmp_path, dict.fromkeys(SITES, 0.0)), option, "prices.csv:price")
    assert ended.status == 2
    assert f"{option} prices.csv:price: guangdong_demand_response is not settled by it" in ended.err


def test_a_lost_row_and_a_table_of_events_are_told(run: Run, won: Path, tmp_path: Path) -> None:
    file = meters(tmp_path, dict.fromkeys(SITES, 0.0))
    (tmp_path / "baseline.csv").write_text("method,site,day,start_h,baseline_kw,metered_kw\n", encoding="utf-8")
    table = ("--setpoints", won / "setpoints.parquet", "--metered", file)
    ended = run("fleet", "settle", won / "award.json", *table, "--baseline", tmp_path / "baseline.csv")
    assert "is what 'fleet baseline' says of events; accepted: the method's name" in ended.err
    pd.read_parquet(file).drop(index=100).to_parquet(file, index=False)
    ended = run("fleet", "baseline", file, "--time-zone", ZONE)
    assert ended.status == 2
    assert "has 120 min, others 60; accepted: equal steps" in ended.err
