"""A fleet's run as its page: what it says is what the files say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.topics.fleet.sites import fleet_sites, horizon
from dispatch.assets import kinds
from dispatch.errors import DataError
from dispatch.executor import executor
from dispatch.fleet.members import Member
from dispatch.fleet.reporting import POWERS, Around, data_of, write_page
from dispatch.fleet.run import Independent, ask, run
from dispatch.report.fleet_data import FleetData
from tests.unit.dispatch.report.test_page import Page

STEPS = horizon(24)


@pytest.fixture(scope="module")
def members() -> list[Member]:
    made = [*fleet_sites(4, genset=False, steps=24), *fleet_sites(5, steps=24)[4:]]
    placed = made[0].site.model_copy(update={"latitude_deg": 31.0, "longitude_deg": 120.0})
    first = replace(made[0], site=placed, labels={**made[0].labels, "equity": 0.5})
    return [first, *made[1:]]


@pytest.fixture(scope="module")
def folder(members: list[Member], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run(ask(members, Independent(STEPS), STEPS, 3), executor("serial"), folder)
    return folder


@pytest.fixture(scope="module")
def data(folder: Path, members: list[Member]) -> FleetData:
    return data_of(folder, members, STEPS, Around(fleet="five", ruled={m.name: 1e4 for m in members[:3]}))


def test_numbers_are_those_of_the_files(data: FleetData, folder: Path, members: list[Member]) -> None:
    rows = {row["site"]: row for row in pq.read_table(folder / "sites.parquet").to_pylist()}
    assert data.sites.name == tuple(member.name for member in members)
    assert data.sites.cost.tolist() == [rows[member.name]["money"] for member in members]
    assert data.sites.co2_kg.tolist() == [rows[member.name]["co2_kg"] for member in members]
    assert set(data.sites.reason) == {""}
    assert len(set(data.sites.structure)) == 2
    ruled = data.sites.cost_ruled
    assert ruled is not None
    assert np.isnan(ruled).tolist() == [False, False, False, True, True]


def test_what_comes_in_is_what_is_used(data: FleetData) -> None:
    supply, use = (np.sum([line.values for line in side], axis=0) for side in (data.supply, data.use))
    np.testing.assert_allclose(supply, use, atol=1e-5)
    assert data.supply[0].kind == "grid_connection"
    net = data.sites.net_import_kw
    assert net is not None
    bought = next(line for line in data.supply if line.kind == "grid_connection")
    sold = [line for line in data.use if line.kind == "grid_connection"]
    total = np.array(bought.values) - (np.array(sold[0].values) if sold else 0.0)
    np.testing.assert_allclose(net.sum(axis=0), total, atol=1e-6)
    np.testing.assert_allclose(data.sites.import_kwh - data.sites.export_kwh, net @ STEPS.hours, atol=1e-6)


def test_labels_and_places_are_kept_and_missing_is_not_zero(data: FleetData) -> None:
    assert data.sites.labels["feeder"] == tuple(f"feeder_{k}" for k in range(5))
    equity = data.sites.labels["equity"]
    assert isinstance(equity, np.ndarray)
    assert equity[0] == 0.5
    assert np.isnan(equity[1:]).all()
    assert data.sites.latitude_deg is not None
    assert np.isnan(data.sites.latitude_deg).tolist() == [False, True, True, True, True]


def test_the_page_is_written_beside_the_files(folder: Path, members: list[Member]) -> None:
    path = write_page(folder, members, STEPS)
    text = path.read_text("utf-8")
    page = Page(text)
    assert "site_00004" in page.scripts[0]
    assert "5 of 5 planned" in page.text
    write_page(folder, members, STEPS)
    assert path.read_text("utf-8") == text


def test_a_site_that_failed_says_why(folder: Path, members: list[Member], tmp_path: Path) -> None:
    import shutil

    import pyarrow as pa

    shutil.copytree(folder, tmp_path / "run")
    rows: list[dict[str, Any]] = pq.read_table(folder / "sites.parquet").to_pylist()
    rows[1] |= {"quality": "none", "money": None, "reason": "lacks demand_kw", "failed": ""}
    rows[2] |= {"quality": "rule_based", "failed": "the worker died"}
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "run" / "sites.parquet")
    data = data_of(tmp_path / "run", members, STEPS, Around())
    assert data.sites.reason[1:3] == ("lacks demand_kw", "the worker died")
    assert data.sites.quality[1] == "none"
    assert np.isnan(data.sites.cost[1])


def test_what_cannot_be_shown_says_so(folder: Path, members: list[Member], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished fleet run"):
        data_of(tmp_path, members, STEPS, Around())
    other = replace(members[0], site=members[0].site.model_copy(update={"name": "other"}))
    with pytest.raises(DataError, match="has no site 'other'"):
        data_of(folder, [other], STEPS, Around())
    euro = replace(members[0], site=members[0].site.model_copy(update={"currency": "EUR"}))
    with pytest.raises(DataError, match="CNY, EUR"):
        data_of(folder, [euro, *members[1:]], STEPS, Around())


def test_powers_are_of_kinds_that_exist() -> None:
    assert set(POWERS) <= set(kinds())


def test_a_fleet_of_which_no_site_has_a_plan_has_a_page(members: list[Member], tmp_path: Path) -> None:
    blind = [replace(member, series={}, failure="nothing is known") for member in members[:2]]
    run(ask(blind, Independent(STEPS), STEPS, 2), executor("serial"), tmp_path)
    found = data_of(tmp_path, blind, STEPS, Around())
    assert np.isnan(found.sites.cost).all()
    assert all("nothing is known" in reason for reason in found.sites.reason)
    assert write_page(tmp_path, blind, STEPS).is_file()
