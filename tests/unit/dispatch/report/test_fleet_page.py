"""The page of a fleet: well formed with any number of sites and any name, right in what it counts, light."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatch.report import fleet_facts, fleet_pictures
from dispatch.report.data import Line, Section, Table
from dispatch.report.fleet_data import FleetBounds, FleetData, SharedUse
from dispatch.report.fleet_page import render_fleet
from tests.unit.dispatch.fleet_example import alone, example
from tests.unit.dispatch.quiet_pages import quiet_pages
from tests.unit.dispatch.report.test_page import HOSTILE, Page


def hostile() -> FleetData:
    """Every text that a user can choose is an attack."""
    data = example(8)
    sites = replace(
        data.sites, name=tuple(f"{HOSTILE}{k}" for k in range(8)), quality=(HOSTILE,) * 8, reason=(HOSTILE,) * 8,
        structure=(HOSTILE, "b") * 4, labels={HOSTILE: (HOSTILE, "b") * 4, f"{HOSTILE}n": np.arange(8.0)},
    )  # fmt: skip
    section = Section(HOSTILE, tables=(Table((HOSTILE,), ((HOSTILE,),)),))
    return replace(
        data, title=HOSTILE, fleet=HOSTILE, day=HOSTILE, currency=HOSTILE, sites=sites, settings=(HOSTILE,),
        supply=(Line(HOSTILE, (1.0,) * 96),), use=(), shared=tuple(replace(s, name=HOSTILE) for s in data.shared),
        work=((HOSTILE, HOSTILE),), notes=(HOSTILE,), sections=(section,),
    )  # fmt: skip


def nothing_known() -> FleetData:
    data = alone(3)
    nan = np.full(3, math.nan)
    sites = replace(data.sites, cost=nan, co2_kg=nan, import_kwh=nan, export_kwh=nan, peak_import_kw=nan)
    bounds = FleetBounds(np.full(2, -math.inf), np.full(2, math.inf), np.arange(2.0), math.nan, stopped="time")
    return replace(data, sites=sites, bounds=bounds)


PAGES = {"a fleet": example, "on their own": alone, "one site": lambda: example(1), "hostile": hostile,
         "nothing known": nothing_known}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_well_formed(name: str) -> None:
    text = render_fleet(PAGES[name]())
    page = Page(text)
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [a["href"][1:] for tag, a in page.elements if tag == "a"]
    assert set(targets) <= set(ids)
    assert "<script>alert" not in text
    assert not [a for tag, a in page.elements if tag in ("img", "iframe") or "onerror" in a]
    assert text == render_fleet(PAGES[name]())


def test_ten_thousand_sites_are_a_light_page() -> None:
    text = render_fleet(example(10_000))
    page = Page(text)
    assert len(page.elements) < 4000
    assert len(text) < 5e6


def test_the_block_of_sites_holds_every_number_and_nothing_missing_is_zero() -> None:
    data = example(60)
    sites = Page(render_fleet(data)).payload()["sites"]
    assert isinstance(sites, dict)
    assert sites["name"] == list(data.sites.name)
    columns = {column["name"]: column["values"] for column in sites["columns"]}
    missing = np.flatnonzero(~np.isfinite(data.sites.cost))
    assert all(columns["Cost"][k] is None for k in missing)
    known = np.flatnonzero(np.isfinite(data.sites.cost))
    np.testing.assert_allclose([columns["Cost"][k] for k in known], data.sites.cost[known], rtol=1e-5)
    words = {column["name"]: [column["known"][code] for code in column["code"]] for column in sites["words"]}
    assert words["Feeder"] == list(data.sites.labels["feeder"])


def test_small_pictures_keep_each_profile_to_a_part_in_five_hundred() -> None:
    data = example(7)
    net = data.sites.net_import_kw
    assert net is not None
    net[2, 5] = math.nan
    sites = Page(render_fleet(data)).payload()["sites"]
    assert isinstance(sites, dict)
    profile: dict[str, Any] = sites["profile"]
    level = np.frombuffer(base64.b64decode(profile["bytes"]), np.uint8).reshape(net.shape).astype(float)
    assert level[2, 5] == 255
    low, high = np.array(profile["low"]), np.array(profile["high"])
    back = low[:, None] + (high - low)[:, None] * level / profile["levels"]
    there = np.isfinite(net)
    span = np.broadcast_to((high - low)[:, None], net.shape)
    assert np.max(np.abs(back - net)[there] / span[there]) < 1 / 500 + 1e-4


def test_totals_of_groups_add_up_to_the_fleet() -> None:
    data = example(500)
    for table in fleet_facts.groups(data):
        at = {name: k for k, name in enumerate(table.columns)}
        assert sum(float(row[at["Sites"]] or 0) for row in table.rows) == 500
        cost = sum(float(row[at["Cost [CNY]"]] or 0) for row in table.rows)
        assert cost == pytest.approx(float(np.nansum(data.sites.cost)))
        assert sum(float(row[at["Failed"]] or 0) for row in table.rows) == fleet_facts.failures(data.sites).sum()
    assert [table.columns[0] for table in fleet_facts.groups(data)] == ["Structure", "Feeder", "Owner"]


def test_figures_say_of_how_many_sites_they_are() -> None:
    figures = {label: (value, note) for label, value, _, note in fleet_facts.figures(example(500))}
    assert figures["Cost"][1] == "of 499 of 500 sites"
    assert figures["Import"][1] == ""
    assert {label for label, *_ in fleet_facts.figures(alone())} == {"Cost", "CO₂", "Import", "Export"}


def test_a_missed_limit_and_a_gap_not_reached_are_seen_at_once() -> None:
    data = example()
    missed = (replace(data.shared[0], missed=np.full(96, 2.0)), *data.shared[1:])
    bounds = replace(data.bounds, gap=2e-4)  # type: ignore[type-var]
    lamps = {lamp["label"]: lamp for lamp in fleet_facts.lamps(replace(data, shared=missed, bounds=bounds))}
    assert lamps["Shared limits"]["state"] == "bad"
    assert "feeder_01" in lamps["Shared limits"]["words"]
    assert lamps["Gap"]["state"] == "warn"
    assert {lamp["state"] for lamp in fleet_facts.lamps(data)[1:]} == {"ok"}


def test_a_limit_without_a_side_is_not_at_it() -> None:
    used = np.array([1.0, 2.0, 3.0])
    free = np.full(3, np.inf)
    assert fleet_pictures.at_limit(SharedUse("a", "kW", used, -free, free)) == 0
    assert fleet_pictures.at_limit(SharedUse("a", "kW", used, -free, np.array([1.0, 3.0, 3.0]))) == 2
    assert fleet_pictures.at_limit(SharedUse("a", "kW", used, np.ones(3), free)) == 1


def test_worth_counts_hours_of_a_power_and_none_of_a_budget() -> None:
    data = example(5)
    free = np.full(96, np.inf)
    power = SharedUse("p", "kW", np.full(96, 10.0), -free, free, np.full(96, 0.5))
    assert fleet_pictures.worth(data, power) == pytest.approx(10 * 0.5 * 24)
    budget = SharedUse("b", "t", np.array([4.0]), np.array([-np.inf]), np.array([4.0]), np.array([60.0]))
    assert fleet_pictures.worth(data, budget) == 240


def test_the_gap_uses_the_best_bound_so_far() -> None:
    bounds = FleetBounds(
        np.array([-np.inf, 90.0, 80.0, 99.0]), np.array([np.inf, 110.0, 100.0, 100.0]), np.arange(4.0), 0.01
    )
    np.testing.assert_allclose(fleet_pictures.gaps(bounds), [np.nan, 20 / 110, 0.1, 0.01])


def test_every_site_is_in_one_bar() -> None:
    values = np.concatenate([np.random.default_rng(3).normal(0, 1, 997), [1e6, -1e6, math.nan]])
    drawn = fleet_pictures.histogram("t", values, "CNY")
    assert drawn is not None
    counts = [int(box.title.rsplit(": ", 1)[1].split(".")[0].replace("\u202f", "")) for box in drawn.boxes]
    assert sum(counts) == 999
    assert "1 sites are not known" in drawn.about
    flat = fleet_pictures.histogram("t", np.full(5, 3.0), "s")
    assert flat is not None
    assert len(flat.boxes) == 1
    assert fleet_pictures.histogram("t", np.array([math.nan]), "s") is None


def test_very_many_limits_and_reasons_are_summed() -> None:
    data = example(300)
    many = tuple(replace(data.shared[0], name=f"f{k}") for k in range(60))
    table = fleet_facts.limits(replace(data, shared=many))
    assert table is not None
    assert table.rows[-1][0] == "20 others"
    reasons = fleet_facts.reasons(replace(data.sites, reason=tuple(f"reason {k}" for k in range(300))))
    assert reasons is not None
    assert sum(float(row[1] or 0) for row in reasons.rows) == 300
    assert len(fleet_pictures.shared_charts(replace(data, shared=many))) == 6


def test_what_does_not_fit_is_named() -> None:
    data = example(5)
    wrong = replace(data.sites, cost=np.zeros(4), labels={"a": ("x",)}, net_import_kw=np.zeros((5, 3)))
    with pytest.raises(ValueError, match=r"(?s)cost: shape \(4,\).*net_import_kw|label 'a': 1 values"):
        replace(data, sites=wrong)
    with pytest.raises(ValueError, match="its direction says"):
        replace(data, supply=(Line("pv", (-1.0,) * 96),))
    with pytest.raises(ValueError, match="named twice: a"):
        replace(data, sites=replace(data.sites, name=("a", "a", "b", "c", "d")))
    with pytest.raises(ValueError, match="used has"):
        replace(data, shared=(replace(data.shared[0], price=np.zeros(1)),))
    with pytest.raises(ValueError, match="bounds"):
        replace(data, bounds=replace(data.bounds, lower=np.zeros(3)))  # type: ignore[type-var]
    with pytest.raises(ValueError, match="quality: 0 values"):
        replace(data, sites=replace(data.sites, quality=()))
    with pytest.raises(ValueError, match="power of 'pv': 1 values"):
        replace(data, use=(Line("pv", (1.0,)),))


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    with quiet_pages(chromium, tmp_path, ("file:", "blob:")) as open_page:
        yield lambda data, width=1400: open_page(render_fleet(data), width, accept_downloads=True)


@pytest.mark.parametrize("width", [390, 1400])
def test_it_fits_and_draws(opened: Any, width: int) -> None:
    page = opened(example(), width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    drawn = page.evaluate("[...document.querySelectorAll('.plot')].map((p) => p.querySelectorAll('svg path').length)")
    assert len(drawn) == 3
    assert min(drawn) > 3


def test_a_site_is_found_among_ten_thousand(opened: Any) -> None:
    data = example(10_000)
    page = opened(data)
    assert page.evaluate("document.querySelectorAll('*').length") < 8000
    assert page.locator("#site-rows tbody tr").count() == 20
    page.fill("#search", "feeder_03 site_00218")
    page.wait_for_selector("#one:not([hidden])")
    card = page.locator("#one").inner_text()
    assert "site_00218" in card
    assert "rule based" in card
    assert f"{data.sites.import_kwh[218]:,.0f}".replace(",", "\u202f") in card
    assert page.locator("#one svg path").get_attribute("d").count("M") == 1
    assert "1–1 of 1 found" in page.locator("#shown").inner_text()
    page.fill("#search", "no such site")
    page.wait_for_selector("#shown:has-text('0 found')")


def test_the_table_is_ordered_turned_and_saved(opened: Any, tmp_path: Path) -> None:
    data = example()
    page = opened(data)
    cost = data.sites.cost
    order = sorted(range(60), key=lambda k: (not np.isfinite(cost[k]), -cost[k] if np.isfinite(cost[k]) else 0.0))
    names = page.locator("#site-rows tbody th").all_inner_texts()
    assert names == [data.sites.name[k] for k in order[:20]]
    page.click("#after")
    page.click("#after")
    assert page.locator("#after").is_disabled()
    assert page.locator("#site-rows tbody th").all_inner_texts() == [data.sites.name[k] for k in order[40:]]
    page.click("#site-rows thead th:first-child button")
    assert page.locator("#site-rows tbody th").first.inner_text() == "site_00000"
    page.click("#site-rows tbody tr:nth-child(3) button")
    assert page.locator("#one h3").inner_text() == "site_00002"
    with page.expect_download() as download:
        page.click("#sites-csv")
    target = tmp_path / "sites.csv"
    download.value.save_as(target)
    lines = target.read_text("utf-8-sig").splitlines()
    assert len(lines) == 61
    assert json.loads(lines[0].split(",")[1]) == "Cost [CNY]"
    assert lines[8].split(",")[1] == "" or math.isfinite(float(lines[8].split(",")[1]))
