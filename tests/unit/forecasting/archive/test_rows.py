from __future__ import annotations

import numpy as np

from forecasting.archive.rows import MEASURED_NS, Rows, concatenated


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


def test_nothing_and_something_can_be_put_together() -> None:
    assert len(concatenated([])) == 0
    assert concatenated([MIXED]) is MIXED
    assert len(concatenated([MIXED, MIXED])) == 14
