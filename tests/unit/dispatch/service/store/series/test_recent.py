"""What is read from the journal alone is what DuckDB reads of the same rows."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.service.store.series import reading
from dispatch.service.store.series.rows import TIME
from tests.unit.dispatch.service.store.parks import QUARTER, START

_ROW = st.tuples(
    st.sampled_from(["a", "a", "b"]), st.sampled_from(["roof", "café", "Z"]), st.sampled_from(["", "meter"]),
    st.integers(0, 3), st.integers(0, 40), st.one_of(st.floats(-9, 9), st.just(float("nan"))),
)  # fmt: skip


def _table(rows: list[tuple[str, str, str, int, int, float]]) -> pa.Table:
    """Rows of which no two of a key were received at the same time: each transaction has a time of its own."""
    once = list({(*row[:4], row[4]): row for row in rows}.values())
    columns = [list(column) for column in zip(*once, strict=True)] if once else [[]] * 6
    texts = [pa.array(column, pa.string()) for column in columns[:3]]
    times = [pa.array([START + n * QUARTER for n in columns[k]], TIME()) for k in (3, 4)]
    schema = reading.empty().schema
    return pa.table([*texts, times[0], pa.array(columns[5], pa.float64()), times[1]], schema=schema)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(_ROW, max_size=60), st.one_of(st.none(), st.lists(st.sampled_from(["roof", "café", "x"]), max_size=2)),
    st.integers(-1, 5), st.integers(0, 6), st.one_of(st.none(), st.integers(0, 40)), st.one_of(st.none(), st.just(3)),
)  # fmt: skip
def test_it_is_what_duckdb_says(
    rows: list[tuple[str, str, str, int, int, float]], names: list[str] | None, first: int, steps: int,
    as_of: int | None, limit: int | None,
) -> None:  # fmt: skip
    table, start = _table(rows), START + first * QUARTER
    end, known = start + steps * QUARTER, None if as_of is None else START + as_of * QUARTER
    found = reading.recent(table, "a", names, start, end, known, limit)
    where, values = reading._of("a", names)
    asked = reading._ROWS.format(everything="SELECT * FROM journal", where=where)
    values |= {"start": start, "end": end, "as_of": known or START + timedelta(days=99)}
    cursor = reading._ENGINE.cursor()
    cursor.register("journal", table)
    shown = f"SELECT series, source, time, value, received FROM ({asked}) ORDER BY series, source, time"
    expected = cursor.sql(f"{shown} LIMIT {limit or 99}", params=values).to_arrow_table()
    cursor.unregister("journal")
    assert found.column_names == expected.column_names
    for name in found.column_names:
        mine, theirs = (t[name].cast(found.schema.field(name).type).to_pandas().to_numpy() for t in (found, expected))
        if name == "value":
            np.testing.assert_array_equal(mine, theirs)
        else:
            assert mine.tolist() == theirs.tolist()


def test_the_last_that_was_received_by_then_counts() -> None:
    rows = _table([("a", "roof", "", 1, received, float(received)) for received in (3, 9, 6)])
    for as_of, value in ((None, 9.0), (7, 6.0), (3, 3.0)):
        known = None if as_of is None else START + as_of * QUARTER
        found = reading.recent(rows, "a", ["roof"], START, START + 9 * QUARTER, known, None)
        assert found["value"].to_pylist() == [value]


def test_many_chunks_are_one_answer() -> None:
    rows = [_table([("a", "roof", "", n, 1, float(n))]) for n in range(50)]
    found = reading.recent(pa.concat_tables(rows), "a", ["roof"], START, START + 30 * QUARTER, None, None)
    assert found["value"].to_pylist() == pytest.approx(range(1, 31))
