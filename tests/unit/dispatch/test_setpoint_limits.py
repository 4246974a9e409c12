"""What an asset can be told, from its own ratings."""

from __future__ import annotations

import pytest

from dispatch.asset import Asset
from dispatch.setpoint_limits import limits
from tests.parks import battery, grid, load, park, unit


def asset(**fields: object) -> Asset:
    return park(load(), grid(), fields).assets[-1]


@pytest.mark.parametrize(
    ("fields", "quantity", "span", "yes", "no"),
    [
        (battery(charge_kw=80, fast_reserve_kw=10), "charge_kw", "0 to 70", (0, 70), (-1, 70.1)),
        (unit(min_kw=40, max_kw=90), "power_kw", "0, or 40 to 90", (0, 40, 90), (39, 90.1, -1)),
        (unit(min_kw=40, max_kw=90), "on", "0 to 1", (0, 1), (2, -1)),
    ],
)
def test_a_span_holds_what_can_be_followed(
    fields: dict[str, object], quantity: str, span: str, yes: tuple[float, ...], no: tuple[float, ...]
) -> None:
    found = limits(asset(**fields), quantity)
    assert found is not None
    assert str(found) == span
    assert [found.holds(value) for value in yes] == [True] * len(yes)
    assert [found.holds(value) for value in no] == [False] * len(no)


def test_several_machines_can_do_several_times_as_much() -> None:
    wind = asset(kind="wind", name="w", bus="mv", rated_kw=2500, count=3)
    assert str(limits(wind, "power_kw")) == "0 to 7500"


@pytest.mark.parametrize("quantity", ["power_kw", "stored_kwh", "charge"])
def test_what_no_rating_bounds_has_no_span(quantity: str) -> None:
    assert limits(asset(**battery()), quantity) is None
    assert limits(park(load(), grid()).assets[0], quantity) is None
