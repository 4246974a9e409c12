"""Several grid connections inside one meshed network: which of them power takes is not the plan's to decide."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.config.divided import division_warning
from dispatch.presentation.findings import findings
from tests.parks import given, grid, hours, load, park
from tests.unit.dispatch.planned import planned

BUSES = [{"name": name} for name in ("main", "far", "end")]
SECOND = grid() | {"name": "second", "bus": "far"}
CABLE: dict[str, Any] = {"kind": "cable", "name": "tie", "bus": "main", "far_bus": "far", "rating_kw": 100}
ON_NETWORK = {
    "network": "pandapower:create_cigre_network_mv",
    "bus_of": {"main": "Bus 1", "far": "Bus 2", "end": "Bus 3"},
}


@pytest.mark.parametrize(
    ("more", "fields", "told"),
    [
        ((SECOND, CABLE), {}, True),
        ((SECOND,), {"grid": ON_NETWORK}, True),
        ((SECOND,), {}, False),
        ((SECOND, CABLE | {"far_bus": "end"}), {}, False),
        ((SECOND | {"bus": "main"}, CABLE), {}, False),
        ((CABLE,), {"grid": ON_NETWORK}, False),
    ],
)
def test_connections_that_are_joined_inside_the_park_are_named(
    more: tuple[dict[str, Any], ...], fields: dict[str, Any], told: bool
) -> None:
    site = park(grid(), load(), *more, buses=BUSES, **fields)
    warning = division_warning(site)
    assert (warning is not None) == told
    if warning is not None:
        assert warning.startswith(f"connections {grid()['name']}, second are joined inside the park")


def test_a_plan_says_so() -> None:
    site = park(grid(), load(), SECOND, CABLE, buses=BUSES)
    plan = planned(site, given(site, hours(1), {("load", "demand_kw"): 1.0}))
    assert any(f.severity == "warning" and "second are joined inside the park" in f.text for f in findings(plan))
