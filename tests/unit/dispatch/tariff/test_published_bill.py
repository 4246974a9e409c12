"""A published year's bill, to the cent: DER-VET's commercial bill reduction case (BSD-3), demand charge every month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pc
import pytest

from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff


@pytest.fixture(scope="module")
def year(shared: Path) -> dict[str, np.ndarray]:
    table = pc.read_csv(shared / "data" / "dervet_bill" / "timeseries.csv.gz")
    return {name: table[name].to_numpy() for name in table.column_names[1:]}


def solved(year: dict[str, np.ndarray], *plant: dict[str, Any]) -> Schedule:
    site = park(load(), grid(import_kw=1e5, tariff=tariff(0.0, demand=7.016)), *plant)
    series = {
        ("load", "demand_kw"): year["load_kw"],
        ("pv", "available_kw"): year["pv_available_kw"],
        ("pcc", "import_price_per_kwh"): year["energy_price_usd_per_kwh"],
    }
    return solve(Problem(site, given(site, hours(year["load_kw"].size, "2017-01-01T00:00"), series)))


def test_bill_without_plant(year: dict[str, np.ndarray]):
    assert solved(year).money[0] == pytest.approx(4_889_067.13, abs=0.01)


def test_bill_with_pv_and_battery(year: dict[str, np.ndarray]):
    store = battery(
        energy_kwh=9450,
        charge_kw=1575,
        discharge_kw=1575,
        charge_efficiency=0.91,
        discharge_efficiency=1.0,
        start_fill=0.5,
        end_fill_min=0.5,
    )
    schedule = solved(year, {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 5000}, store)
    connection = schedule.kinds["grid_connection"]
    assert connection.cost_step.sum() == pytest.approx(3_772_156.48, abs=0.01)
    assert connection.cost_period.sum() == pytest.approx(649_895.66, abs=0.01)
    assert schedule.money[0] == pytest.approx(4_422_052.13, abs=0.01)
