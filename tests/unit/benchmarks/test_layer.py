"""The model that several layers state: the same for all of them, and nobody is timed who is not there."""

from __future__ import annotations

import importlib.util
import os
import sys

import numpy as np
import pytest

from benchmarks.cases import layer as cases
from benchmarks.peers import interface
from benchmarks.rows import CannotMeasure
from benchmarks.topics.scheduler import layer

SMALL = cases.case(units=6, batteries=3, steps=8)


def needs(name: str) -> pytest.MarkDecorator:
    absent = importlib.util.find_spec(name) is None
    return pytest.mark.skipif(absent, reason=f"{name} is not installed: make bench-env")


def test_the_case_is_the_same_every_time_and_has_every_sort_of_unit() -> None:
    again = cases.case(units=6, batteries=3, steps=8)
    assert np.array_equal(again.batteries.energy_kwh, SMALL.batteries.energy_kwh)
    up = cases.coefficients(cases.case().fleet)["up_steps"]
    assert (up <= 1).any()
    assert (up > 1).any()


def test_what_parkwatt_reads_is_what_the_arrays_say() -> None:
    described, inputs = cases.site(SMALL)
    kinds = [asset.kind for asset in described.assets]
    assert (kinds.count("thermal"), kinds.count("battery"), kinds.count("load")) == (6, 3, 1)
    assert inputs.horizon.steps == SMALL.steps
    assert layer.relaxed_optimum(layer.Ours.build(SMALL).held(relaxed=True)) > 0


def test_new_demand_reaches_the_compiled_problem() -> None:
    ours = layer.Ours.build(SMALL)
    before = layer.relaxed_optimum(ours.held(relaxed=True))
    ours.again(1.5)
    assert layer.relaxed_optimum(ours.held(relaxed=True)) > before


@pytest.mark.parametrize("name", ["linopy", "pyomo"])
def test_a_peer_that_is_not_installed_is_no_failure(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    for module in [m for m in sys.modules if m.startswith("benchmarks.peers.") and m.rpartition(".")[2] == name]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(CannotMeasure, match="make bench-env"):
        interface.find(name)


def test_another_missing_module_is_a_failure() -> None:
    with pytest.raises(ModuleNotFoundError, match="cplex"):
        interface.find("cplex")


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in ("linopy", "pyomo")])
def test_a_peer_states_the_same_model(name: str) -> None:
    with interface.silent():
        module = interface.find(name)
        theirs = layer.relaxed_optimum(module.to_solver(module.build(SMALL, relaxed=True)))
    ours = layer.relaxed_optimum(layer.Ours.build(SMALL).held(relaxed=True))
    assert theirs == pytest.approx(ours, rel=1e-9)


@needs("linopy")
def test_both_ways_of_linopy_and_its_change_in_place_state_the_same_model() -> None:
    with interface.silent():
        linopy = interface.find("linopy")
        model = linopy.build(SMALL, relaxed=True, gathered=True)
        solver = linopy.held(model)
        linopy.demand_in_place(model, solver, SMALL.fleet.demand_kw * 1.1)
        theirs = layer.relaxed_optimum(solver.solver_model)
    ours = layer.Ours.build(SMALL)
    ours.again(1.1)
    assert theirs == pytest.approx(layer.relaxed_optimum(ours.held(relaxed=True)), rel=1e-9)


def test_what_a_library_says_on_standard_output_stays_away(capfd: pytest.CaptureFixture[str]) -> None:
    with interface.silent():
        os.write(1, b"a greeting")
    os.write(1, b"the answer")
    assert capfd.readouterr().out == "the answer"
