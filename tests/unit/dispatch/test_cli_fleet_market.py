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


def test_products_are_listed_and_shown(run: Run) -> None:
    ended = run("fleet", "products")
    assert ended.status == 0
    assert "fcr" in ended.out
    one = run("fleet", "products", "fcr", "--at", "2026-03-28T07:30")
    assert "next gate: for 2026-03-29 closes 2026-03-28 08:00, open" in one.out
    assert "did you mean 'fcr'" in run("fleet", "products", "fcrr").err


def test_a_closed_gate_and_a_bid_that_is_too_small_are_told(run: Run, tmp_path: Path) -> None:
    file = flexibility(tmp_path)
    late = run("fleet", "bid", file, "--product", "guangdong_demand_response", "--day", DAY, "--at", "2026-08-05T12:00")
    assert late.status == 2
    assert "until before 2026-08-05 12:00 (Asia/Shanghai)" in late.err
    small = tmp_path / "small.csv"
    small.write_text(file.read_text("utf-8").replace("4000.0", "10.0"), encoding="utf-8")
    none = run("fleet", "bid", small, "--product", "guangdong_demand_response", "--day", DAY)
    assert none.status == 0
    assert "nothing to bid: in no period 3 sites have 5000 kW all along" in none.out
    side = run("fleet", "bid", file, "--product", "guangdong_demand_response", "--day", DAY, "--side", "down")
    assert "accepts up" in side.err


def test_an_award_of_more_than_was_bid_is_told(run: Run, bid: Path, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    file.write_text("start,quantity_kw,price\n2026-08-06T15:00,9000,950\n", encoding="utf-8")
    ended = run("fleet", "award", file, "--bid", bid / "bid-up.json", "--flexibility", tmp_path / "flexibility.csv")
    assert ended.status == 2
    assert "at most 8000 kW, what was offered" in ended.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("way", "direction", "no column way"),
        (",up,", ",sideways,", "accepted: up, down"),
        ("4000.0", "many", "is not a finite number"),
        ("4000.0", "", "'kw' is missing"),
        ("2026-08-06T15:00:00+08:00", "noon", "row 17"),
    ],
)
def test_a_slip_in_a_table_is_told_with_its_place(run: Run, tmp_path: Path, old: str, new: str, said: str) -> None:
    file = flexibility(tmp_path)
    file.write_text(file.read_text("utf-8").replace(old, new), encoding="utf-8")
    ended = run("fleet", "bid", file, "--product", "guangdong_demand_response", "--day", DAY)
    assert ended.status == 2
    assert said in ended.err


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
    assert "1 readings or baselines are missing" in told(gone)
    assert "too few readings" in told(table.tail(24 * 9))
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


def test_a_plan_is_bought_and_sold_around(run: Run, tmp_path: Path) -> None:
    clock = [datetime(2026, 8, 6, tzinfo=ZoneInfo("Europe/Berlin")) + timedelta(hours=h) for h in range(24)]
    rows = [{"site": "a", "start": t.isoformat(), "way": w, "kw": 1000.0, "cost_per_kwh": c}
            for t in clock for w, c in (("up", 0.08), ("down", -0.03))]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "flex.csv", index=False)
    pd.DataFrame({"time": [t.isoformat() for t in clock], "kw": 5000.0}).to_csv(tmp_path / "plan.csv", index=False)
    ended = run("fleet", "bid", tmp_path / "flex.csv", "--product", "sdac_day_ahead", "--day", DAY, "--plan",
                f"{tmp_path / 'plan.csv'}:kw", "--into", tmp_path / "bid")  # fmt: skip
    assert ended.status == 0, ended.err
    assert "up: nothing to bid" in ended.out
    assert "down: 96 of 96 periods, 6,000 to 6,000 kW, 30.00 to 4,000.00 EUR/MWh" in ended.out


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
    short = run(*common, "--stores", stores(tmp_path, 3000.0))
    assert short.status == 2
    assert "3,000.0 kWh of the award cannot be given" in short.err
    other = tmp_path / "stores.csv"
    other.write_text(other.read_text("utf-8").replace("mill", "forge"), encoding="utf-8")
    assert "'forge' is not in both tables once" in run(*common, "--stores", other).err
    other.write_text("site,charge_kw\nmill,1\n", encoding="utf-8")
    assert "no column discharge_kw, energy_kwh, start_kwh" in run(*common, "--stores", other).err


