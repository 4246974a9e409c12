"""The carbon block and carbon wishes of a park's file: what may be written, and what is said of a mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dispatch.config.park import load_site
from dispatch.errors import ConfigError, DataError, Problem
from dispatch.problem import Problem as Compiled
from dispatch.site import schema
from tests.parks import given, grid, hours, load, unit
from tests.parks import park as site_of
from tests.unit.dispatch.small_park import park, write

TRADING = {"buy_price_per_t": 90.0, "sell_price_per_t": 80.0}


def found(tmp_path: Path, **content: Any) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load_site(write(tmp_path, park(**content)))
    return list(caught.value.problems)


def test_quantities_are_read_with_their_units(tmp_path: Path) -> None:
    carbon = {
        "quota": {
            "free_t": "1.5 kt",
            "emitted_to_date_t": "900 kg",
            "trading": {"buy_price_per_t": "0.09 EUR/kg", "sell_price_per_t": 80},
            "offsets": {"price_per_t": 60},
        },
        "certificates": {"held_mwh": "2 GWh", "sell_price_per_mwh": "5 EUR/MWh"},
    }
    wishes = [{"emissions_max_t": "500 kg", "over": "day"}, {"carbon_free_min": 0.8}]
    site = load_site(write(tmp_path, park(carbon=carbon, wishes=wishes)))
    assert site.carbon.quota is not None
    assert site.carbon.certificates is not None
    assert (site.carbon.quota.free_t, site.carbon.quota.emitted_to_date_t) == (1500.0, 0.9)
    assert site.carbon.quota.trading is not None
    assert site.carbon.quota.trading.buy_price_per_t == pytest.approx(90.0)
    assert site.carbon.certificates.held_mwh == 2000.0
    assert site.wishes[0].model_dump()["emissions_max_t"] == 0.5


def test_money_of_another_currency_is_refused(tmp_path: Path) -> None:
    carbon = {"quota": {"free_t": 1, "trading": {"buy_price_per_t": "90 CNY/t"}}}
    (problem,) = found(tmp_path, carbon=carbon)
    assert problem.path == "carbon.quota.trading.buy_price_per_t"
    assert "CNY" in problem.message


@pytest.mark.parametrize(
    ("carbon", "path", "message", "accepted"),
    [
        ({"quota": {"free_t": -1, "trading": TRADING}}, "carbon.quota.free_t", "is too small (found -1)", "0 or more"),
        ({"quota": {"trading": TRADING}}, "carbon.quota.free_t", "is missing", "free allowances of the period"),
        ({"quota": {"free_t": 1}}, "carbon.quota", "one price of emissions: trading or steps (found neither)", ""),
        (
            {"quota": {"free_t": 1, "trading": TRADING, "steps": {"price_per_t": 1, "interval_t": 1}}},
            "carbon.quota",
            "trading or steps (found both)",
            "",
        ),
        (
            {"quota": {"free_t": 1, "per": "week", "trading": TRADING}},
            "carbon.quota.per",
            "'week'",
            "horizon, month, year",
        ),
        (
            {"quota": {"free_t": 1, "per": "horizon", "emitted_to_date_t": 1, "trading": TRADING}},
            "carbon.quota",
            "emitted_to_date_t bears on nothing",
            "",
        ),
        (
            {"quota": {"free_t": 1, "trading": {"buy_price_per_t": 10, "sell_price_per_t": 20}}},
            "carbon.quota.trading",
            "sell_price_per_t 20 is above buy_price_per_t 10",
            "",
        ),
        (
            {"quota": {"free_t": 1, "steps": {"price_per_t": 1, "interval_t": 0}}},
            "carbon.quota.steps.interval_t",
            "is too small (found 0)",
            "above 0",
        ),
        (
            {"quota": {"free_t": 1, "trading": TRADING, "ofsets": {"price_per_t": 1}}},
            "carbon.quota.ofsets",
            "is not a known field",
            "did you mean 'offsets'",
        ),
        ({"certificates": {"buy_price_per_mwh": 1, "sell_price_per_mwh": 2}}, "carbon.certificates", "is above", ""),
        ({"certificates": {"offset_t_per_mwh": 0.5}}, "carbon", "offset_t_per_mwh bears on nothing", ""),
        (
            {"certificates": {"issued_by": ["hall", "rof"]}},
            "carbon.certificates.issued_by[1]",
            "'rof'",
            "hall, store, pcc",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_would_be_accepted(
    tmp_path: Path, carbon: dict[str, Any], path: str, message: str, accepted: str
) -> None:
    (problem,) = found(tmp_path, carbon=carbon)
    assert problem.path == path
    assert message in problem.message
    assert accepted in problem.accepted


def test_nothing_is_issued_for_what_burns_fuel_unless_its_file_says_that_it_is_clean(tmp_path: Path) -> None:
    engine = {"kind": "thermal", "name": "engine", "bus": "main", "max_kw": 5, "cost_per_kwh": 0.2}
    carbon = {"certificates": {"issued_by": ["engine"]}}
    for clean, problems in (({}, 1), ({"clean": False}, 1), ({"clean": True}, 0)):
        content = park(carbon=carbon)
        content["assets"].append(engine | clean)
        try:
            load_site(write(tmp_path, content))
            said = []
        except ConfigError as error:
            said = [problem for problem in error.problems if "'engine' is not clean" in problem.message]
        assert len(said) == problems


@pytest.mark.parametrize(
    ("wish", "path", "message"),
    [
        ({"emissions_max_t": -1}, "wishes[0].emissions_max_t", "is too small"),
        ({"emissions_max_t": 1, "over": "week"}, "wishes[0].over", "is not known"),
        ({"emissions_max_t": 1, "covers": "scope3"}, "wishes[0].covers", "is not known"),
        ({"carbon_free_min": 1.2}, "wishes[0].carbon_free_min", "is too large"),
        ({"emissions_max_t_per_tce": "much"}, "wishes[0].emissions_max_t_per_tce", "is not a number"),
    ],
)
def test_a_wish_that_is_none_is_named(tmp_path: Path, wish: dict[str, Any], path: str, message: str) -> None:
    (problem,) = found(tmp_path, wishes=[wish])
    assert problem.path == path
    assert message in problem.message


def test_several_mistakes_are_named_at_once(tmp_path: Path) -> None:
    carbon = {"quota": {"free_t": "2 kg/t", "trading": {"buy_price_per_t": -1}}}
    assert {p.path for p in found(tmp_path, carbon=carbon, wishes=[{"carbon_free_min": -1}])} == {
        "carbon.quota.free_t",
        "carbon.quota.trading.buy_price_per_t",
        "wishes[0].carbon_free_min",
    }


def test_an_issuer_that_generates_nothing_is_refused_by_name() -> None:
    site = site_of(load(), grid(), unit(clean=True), carbon={"certificates": {"issued_by": ["load"]}})
    with pytest.raises(DataError, match=r"issued_by: 'load' generates no electricity; accepted: unit"):
        Compiled(site, given(site, hours(1), {("load", "demand_kw"): 1.0}))


def test_the_schema_shows_the_fields_to_an_editor() -> None:
    made = schema()["$defs"]
    assert {"free_t", "per", "trading", "steps", "offsets"} <= set(made["Quota"]["properties"])
    assert {"emissions_max_t", "penalty_per_t"} <= set(made["EmissionsWish"]["properties"])
    assert {"type": "string"} in made["EmissionsWish"]["properties"]["emissions_max_t"]["anyOf"]
    assert "carbon_free_fraction" in made["GridConnection"]["properties"]
    assert "unmatched_price_per_kwh" in made["Objective"]["properties"]
