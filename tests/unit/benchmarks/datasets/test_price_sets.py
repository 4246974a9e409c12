"""The price sets: what the folder holds is what is forecast, and what others forecast is never looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.datasets import epf_dayahead_prices as epf
from benchmarks.datasets import gefcom2014_price as gefcom
from benchmarks.rows import CannotMeasure
from benchmarks.topics.forecasting import price as rows
from forecasting.clock import DAY_NS, HOUR_NS

DAYS, SCORED = 220, 15


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up set of two markets, of which one has one forecast and the other three."""
    place = tmp_path / "data" / epf.NAME
    place.mkdir(parents=True)
    for market, columns in (("AA", ["wind"]), ("BB", ["load", "wind", "sun"])):
        made_up(columns).to_parquet(place / f"{market}.parquet")
        stamps = made_up(columns).tail(24 * SCORED)
        beside = {name: stamps["price"].to_numpy() + 20.0 for name in ("Real price", rows.DNN, rows.LEAR)}
        pd.DataFrame({"timestamp": stamps["timestamp"], **beside}).to_parquet(place / f"forecasts_{market}.parquet")
    monkeypatch.setenv("PARKWATT_SHARED", str(tmp_path))
    monkeypatch.setattr(epf, "TEST_DAYS", SCORED)
    forget()
    yield place
    forget()


def forget() -> None:
    for cached in (epf.load, gefcom.load, rows.scored):
        cached.cache_clear()


def made_up(columns: list[str]) -> pd.DataFrame:
    rng = np.random.default_rng(len(columns))
    stamp = pd.date_range("2020-03-01", periods=24 * DAYS, freq="1h")
    found = {"timestamp": stamp} | {name: rng.normal(100, 10, DAYS).repeat(24) for name in columns}
    shape = 10 * np.sin(np.asarray(stamp.hour) / 24 * 2 * np.pi)
    return pd.DataFrame(found | {"price": 40 + shape + found[columns[0]] / 10 + rng.normal(0, 1, len(stamp))})


def test_markets_and_their_inputs_are_what_the_folder_holds(folder):
    assert epf.markets() == ("AA", "BB")
    market = epf.load("BB")
    known = market.archive.as_of(pd.Timestamp(market.last * DAY_NS, tz="UTC"))
    assert known.variables("market") == ("load", "price", "sun", "wind")
    assert known.measurements("market", "price").end_ns.max() == market.last * DAY_NS
    assert known.runs("market", "wind")[-1].valid_ns.max() == (market.last + 1) * DAY_NS
    earlier = market.archive.as_of(pd.Timestamp((market.last - 1) * DAY_NS + 11 * HOUR_NS, tz="UTC"))
    assert earlier.runs("market", "wind")[-1].valid_ns.max() == market.last * DAY_NS


def test_scores_are_those_of_what_was_said(folder):
    found = rows.scored("AA")
    assert found.ours < 3.0
    assert found.dnn == pytest.approx(20.0)
    assert found.p_ours_better < 1e-6
    assert rows.better() == rows.Measured(2, 2)
    assert rows.sure() == rows.Measured(2, 2)
    assert rows.against_lear().value < 0.2
    assert 0.0 <= rows.coverage() <= 0.9


def test_what_others_forecast_is_no_input(folder):
    ours = rows.scored("AA")
    table = pd.read_parquet(folder / "forecasts_AA.parquet")
    table[[rows.DNN, rows.LEAR, "Real price"]] *= -3.0
    table.to_parquet(folder / "forecasts_AA.parquet")
    forget()
    again = rows.scored("AA")
    assert (again.ours, again.coverage, again.pinball) == (ours.ours, ours.coverage, ours.pinball)
    assert again.dnn != ours.dnn
    (folder / "forecasts_AA.parquet").unlink()
    forget()
    assert len(epf.load("AA").archive) > 0


def test_the_other_set_is_scored_against_its_usual_day(folder, monkeypatch):
    place = folder.parent / "gefcom2014_price"
    place.mkdir()
    made_up(["total", "zonal"]).to_parquet(place / "price.parquet")
    monkeypatch.setattr(gefcom, "SCORED_DAYS", 10)
    monkeypatch.setattr(rows, "YEAR", 84)
    found = rows.gefcom_price()
    assert 0.0 < found.value < 1.0
    assert found.reference > 0


def test_a_set_that_is_not_here_is_said_to_be_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PARKWATT_SHARED", str(tmp_path))
    with pytest.raises(CannotMeasure, match="epf_dayahead_prices"):
        epf.markets()
