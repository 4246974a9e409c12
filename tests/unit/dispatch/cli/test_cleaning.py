"""Whether cleaning pays, asked at the command line, of a park whose archive holds power, weather and rain."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecasting.archive.store import Store
from tests.unit.dispatch.small_park import PARK, park, write
from tests.unit.dispatch.typed import Run, run
from tests.unit.forecasting.models.solar.test_dirt import dirty

__all__ = ["run"]  # a fixture

ROOF = {"kind": "pv", "name": "roof0", "bus": "main", "peak_kw": 100, "tilt_deg": 30, "azimuth_deg": 180}


@pytest.fixture
def roof(tmp_path: Path) -> Path:
    Store(tmp_path / "held").append(dirty(measured=True))
    where = {"folder": "held", "site": "roof0", "weather": ["roof0"]}
    return write(
        tmp_path, park(assets=[ROOF, *PARK["assets"][1:]], archive=where, latitude_deg=50.0, longitude_deg=9.0)
    )


def test_a_dirty_plant_is_worth_cleaning_where_that_is_cheap(run: Run, roof: Path) -> None:
    cheap = run("cleaning", roof, "--cost", "0.2", "--price", "0.3", "--day", "2023-04-29")
    assert cheap.status == 0, cheap.err
    assert "roof0: Cleaning now pays" in cheap.out
    dear = run("cleaning", roof, "--cost", "500", "--day", "2023-04-29")
    assert dear.status == 0, dear.err
    assert "it never pays back" in dear.out


def test_without_rain_or_plant_it_says_what_lacks(run: Run, tmp_path: Path) -> None:
    ended = run("cleaning", "yizhuang", "--cost", "1")
    assert ended.status != 0
    assert "pv: no precipitation is known" in ended.err
    none = run("cleaning", write(tmp_path, park()), "--cost", "1", "--day", "2024-03-30")
    assert none.status != 0
    assert "no photovoltaic plant" in none.err
