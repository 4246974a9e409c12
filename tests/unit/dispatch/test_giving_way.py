"""The cascade of rules: what one kind opens in giving way, those before it take up before loads are shed."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.replay.plant import obeyed
from dispatch.rules import rule_based
from tests.parks import battery, given, grid, hours, load, park, unit

FLAT = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "min_fill": 0.0, "max_fill": 1.0, "start_fill": 0.0}


def test_a_store_that_could_not_be_charged_as_planned_is_made_up_for_by_the_grid_and_not_by_load() -> None:
    """30 kW into the store find only 10 beside the load; what the store then lacks, a grid of 60 kW has to spare."""
    store = battery(energy_kwh=100.0, charge_kw=50.0, discharge_kw=50.0, end_penalty_per_kwh=0.0, **FLAT)
    site = park(load(), grid(import_kw=60), store)
    problem = Problem(site, given(site, hours(3), {("load", "demand_kw"): 50.0}))
    planned = {"battery": {"charge_kw": np.array([[30.0, 0, 0]]), "discharge_kw": np.array([[0.0, 0, 30]])}}
    done = rule_based(problem, obeyed(problem, planned))
    assert audit(done).violations == ()
    assert done.asset("battery", "charge_kw") == pytest.approx([10, 0, 0])
    assert done.asset("battery", "discharge_kw") == pytest.approx([0, 0, 10])
    assert done.asset("pcc", "import_kw") == pytest.approx([60, 50, 40])
    assert done.asset("load", "shed_kw") == pytest.approx([0, 0, 0])


def test_power_that_nobody_takes_is_taken_off_the_unit_that_runs_however_large_the_one_beside_it() -> None:
    site = park(load(), unit("small"), unit("large", max_kw=10_000))
    problem = Problem(site, given(site, hours(1), {("load", "demand_kw"): 20.0}))
    planned = {"thermal": {"committed": np.array([[1.0], [0.0]]), "above_min_kw": np.array([[50.0], [0.0]])}}
    done = rule_based(problem, obeyed(problem, planned))
    assert audit(done).violations == ()
    assert done.asset("small", "power_kw") == pytest.approx([20])
    assert done.asset("large", "power_kw") == pytest.approx([0])
