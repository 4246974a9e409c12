"""Plans as Arrow tables: every column with its unit, the schedule's own numbers, nothing internal, the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from dispatch.tables import published, rounded, schedule_table, write
from tests.parks import battery, given, grid, hours, load, park, tariff, unit

HIDDEN = {"switch", "above_min_kw", "committed", "started", "stopped", "peak_kw", "added_peak_kw", "short_kwh"}


def problem(steps: int = 6, scenarios: int = 1) -> Problem:
    pump = {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "heat", "electric_kw": 50}
    wind = {"kind": "wind", "name": "wind", "bus": "main", "rated_kw": 80}
    site = park(
        load(),
        load("second"),
        load("radiators", bus="heat"),
        pump,
        wind,
        grid(export_kw=20, tariff=tariff(0.2, 0.05, demand=3.0)),
        battery(),
        unit(min_kw=10),
    )
    random = np.random.default_rng(3)
    asked = {
        (name, "demand_kw"): random.uniform(10, 90, (scenarios, steps)) for name in ("load", "second", "radiators")
    }
    asked["wind", "available_kw"] = random.uniform(0, 80, (scenarios, steps))
    return Problem(site, given(site, hours(steps), asked, scenarios=scenarios))


@pytest.fixture(scope="module")
def schedule() -> Schedule:
    return solve(problem(scenarios=3))


def test_every_column_has_the_unit_its_name_ends_in(schedule: Schedule):
    table = schedule_table(schedule, "EUR")
    units = {field.name: field.metadata[b"unit"].decode() for field in table.schema}
    assert units["start"] == "UTC"
    assert units["step_h"] == "h"
    assert units["main.local_price_per_kwh"] == "EUR/kWh"
    assert units["unit.on"] == "1"
    assert units["battery.stored_kwh"] == "kWh"
    for name, unit_name in units.items():
        expected = {"kw": "kW", "kwh": "EUR/kWh" if "per_kwh" in name else "kWh"}.get(name.rsplit("_", maxsplit=1)[-1])
        assert expected in (None, unit_name), name


def test_columns_are_the_schedule_itself(schedule: Schedule):
    table = schedule_table(schedule, "EUR")
    assert table["start"].type == pa.timestamp("s", tz="UTC")
    starts = table["start"].to_numpy().astype("datetime64[s]")
    np.testing.assert_array_equal(starts, schedule.inputs.horizon.edges[:-1])
    np.testing.assert_array_equal(table["step_h"], schedule.inputs.horizon.hours)
    named = [name for name in table.column_names if "." in name and "local_price" not in name]
    assert len(named) > 15
    for name in named:
        np.testing.assert_array_equal(table[name], schedule.asset(*name.split(".")), err_msg=name)
    assert schedule.price_per_kwh is not None
    for index, bus in enumerate(("main", "heat", "cold")):
        np.testing.assert_array_equal(table[f"{bus}.local_price_per_kwh"], schedule.price_per_kwh[0, index])


@pytest.mark.parametrize("steps", [1, 2, 6])
def test_nothing_internal_is_published_however_short_the_horizon(steps: int):
    # Two billing periods in a horizon of two steps look like a series by step.
    found = published(solve(problem(steps)))
    assert {name.split(".")[1] for name in found} & HIDDEN == set()
    assert {name.split(".")[0] for name in found} == {
        "load",
        "second",
        "radiators",
        "pump",
        "wind",
        "pcc",
        "battery",
        "unit",
    }
    assert all(values.shape == (steps,) for values in found.values())


def test_a_schedule_without_a_solver_has_no_local_prices():
    table = schedule_table(rule_based(problem()), "EUR")
    assert not any("local_price" in name for name in table.column_names)


def test_a_file_gives_back_table_and_units_and_is_the_same_twice(schedule: Schedule, tmp_path: Path):
    table = schedule_table(schedule, "EUR")
    write(table, tmp_path / "one.parquet")
    write(schedule_table(solve(problem(scenarios=3)), "EUR"), tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    read = pq.read_table(tmp_path / "one.parquet")
    # Parquet knows no timestamps in seconds: they come back in milliseconds.
    assert read.cast(table.schema).equals(table)
    assert read.schema.field("pcc.import_kw").metadata[b"unit"] == b"kW"


def test_rounding_keeps_gaps_and_has_no_minus_zero():
    assert str(rounded(np.array([-1e-9, 1.23456, np.nan]))) == "(0.0, 1.2346, nan)"
