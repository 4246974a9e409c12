"""Limits that several plants share: in the plan, in its audit, in its explanation, and where no plan keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.errors import ConfigError, ContractError
from dispatch.explain.binding import Priced
from dispatch.ladder.climb import climb
from dispatch.problem import Problem
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch import small_park

PV: dict[str, Any] = {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 400}
SERIES = {("load", "demand_kw"): 50.0, ("pv", "available_kw"): np.array([0, 100, 300, 400.0])}
BEHIND = {"name": "inverter", "assets": ["pv", "battery"], "max_export_kw": 200, "max_import_kw": 30}


def posed(group: Mapping[str, Any] | None = BEHIND, scenarios: int = 1, **fields: Any) -> Problem:
    connection = grid(export_kw=1000, tariff=tariff(0.2, feed_in=0.1))
    assets = [load(), connection, PV, battery(energy_kwh=1000, charge_kw=80, discharge_kw=80)]
    site = park(*assets, groups=[group] if group else [])
    return Problem(site, given(site, hours(4), SERIES, scenarios), **fields)


def net_kw(problem: Problem) -> np.ndarray:
    schedule = solve(problem)
    assert audit(schedule).passed
    return np.asarray(schedule.power_kw("pv", ("main",)) + schedule.power_kw("battery", ("main",)))


def test_a_group_keeps_its_limits_in_every_scenario() -> None:
    assert net_kw(posed(None)).max() > 300
    flow = net_kw(posed(scenarios=2))
    assert flow.shape == (2, 4)
    assert flow.max() == pytest.approx(200, abs=1e-6)
    assert flow.min() > -30 - 1e-6


def test_each_limit_stands_alone() -> None:
    no_export = net_kw(posed({"name": "g", "assets": ["pv"], "max_export_kw": 0}))
    assert no_export.shape == (1, 4)
    only_import = posed({"name": "g", "assets": ["battery"], "max_import_kw": 5})
    assert solve(only_import).asset("battery", "charge_kw").max() <= 5 + 1e-6


def test_the_audit_adds_the_members_up_itself() -> None:
    schedule = solve(posed())
    solved = schedule.kinds["pv"]
    more = replace(solved, power_kw={name: values + 20 for name, values in solved.power_kw.items()})
    found = audit(replace(schedule, kinds={**schedule.kinds, "pv": more})).violations
    mine = [v for v in found if v.asset == "inverter"]
    assert {v.what for v in mine} == {"export above the group's limit"}
    assert mine[0].limit == 200
    wider = replace(solved, power_kw={name: values - 500 for name, values in solved.power_kw.items()})
    found = audit(replace(schedule, kinds={**schedule.kinds, "pv": wider})).violations
    assert "import above the group's limit" in {v.what for v in found if v.asset == "inverter"}


def test_of_a_converter_the_ac_side_counts() -> None:
    buses = [{"name": "main"}, {"name": "dc", "current": "dc"}]
    converter = {"kind": "converter", "name": "inv", "bus": "main", "dc_bus": "dc", "rated_kw": 500, "loss_per_kw": 0}
    group = {"name": "g", "assets": ["inv"], "max_export_kw": 150}
    connection = grid(export_kw=1000, tariff=tariff(0.2, feed_in=0.1))
    site = park(load(), connection, PV | {"bus": "dc"}, converter, buses=buses, groups=[group])
    schedule = solve(Problem(site, given(site, hours(4), SERIES)))
    assert audit(schedule).passed
    assert schedule.asset("pv", "power_kw") == pytest.approx([0, 100, 150, 150], abs=1e-6)


def test_where_no_plan_keeps_a_group_the_relaxed_rung_passes_it_and_says_so() -> None:
    engine = unit("engine", min_kw=60, max_kw=100, must_run=True)
    group = {"name": "feeder", "assets": ["engine"], "max_export_kw": 40}
    site = park(load(), grid(), engine, groups=[group])
    climbed = climb(Problem(site, given(site, hours(4), {("load", "demand_kw"): 100.0})))
    assert climbed.schedule.proof.quality == "relaxed"
    assert climbed.schedule.asset("engine", "power_kw") == pytest.approx([60] * 4, abs=1e-4)
    assert any(text.startswith("feeder: export above the group's limit") for text in climbed.schedule.proof.relaxed)


def test_a_group_that_binds_is_explained() -> None:
    problem = posed()
    schedule = solve(problem)
    found = {(b.named.asset, b.named.what): b for b in Priced(problem, schedule).limits()}
    assert ("inverter", "export at the group's limit") in found
    assert 3 in found["inverter", "export at the group's limit"].worth


def test_a_template_takes_no_site_of_other_groups() -> None:
    problem = posed(template=True)
    with pytest.raises(ContractError, match="structure differs"):
        problem.update(site=posed(BEHIND | {"max_export_kw": 100}).site)


@pytest.mark.parametrize(
    ("group", "text"),
    [
        (BEHIND | {"assets": ["pv", "pv"]}, "names 'pv' twice"),
        ({"name": "g", "assets": ["pv"]}, "limits nothing"),
        (BEHIND | {"max_export_kw": -1}, "greater than or equal to 0"),
    ],
)
def test_a_group_says_what_it_limits(group: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        park(load(), PV, battery(), groups=[group])


@pytest.mark.parametrize(
    ("assets", "text"),
    [
        (["storr"], "groups[0].assets[0] (line 42): there is no asset 'storr'. Accepted: did you mean 'store'?"),
        (["store", "pcc"], "groups[0].assets[1] (line 43): 'pcc' is part of the network. Accepted: one of hall, store"),
    ],
)
def test_a_slip_is_told_with_its_place(tmp_path: Path, assets: list[str], text: str) -> None:
    content = small_park.park(groups=[{"name": "g", "assets": assets, "max_export_kw": "1 MW"}])
    with pytest.raises(ConfigError) as error:
        load_site(small_park.write(tmp_path, content))
    assert text in str(error.value)
