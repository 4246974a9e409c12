"""The audit stands apart from the model: a part that is wrong makes a plan that the audit refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Given, Mode, Rows
from dispatch.assets.gas_boiler import GasBoiler
from dispatch.assets.thermal import Thermal
from dispatch.part import Part, Port
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.solve import solve
from dispatch.stores.stock import Storage
from tests.parks import given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.assets.templates import hourly_tariff
from tests.unit.dispatch.assets.test_gas_boiler import boiler
from tests.unit.dispatch.assets.thermal_parks import problem, supply
from tests.unit.dispatch.test_audit import told, with_kind

ELSEWHERE = "another bus than its fields say"


def wrong(monkeypatch: pytest.MonkeyPatch, kind: Any, change: Callable[[Part], Part]) -> None:
    """Let a kind's part be another than what its docstring says."""
    right = kind.part.__func__

    def part(cls: Any, rows: Rows[Any], own: Given, mode: Mode) -> Part:
        return change(right(cls, rows, own, mode))

    monkeypatch.setattr(kind, "part", classmethod(part))


def moved(part: Part, port: str, by: int) -> Part:
    """The part with one port so many buses further in the park's file."""
    there = part.ports[port]
    return replace(part, ports={**part.ports, port: Port(there.bus + by, there.power_kw)})


def with_a_cheap_unit_elsewhere() -> Schedule:
    """The unit stands on a bus that nothing links to the load's."""
    buses = [{"name": "main"}, {"name": "island"}]
    site = park(load(), grid(tariff=tariff(0.2)), unit(bus="island", cost_per_kwh=0.01), buses=buses)
    return solve(Problem(site, given(site, hours(2), {("load", "demand_kw"): 80.0})))


def test_a_unit_on_a_bus_of_its_own_serves_nobody() -> None:
    schedule = with_a_cheap_unit_elsewhere()
    assert schedule.asset("unit", "power_kw") == pytest.approx([0, 0], abs=1e-6)
    assert told(schedule) == set()


def test_a_unit_wired_to_another_bus_than_its_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong(monkeypatch, Thermal, lambda part: moved(part, "electricity", -1))
    schedule = with_a_cheap_unit_elsewhere()
    assert schedule.asset("unit", "power_kw") == pytest.approx([80, 80])
    assert told(schedule) == {"does not balance", f"electricity stands on {ELSEWHERE}"}


def heated() -> Schedule:
    """A gas boiler that heats a hall."""
    made = problem(boiler(), supply("gas", 0.04), grid(tariff=tariff(0.2)), demand={"heat": [19.0, 38]})
    return solve(made)


def test_heat_from_another_bus_than_its_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong(monkeypatch, GasBoiler, lambda part: part)
    assert told(heated()) == set()
    wrong(monkeypatch, GasBoiler, lambda part: swapped(part, "fuel", "heat"))
    found = {f"fuel stands on {ELSEWHERE}", f"heat stands on {ELSEWHERE}"}
    assert told(heated()) == found


def swapped(part: Part, one: str, other: str) -> Part:
    """The part with the buses of two ports in each other's place."""
    own, its = part.ports[one], part.ports[other]
    ports = {one: Port(its.bus, own.power_kw), other: Port(own.bus, its.power_kw)}
    return replace(part, ports={**part.ports, **ports})


def test_a_port_that_the_model_forgets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong(monkeypatch, GasBoiler, lambda part: replace(part, ports={"heat": part.ports["heat"]}))
    assert told(heated()) == {"power at fuel differs from its series"}


def test_a_power_of_a_port_that_has_no_bus_is_refused() -> None:
    source = {"kind": "waste_heat", "name": "source", "bus": "heat", "max_kw": 30.0, "offered_kw": 30.0}
    made = problem(source, grid(tariff=tariff(0.2)), demand={"heat": [19.0, 38]})
    schedule = solve(made)
    assert told(schedule) == set()
    pumps = {**schedule.kinds["waste_heat"].power_kw, "pumps": np.array([[0.0, -1.0]])}
    assert "power at pumps, which has no bus" in told(with_kind(schedule, "waste_heat", power_kw=pumps))


def with_store(**fields: Any) -> Schedule:
    """A store that buys at night for the day, at .9 each way and a loss of a percent per hour."""
    own = {"charge_efficiency": 0.9, "discharge_efficiency": 0.9, "loss_fraction_per_h": 0.01, "start_fill": 0.2}
    store = {"name": "store", "bus": "main", "energy_kwh": 100.0, "charge_kw": 40.0, "discharge_kw": 40.0}
    site = park(load(), grid(tariff=hourly_tariff([0.1, 0.1, 0.5, 0.5])), own | store | {"kind": "battery"} | fields)
    return solve(Problem(site, given(site, hours(4), {("load", "demand_kw"): 60.0})))


def test_a_store_moves_as_its_fields_say() -> None:
    schedule = with_store(energy_kwh=50.0, min_fill=0.0, max_fill=1.0, end_fill_min=0.0)
    # It fills in the first two hours: 10 kWh at the start, 50 at the end of the second.
    assert schedule.asset("store", "stored_kwh")[1] == pytest.approx(50)
    assert told(schedule) == set()


IN_THE_COLD = [
    {"degc": 0, "power_share": 0.5, "capacity_share": 0.8, "efficiency_share": 0.9},
    {"degc": 20, "power_share": 1.0, "capacity_share": 1.0, "efficiency_share": 1.0},
]
STORES: list[dict[str, Any]] = [
    {},
    {"kind": "flow_battery", "power_loss_share": 0.1},
    {"temperature_table": IN_THE_COLD, "ambient_degc": 10.0},
]


@pytest.mark.parametrize("name", ["gain_kwh_per_kw", "drain_kwh_per_kw", "retention"])
@pytest.mark.parametrize("fields", STORES)
def test_a_store_that_is_planned_with_another_efficiency_or_loss_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, fields: dict[str, Any]
) -> None:
    assert told(with_store(**fields)) == set()
    for made in ("ratings", "signals"):
        right = getattr(Storage, made).__func__

        def wrong(cls: Any, *own: Any, right: Any = right) -> dict[str, np.ndarray]:
            found = right(cls, *own)
            return found | {n: v * 0 + (0.9 if n == "retention" else 1.0) for n, v in found.items() if n == name}

        monkeypatch.setattr(Storage, made, classmethod(wrong))
    assert "content differs from its powers" in told(with_store(**fields))
