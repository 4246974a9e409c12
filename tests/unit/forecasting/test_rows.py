from __future__ import annotations

import pickle

import numpy as np

from forecasting.rows import MEASURED_NS, Rows, concatenated


def rows(*cells: tuple[int, int, int, int, float]) -> Rows:
    """Rows of (issue, valid, available, member, value)."""
    issue, valid, available, member, value = (np.array(column) for column in zip(*cells, strict=True))
    return Rows(issue, valid, available, member.astype(np.int32), value.astype(float))


MIXED = rows(
    (20, 30, 25, 1, 5.0),
    (MEASURED_NS, 10, 12, 0, 1.0),
    (20, 30, 25, 0, 4.0),
    (MEASURED_NS, 10, 12, 0, 1.0),
    (5, 40, 9, 0, np.nan),
    (5, 40, 9, 0, np.nan),
    (5, 20, 9, 0, 2.0),
)


def test_sorting_keeps_each_row_once() -> None:
    found = MIXED.sorted()
    assert found.valid_ns.tolist() == [10, 20, 30, 30, 40]
    assert found.member.tolist() == [0, 0, 0, 1, 0]
    assert found.sorted() is found  # nothing to do


def test_rows_of_runs_are_found_by_issue() -> None:
    found = MIXED.sorted()
    by_issue = found.take(found.by_issue)
    assert by_issue.issue_ns.tolist() == [5, 5, 20, 20]
    assert by_issue.valid_ns.tolist() == [20, 40, 30, 30]
    again = pickle.loads(pickle.dumps(found))
    assert "by_issue" not in again.__dict__
    assert again.by_issue.tolist() == found.by_issue.tolist()


def test_between_takes_both_ends() -> None:
    found = MIXED.sorted()
    assert found.between(20, 30).valid_ns.tolist() == [20, 30, 30]
    assert len(found.between(31, 39)) == 0


def test_nothing_and_something_can_be_put_together() -> None:
    assert len(concatenated([])) == 0
    assert concatenated([MIXED]) is MIXED
    assert len(concatenated([MIXED, MIXED])) == 14
