"""What a park's file may say of its network: limits are shares of the nominal, bands the right way up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dispatch.config.park import load_site
from dispatch.errors import ConfigError
from tests.unit.dispatch.small_park import park, write

GRID = {"network": "pandapower:create_cigre_network_mv", "bus_of": {"main": "Bus 1"}}


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"voltage_max_pu": 105}, "grid.voltage_max_pu", "is too large (found 105)"),
        ({"voltage_min_pu": 1.05, "voltage_max_pu": 0.95}, "grid", "voltage_min_pu 1.05 is not below voltage_max_pu"),
        ({"contingencies": {"branches": ["a"], "loading_max_pu": 120}}, "grid.contingencies.loading_max_pu", "120"),
        ({"contingencies": {"branches": ["a", "b", "a"]}}, "grid.contingencies", "'a' is named twice"),
        (
            {"contingencies": {"branches": ["a"], "voltage_min_pu": 1.1, "voltage_max_pu": 1.0}},
            "grid.contingencies",
            "voltage_min_pu 1.1 is not below voltage_max_pu 1",
        ),
        ({"tap_changers": [{"transformer": "T", "voltage_max_pu": 10.5}]}, "grid.tap_changers[0].voltage_max_pu", "10"),
    ],
)
def test_limits_on_the_network_are_shares_and_bands(
    tmp_path: Path, fields: dict[str, Any], path: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_site(write(tmp_path, park(grid=GRID | fields)))
    (problem,) = caught.value.problems
    assert problem.path == path
    assert message in problem.message
