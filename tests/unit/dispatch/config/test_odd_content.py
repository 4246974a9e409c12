"""What a file may hold and no park has: refused where it stands, before anything is reckoned or written with it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from dispatch.config.park import load_site
from dispatch.errors import ConfigError, Problem
from tests.unit.dispatch.small_park import park, write

STORE = 1
BILLIONS = "a: &a [x, x]\n" + "".join(f"{n}: &{n} [{f'*{p}, ' * 9}]\n" for p, n in pairwise("abcdefghi"))


def problems(path: Path) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1e308, "larger than 1e+12"),
        ("1.1e9 MW", "larger than 1e+12"),
        ("1e13", "larger than 1e+12"),
    ],
)
def test_a_number_that_nothing_can_be_reckoned_with(tmp_path: Path, value: object, message: str) -> None:
    """1e308 is finite, and its square is not."""
    content = park()
    content["assets"][STORE]["charge_kw"] = value
    problem = next(p for p in problems(write(tmp_path, content)) if "reckoned" in p.message)
    assert problem.path == f"assets[{STORE}].charge_kw"
    assert message in problem.message
    assert "(found" in problem.message
    assert "kW" in problem.accepted


def test_the_largest_and_the_smallest_that_are_reckoned_with(tmp_path: Path) -> None:
    content = park()
    content["assets"][STORE] |= {"energy_kwh": "1e6 GWh", "charge_kw": 1e-15}
    store = load_site(write(tmp_path, content)).assets[STORE].model_dump()
    assert (store["energy_kwh"], store["charge_kw"]) == (1e12, 1e-15)


@pytest.mark.parametrize("dust", [1e-320, -2e-16, 9e-16])
def test_what_arithmetic_leaves_of_nothing_is_nothing(tmp_path: Path, dust: float) -> None:
    content = park()
    content["assets"][STORE]["wear_cost_per_kwh"] = dust
    assert load_site(write(tmp_path, content)).assets[STORE].model_dump()["wear_cost_per_kwh"] == 0.0
    content["assets"][STORE]["charge_kw"] = dust
    (problem,) = problems(write(tmp_path, content))
    assert problem.path == f"assets[{STORE}].charge_kw"


def test_aliases_of_aliases_are_not_written_out(tmp_path: Path) -> None:
    """Nine times nine times nine: 200 bytes that stand for 10⁸ values."""
    (problem,) = problems(write(tmp_path, BILLIONS))
    assert problem.message == "its aliases (*name) write out to more than 100000 values"
    assert problem.accepted == "a file without aliases of aliases"


def test_text_that_no_page_can_be_written_with(tmp_path: Path) -> None:
    found = problems(write(tmp_path, 'name: a\ntitle: "\\ud800"\nnotes: [b, "\\udfff"]\n'))
    assert [(p.path, p.line) for p in found] == [("title", 2), ("notes[1]", 3)]
    assert found[0].message == "has half of a surrogate pair in it (found '\\ud800')"


@pytest.mark.parametrize(
    ("planning", "path", "most"),
    [
        ({"issue_before_h": 1e12}, "planning.issue_before_h", "at most 8784"),
        ({"first_steps": [{"hours": 1e9, "minutes": 5}]}, "planning.first_steps[0].hours", "at most 744"),
    ],
)
def test_times_that_no_calendar_has(tmp_path: Path, planning: dict[str, object], path: str, most: str) -> None:
    (problem,) = problems(write(tmp_path, park() | {"planning": planning}))
    assert problem.path == path
    assert most in problem.accepted


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "right/Europe/Berlin", "Europe", "../UTC", "UTC+8"])
def test_a_zone_is_the_same_on_every_machine(tmp_path: Path, zone: str) -> None:
    (problem,) = problems(write(tmp_path, park() | {"time_zone": zone}))
    assert problem.path == "time_zone"
    assert f"'{zone}' is not an IANA time zone" in problem.message
    assert "near: localtime" not in problem.message
