"""An account as files: the same columns and numbers in every format, what they rest on, and the shapes of goods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from benchmarks.datasets import metered_park
from dispatch.carbon.goods import lines, periods
from dispatch.carbon.ledger import Ledgers
from dispatch.carbon_export import certificate_table, coarser, goods_table, metadata, write_goods, write_ledgers
from dispatch.carbon_export.goods import cbam, footprints
from dispatch.carbon_export.page import page
from dispatch.errors import DataError
from dispatch.measured.account import Account, account
from dispatch.measured.files import read_measured

SPAN = metered_park.horizon(2, 60)
COLUMNS = [
    "ledger", "meter", "asset", "role", "carrier", "bus", "start", "hours", "energy_kwh", "carbon_kg",
    "intensity_kg_per_kwh",
]  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Account:
    file = tmp_path_factory.mktemp("meters") / "meters.parquet"
    metered_park.table(SPAN).to_parquet(file, index=False)
    site = metered_park.site()
    return account(site, read_measured(site, SPAN, file))


def meta(done: Account) -> dict[str, Any]:
    return metadata(done.about, done.ledgers, done.market)


def test_all_formats_hold_the_same(done: Account, tmp_path: Path) -> None:
    parquet, comma, nested = write_ledgers(done.ledgers, tmp_path, meta(done), by="day")
    one, other = pd.read_parquet(parquet), pd.read_csv(comma)
    assert list(one.columns) == list(other.columns) == COLUMNS
    assert other["carbon_kg"].to_numpy() == pytest.approx(one["carbon_kg"].to_numpy())
    assert len(one) == sum(len(ledger.meters) for ledger in done.ledgers) * 2
    content = json.loads(nested.read_text(encoding="utf-8"))
    flat = [value for meter in content["meters"] for value in meter["carbon_kg"]]
    assert flat == pytest.approx(one["carbon_kg"].to_numpy(), abs=1e-8)
    assert set(content["meters"][0]) | {"start", "hours"} == set(COLUMNS)
    assert content["start"] == ["2024-12-31T16:00:00Z", "2025-01-01T16:00:00Z"]


def test_what_the_numbers_rest_on_stands_beside_them(done: Account, tmp_path: Path) -> None:
    (path,) = write_ledgers(done.ledgers, tmp_path, meta(done), formats=["parquet"])
    said = json.loads(pq.read_schema(path).metadata[b"parkwatt"])
    assert said["park"] == "metered"
    assert said["first"] == "2025-01-01T00:00:00+08:00"
    assert said["end"] == "2025-01-03T00:00:00+08:00"
    assert "Which carbon physically reached" in said["ledgers"]["traced, losses apart"]["question"]
    assert said["ledgers"]["location"]["left_over_kg"] == pytest.approx(0, abs=1e-6)
    assert "0.55 kg/kWh" in said["factors"]["average"]
    assert {row["residual_kwh"] for row in said["certificates"]} == {0.0}
    assert said["claimed_by"] == "hour"
    assert set(said["hashes"]) == {"measured"}


def test_the_same_account_gives_the_same_bytes(done: Account, tmp_path: Path) -> None:
    first, second = (
        [path.read_bytes() for path in write_ledgers(done.ledgers, tmp_path / name, meta(done))] for name in "ab"
    )
    assert first == second
    assert page(done.ledgers, done.about) == page(done.ledgers, done.about)


@pytest.mark.parametrize("by", ["step", "hour", "day", "month", "year", "all"])
def test_coarser_steps_keep_every_kilogram(done: Account, by: str) -> None:
    for ledger in done.ledgers:
        less = coarser(ledger, by)
        assert less.carbon_kg.sum(axis=1) == pytest.approx(ledger.carbon_kg.sum(axis=1))
        assert less.emitted_kg.sum() == pytest.approx(ledger.emitted_kg.sum())
        assert less.residual < 1e-9
    with pytest.raises(DataError, match="steps of 'week': not known; accepted: step, hour"):
        coarser(done.ledgers["location"], "week")


def test_certificates_by_meter_add_up_to_their_balances(done: Account) -> None:
    used = certificate_table(done.market).to_pandas().groupby(["matching", "supply"])["used_kwh"].sum()
    for matching, cover in done.market.covered.items():
        for balance in cover.balances:
            assert used.get((matching, balance.name), 0.0) == pytest.approx(balance.kwh()["used_kwh"], abs=1e-6)


def test_goods_by_period(done: Account, tmp_path: Path) -> None:
    named = [*periods(SPAN, "day"), ("batch", 5, 17)]
    for form in ("parquet", "csv", "json"):
        write_goods(done.goods, SPAN, named, tmp_path / f"goods.{form}", meta(done))
    flat = pd.read_parquet(tmp_path / "goods.parquet")
    assert set(flat["good"]) == {"heat", "hydrogen", "electricity"}
    assert pd.read_csv(tmp_path / "goods.csv")["carbon_kg"].to_numpy() == pytest.approx(flat["carbon_kg"].to_numpy())
    of_batch = flat[(flat["period"] == "batch") & (flat["good"] == "hydrogen") & (flat["ledger"] == "location")]
    batch = of_batch.iloc[0]
    nested = json.loads((tmp_path / "goods.json").read_text(encoding="utf-8"))
    said = next(one for one in nested["goods"] if (one["good"], one["ledger"]) == ("hydrogen", "location"))
    assert dict(zip(nested["period"], said["kg_per_unit"], strict=True))["batch"] == pytest.approx(batch["kg_per_unit"])
    assert set(said) | {"period", "first", "end"} == set(flat.columns)
    ledger = done.ledgers["location"]
    energy, carbon = ledger.of("trucks")
    assert batch["amount"] == pytest.approx(energy[5:17].sum() / 33330)
    assert batch["carbon_kg"] == pytest.approx(carbon[5:17].sum())
    assert batch["kg_per_unit"] == pytest.approx(batch["carbon_kg"] / batch["amount"])
    assert (batch["first"], batch["end"]) == ("2025-01-01T05:00:00+08:00", "2025-01-01T17:00:00+08:00")
    with pytest.raises(DataError, match="format 'xlsx'"):
        write_goods(done.goods, SPAN, named, tmp_path / "goods.xlsx", {})
    assert goods_table([], SPAN, named).column_names == list(flat.columns)


def test_the_shape_of_cbam_parts_direct_from_indirect(done: Account) -> None:
    content = cbam(done.goods, SPAN, periods(SPAN, "all"), done.about, {"hydrogen": "2804 10 00"})
    assert content["goods_without_cn_code"] == ["heat", "electricity"]
    row = next(one for one in content["goods"] if one["ledger"] == "traced, losses apart")
    hydrogen = next(good for good in done.goods if good.name == "hydrogen")
    line = next(one for one in lines(hydrogen, periods(SPAN, "all")) if one.ledger == row["ledger"])
    assert (row["cn_code"], row["activity_level_unit"]) == ("2804 10 00", "t")
    assert row["direct_embedded_emissions_t"] == pytest.approx(0, abs=1e-9)
    assert row["indirect_embedded_emissions_t"] == pytest.approx(line.carbon_kg / 1000)
    assert row["specific_indirect_embedded_emissions_t_per_unit"] == pytest.approx(line.per_unit_kg / 1000)
    factor = row["electricity_emission_factor_t_per_mwh"]
    assert factor * row["electricity_consumed_mwh"] == pytest.approx(row["indirect_embedded_emissions_t"])
    assert "0.55 kg/kWh" in row["electricity_emission_factor_source"]


def test_a_footprint_is_split_by_scope(done: Account) -> None:
    for made in footprints(done.goods, SPAN, periods(SPAN, "all"), done.about):
        parts = made["scope_1_kg_co2e_per_unit"] + made["scope_2_kg_co2e_per_unit"]
        assert parts == pytest.approx(made["value_kg_co2e_per_unit"])
        assert min(made["scope_1_kg_co2e_per_unit"], made["scope_2_kg_co2e_per_unit"]) >= 0
        assert made["declared_unit"] in ("1 t of hydrogen", "1 kWh of heat", "1 kWh of electricity")
        assert "upstream" in made["system_boundary"]


def test_the_page_shows_every_ledger_good_and_certificate(done: Account) -> None:
    text = page(done.ledgers, done.about, done.market, done.goods, done.ran.imbalance_kw)
    for ledger in done.ledgers:
        assert ledger.question.replace("'", "&#39;") in text
    for words in ("Carbon by day", "gec_2025, by the year", "t/t", "What the meters do not agree on", "0.55 kg/kWh"):
        assert words in text
    assert "http" not in text.replace("http://www.w3.org", "").replace("http-equiv", "")


def test_a_ledger_without_any_meter_still_makes_a_page(done: Account) -> None:
    empty = coarser(done.ledgers["location"], "all")
    bare = type(empty)("bare", "nothing?", empty.horizon, (), np.zeros((0, 1)), np.zeros((0, 1)), np.array([5.0]))
    text = page(Ledgers((bare,)), done.about)
    assert "it does not add up" in text
