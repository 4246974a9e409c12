"""Mistakes in the shared part of a fleet's file: all at once, each with its place and what is accepted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.errors import ConfigError, ContractError
from dispatch.fleet.shared.kinds import shared_kinds
from dispatch.fleet.shared.model import compiled, quantities_of, read_shared
from dispatch.fleet.shared.plan import plan_shared
from dispatch.fleet.shared.scope import SIZES, Builder, Scope
from tests.unit.dispatch.fleet.shared.sites import connection, hours, member, read, tariff

LIMIT = {"kind": "power_limit", "name": "feeder", "import_kw": 100}


def fleet() -> list[Any]:
    return [member("a", [1], labels={"feeder": "F1", "line": 7}), member("b", [1], labels={"feeder": "F2"})]


def problems(*things: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        read(fleet(), *things)
    return {problem.path: str(problem) for problem in caught.value.problems}


def test_all_mistakes_are_found_at_once() -> None:
    found = problems(
        LIMIT | {"sites": ["a", "bb"], "where": {"feder": "F1", "feeder": "F3"}},
        LIMIT | {"by": "lines", "import_kw": {"7": 3}},
        LIMIT | {"name": "by", "by": "feeder", "import_kw": {"F1": 3, "F4": 4}},
        LIMIT | {"name": "flat", "import_kw": {"F1": 3}},
        {"kind": "movable_work", "name": "w", "by": "feeder", "paths": [{"origin": "a", "destination": "c"}]},
        LIMIT | {"name": "none", "where": {"feeder": "F1", "line": 8}},
    )
    assert set(found) == {
        "shared[0].sites[1]",
        "shared[0].where.feder",
        "shared[0].where.feeder",
        "shared[1].by",
        "shared[1].name",
        "shared[1].import_kw.7",
        "shared[2].import_kw",
        "shared[2].import_kw.F4",
        "shared[3].import_kw",
        "shared[4].by",
        "shared[4].paths[0].destination",
        "shared[5].where.line",
    }
    assert "did you mean 'feeder'?" in found["shared[0].where.feder"]
    assert "one of F1, F2" in found["shared[0].where.feeder"]
    assert "has no number for 'F2'" in found["shared[2].import_kw"]
    assert "shared[0] too" in found["shared[1].name"]


def test_a_thing_about_no_site() -> None:
    assert "is about no site" in problems(LIMIT | {"where": {"feeder": "F2", "line": 7}})["shared[0]"]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ([{"name": "x"}], "shared[0].kind: kind is missing"),
        ([LIMIT | {"kind": "power_limits"}], "did you mean 'power_limit'?"),
        (["feeder"], "shared[0]: is 'feeder'"),
        ({"kind": "power_limit"}, "shared: is a mapping of 1"),
        ([], "shared: is a list of 0"),
        ([LIMIT | {"import_kw": -3}], "shared[0].import_kw"),
        ([LIMIT | {"imports_kw": 3}], "imports_kw"),
        ([{"kind": "power_limit", "name": "x"}], "it limits nothing"),
        ([{"kind": "carbon_zone", "name": "x"}], "it changes nothing"),
        ([{"kind": "movable_work", "name": "x", "latency_max_ms": 3}], "latency_max_ms needs paths"),
        ([{"kind": "park", "name": "x", "connection": connection(), "surplus": "own"}], "goes with surplus_shares"),
        (
            [{"kind": "park", "name": "x", "connection": connection(), "surplus": "own", "surplus_shares": {"a": 0}}],
            "all zero",
        ),
        (
            [
                {
                    "kind": "bid_block",
                    "name": "x",
                    "start": "2024-05-16T03:00+02:00",
                    "end": "2024-05-16T03:00+02:00",
                    "price_per_kwh": 1,
                    "most_kw": 1,
                }
            ],
            "must be after start",
        ),
        (
            [
                {
                    "kind": "bid_block",
                    "name": "x",
                    "start": "2024-05-16T03:00+02:00",
                    "end": "2024-05-16T04:00+02:00",
                    "price_per_kwh": 1,
                    "most_kw": 1,
                    "least_kw": 2,
                }
            ],
            "is above most_kw",
        ),
    ],
)
def test_each_mistake_says_where_it_is(raw: Any, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_shared(raw, ["a"], [{}], "fleet.yaml")
    assert text in str(caught.value)
    assert str(caught.value).startswith("fleet.yaml: ")


def test_labels_are_compared_as_they_are_written() -> None:
    (thing,) = read(fleet(), LIMIT | {"where": {"line": "7"}})
    assert thing.members(["a", "b"], [m.labels for m in fleet()]).tolist() == [True, False]


def test_contracts_of_an_owner_have_no_place_behind_the_park() -> None:
    green = {"name": "sun", "price_per_kwh": 0.1}
    one = member("a", [1], grid=connection(green_power=[green]))
    park = read([one], {"kind": "park", "name": "pcc", "connection": connection("joint")})
    with pytest.raises(ConfigError, match=r"a\.grid\.green_power: has no place behind 'pcc'"):
        plan_shared([one], park, hours(1))


def test_money_of_two_currencies_does_not_add_up() -> None:
    yuan = connection(tariff=tariff() | {"currency": "CNY"})
    mixed = [member("a", [1]), member("b", [1], grid=yuan, currency="CNY")]
    with pytest.raises(ConfigError, match="sites count in CNY, EUR"):
        plan_shared(mixed, read(mixed, LIMIT), hours(1))


def test_two_sites_of_one_name() -> None:
    with pytest.raises(ContractError, match="two sites are called 'a'"):
        plan_shared([member("a", [1]), member("a", [2])], read([member("a", [1])], LIMIT), hours(1))


def test_every_kind_names_quantities_that_there_are() -> None:
    assert len(shared_kinds()) >= 8
    limit, budget = read(fleet(), LIMIT, {"kind": "carbon_budget", "name": "b", "budget_kg": 1, "over": "day"})
    assert quantities_of([budget, limit]) == ("net_import_kw", "co2_day_kg")
    assert set(quantities_of([budget, limit])) <= set(SIZES)


def test_what_the_sites_do_not_have_cannot_be_shared() -> None:
    (limit,) = read(fleet(), LIMIT)
    scope = Scope(hours(1), ("a", "b"), ({}, {}), ("co2_kg",), np.ones(2), np.ones(2), "EUR")
    with pytest.raises(ContractError, match="is about net_import_kw"):
        compiled([limit], scope)
    assert compiled([], scope).coupling.names == ()
    assert Builder(scope).made().coupling.rest.names == ()
