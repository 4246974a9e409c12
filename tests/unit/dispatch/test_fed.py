"""Prices and intensities that come from the archive: units, what is known when, and how they reach a problem."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dispatch import fed
from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.errors import ConfigError, DataError
from dispatch.fed import Spans
from dispatch.fields.series import Feed, feed_unit, signal_values
from dispatch.planning.fetched import Reader, Said, settled
from dispatch.planning.outlook import known_inputs, look_ahead, place_of, targets_to_learn
from dispatch.problem import Problem
from dispatch.signals import Array, Horizon
from dispatch.solve import solve
from dispatch.sources import gather
from forecasting.archive import Archive
from forecasting.keeping import ladder_for
from tests.parks import grid, hours, load, park
from tests.unit.dispatch.fed_park import (
    DAY,
    GRAMS,
    INTENSITY,
    ISSUED,
    PRICE,
    PRICES,
    PUBLISHED,
    START,
    content,
    ends,
    fetched,
    held,
)
from tests.unit.dispatch.small_park import write

AFTER = datetime.fromisoformat("2024-03-29T17:00+00:00")
BEFORE = datetime.fromisoformat("2024-03-29T11:59+00:00")


def fed_grid(**price: Any) -> dict[str, Any]:
    component = {"name": "market", "basis": "energy", "price_per_kwh": {"feed": PRICE} | price, "source": "test"}
    return grid(
        tariff={"name": "t", "currency": "EUR", "components": [component]},
        carbon_intensity_kg_per_kwh={"feed": INTENSITY},
    )


# --------------------------------------------------------------------------------------------------------------- units


@pytest.mark.parametrize(
    ("name", "kind", "scale", "currency"),
    [
        ("day_ahead_price_eur_per_mwh", "price", 1e-3, "EUR"),
        ("own_cny_per_kwh", "price", 1.0, "CNY"),
        ("carbon_intensity_g_per_kwh", "intensity", 1e-3, None),
        ("x_kg_per_mwh", "intensity", 1e-3, None),
        ("x_kg_per_kwh", "intensity", 1.0, None),
        ("x_t_per_mwh", "intensity", 1.0, None),
    ],
)
def test_the_end_of_a_name_is_its_unit(name: str, kind: str, scale: float, currency: str | None) -> None:
    unit = feed_unit(name)
    assert (unit.kind, unit.scale, unit.currency) == (kind, scale, currency)


@pytest.mark.parametrize("name", ["price", "carbon_intensity", "kwh", "price_eur", "load_kw"])
def test_a_name_without_a_unit_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="does not end in its unit, like day_ahead_price_eur_per_mwh"):
        feed_unit(name)


def test_values_are_changed_to_the_fields_unit() -> None:
    site = park(load(), fed_grid(exchange_rate=7.8))
    assert set(fed.feeds(site)) == {PRICE, INTENSITY}
    horizon = hours(2)
    spans = {
        PRICE: Spans.steps(horizon, np.array([50.0, -10.0])),
        INTENSITY: Spans.steps(horizon, np.array([300.0, 0])),
    }
    known = fed.filled(site, spans).known_series(horizon)
    np.testing.assert_allclose(known["pcc", "import_price_per_kwh"], [[0.39, -0.078]])
    np.testing.assert_allclose(known["pcc", "carbon_intensity_kg_per_kwh"], [[0.3, 0.0]])
    with pytest.raises(DataError, match=f"the feed '{PRICE}' has not been read; only a plan reads it"):
        site.known_series(horizon)


def test_the_last_resort_of_a_series_is_the_same_wherever_it_is_read() -> None:
    without, with_it = Feed(feed=PRICE), Feed(feed=PRICE, otherwise=0.1)
    assert fed.feeds((without, with_it))[PRICE] is with_it
    assert fed.feeds((with_it, without))[PRICE] is with_it


# ------------------------------------------------------------------------------------------------------ what was known


def reader(archive: Archive, moment: datetime | None = AFTER, **pcc: Any) -> Reader:
    fields = {"name": "small", "time_zone": "Europe/Berlin", "planning": {"step_minutes": 60}}
    return Reader(park(load(), fed_grid(**pcc), **fields), archive, moment)


def test_a_price_is_a_fact_once_it_is_published_and_not_before() -> None:
    archive = fetched()
    known = reader(archive).said(PRICE, DAY)
    np.testing.assert_allclose(known.fact, PRICES)
    assert np.isnan(known.ahead).all()
    assert np.isnan(reader(archive, BEFORE).said(PRICE, DAY).fact).all()


def test_what_was_published_last_counts() -> None:
    later = PUBLISHED + pd.Timedelta("1h")
    archive = fetched().with_forecast("small", PRICE, later, later, ends(START, 24), PRICES + 7)
    np.testing.assert_allclose(reader(archive).said(PRICE, DAY).fact, PRICES + 7)


def test_finer_values_are_averaged_over_a_step_and_a_part_of_a_step_is_not_known() -> None:
    quarters = pd.date_range(START + pd.Timedelta("15min"), periods=95, freq="15min")
    archive = Archive.empty().with_forecast("small", PRICE, PUBLISHED, PUBLISHED, quarters, np.arange(95.0))
    fact = reader(archive).said(PRICE, DAY).fact
    np.testing.assert_allclose(fact[:23], np.arange(23) * 4 + 1.5)
    assert np.isnan(fact[23])


def test_a_measured_intensity_is_a_fact_and_one_that_a_service_forecasts_is_not() -> None:
    archive = fetched(days_measured=2)
    late = reader(archive, None).said(INTENSITY, DAY)
    assert np.isfinite(late.fact).all()
    known = reader(archive).said(INTENSITY, DAY)
    assert np.isnan(known.fact).all()
    np.testing.assert_allclose(known.ahead, GRAMS)
    np.testing.assert_allclose(known.known, GRAMS)


def test_own_paths_are_moved_to_what_is_known_better() -> None:
    nan = np.nan
    said = Said(np.array([5.0, nan, nan]), np.array([9.0, 20.0, nan]))
    paths = np.array([[1.0, 2.0, 3.0], [1.0, 5.0, 7.0], [1.0, -30.0, -2.0]])
    np.testing.assert_allclose(said.over(paths, 0.0), [[5, 20, 3], [5, 23, 7], [5, 0, 0]])
    np.testing.assert_allclose(said.over(paths, -np.inf)[2], [5, -12, -2])


def test_what_nobody_knows_is_an_error_with_its_hours_and_what_to_do() -> None:
    says = (
        rf"feed '{PRICE}': nothing is known of 2024-03-30 20:00 to 2024-03-31 00:00 \(4 of 24 steps\), .*"
        r"run 'parkwatt fetch', or write 'otherwise'.*The archive knew small/carbon_intensity_g_per_kwh, small/day"
    )
    with pytest.raises(DataError, match=says):
        reader(fetched(price_hours=20)).fetched(DAY, None, 0)


def test_what_the_file_says_to_take_otherwise_is_taken_and_told() -> None:
    found = reader(fetched(price_hours=20), otherwise=0.12).fetched(DAY, None, 2)
    assert found.paths[PRICE].shape == (3, 24)
    np.testing.assert_allclose(found.paths[PRICE][:, :20], np.tile(PRICES[:20], (3, 1)))
    np.testing.assert_allclose(found.paths[PRICE][:, 20:], 120.0)
    (note,) = found.notes
    assert note.startswith(f"{PRICE}: nothing was known at 2024-03-30 20:00 to 2024-03-31 00:00, so 0.12 stands in")


def test_nothing_at_all_is_never_zero() -> None:
    with pytest.raises(DataError, match=r"\(24 of 24 steps\).*The archive knew nothing"):
        reader(Archive.empty()).fetched(DAY, None, 0)


def test_days_before_are_filled_in_too_and_only_as_they_were_known() -> None:
    first = START - pd.Timedelta("1d")
    known = PUBLISHED - pd.Timedelta("1d")
    archive = fetched().with_forecast("small", PRICE, known, known, ends(first, 24), PRICES - 20)
    site = reader(archive).fetched(DAY, None, 0).site
    yesterday = Horizon.local_day(datetime(2024, 3, 29).date(), "Europe/Berlin", 60)  # noqa: DTZ001 - a date
    starts = yesterday.local_start, yesterday.local_end
    component: Any = site.assets[1]
    feed = component.tariff.components[0].price_per_kwh
    np.testing.assert_allclose(signal_values(feed, *starts, "price"), (PRICES - 20) / 1000)
    before = Horizon.local_day(datetime(2024, 3, 28).date(), "Europe/Berlin", 60)  # noqa: DTZ001 - a date
    with pytest.raises(DataError, match="is unknown at 2024-03-28"):
        signal_values(feed, before.local_start, before.local_end, "price")


# ------------------------------------------------------------------------------------------------------------ problems


def scenarios(prices: Array, demand: float = 10.0) -> tuple[Any, Inputs]:
    """A load and a connection whose price differs from scenario to scenario."""
    site, horizon = park(load(), fed_grid()), hours(prices.shape[1])
    paths = {PRICE: prices, INTENSITY: np.full(prices.shape, 250.0)}
    series = fed.series(site.assets, horizon, paths)
    wanted = {("load", "demand_kw"): np.full((len(prices), horizon.steps), demand)}
    return site, Inputs(horizon, len(prices), wanted | series)


def test_each_scenario_pays_its_own_price_and_the_audit_counts_it() -> None:
    prices = np.array([[50.0, 60.0], [10.0, -20.0], [90.0, 300.0]])
    site, inputs = scenarios(prices)
    made = solve(Problem(site, inputs))
    np.testing.assert_allclose(made.money, prices.sum(axis=1) * 10 / 1000, atol=1e-6)
    np.testing.assert_allclose(made.co2_kg, 5.0, atol=1e-6)
    assert audit(made).passed


def test_the_audit_finds_a_price_that_is_not_the_feeds() -> None:
    site, inputs = scenarios(np.array([[50.0, 60.0], [100.0, -20.0]]), demand=1000.0)
    wrong = dict(inputs.series)
    wrong["pcc", "import_price_per_kwh"] = wrong["pcc", "import_price_per_kwh"] * np.array([[1.0], [1.1]])
    found = audit(solve(Problem(site, replace(inputs, series=wrong))))
    assert not found.passed
    assert any("money" in str(violation) for violation in found.violations)


# --------------------------------------------------------------------------------------------------------- park files


def only(path: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        load_site(path)
    (problem,) = refused.value.problems
    return str(problem)


def test_feed_alone_means_what_fetch_brings(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, content()))
    assert set(fed.feeds(site)) == {PRICE, INTENSITY}


def test_a_feed_may_fall_back_on_a_factor_by_name(tmp_path: Path) -> None:
    named = {"feed": INTENSITY, "otherwise": "cn_fossil_2023"}
    feed = fed.feeds(load_site(write(tmp_path, content(intensity=named))))[INTENSITY]
    assert feed.fallback == 0.8273


def test_what_a_feed_cannot_be_is_refused_with_its_place(tmp_path: Path) -> None:
    where = r"assets[2].tariff.components[0].price_per_kwh"
    text = only(write(tmp_path, content(price={"feed": "day_ahead_price_cny_per_mwh"})))
    assert text.startswith(f"{where}.feed")
    assert "is in CNY, this park counts in EUR" in text
    assert "exchange_rate (EUR per CNY)" in text
    load_site(write(tmp_path, content(price={"feed": "day_ahead_price_cny_per_mwh", "exchange_rate": 0.13})))
    assert "does not end in its unit" in only(write(tmp_path, content(price={"feed": "spot"})))
    assert "is carbon per energy, which does not fit here" in only(write(tmp_path, content(price={"feed": INTENSITY})))
    assert "a price is a number" in only(
        write(tmp_path, content(price={"feed": PRICE, "otherwise": {"kg_per_kwh": 1, "source": "s"}}))
    )
    rated = {"feed": INTENSITY, "exchange_rate": 2}
    assert "carbon is no money" in only(write(tmp_path, content(intensity=rated)))
    assert "is read from the archive" in only(write(tmp_path, content(price={"feed": PRICE, "values": [1.0]})))
    assert "is read from the archive" in only(write(tmp_path, content(intensity={"feed": INTENSITY, "values": [1]})))
    bare = content()
    del bare["archive"]
    text = only(write(tmp_path, bare))
    assert text.startswith("archive: is missing: feed")
    assert "parkwatt fetch" in text


# ------------------------------------------------------------------------------------------------------------- outlook


def test_published_prices_are_alike_in_all_scenarios_and_carbon_spreads_around_the_service(tmp_path: Path) -> None:
    archive = fetched(days_measured=30)
    path = held(tmp_path, archive)
    made = look_ahead(_without_load(load_site(path)), DAY, archive, ISSUED.to_pydatetime())
    price = made.inputs.series["pcc", "import_price_per_kwh"]
    assert price.shape == (3, 24)
    np.testing.assert_allclose(price, np.tile(PRICES / 1000 + 0.08, (3, 1)))
    carbon = made.inputs.series["pcc", "carbon_intensity_kg_per_kwh"]
    np.testing.assert_allclose(carbon[0], GRAMS / 1000)
    spread = np.abs(carbon[1:] - carbon[0])
    assert 0.002 < spread.mean() < 0.06
    assert (carbon >= 0).all()
    assert made.forecast is not None
    assert made.forecast.units[INTENSITY] == "g/kWh"
    # What is shown and written is what the plan was made on.
    np.testing.assert_allclose(made.forecast.central[INTENSITY], GRAMS)
    np.testing.assert_allclose(made.forecast.scenarios[INTENSITY] / 1000, carbon[1:])
    middle = made.forecast.quantiles[INTENSITY][:, list(made.forecast.levels).index(0.5)]
    assert np.abs(middle - GRAMS).mean() < 10


def _without_load(site: Any) -> Any:
    return site.model_copy(update={"assets": site.assets[1:]})


def test_a_model_that_has_learnt_of_what_is_fetched_says_what_one_would_that_learns_now(tmp_path: Path) -> None:
    archive = fetched(days_measured=30)
    site, issue = _without_load(load_site(held(tmp_path, archive))), ISSUED.to_pydatetime()
    targets = targets_to_learn(site, DAY, archive, issue)
    assert [target.name for target in targets] == [INTENSITY]  # prices are published
    edges_ns = DAY.edges.astype("datetime64[ns]").astype(np.int64)
    learnt, _ = ladder_for(tmp_path / "models", targets, place_of(site), archive.as_of(ISSUED), edges_ns)
    fresh, asked = (look_ahead(site, DAY, archive, issue, model=model) for model in (None, learnt))
    key = ("pcc", "carbon_intensity_kg_per_kwh")
    np.testing.assert_array_equal(asked.inputs.series[key], fresh.inputs.series[key])
    assert asked.inputs.scenarios == 3
    nowhere = site.model_copy(update={"latitude_deg": None, "longitude_deg": None})
    assert targets_to_learn(nowhere, DAY, archive, issue) == ()


def test_without_a_past_a_service_is_taken_as_it_is(tmp_path: Path) -> None:
    archive = fetched()
    made = look_ahead(_without_load(load_site(held(tmp_path, archive))), DAY, archive, ISSUED.to_pydatetime())
    assert made.forecast is None
    assert made.inputs.scenarios == 1
    np.testing.assert_allclose(made.inputs.series["pcc", "carbon_intensity_kg_per_kwh"], [GRAMS / 1000])


def test_what_is_marginal_is_estimated_from_the_mix_in_the_archive(tmp_path: Path) -> None:
    hours_known = ends(START - pd.Timedelta(days=20), 24 * 20 - 8)
    moved = np.random.default_rng(2).normal(0, 500, hours_known.size)
    gas, nuclear = 20_000 + moved, np.full(hours_known.size, 9_000.0)
    archive = fetched()
    grams = (gas * 450 + nuclear * 12) / (gas + nuclear)
    for name, values in (("generation_gas_mw", gas), ("generation_nuclear_mw", nuclear), (INTENSITY, grams)):
        archive = archive.with_measurements("small", name, hours_known, values, pd.Timedelta("30min"))
    made = content()
    made["assets"][2]["marginal_intensity_kg_per_kwh"] = "feed"
    path = held(tmp_path, archive)
    write(tmp_path, made)
    site = load_site(path)
    sources = gather(site, DAY, tmp_path, with_network=False)
    assert "archive:small/generation_gas_mw" in sources.hashes
    outlook = look_ahead(_without_load(site), DAY, sources.archive, ISSUED.to_pydatetime())
    marginal = outlook.inputs.series["pcc", "marginal_intensity_kg_per_kwh"]
    assert marginal.shape == (3, 24)
    np.testing.assert_allclose(marginal, 0.45, rtol=1e-6)
    assert outlook.forecast is not None
    assert any("published nowhere" in note for note in outlook.forecast.notes)


def test_a_site_is_settled_on_what_came(tmp_path: Path) -> None:
    archive = fetched(days_measured=3)
    site = _without_load(load_site(held(tmp_path, archive)))
    came = settled(site, DAY, archive)
    carbon = came.known_series(DAY)["pcc", "carbon_intensity_kg_per_kwh"]
    assert np.abs(carbon - GRAMS / 1000).mean() > 1e-3
    other = known_inputs(came, DAY, {}, {INTENSITY: np.full(24, 100.0)})
    np.testing.assert_allclose(other.series["pcc", "carbon_intensity_kg_per_kwh"], 0.1)
    np.testing.assert_allclose(other.series["pcc", "import_price_per_kwh"][0], PRICES / 1000 + 0.08)
    assert settled(park(load(), grid()), DAY, archive) is not None