def test_temperatures_and_a_control_group_stand_beside_the_meters(run: Run, tmp_path: Path) -> None:
    clock = hours(date(2026, 5, 1), 100)
    warmth = np.array([20 + 10 * np.sin(k / 50) for k in range(len(clock))])
    course = 1000 + 30 * np.maximum(warmth - 18, 0)
    times = [t.isoformat() for t in clock]
    pd.DataFrame({"time": times, "a_kwh": course, "degc": warmth}).to_csv(tmp_path / "a.csv", index=False)
    pd.DataFrame({"time": times, "degc": warmth}).to_csv(tmp_path / "weather.csv", index=False)
    pd.DataFrame({"time": times, "c.import_kw": 2 * course, "c.export_kw": 0.0}).to_csv(tmp_path / "c.csv", index=False)
    common = ("fleet", "baseline", tmp_path / "a.csv", "--time-zone", ZONE, "--column", "a=a_kwh", "--holiday", DAY,
              "--event", "2026-08-07T15:00 2026-08-07T17:00", "--method")  # fmt: skip
    ended = run(*common, "weather_regression", "--temperature", f"{tmp_path / 'weather.csv'}:degc")
    assert ended.status == 0, ended.err
    assert "weather_regression, 2026-08-07: 0.0 kWh" in ended.out.replace("-0.0", "0.0")
    ended = run(*common, "control_group", "--control", tmp_path / "c.csv")
    assert ended.status == 0, ended.err
    assert "control_group, 2026-08-07: 0.0 kWh" in ended.out.replace("-0.0", "0.0")
    assert "needs temperatures" in run(*common, "weather_regression").err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--event", "noon"), "write start and end"),
        (("--event", "noon 13:00"), "is not a time"),
        (("--hours", "evening"), "write them like 17-19"),
        (("--holiday", "Christmas"), "is not a date"),
        (("--column", "mill"), "write it like site_1"),
        (("--method", "ten_of_tn"), "did you mean 'ten_of_ten'"),
        (("--temperature", "weather.csv"), "write FILE:COLUMN"),
        (("--time-zone", "Mars/Olympus"), "write an IANA name"),
    ],
)
def test_a_slip_in_an_option_is_told(run: Run, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    file = meters(tmp_path, dict.fromkeys(SITES, 0.0))
    zone = () if "--time-zone" in options else ("--time-zone", ZONE)
    ended = run("fleet", "baseline", file, *zone, *options)
    assert ended.status == 2, ended.out
    assert said in ended.err


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


def test_steps_without_a_row_have_nothing_to_offer(run: Run, tmp_path: Path) -> None:
    file = flexibility(tmp_path)
    table = pd.read_csv(file)
    few = table[(table["kw"] > 0) & ~table["start"].str.contains("T15:")]
    few.to_csv(tmp_path / "few.csv", index=False)
    ended = run("fleet", "bid", tmp_path / "few.csv", "--product", "guangdong_demand_response", "--day", DAY,
                "--into", tmp_path / "few")  # fmt: skip
    assert ended.status == 0, ended.err
    starts = {row["start"][11:13] for row in rows_of(tmp_path / "few" / "bid.csv")}
    assert starts == {"14", "16", "17"}
    odd = few.assign(start=few["start"].str.replace("T17:00", "T17:07"))
    odd = pd.concat([odd, few.assign(start=few["start"].str.replace(":00:00+", ":15:00+", regex=False))])
    odd.to_csv(tmp_path / "odd.csv", index=False)
    ended = run("fleet", "bid", tmp_path / "odd.csv", "--product", "guangdong_demand_response", "--day", DAY)
    assert "accepted: equal steps" in ended.err


def test_the_hour_that_comes_twice_is_each_sites_own(run: Run, tmp_path: Path) -> None:
    """Times without an offset on the day on which the clock is put back, for two sites one below the other."""
    day = datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Berlin"))
    utc = [day.astimezone(ZoneInfo("UTC")) + timedelta(minutes=15 * k) for k in range(100)]
    clock = [t.astimezone(day.tzinfo) for t in utc]
    rows = [
        {"site": site, "start": t.strftime("%Y-%m-%dT%H:%M"), "way": "up", "kw": kw, "cost_per_kwh": 0.05}
        for site, kw in (("a", 300.0), ("b", 500.0)) for t in clock
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "autumn.csv", index=False)
    ended = run("fleet", "bid", tmp_path / "autumn.csv", "--product", "sdac_day_ahead", "--day", "2026-10-25",
                "--side", "up", "--into", tmp_path / "autumn")  # fmt: skip
    assert ended.status == 0, ended.err
    assert "up: 100 of 100 periods, 800 to 800 kW" in ended.out
