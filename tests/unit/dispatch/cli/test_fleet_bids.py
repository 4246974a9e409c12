"""Market commands as they are typed, one by one: products, bids, baselines, and what is said of slips."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from tests.unit.dispatch.cli.test_fleet_market import DAY, SITES, ZONE, flexibility, hours, meters, rows_of
from tests.unit.dispatch.typed import Run, run

__all__ = ["run"]  # a fixture


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


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("way", "direction", "no column way"),
        (",up,", ",sideways,", "accepted: up, down"),
        ("4000.0", "many", "is not a finite number"),
        ("4000.0", "", "'kw' is missing"),
        ("2026-08-06T15:00:00+08:00", "noon", "row 17"),
        ("4000.0", "-4000.0", "accepted: 0 or more, the direction is its way"),
        ("2026-08-06", "2026-08-07", "is of 2026-08-07, asked for is 2026-08-06"),
    ],
)
def test_a_slip_in_a_table_is_told_with_its_place(run: Run, tmp_path: Path, old: str, new: str, said: str) -> None:
    file = flexibility(tmp_path)
    file.write_text(file.read_text("utf-8").replace(old, new), encoding="utf-8")
    ended = run("fleet", "bid", file, "--product", "guangdong_demand_response", "--day", DAY)
    assert ended.status == 2
    assert said in ended.err


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


def test_nothing_is_counted_twice_or_left_unsaid(run: Run, tmp_path: Path) -> None:
    file = flexibility(tmp_path)
    asked = ("--product", "guangdong_demand_response", "--day", DAY)
    assert "does not pay for capacity" in run("fleet", "bid", file, *asked, "--holding", "1").err
    fcr = ("--product", "fcr", "--day", DAY, "--held-otherwise")
    assert "accepted: 0 or more" in run("fleet", "bid", file, *fcr, "--holding", "-1").err
    table = pd.read_csv(file).assign(block=0)
    table = table.drop_duplicates(["site", "way", "start"])
    pd.concat([table, table.iloc[3:4]]).to_csv(tmp_path / "twice.csv", index=False)
    assert f"row {len(table) + 2}: this block of" in run("fleet", "bid", tmp_path / "twice.csv", *asked).err
    table.head(0).to_csv(tmp_path / "empty.csv", index=False)
    assert "holds no row below its header" in run("fleet", "bid", tmp_path / "empty.csv", *asked).err


def test_capacity_is_priced_and_shared_out_only_for_who_keeps_it_ready(run: Run, tmp_path: Path) -> None:
    """Three sites with 2 MW all day, for aFRR of one block of four hours."""
    starts = pd.date_range("2026-08-06", periods=24, freq="h", tz="Europe/Berlin")
    rows = [{"site": site, "start": t.isoformat(), "way": "up", "kw": 2000.0, "cost_per_kwh": 0.1}
            for site in SITES for t in starts]  # fmt: skip
    file, won = tmp_path / "flexibility.csv", tmp_path / "won.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    asked = ("--product", "afrr_capacity", "--day", DAY, "--side", "up", "--holding", "0.01", "--into", tmp_path)
    refused = run("fleet", "bid", file, *asked)
    assert refused.status == 2
    assert "hold nothing back; accepted: a product of energy or response, or --held-otherwise" in refused.err
    assert not (tmp_path / "bid-up.json").exists()
    made = run("fleet", "bid", file, *asked, "--held-otherwise")
    assert made.status == 0, made.err
    won.write_text("start,quantity_kw,price,energy_price_per_kwh\n2026-08-06T00:00+02:00,6000,10,0.1\n", "utf-8")
    award = ("fleet", "award", won, "--bid", tmp_path / "bid-up.json", "--flexibility", file, "--into", tmp_path)
    assert "accepted: a product of energy or response, or --held-otherwise" in run(*award).err
    shared = run(*award, "--held-otherwise")
    assert shared.status == 0, shared.err
    assert "nothing is given of it before it is called" in " ".join(shared.out.split())
