"""Chains by the step and by the chunk: the same carbon, whatever stands side by side in one matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from dispatch.carbon import chain
from dispatch.carbon.carriers import traced
from dispatch.carbon.chain import Chain, Start, Stores
from dispatch.carbon.operation import Operation
from tests.unit.dispatch.carbon.operations import drawn

NOBODY = Stores(*(np.zeros(0, np.intp),) * 2, *(np.zeros((0, 1)),) * 2, np.zeros(0, bool), *(np.zeros((0, 2)),) * 2)
NOTHING = Start(np.zeros(0), np.zeros(0), np.zeros(0), 0.0)


@given(drawn(steps=7))
@settings(max_examples=15)
def test_chunks_make_no_difference(ran: Operation) -> None:
    whole = traced(ran)
    unknowns = chain._UNKNOWNS
    try:
        chain._UNKNOWNS = 50
        parts = traced(ran)
    finally:
        chain._UNKNOWNS = unknowns
    np.testing.assert_allclose(parts.carbon_kg, whole.carbon_kg, rtol=1e-9, atol=1e-9)
    for name, content in whole.stores.items():
        np.testing.assert_allclose(parts.stores[name].carbon_kg, content.carbon_kg, rtol=1e-9, atol=1e-9)


def test_shares_go_round_a_loop_as_often_as_it_takes() -> None:
    # Half of what comes to 0 goes on to 1, half of what comes there goes back.
    source, target, share = np.array([0, 1]), np.array([1, 0]), np.full((2, 1), 0.5)
    found = Chain(2, source, target, share, np.array([[3.0], [0.0]]), NOBODY).carried(NOTHING)
    assert found.node_kg[:, 0] == pytest.approx([4.0, 2.0])
    assert found.held_kg.shape == (0, 2)


def test_a_loop_that_nothing_leaves_and_nothing_enters_holds_nothing() -> None:
    source, target, share = np.array([0, 1]), np.array([1, 0]), np.ones((2, 1))
    found = Chain(3, source, target, share, np.array([[0.0], [0.0], [5.0]]), NOBODY).carried(NOTHING)
    assert found.node_kg[:, 0].tolist() == [0.0, 0.0, 5.0]
