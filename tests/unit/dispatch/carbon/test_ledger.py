"""Ledgers as tables: shapes that fit, names that are unique, rows that add up, and what is left over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from dispatch.carbon.ledger import Content, Ledger, Ledgers, Meter
from dispatch.errors import AlignmentError, DataError
from tests.parks import hours

MILL = Meter("mill", "mill", "load", "main", "electricity", "load")
STORE = Meter("battery", "battery", "battery", "main", "electricity", "store")


def ledger(name: str = "traced", **more: Any) -> Ledger:
    fields: dict[str, Any] = {
        "meters": (MILL, STORE),
        "energy_kwh": np.array([[10.0, 0.0], [5.0, -4.0]]),
        "carbon_kg": np.array([[4.0, 0.0], [2.0, -1.0]]),
        "emitted_kg": np.array([6.5, -1.0]),
    }
    return Ledger(name, "Which carbon is where?", hours(2), **(fields | more))


def test_what_is_left_over_and_what_a_kwh_bears() -> None:
    one = ledger()
    assert one.left_over_kg.tolist() == [0.5, 0.0]
    assert one.residual == pytest.approx(0.5 / ((3.5 + 3.75) / 2))
    assert one.intensity[0, 0] == 0.4
    assert np.isnan(one.intensity[0, 1])
    assert [values.tolist() for values in one.of("battery")] == [[5.0, -4.0], [2.0, -1.0]]
    with pytest.raises(DataError, match="has no meter 'mills'; it has mill, battery"):
        one.of("mills")


def test_a_table_has_a_row_for_each_meter_and_step_with_utc_starts() -> None:
    rows = list(Ledgers((ledger(), ledger("market"))).rows())
    assert len(rows) == 8
    assert rows[0] == {
        "ledger": "traced", "meter": "mill", "asset": "mill", "role": "load", "carrier": "electricity", "bus": "main",
        "start": datetime(2024, 3, 1, tzinfo=UTC), "hours": 1.0, "energy_kwh": 10.0, "carbon_kg": 4.0,
        "intensity_kg_per_kwh": 0.4,
    }  # fmt: skip
    assert rows[1]["intensity_kg_per_kwh"] is None, "no energy has no intensity"
    assert [row["ledger"] for row in rows] == ["traced"] * 4 + ["market"] * 4
    assert [row["meter"] for row in rows[:4]] == ["mill", "mill", "battery", "battery"]


def test_units_stand_in_the_table() -> None:
    fields = ledger().to_arrow().schema
    assert fields.field("carbon_kg").metadata == {b"unit": b"kg"}
    assert fields.field("intensity_kg_per_kwh").metadata == {b"unit": b"kg/kWh"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"energy_kwh": np.zeros((2, 3))}, r"energy_kwh is \(2, 3\); accepted: \(2, 2\)"),
        ({"carbon_kg": np.zeros((1, 2))}, r"carbon_kg is \(1, 2\)"),
        ({"emitted_kg": np.zeros(3)}, "emitted_kg has 3 steps, the horizon has 2"),
    ],
)
def test_shapes_that_do_not_fit_are_told(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(AlignmentError, match=told):
        ledger(**fields)


def test_names_are_unique_and_horizons_the_same() -> None:
    with pytest.raises(DataError, match="two meters are called 'mill'"):
        ledger(meters=(MILL, MILL))
    with pytest.raises(DataError, match="two ledgers have one name: traced, traced"):
        Ledgers((ledger(), ledger()))
    later = Ledger("later", "", hours(2, "2025-01-01T00:00"), (), np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(2))
    with pytest.raises(AlignmentError, match="'later' has other steps than 'traced'"):
        Ledgers((ledger(), later))
    with pytest.raises(DataError, match="role 'lode'; accepted: load, export"):
        Meter("mill", "mill", "load", "main", "electricity", "lode")  # type: ignore[arg-type]


def test_ledgers_are_found_by_name_and_joined() -> None:
    both = Ledgers((ledger(),)).joined(ledger("market"))
    assert len(both) == 2
    assert [one.name for one in both] == ["traced", "market"]
    assert both["market"].name == "market"
    with pytest.raises(DataError, match="no ledger 'game'; there are traced, market"):
        both["game"]


def test_a_store_that_runs_empty_has_no_intensity() -> None:
    content = Content(np.array([10.0, 0.0]), np.array([2.0, 0.0]))
    assert content.kg_per_kwh[0] == 0.2
    assert np.isnan(content.kg_per_kwh[1])
