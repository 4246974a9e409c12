"""Inverters in a park's file, their reactive power in the problem, and the audit that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dispatch.assets import kinds
from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.errors import ConfigError, ContractError
from dispatch.fields.inverter import FixedPowerFactor, VoltageDroop
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from dispatch.tables import schedule_table
from dispatch.terms.network import NetworkLimits
from tests.parks import battery, given, grid, hours, load, park, tariff
from tests.unit.dispatch import small_park

FREE: dict[str, Any] = {"mode": "free", "rated_kva": 400}
PV: dict[str, Any] = {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 400}
ON = {"network": "x", "bus_of": {"main": "node"}}
SERIES = {("load", "demand_kw"): 50.0, ("pv", "available_kw"): np.array([0, 100, 300, 400.0])}


def posed(*assets: Mapping[str, Any], scenarios: int = 1, slots: int = 1, **fields: Any) -> Problem:
    site = park(load(power_factor=0.8), grid(export_kw=1000, tariff=tariff(0.2, feed_in=0.1)), *assets, grid=ON)
    return Problem(site, given(site, hours(4), SERIES, scenarios), network_slots=slots, **fields)


def asked(kvar: float, bound_kw: float, kw: float = 0.0) -> NetworkLimits:
    """One limit kw · p + kvar · q ≤ bound in every step."""
    ones = np.ones((1, 1, 4))
    return NetworkLimits(kw * ones, bound_kw * ones[0], kvar * ones)


def test_reactive_power_is_given_where_a_limit_asks_for_it_and_nowhere_else() -> None:
    problem = posed(PV | {"reactive": FREE | {"rated_kva": 500}})
    idle = solve(problem)
    np.testing.assert_allclose(idle.reactive_kvar["pv"], 0.0, atol=1e-9)
    problem.update(limits=asked(1.0, -100.0))
    schedule = solve(problem)
    drawn_by_load = 50 * 0.75
    np.testing.assert_allclose(schedule.reactive_kvar["pv"][0], drawn_by_load - 100.0, atol=1e-6)
    np.testing.assert_allclose(schedule.injection_kvar(("main",))[0], -100.0, atol=1e-6)
    assert audit(schedule).passed
    assert schedule.money == pytest.approx(idle.money), "it costs the objective a little and the bill nothing"
    assert schedule.proof.objective == pytest.approx(idle.proof.objective + 0.001 * 4 * 62.5)


def test_reactive_power_takes_from_active_power_at_the_rating() -> None:
    problem = posed(PV | {"reactive": FREE})
    problem.update(limits=asked(1.0, -300.0))
    schedule = solve(problem)
    assert audit(schedule).passed
    kvar, power = schedule.reactive_kvar["pv"][0], schedule.asset("pv", "power_kw")
    assert kvar[3] == pytest.approx(-262.5, abs=1e-3)
    circle = np.sqrt(400**2 - kvar[3] ** 2)
    assert 0.97 * circle < power[3] < circle, "curtailed onto the polygon inside the circle"
    assert power[:2] == pytest.approx([0, 100])


def test_full_active_power_is_a_corner_of_the_polygon() -> None:
    schedule = solve(posed(PV | {"reactive": FREE}))
    assert schedule.asset("pv", "power_kw")[3] == pytest.approx(400, abs=1e-6)


def test_a_store_has_its_capability_in_all_directions() -> None:
    store = battery(energy_kwh=1000, charge_kw=200, discharge_kw=200, reactive={"mode": "free", "rated_kva": 200})
    for sign in (1.0, -1.0):
        problem = posed(store, PV)
        problem.update(limits=asked(sign, -150.0))
        schedule = solve(problem)
        assert audit(schedule).passed
        assert schedule.limit_excess_kw.max() == pytest.approx(0.0, abs=1e-6)
        assert (sign * schedule.injection_kvar(("main",))[0] <= -150 + 1e-6).all()


def test_reactive_set_points_are_published_with_their_unit() -> None:
    problem = posed(PV | {"reactive": FREE})
    problem.update(limits=asked(1.0, -150.0))
    schedule = solve(problem)
    table = schedule_table(schedule, "EUR")
    assert table.schema.field("pv.reactive_kvar").metadata == {b"unit": b"kvar"}
    np.testing.assert_allclose(table["pv.reactive_kvar"].to_numpy(), schedule.reactive_kvar["pv"][0])


def test_a_least_power_factor_holds_in_every_scenario() -> None:
    problem = posed(PV | {"reactive": FREE | {"power_factor_min": 0.9}}, scenarios=3)
    problem.update(limits=asked(1.0, -1e4))
    schedule = solve(problem)
    assert audit(schedule).passed
    kvar = schedule.reactive_kvar["pv"]
    assert kvar.shape == (3, 4)
    power = schedule.power_kw("pv", ("main",))
    np.testing.assert_array_less(np.abs(kvar), np.tan(np.arccos(0.9)) * power + 1e-6)
    np.testing.assert_allclose(kvar[:, 1], -np.tan(np.arccos(0.9)) * power[:, 1], atol=1e-6)


def test_a_fixed_power_factor_moves_with_the_power_in_both_directions() -> None:
    pv = PV | {"reactive": {"mode": "fixed", "power_factor": 0.8}}
    store = battery(energy_kwh=1000, charge_kw=200, discharge_kw=200, reactive={"mode": "fixed", "power_factor": 0.8})
    schedule = solve(posed(pv, store))
    power = schedule.asset("pv", "power_kw")
    net = schedule.asset("battery", "discharge_kw") - schedule.asset("battery", "charge_kw")
    np.testing.assert_allclose(schedule.injection_kvar(("main",))[0], -0.75 * (50 + power + net), atol=1e-6)
    assert schedule.reactive_kvar == {}
    giving = FixedPowerFactor(power_factor=0.8, direction="injecting")
    assert giving.kvar_per_kw == pytest.approx(0.75)


def test_power_factors_of_loads_and_plant_are_in_the_rows() -> None:
    """A limit on reactive power alone: the only way out is less active power."""
    problem = posed(PV | {"reactive": {"mode": "fixed", "power_factor": 0.8}})
    problem.update(limits=asked(-1.0, 0.75 * (50 + 200)))
    schedule = solve(problem)
    assert schedule.asset("pv", "power_kw") == pytest.approx([0, 100, 200, 200], abs=1e-5)


def broken(schedule: Schedule, kvar: float, step: int) -> Schedule:
    changed = {name: values.copy() for name, values in schedule.reactive_kvar.items()}
    changed["pv"][0, step] = kvar
    return replace(schedule, reactive_kvar=changed)


def test_the_audit_holds_the_exact_circle_and_the_power_factor() -> None:
    schedule = solve(posed(PV | {"reactive": FREE | {"power_factor_min": 0.9}}))
    assert audit(schedule).passed
    (found,) = audit(broken(schedule, 30.0, 3)).violations
    assert (found.asset, found.step) == ("pv", 3)
    assert found.what == "apparent power above the inverter's rating"
    assert found.value == pytest.approx(np.hypot(400, 30))
    (found,) = audit(broken(schedule, 60.0, 1)).violations
    assert found.what == "power factor below its least"
    assert not audit(broken(schedule, np.nan, 1)).passed
    within = broken(schedule, 40.0, 1)
    assert audit(within).passed


@settings(max_examples=15, deadline=None)
@drawn(kvar=st.floats(-1, 1), kw=st.floats(-1, 1), bound=st.floats(-300, 300))
def test_whatever_is_asked_for_the_audit_finds_nothing(kvar: float, kw: float, bound: float) -> None:
    problem = _property_problem()
    problem.update(limits=asked(kvar, bound, kw))
    assert audit(solve(problem)).passed


_MADE: list[Problem] = []


def _property_problem() -> Problem:
    if not _MADE:
        store = battery(energy_kwh=300, charge_kw=100, discharge_kw=100, reactive={"mode": "free", "rated_kva": 120})
        _MADE.append(posed(PV | {"reactive": FREE}, store))
    return _MADE[0]


def test_rules_run_at_unity_power_factor() -> None:
    schedule = rule_based(posed(PV | {"reactive": FREE}))
    np.testing.assert_array_equal(schedule.reactive_kvar["pv"], 0.0)
    assert audit(schedule).passed


def test_another_inverter_is_another_structure() -> None:
    problem = posed(PV | {"reactive": FREE}, template=True)
    other = posed(PV | {"reactive": FREE | {"rated_kva": 300}}).site
    with pytest.raises(ContractError, match="structure differs"):
        problem.update(site=other)
    twin = problem.twin()
    problem.update(limits=asked(1.0, -100.0))
    twin.network.as_in(problem.network)
    np.testing.assert_allclose(solve(twin).reactive_kvar["pv"], solve(problem).reactive_kvar["pv"], atol=1e-6)


def test_limits_for_other_slots_are_refused() -> None:
    with pytest.raises(ContractError, match="1 network limits for 2 slots"):
        posed(PV, slots=2).update(limits=asked(1.0, 0.0))


def test_kinds_with_an_inverter_are_those_that_have_one() -> None:
    have = {name for name, cls in kinds().items() if cls.inverter is not None}
    expected = {"battery", "converter", "ev_fleet", "flow_battery", "fuel_cell", "pv", "supercapacitor"}
    assert have == expected | {"swap_station", "wind"}
    with pytest.raises(ValidationError, match="a load has no inverter"):
        park(load(reactive=FREE))
    with pytest.raises(ValidationError, match="no convex region"):
        park(battery(reactive=FREE | {"power_factor_min": 0.9}))


@pytest.mark.parametrize(
    ("points", "text"),
    [([(1.0, 0.0), (0.9, 0.0)], "must rise"), ([(0.9, -0.1), (1.1, 0.1)], "must not rise with the voltage")],
)
def test_a_characteristic_falls_at_rising_voltages(points: list[tuple[float, float]], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        VoltageDroop.model_validate(
            {"rated_kva": 1, "points": [{"voltage_pu": v, "injected_kvar_per_kva": q} for v, q in points]}
        )


def problems(tmp_path: Path, reactive: Any, asset: int = 1, **fields: Any) -> str:
    content = small_park.park(grid=ON | {"neighbours": False}) | fields
    content["assets"][asset]["reactive"] = reactive
    with pytest.raises(ConfigError) as error:
        load_site(small_park.write(tmp_path, {k: v for k, v in content.items() if v is not None}))
    return str(error.value)


@pytest.mark.parametrize(
    ("reactive", "text"),
    [
        ({"mode": "fre", "rated_kva": 1}, "assets[1].reactive.mode (line 24): is not known (found 'fre')"),
        ({"rated_kva": 1}, "assets[1].reactive.mode (line 23): is missing. Accepted: one of fixed, voltage, free"),
        ({"mode": "free"}, "assets[1].reactive.rated_kva (line 23): is missing"),
        ({"mode": "free", "rated_kva": 1, "kvar": 2}, "assets[1].reactive.kvar (line 26): is not a known field"),
        ({"mode": "fixed", "power_factor": 1.2}, "assets[1].reactive.power_factor (line 25): is too large"),
        ("free", "assets[1].reactive (line 23): is not a mapping"),
    ],
)
def test_a_slip_is_told_with_its_place(tmp_path: Path, reactive: Any, text: str) -> None:
    assert text in problems(tmp_path, reactive)


def test_reactive_power_without_a_network_or_on_a_dc_bus_is_told(tmp_path: Path) -> None:
    assert "assets[1].reactive (line 23): acts on a network, and the site has none" in problems(
        tmp_path, {"mode": "free", "rated_kva": 1}, grid=None
    )
    buses = [{"name": "main", "current": "dc"}, {"name": "hot", "carrier": "heat"}]
    assert "bus 'main' is dc" in problems(tmp_path, {"mode": "free", "rated_kva": 1}, buses=buses)
