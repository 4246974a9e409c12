"""Calls by name where nodes have names, one number for all, and refusals that name the place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.carbon import Flows, Stores, held, tracing, tracing_with_stores
from dispatch.errors import AlignmentError, DataError

ROWS = [("grid", "main", [20, 10], [19.5, 9.8]), ("main", "shed", [5, 5], [5, 5])]
STORED = {"charge_kw": [4, 0], "discharge_kw": [0, 2], "charged_kg_per_kwh": 0.5, "hours": 1, "start_kwh": 5}


def test_stores_stand_at_nodes_by_name_like_sources() -> None:
    charged = {"charge_kw": [5, 0], "discharge_kw": [0, 3]}
    by_name = tracing_with_stores(
        ROWS, {"grid": 25, "main": [0, 2]}, {"grid": [0.6, 0.5], "main": 0}, 1, Stores("main", **charged)
    )
    flows = Flows.sent(3, [0, 1], [1, 2], [[20, 10], [5, 5]], [[19.5, 9.8], [5, 5]])
    by_place = tracing_with_stores(
        flows, [[25, 25], [0, 2]], [[0.6, 0.5], [0, 0]], [1, 1], Stores([1], **charged), at=[0, 1]
    )
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
