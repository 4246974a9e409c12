"""A reference day planned and replayed on fetched prices and carbon intensity, typed as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from forecasting.archive.store import Store
from tests.unit.dispatch.fed_park import (
    GRAMS,
    INTENSITY,
    PRICE,
    PRICES,
    PUBLISHED,
    START,
    content,
    ends,
    fetched,
    held,
)
from tests.unit.dispatch.small_park import measured, write
from tests.unit.dispatch.typed import Run, refused, run

__all__ = ["run"]  # a fixture

SETTLED = 83.0 * 24  # kWh that the load needs at least: its base


def schedule(folder: Path) -> pd.DataFrame:
    return pq.read_table(folder / "out" / "schedule.parquet").to_pandas()


def test_a_day_is_planned_on_what_was_fetched(run: Run, tmp_path: Path) -> None:
    path = held(tmp_path, fetched(days_measured=5))
    assert run("validate", path).status == 0
    ended = run("plan", path, "--day", "2024-03-30", "--out", "out")
    assert ended.status == 0, ended.err
    assert "audit passed" in " ".join(ended.out.split())
    table = schedule(tmp_path)
    imported, charged = table["pcc.import_kw"].to_numpy(), table["store.charge_kw"].to_numpy()
    assert imported.sum() > SETTLED
    # It charges in the cheapest hours of the exchange's prices, and discharges in the dearest.
    assert PRICES[charged > 1].max() < np.median(PRICES)
    assert PRICES[table["store.discharge_kw"].to_numpy() > 1].min() > np.median(PRICES)
    money = float((imported * (PRICES / 1000 + 0.08)).sum())
    carbon = float((imported * GRAMS / 1e6).sum())
    words = " ".join(ended.out.split())
    assert f"central path: {money:,.0f} EUR, {carbon:.1f} t CO2" in words
    certificate = json.loads((tmp_path / "out" / "certificate.json").read_text("utf-8"))
    assert {f"archive:small/{PRICE}", f"archive:small/{INTENSITY}"} < set(json.dumps(certificate).split('"'))
    assert "g/kWh" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_the_same_plan_comes_twice(run: Run, tmp_path: Path) -> None:
    path = held(tmp_path, fetched())
    for out in ("one", "two"):
        assert run("plan", path, "--day", "2024-03-30", "--out", out).status == 0
    one, two = ((tmp_path / out / "schedule.parquet").read_bytes() for out in ("one", "two"))
    assert one == two


def test_a_missing_hour_is_refused_with_what_to_do(run: Run, tmp_path: Path) -> None:
    path = held(tmp_path, fetched(price_hours=22))
    ended = run("plan", path, "--day", "2024-03-30", "--out", "out")
    assert ended.status == 2
    assert "Traceback" not in ended.err
    words = " ".join(ended.err.split())
    assert f"feed '{PRICE}': nothing is known of 2024-03-30 22:00 to 2024-03-31 00:00 (2 of 24 steps)" in words
    assert "run 'parkwatt fetch', or write 'otherwise'" in words


def test_a_library_factor_stands_in_where_the_file_says_so_and_the_report_tells(run: Run, tmp_path: Path) -> None:
    intensity = {"feed": INTENSITY, "otherwise": "cn_north_2023"}
    path = held(tmp_path, fetched(forecast_hours=20), intensity=intensity)
    ended = run("plan", path, "--day", "2024-03-30", "--out", "out")
    assert ended.status == 0, ended.err
    words = " ".join(ended.out.split())
    assert f"{INTENSITY}: nothing was known at 2024-03-30 20:00 to 2024-03-31 00:00" in words
    assert "so 0.6361 (cn_north_2023) stands in, as the park's file says" in words
    assert "cn_north_2023 (0.6361 kg/kWh) describes 2023-01-01 to 2023-12-31, this plan is of 2024-03-30" in (
        tmp_path / "out" / "report.html"
    ).read_text("utf-8")


def test_a_park_without_an_archive_cannot_read_one(run: Run, tmp_path: Path) -> None:
    bare = content()
    del bare["archive"]
    refused(run("validate", write(tmp_path, bare)), "archive: is missing", "parkwatt fetch")


def replayed_park(folder: Path) -> Path:
    archive = fetched(days_measured=10, price_hours=0)
    for day in range(-2, 3):
        published, first = PUBLISHED + pd.Timedelta(days=day), START + pd.Timedelta(days=day)
        archive = archive.with_forecast("small", PRICE, published, published, ends(first, 24), PRICES + day)
    measured("2024-04-01", days=16).to_csv(folder / "measured.csv", index=False)
    Store(folder / "held").append(archive, now=pd.Timestamp("2024-04-05T00:00Z"))
    made = content(price={"feed": PRICE, "otherwise": 0.05}, intensity={"feed": INTENSITY, "otherwise": 0.3})
    made["planning"] |= {"scenarios": 0, "rolling": {"window_h": 25}}
    return write(folder, made)


def test_a_replay_settles_on_what_came_and_plans_on_what_was_known(run: Run, tmp_path: Path) -> None:
    path = replayed_park(tmp_path)
    ended = run(
        "replay", path, "--from", "2024-03-30", "--to", "2024-03-30", "--every", "6h", "--executor", "serial",
        "--methods", "rule_based,day_ahead,rolling,perfect", "--out", "out",
    )  # fmt: skip
    assert ended.status == 0, ended.err
    assert "violation" not in ended.out
    methods = json.loads((tmp_path / "out" / "replay.json").read_text("utf-8"))["methods"]
    steps = pq.read_table(tmp_path / "out" / "steps.parquet").to_pandas()
    came = fetched_intensity()
    for method, figures in methods.items():
        imported = steps.loc[steps["method"] == method, "pcc.import_kw"].to_numpy()
        assert figures["bill"] == pytest.approx(float(imported @ (PRICES / 1000 + 0.08)), abs=1e-3)
        assert figures["co2_kg"] == pytest.approx(float(imported @ came) / 1000, abs=1e-2)
        assert figures["regret"] >= -1e-6
    assert methods["day_ahead"]["bill"] < methods["rule_based"]["bill"]


def fetched_intensity() -> np.ndarray:
    """What was measured of the day, g/kWh."""
    rows = fetched(days_measured=10).as_of(pd.Timestamp("2024-04-05T00:00Z")).measurements("small", INTENSITY)
    return np.asarray(rows.value[-24:])
