"""Reference cases: every folder in tests/cases with a park.yaml is solved and held to its expected.json.

A folder holds

* ``park.yaml``: the park, as a user writes it;
* ``inputs.csv`` or ``inputs.parquet``: a row per step with ``start`` (UTC), ``step_h`` and a column ``asset.quantity``
  for everything that a forecast would give, e.g. ``works.demand_kw``;
* ``expected.json``: ``source`` (how the numbers were found), ``objective``, ``tolerance`` (relative), and as wanted
  ``set_points`` (series → step → value) and ``sums_kwh`` (series → energy).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve

CASES = Path(__file__).resolve().parents[2] / "cases"
FOLDERS = sorted(path.parent for path in CASES.glob("*/park.yaml"))


def read_inputs(folder: Path, site: Site) -> Inputs:
    parquet = folder / "inputs.parquet"
    table = pd.read_parquet(parquet) if parquet.exists() else pd.read_csv(folder / "inputs.csv")
    start = pd.to_datetime(table["start"], utc=True).dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    lengths = (table["step_h"].to_numpy() * 3600).round().astype("timedelta64[s]")
    assert (start[1:] == (start + lengths)[:-1]).all(), f"{folder.name}: steps leave gaps"
    horizon = Horizon(np.append(start, start[-1] + lengths[-1]), site.time_zone)
    given: dict[tuple[str, str], Any] = {}
    for column in table.columns.drop(["start", "step_h"]):
        asset, quantity = column.split(".")
        given[asset, quantity] = table[column].to_numpy(np.float64)[None, :]
    return Inputs(horizon, 1, site.known_series(horizon) | given)


def test_cases_are_found():
    assert len(FOLDERS) >= 4
    assert "drop_in" not in [folder.name for folder in FOLDERS]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_case(folder: Path):
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    assert set(expected) <= {"source", "objective", "tolerance", "set_points", "sums_kwh"}
    assert len(expected["source"]) > 20, "say where the numbers come from"
    site = load_site(folder / "park.yaml")
    problem = Problem(site, read_inputs(folder, site))
    schedule = solve(problem)
    assert audit(schedule).passed, audit(schedule).violations[:3]
    near = {"rel": expected["tolerance"], "abs": 1e-4}
    assert schedule.proof.objective == pytest.approx(expected["objective"], **near)
    for name, points in expected.get("set_points", {}).items():
        values = schedule.asset(*name.split("."))
        assert {step: values[int(step)] for step in points} == pytest.approx(points, **near), name
    for name, energy in expected.get("sums_kwh", {}).items():
        assert schedule.asset(*name.split(".")) @ schedule.inputs.horizon.hours == pytest.approx(energy, **near), name
    assert rule_based(problem).proof.objective >= schedule.proof.objective - 1e-4
