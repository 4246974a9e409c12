"""Flows and sources as one writes them down."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch.carbon import Flows, tracing
from dispatch.errors import AlignmentError, DataError

ROWS = [("works", "town", 30.0, 28.0), ("town", "mill", 10.0, 9.5), ("grid", "works", 40.0, 39.0)]


def test_rows_matrix_and_arrays_are_the_same_flows() -> None:
    flows = Flows.of(ROWS)
    assert flows.labels == ("grid", "mill", "town", "works")
    sent, received = np.zeros((2, 4, 4))
    for start, end, out, into in ROWS:
        sent[*flows.place([start, end])], received[*flows.place([start, end])] = out, into
    other = Flows.matrix(received, sent, flows.labels)
    named = tracing(flows, {"grid": 40.0}, {"grid": 0.7})
    for made in (tracing(other, [40.0], 0.7, at=["grid"]), tracing(ROWS, {"grid": 40}, 0.7)):
        np.testing.assert_allclose(made.intensity, named.intensity)
        assert made.labels == named.labels


def test_a_negative_row_runs_the_other_way() -> None:
    there = tracing([(1, 2, 10.0, 9.0)], {1: 10.0}, {1: 0.5})
    back = tracing([(2, 1, -9.0, -10.0)], {1: 10.0}, {1: 0.5})
    np.testing.assert_allclose(back.load, there.load)
    assert back.branch_loss[0, 0] == pytest.approx(0.5)


def test_steps_and_single_numbers_go_together() -> None:
    found = tracing(
        [("a", "b", [4.0, 6.0], [4.0, 5.0]), ("b", "c", 1.0)], {"a": [4.0, 6.0], "b": 2.0}, {"a": 0.9, "b": [0.1, 0.3]}
    )
    assert found.intensity.shape == (3, 2)
    np.testing.assert_allclose(found.intensity[1], [(4 * 0.9 + 2 * 0.1) / 6, (5 * 0.9 + 2 * 0.3) / 7])


def test_a_source_may_stand_alone_and_several_at_one_node() -> None:
    alone = tracing([(1, 2, 3.0)], {1: 3.0, 7: 2.0}, {1: 0.5, "7": 0.2})
    assert alone.labels == (1, 2, 7)
    assert alone.load[2, 0] == pytest.approx(0.4)
    both = tracing([(1, 2, 3.0)], [1.0, 2.0], [0.9, 0.3], at=[1, 1], shares=True)
    np.testing.assert_allclose(both.from_source[:, 1, 0], [1.0, 2.0])
    assert both.intensity[1, 0] == pytest.approx(0.5)


def test_numbers_that_json_made_to_text_are_the_same_nodes() -> None:
    np.testing.assert_allclose(
        tracing(np.array([[1, 2, 3.0, 3.0]]), {"1": 3.0}, {"1": 0.5}).load,
        tracing([("1", "2", 3.0)], {1: 3.0}, {1: 0.5}).load,
    )


def test_names_that_have_no_order_stay_as_they_came() -> None:
    assert Flows.of([(2, "a", 3.0), ("a", 1, 1.0)]).labels == (2, "a", 1)


def test_what_loads_answer_for_adds_up_to_what_was_injected() -> None:
    found = tracing(ROWS, {"grid": 40.0, "mill": 5.0}, {"grid": 0.7, "mill": 0.1}, losses="gross", shares=True)
    assert found.demand.sum() == pytest.approx(45.0)
    np.testing.assert_allclose(found.from_source.sum(axis=(1, 2)), [40.0, 5.0])
    with pytest.raises(DataError, match="shares=True"):
        tracing(ROWS, {"grid": 40.0}, 0.7).from_source  # noqa: B018 - asked for to see that it is refused


def test_what_cannot_be_read_is_refused_with_its_place() -> None:
    with pytest.raises(DataError, match="row 1 has 2 entries"):
        Flows.of([(1, 2, 3.0), (2, 3)])
    with pytest.raises(DataError, match="branch 1–2 in step 0: sent 3, received 4"):
        Flows.of([(1, 2, 3.0, 4.0)])
    with pytest.raises(AlignmentError, match="steps"):
        Flows.of([(1, 2, [1.0, 2.0]), (2, 3, [1.0, 2.0, 3.0])])
    with pytest.raises(DataError, match="'mine' does not exist; accepted: grid, mill"):
        tracing(Flows.of(ROWS), {"mine": 1.0}, 0.5)
    with pytest.raises(AlignmentError, match="none for node 2"):
        tracing([(1, 2, 3.0)], {1: 3.0, 2: 1.0}, {1: 0.5})
    with pytest.raises(AlignmentError, match="by node and injections are not"):
        tracing([(1, 2, 3.0)], [3.0], {1: 0.5})
    with pytest.raises(AlignmentError, match="give \\(n, n\\)"):
        Flows.matrix(np.zeros((2, 3)))
    with pytest.raises(AlignmentError, match="2 labels for 3 nodes"):
        Flows.matrix(np.zeros((3, 3)), nodes=("a", "b"))
    with pytest.raises(DataError, match="'c' does not exist"):
        Flows.of([("a", "c", 1.0)], nodes=("a", "b"))
