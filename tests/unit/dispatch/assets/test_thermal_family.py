"""What holds for each kind of the thermal family: scenarios, templates, rules, state across windows, library."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dispatch.asset import Inputs, Mode
from dispatch.audit import audit
from dispatch.config.park import CONFIGS, load_site
from dispatch.ladder.fallback import last_good, safe_state
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.signals import Horizon
from dispatch.solve import solve
from dispatch.stores.stock import Storage
from tests.unit.dispatch.assets import templates
from tests.unit.dispatch.assets.templates_thermal import TEMPLATES

PLACES = [(kind, number) for kind, made in TEMPLATES.items() for number in range(len(made))]
every_template = pytest.mark.parametrize(("kind", "number"), PLACES)


@every_template
def test_every_rung_without_a_solver_passes_the_audit_and_is_not_better(kind: str, number: int) -> None:
    problem = templates.of(kind)[number].problem()
    plan = solve(problem)
    for schedule in (rule_based(problem), last_good(problem, plan), safe_state(problem)):
        assert audit(schedule).violations == ()
        assert schedule.proof.objective >= plan.proof.objective - 1e-4


@every_template
def test_a_plan_that_is_followed_stays_as_it_is(kind: str, number: int) -> None:
    problem = templates.of(kind)[number].problem()
    plan = solve(problem)
    cls = type(problem.rows[kind].members[0])
    if issubclass(cls, Storage) or cls.follow(problem.rows[kind], problem.inputs, {}) is None:
        return  # stores have their own tests; what remembers nothing follows its rule
    kept = last_good(problem, plan)
    for name, power in plan.kinds[kind].power_kw.items():
        assert kept.kinds[kind].power_kw[name] == pytest.approx(power, abs=1e-3)


@every_template
def test_two_scenarios_share_what_is_here_and_now_and_a_template_finds_the_same(kind: str, number: int) -> None:
    template = templates.of(kind)[number]
    site = template.site()
    one = template.inputs(site)
    lower = {key: np.vstack([v, 0.9 * v]) if key[1] == "demand_kw" else v for key, v in one.series.items()}
    inputs = Inputs(one.horizon, 2, lower)
    single, parametric = (Problem(site, inputs, Mode("exact"), template=flag) for flag in (False, True))
    plan = solve(single)
    assert audit(plan).violations == ()
    assert solve(parametric).proof.objective == pytest.approx(plan.proof.objective, rel=1e-4)
    series = plan.kinds[kind].series
    if "on" in series:
        assert (series["on"][0] == series["on"][1]).all()
    assert audit(rule_based(single)).violations == ()


@every_template
def test_state_is_carried_into_the_next_window(kind: str, number: int) -> None:
    template = templates.of(kind)[number]
    problem = template.problem()
    plan = solve(problem)
    rows = problem.rows[kind]
    state = type(rows.members[0]).carry(rows, problem.inputs, plan.kinds[kind].series, 3)
    edges = template.horizon.edges[3:]
    later = replace(template, horizon=Horizon(edges, "UTC"), series={k: v[..., 3:] for k, v in template.series.items()})
    inputs = later.inputs(site := later.site())
    follow_up = solve(Problem(site, replace(inputs, state=state)))
    assert audit(follow_up).violations == ()
    if "on_before_h" in state.get("it", {}):
        assert (state["it"]["on_before_h"] > 0) == bool(plan.asset("it", "on")[2] > 0.5)


SIZES: dict[str, dict[str, Any]] = {
    "absorption_chiller": {"heat_bus": "hot", "cold_bus": "cold", "bus": "main", "cold_kw": 100},
    "air_receiver": {"bus": "air", "energy_kwh": 50, "charge_kw": 50, "discharge_kw": 50},
    "byproduct_gas": {"bus": "gas", "offered_kw": 100, "max_kw": 100},
    "chiller": {"bus": "main", "cold_bus": "cold", "electric_kw": 100, "outdoor_degc": 30},
    "chp": {"bus": "main", "heat_bus": "heat", "fuel_bus": "gas", "max_kw": 100},
    "co_firing": {"bus": "main", "fuel_bus": "fuel", "ammonia_bus": "nh3", "max_kw": 100},
    "compressor_air": {"bus": "main", "air_bus": "air", "heat_bus": "heat", "electric_kw": 100},
    "electric_boiler": {"bus": "main", "heat_bus": "steam", "electric_kw": 100},
    "fuel_supply": {"bus": "gas", "price_per_kwh": 0.03},
    "gas_boiler": {"fuel_bus": "gas", "heat_bus": "heat", "heat_kw": 100},
    "heat_exchanger": {"hot_bus": "hot", "heat_bus": "heat", "hot_kw": 100},
    "heat_pump": {"bus": "main", "heat_bus": "heat", "electric_kw": 100},
    "ice_store": {
        "bus": "cold",
        "electric_bus": "main",
        "energy_kwh": 500,
        "charge_kw": 60,
        "discharge_kw": 100,
        "chill_kw": 80,
    },
}
LIBRARY = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in (CONFIGS / "assets").glob("*.yaml")}


@pytest.mark.parametrize("name", sorted(name for name, entry in LIBRARY.items() if entry["kind"] in SIZES))
def test_an_entry_of_the_library_makes_an_asset_and_says_where_its_numbers_are_from(name: str, tmp_path: Path) -> None:
    connection = {"kind": "grid_connection", "name": "pcc", "bus": "main", "import_kw": 100, "tariff": {}}
    connection["tariff"] = {"name": "t", "currency": "EUR", "components": []}
    asset = {"kind": LIBRARY[name]["kind"], "name": "it", "use": name} | SIZES[LIBRARY[name]["kind"]]
    raw = {"name": "p", "time_zone": "UTC", "currency": "EUR", "latitude_deg": 50, "longitude_deg": 10}
    raw |= {"buses": templates.BUSES, "assets": [connection, asset]}
    (tmp_path / "park.yaml").write_text(json.dumps(raw), "utf-8")
    made = load_site(tmp_path).assets[1]
    assert len(made.source) > 20
    for field, value in LIBRARY[name].items():
        if isinstance(value, float):
            assert getattr(made, field) == value


def test_every_kind_of_the_family_that_has_typical_numbers_is_in_the_library() -> None:
    assert set(SIZES) - {entry["kind"] for entry in LIBRARY.values()} == set()
