"""Calls by name where nodes have names, one number for all, and refusals that name the place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import Bounds

from dispatch.carbon import (
    Dispatch,
    Flows,
    Stores,
    aumann_shapley,
    held,
    marginal,
    matching,
    shapley,
    shapley_sampled,
    tracing,
    tracing_with_stores,
)
from dispatch.errors import AlignmentError, DataError, SolveError

ROWS: list[Any] = [("grid", "main", [20, 10], [19.5, 9.8]), ("main", "shed", [5, 5], [5, 5])]
STORED: dict[str, Any] = {
    "charge_kw": [4, 0],
    "discharge_kw": [0, 2],
    "charged_kg_per_kwh": 0.5,
    "hours": 1,
    "start_kwh": 5,
}


def test_stores_stand_at_nodes_by_name_like_sources() -> None:
    charged: Any = {"charge_kw": [5, 0], "discharge_kw": [0, 3]}
    by_name = tracing_with_stores(
        ROWS, {"grid": 25, "main": [0, 2]}, {"grid": [0.6, 0.5], "main": 0}, 1, Stores("main", **charged)
    )
    power, intensity = np.array([[25.0, 25], [0, 2]]), np.array([[0.6, 0.5], [0, 0]])
    received = np.array([[19.5, 9.8], [5, 5]])
    flows = Flows.sent(3, [0, 1], [1, 2], [[20, 10], [5, 5]], received)
    by_place = tracing_with_stores(flows, power, intensity, [1, 1], Stores([1], **charged), at=[0, 1])
    np.testing.assert_allclose(by_name.held.carbon_kg, by_place.held.carbon_kg)
    np.testing.assert_allclose(by_name.held.carbon_kg, [[0, 3, 1.2]])
    counted = Flows.of([(1, 2, [10, 0], [10, 0])])  # node 1 is the one that is called 1, not the second
    found = tracing_with_stores(counted, {1: [10, 0]}, 0.5, 1, Stores(2, [4, 0], [0, 4]))
    np.testing.assert_allclose(found.held.carbon_kg, [[0, 2, 0]])
    with pytest.raises(DataError, match="'attic' does not exist; accepted: grid, main"):
        tracing_with_stores(Flows.of(ROWS), {"grid": 25}, 0.6, 1, Stores("attic", **charged))


def test_by_node_one_number_holds_in_every_step() -> None:
    found = tracing(ROWS, {"grid": 25}, {"grid": 0.6})
    np.testing.assert_allclose(found.injected, [15, 15])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tracing([("a", "b", 10)], {"A": 20}, 0.7), "node 'a' sends 10 into branch a–b, but no source"),
        (lambda: tracing([(1, 2, 9), (2, 3, 5), (3, 2, 5)], {2: 20}, 0.7), "node 1 sends 9 into branch 1–2"),
        (lambda: tracing([(1, 2, 9), (3, 4, 5), (4, 3, 5)], {1: 20}, 0.7), "passes node 3, but no source"),
        (lambda: tracing([(1, 2, 9)], {1: 20}, {1: 0.7}, at=[2]), "by node and `at` both say"),
        (lambda: tracing([(1, 1, 9)], {1: 20}, 0.7), "branch 1–1 .row 0. ends where it begins"),
        (lambda: tracing([(1, 2, "ten")], {1: 20}, 0.7), "flows: ten; accepted: a number"),
        (lambda: tracing([(1, 2, 9)], {1: "much"}, 0.7), "injections: much; accepted: a number"),
        (lambda: Flows.of([(1, 2, 9)], nodes=[1, 2, 2]), "two nodes are called '2'"),
        (lambda: Flows([1, 2], [0], [1], [9], [-9]), "accepted: how many there are"),  # type: ignore[arg-type]
        (lambda: Flows.matrix([[3, 5], [0, 0]]), "a diagonal of zeros"),
        (lambda: Flows.of([([1], 2, 9)]), "no name of a node"),
    ],
)
def test_flows_that_cannot_be_meant_are_refused_by_name(call: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"charge_efficiency": 90}, DataError, "charge_efficiency is 90"),
        ({"discharge_efficiency": 0}, DataError, "discharge_efficiency is 0"),
        ({"retention": 1.1}, DataError, "retention is 1.1"),
        ({"charge_efficiency": 0}, DataError, "charge_efficiency is 0"),
        ({"retention": np.nan}, DataError, "retention is nan"),
        ({"start_kwh": -5}, DataError, "start_kwh is"),
        ({"start_kwh": np.nan}, DataError, "start_kwh is"),
        ({"start_kg": np.nan}, DataError, "start_kg is"),
        ({"hours": [1, 0]}, DataError, "lengths above 0"),
        ({"charge_kw": [np.inf, 0]}, DataError, "0 or more"),
        ({"charge_kw": ["a", 0]}, DataError, "stores' powers"),
        ({"charged_kg_per_kwh": [1, 1, 1]}, AlignmentError, "charged_kg_per_kwh is"),
        ({"rule": ["tank", "carry"]}, AlignmentError, "rule is .2,. for 1 stores"),
        ({"start_kg": [1, 1, 1]}, AlignmentError, "start_kg is"),
    ],
)
def test_stores_that_cannot_be_are_refused(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        held(**(STORED | given))


def test_a_number_for_each_store_or_each_step_but_not_either() -> None:
    power = np.ones((2, 3)), np.zeros((2, 3))
    each = held(*power, 0.1, 1, start_kwh=10, retention=[0.9, 0.8])
    np.testing.assert_allclose(each.energy_kwh[:, 1], [10, 9])
    stepped = held(*power, 0.1, 1, start_kwh=10, retention=[0.9, 0.8, 1])
    np.testing.assert_allclose(stepped.energy_kwh[0], [10, 10, 9, 10])
    with pytest.raises(AlignmentError, match=r"retention is \(2,\) for powers of \(2, 2\)"):
        held(np.ones((2, 2)), np.zeros((2, 2)), 0.1, 1, start_kwh=10, retention=[0.9, 0.8])


LINES, PLANT = [(1, 2), (1, 3, 1, 50), (2, 3)], [(1, 20, 0.9), (2, 50, 0.4)]
STORE: dict[str, Any] = {"bus": 1, "power": 1, "energy": 2}


@pytest.mark.parametrize(
    ("lines", "plant", "load", "more", "message"),
    [
        (LINES, [(1, np.nan, 0.9)], {3: 9}, {}, "generator 0: 'cost' is nan"),
        (LINES, [PLANT[0], (1, 5, np.nan)], {3: 9}, {}, "generator 1: 'intensity' is nan"),
        (LINES, [(1, 5, 0.9, 10, 50)], {3: 9}, {}, "generator 0: 'max' is 10; accepted: not below 'min'"),
        (LINES, [(1, 5, 0.9, None, None, -3)], {3: 9}, {}, "generator 0: 'ramp' is -3"),
        (LINES, [(1, 5, 0.9, None, None, [3, 3])], {3: 9}, {}, "accepted: one number for all steps"),
        (LINES, [(1, "cheap", 0.9)], {3: 9}, {}, "generators' cost: cheap"),
        ([(1, 3, 1, -50)], PLANT, {3: 9}, {}, "line 0: 'limit' is -50"),
        ([(1, 3, np.nan)], PLANT, {3: 9}, {}, "line 0: 'x' is nan"),
        ([(1, 1)], PLANT, {1: 9}, {}, "line 0: from 1 to itself"),
        (["12"], PLANT, {2: 9}, {}, "line 0 is '12'"),
        (LINES, PLANT, {4: 9}, {}, "node 4 has a load, but no line, generator or store; accepted: loads at 1, 2, 3"),
        (LINES, PLANT, {3: 9}, {"nodes": [1, 2, 3, 3]}, "a name for each"),
        (LINES, PLANT, {3: 9}, {"hours": np.inf}, "longer than 0 h"),
        (LINES, PLANT, {3: 9}, {"carbon_price": np.nan}, "carbon_price"),
        (LINES, PLANT, {3: 9}, {"storage": [STORE | {"charge_efficiency": 95}]}, "store 0: 'charge_efficiency' is 95"),
        (LINES, PLANT, {3: 9}, {"storage": [STORE | {"energy": np.nan}]}, "store 0: 'energy' is nan"),
        (LINES, PLANT, {3: 9}, {"storage": [STORE | {"start": 5}]}, "store 0: 'start' is 5; accepted: from 0 to its"),
    ],
)
def test_grids_that_cannot_be_are_refused(lines: Any, plant: Any, load: Any, more: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Dispatch.of_network(lines, plant, load, **more)


def test_rows_of_an_array_name_nodes_as_they_were_meant() -> None:
    of_floats = Dispatch.of_network(np.array([[1, 2, 1, 99], [1, 3, 1, 50], [2, 3, 1, 99]]), np.array(PLANT), {"3": 90})
    assert of_floats.labels == (1, 2, 3)
    np.testing.assert_allclose(marginal(of_floats).emissions, [0.9, 0.4, -0.1], atol=1e-9)
    with pytest.raises(SolveError, match=r"no optimum \(infeasible\): what is there cannot serve"):
        marginal(Dispatch.of_network(LINES, [(1, 20, 0.9, 10)], {3: 90}))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"equal": ([[1, 1]], [np.nan])}, DataError, "equal: a number is missing"),
        ({"equal": ([[1, np.nan]], [90])}, DataError, "equal: a number is missing"),
        ({"cost": [np.nan, 50]}, DataError, "cost: nan"),
        ({"emissions": [np.nan, 0.4]}, DataError, "emissions"),
        ({"bounds": [(5, 3), (0, None)]}, DataError, "column 0 from 5 to 3"),
        ({"bounds": [(0, 3, 4), (0, 3, 4)]}, DataError, "accepted: .lower, upper."),
        ({"integer": [5]}, DataError, "integer: .5.; accepted: positions from 0 to 1"),
        ({"integer": [0, 0]}, DataError, "each once, or a mask"),
        ({"integer": [True]}, AlignmentError, "integer is a mask"),
        ({"demand": [-1]}, DataError, "demand: .-1."),
    ],
)
def test_programs_that_cannot_be_are_refused(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Dispatch.of_arrays(**({"cost": [20, 50], "emissions": [0.9, 0.4], "equal": ([[1, 1]], [90])} | given))


def test_bounds_as_scipy_knows_them_and_masks() -> None:
    asked: Any = {"cost": [20, 50], "emissions": [0.9, 0.4], "equal": ([[1, 1], [1, 0]], [90, 60])}
    whole = marginal(Dispatch.of_arrays(**asked, bounds=Bounds([0, 0], [70, np.inf])))
    np.testing.assert_allclose(whole.emissions, [0.4, 0.5])
    masked = Dispatch.of_arrays(**asked, bounds=None, demand=[False, True])
    np.testing.assert_allclose(marginal(masked).emissions, [0.5])
    one: Any = {"cost": [20, 50], "emissions": [0.9, 0.4], "equal": ([[1, 1]], [90]), "bounds": [(0, 60), (0, None)]}
    np.testing.assert_allclose(marginal(Dispatch.of_arrays(**one, integer=[True, False])).emissions, [0.4])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: shapley(len, ["a", "a"]), DataError, "players: a, a; accepted: each once"),
        (lambda: shapley([0, 4, 2, 9], ["works"]), AlignmentError, "1 players for values of the coalitions of 2"),
        (lambda: shapley({("a", "b"): 3, ("b", "a"): 4, "a": 1, "b": 2}), DataError, "has two values, 3 and 4"),
        (lambda: shapley({"a": [1, 2], "b": [1, 2, 3], "ab": [1, 2]}), DataError, "values: "),
        (lambda: shapley_sampled(len, 3, 6, confidence=95), DataError, "confidence is 95"),
        (lambda: shapley_sampled(lambda _: np.nan, 3, 6), DataError, "the value of .. is nan"),
        (lambda: shapley_sampled(len, ["a", "b"], 6), DataError, "accepted: their number"),  # type: ignore[arg-type]
        (lambda: aumann_shapley(lambda _: [np.nan, 1], [1, 1]), DataError, "slope is no number"),
        (lambda: aumann_shapley(lambda _: [1, 1], [np.nan, 1]), DataError, "demand: "),
    ],
)
def test_games_that_cannot_be_are_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_players_of_an_array_may_be_named_or_counted() -> None:
    assert shapley([0, 4, 2, 9], ["works", "offices"]) == {"works": 5.5, "offices": 3.5}
    np.testing.assert_allclose(shapley([0, 4, 2, 9], 2), [5.5, 3.5])
    assert shapley({(0,): 4, (1,): 2, (0, 1): 9}, 2) == {0: 5.5, 1: 3.5}


def test_without_contracts_all_load_has_the_residual_factor() -> None:
    found = matching([3, 5], [], 0.5, residual=[0.8, 0.6])
    assert found.market_hourly == pytest.approx(3 * 0.8 + 5 * 0.6)
    assert found.annual_share == 0
    wrong: Any
    for wrong in ({"factor": -0.5}, {"factor": 0.5, "residual": -0.5}):
        with pytest.raises(DataError, match="finite numbers of 0 or more"):
            matching([3, 5], [1, 1], **wrong)
